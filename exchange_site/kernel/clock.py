"""Wall time in the units of the wire. The engine never calls this: its time is the journal's."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def now_us() -> int:
    return time.time_ns() // 1_000


def datetime_of(at_ms: int) -> datetime:
    """Exact to the millisecond: built from whole seconds and microseconds, never from a float."""
    seconds, millis = divmod(at_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=millis * 1000)


def ms_of(moment: datetime) -> int:
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def iso_of(at_ms: int) -> str:
    """`"2026-01-31T23:59:59.123"`: UTC without a zone, as the public API writes it."""
    return datetime_of(at_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}"
