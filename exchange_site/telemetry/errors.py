"""Errors to Sentry (SENTRY_DSN): what a process logs as an error, and what ends it. Every process, at no cost else.

Nothing is patched but logging: no request, no Redis command and no query is looked at. An event is built anew from a
few fields, so what the library may one day add does not go out.
"""

import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from exchange_site.kernel import log_context
from exchange_site.telemetry import scrub

KEPT = (
    "event_id", "timestamp", "level", "platform", "logger", "release", "environment", "server_name", "sdk",
)  # fmt: skip
TAGS = ("request_id", "job", "order_id", "market", "n", "command_id")  # Of a log line's fields.
FRAME = (
    "filename",
    "function",
    "module",
    "lineno",
    "abs_path",
    "context_line",
    "pre_context",
    "post_context",
    "in_app",
)
MOST_PER_MINUTE, MOST_OF_A_KIND = 60, 5  # Of a process: a storm of one error neither floods Sentry nor hides another.
SHUTDOWN_S = 2

_sent: Counter[tuple[str, str, str]] = Counter()  # Kinds in the minute `_minute`.
_minute = 0


def start() -> None:
    """Called once, when Django is ready. Raises ImproperlyConfigured."""
    if not settings.SENTRY_DSN:
        return
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.utils import BadDsn

    try:
        sentry_sdk.init(
            dsn=settings.SENTRY_DSN,
            environment=settings.SENTRY_ENVIRONMENT,
            server_name=settings.PROCESS_NAME,
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[
                LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None),
                ExcepthookIntegration(),
                DedupeIntegration(),
                AtexitIntegration(callback=lambda _pending, _timeout: None),
            ],
            before_send=_allowed,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            auto_session_tracking=False,
            send_client_reports=False,
            enable_backpressure_handling=False,
            enable_metrics=False,
            propagate_traces=False,
            spotlight=False,
            shutdown_timeout=SHUTDOWN_S,
        )
    except BadDsn as error:
        raise ImproperlyConfigured(f"SENTRY_DSN is not an address of Sentry: {error}.") from None


def _allowed(event: Any, hint: Any) -> Any:
    """The event as it may leave; None when there were too many like it, or too many at all, in this minute."""
    global _minute
    minute = int(time.monotonic()) // 60
    if _minute != minute:
        _minute = minute
        _sent.clear()
    kind = _kind(event)
    if _sent[kind] >= MOST_OF_A_KIND or _sent.total() >= MOST_PER_MINUTE:
        return None
    _sent[kind] += 1
    return clean(event, getattr(hint.get("log_record"), "fields", {}))


def _kind(event: Mapping[str, Any]) -> tuple[str, str, str]:
    values = event.get("exception", {}).get("values") or [{}]
    return str(event.get("logger")), str(event.get("logentry", {}).get("message")), str(values[-1].get("type"))


def clean(event: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A new event with what is meant to leave: where it happened, scrubbed words, and ids to look up in the logs."""
    known = {**log_context.fields(), **fields}
    found = {name: event[name] for name in KEPT if name in event}
    found["tags"] = {name: scrub.text(str(known[name])) for name in TAGS if name in known}
    found["tags"]["process"] = settings.PROCESS_NAME
    if "logentry" in event:
        said = event["logentry"].get("formatted") or event["logentry"].get("message") or ""
        found["logentry"] = {"message": scrub.text(str(said))}
    if "exception" in event:
        found["exception"] = {"values": [_exception(one) for one in event["exception"].get("values", [])]}
    return found


def _exception(one: Mapping[str, Any]) -> dict[str, Any]:
    frames = (one.get("stacktrace") or {}).get("frames", [])
    return {
        "type": one.get("type"),
        "module": one.get("module"),
        "value": scrub.text(str(one.get("value") or "")),
        "stacktrace": {"frames": [{name: frame[name] for name in FRAME if name in frame} for frame in frames]},
    }
