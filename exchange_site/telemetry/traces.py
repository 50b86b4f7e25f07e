"""Traces over OTLP/HTTP (OTEL_EXPORTER_OTLP_ENDPOINT): requests of web processes with the engine's answers and queries
in them, and Celery's tasks. The engine, the writer and the feeds have none: their loops do not pay.

A trace is taken of one request in TRACES_ONE_IN. Callers cannot ask for one: their `traceparent` is not believed.
"""

import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from celery import signals
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from exchange_site.telemetry import scrub

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

EXPORT_TIMEOUT_S = 5
QUEUE, BATCH = 2_048, 512  # Spans that wait for the collector; more are dropped.
HEADER = "traceparent"
REQUEST_ID = b"x-request-id"

_tracer: Any = None


def start(process: str) -> Any:
    """The tracer of this process, made at the first call; None without the setting. Raises ImproperlyConfigured."""
    global _tracer
    if _tracer is not None or not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return _tracer
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    if settings.TRACES_ONE_IN < 1:
        raise ImproperlyConfigured("TRACES_ONE_IN must be at least 1.")
    exporter = OTLPSpanExporter(
        endpoint=f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces",
        headers=_headers(),
        timeout=EXPORT_TIMEOUT_S,
    )
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(1 / settings.TRACES_ONE_IN)),
        resource=Resource({"service.name": f"exchange-{process}", "service.namespace": settings.SITE_NAME}),
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE, max_export_batch_size=BATCH))
    _tracer = provider.get_tracer("exchange")
    _provider_ends_with_worker(provider)
    return _tracer


def _headers() -> dict[str, str]:
    """`name=value` of OTEL_EXPORTER_OTLP_HEADERS. Raises ImproperlyConfigured."""
    found = {}
    for item in settings.OTEL_EXPORTER_OTLP_HEADERS:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise ImproperlyConfigured("OTEL_EXPORTER_OTLP_HEADERS must be name=value, with commas between.")
        found[name.strip().lower()] = value.strip()
    return found


# ---------------------------------------------------------------------------------------------------------------- web


def around(application: App) -> App:
    """The same application where no traces are wanted; otherwise one with a span around each request."""
    tracer = start("web")
    if tracer is None:
        return application
    from opentelemetry.trace import SpanKind, StatusCode

    _around_engine(tracer)
    _around_queries(tracer)

    async def traced(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        with tracer.start_as_current_span(
            _name(scope),
            context=_no_parent(),
            kind=SpanKind.SERVER,
            record_exception=False,
        ) as span:
            if not span.is_recording():
                await application(scope, receive, send)
                return
            span.set_attributes({"http.request.method": scope["method"], "url.path": scrub.path(scope["path"])})

            async def noting(message: dict[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    request_id = dict(message.get("headers", [])).get(REQUEST_ID, b"").decode()
                    span.set_attribute("exchange.request_id", request_id)
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await application(scope, receive, noting)

    return traced


def _name(scope: dict[str, Any]) -> str:
    """Few names: the path of the API, and of pages what it begins with."""
    path: str = scope["path"]
    if not path.startswith(("/api/", "/wapi/")):
        path = "/" + path[1:].partition("/")[0]
    return f"{scope['method']} {scrub.path(path)}"


def _no_parent() -> Any:
    from opentelemetry.context import Context

    return Context()


def _inner(tracer: Any, name: str, attributes: dict[str, str]) -> AbstractContextManager[Any]:
    """A span inside the current one. What it raises is not noted: messages may hold what must not leave."""
    from opentelemetry.trace import SpanKind

    span: AbstractContextManager[Any] = tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    )
    return span


def _is_traced() -> bool:
    from opentelemetry.trace import get_current_span

    return get_current_span().is_recording()


def _around_engine(tracer: Any) -> None:
    """What a request waits for the engine: the gateway's calls get a span, in processes that trace and in no other."""
    from matching.client.gateway import EngineGateway

    def traced(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(method)
        async def call(self: EngineGateway, commands: Any, **options: Any) -> Any:
            if not _is_traced():
                return await method(self, commands, **options)
            first = commands[0] if isinstance(commands, list) and commands else commands
            with _inner(tracer, "engine", {"exchange.command": type(first).__name__}):
                return await method(self, commands, **options)

        return call

    EngineGateway.send = traced(EngineGateway.send)  # type: ignore[method-assign,assignment]
    EngineGateway.send_many = traced(EngineGateway.send_many)  # type: ignore[method-assign,assignment]


def _around_queries(tracer: Any) -> None:
    """Queries of Django get a span with their first word; neither their text nor their values go out."""
    from django.db.backends.signals import connection_created

    def query(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if not _is_traced():
            return execute(sql, params, many, context)
        word = str(sql).split(None, 1)[0].upper()[:16] if str(sql).strip() else ""
        with _inner(tracer, "database", {"db.system.name": "postgresql", "db.operation.name": word}):
            return execute(sql, params, many, context)

    def connected(connection: Any, **_: Any) -> None:
        if query not in connection.execute_wrappers:
            connection.execute_wrappers.append(query)

    connection_created.connect(connected, weak=False, dispatch_uid="exchange_site.telemetry.traces")


# ------------------------------------------------------------------------------------------------------------- Celery

_running: dict[str, Any] = {}


def watch_celery() -> None:
    """Spans around tasks; a task that a traced request sends belongs to its trace."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        signals.before_task_publish.connect(_sent, weak=False)
        signals.task_prerun.connect(_begin, weak=False)
        signals.task_postrun.connect(_end, weak=False)


def _sent(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(headers)


def _begin(task_id: str, task: Any, **_: Any) -> None:
    """In the process that runs the task, which may have been forked: the tracer starts here."""
    tracer = start("celery_worker")
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    sent_by = getattr(task.request, HEADER, None) or (task.request.headers or {}).get(HEADER)
    parent = TraceContextTextMapPropagator().extract({HEADER: sent_by} if sent_by else {}, context=_no_parent())
    span = tracer.start_span(task.name, context=parent, kind=trace.SpanKind.CONSUMER)
    _running[task_id] = (span, context.attach(trace.set_span_in_context(span)))


def _end(task_id: str, state: str | None = None, **_: Any) -> None:
    from opentelemetry import context
    from opentelemetry.trace import StatusCode

    span, token = _running.pop(task_id, (None, None))
    if span is None:
        return
    if state == "FAILURE":
        span.set_status(StatusCode.ERROR)
    context.detach(token)
    span.end()


def _provider_ends_with_worker(provider: Any) -> None:
    """Celery's children end without Python's usual farewell."""

    def end(**_: Any) -> None:
        provider.shutdown()

    signals.worker_process_shutdown.connect(end, weak=False)
