"""How a log line looks: one line of text for people, or one JSON object for programs (the setting LOG_FORMAT).

Both carry what `log_context` knows (the request's id) and the `fields` a line was given, as in
`log.info("order answered", extra={"fields": {"order_id": 7}})`. Passwords inside addresses never get out.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from exchange_site.kernel import log_context

_CREDENTIALS = re.compile(r"(://[^/\s:@]*):[^@\s/]+@")
_NAMED_SECRET = re.compile(
    r"(?i)\b(password|passwd|secret|token|api[_-]?key|authorization)(\"?\s*[=:]\s*\"?)[^\s\"',;&]+"
)
_encode = msgspec.json.Encoder(enc_hook=str).encode


def redacted(text: str) -> str:
    """Without what must not stand in a log, wherever it came from."""
    return _NAMED_SECRET.sub(r"\1\2***", _CREDENTIALS.sub(r"\1:***@", text))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    return {**log_context.fields(), **getattr(record, "fields", {})}


class LineFormatter(logging.Formatter):
    """`INFO name message key=value`, for the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.levelname} {record.name} {record.getMessage()}"
        own = getattr(record, "fields", None)
        if own:
            text += " " + " ".join(f"{key}={value}" for key, value in fields_of(record).items())
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return redacted(text)


class JsonFormatter(logging.Formatter):
    """One object a line; `at` is UTC. Line breaks in a message or traceback stay inside the object."""

    def __init__(self, process: str = "") -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        return _encode(line).decode()
