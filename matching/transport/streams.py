"""Reading the streams of the log: ids, the top of a stream, batches of entries."""

from typing import NamedTuple

import redis

from exchange_site.kernel import redis_names
from matching.transport.connection import LogConnection

NO_ENTRY = "0-0"


class RawEntry(NamedTuple):
    """One entry of cmd as it came; `payload` is empty when the entry lacks its field."""

    entry_id: str
    payload: bytes


class EventTop(NamedTuple):
    """Where ev ends. `chain` is known only while its last entry is still there."""

    n: int
    chain: bytes | None
    empty: bool


def id_order(entry_id: str) -> tuple[int, int]:
    """Stream ids compare as two numbers, never as text."""
    millis, _, number = entry_id.partition("-")
    return int(millis), int(number or 0)


def last_id(log: LogConnection, stream: str) -> str:
    """The highest id the stream ever gave, also when that entry was trimmed; `0-0` when there is no stream."""
    try:
        info = log.call("XINFO", "STREAM", stream)
    except redis.ResponseError as error:
        if "no such key" in str(error):
            return NO_ENTRY
        raise
    fields = dict(zip(info[::2], info[1::2], strict=True))
    found: bytes = fields[b"last-generated-id"]
    return found.decode("ascii")


def event_top(log: LogConnection) -> EventTop:
    top = id_order(last_id(log, redis_names.EVENTS))[0]
    newest = log.call("XREVRANGE", redis_names.EVENTS, "+", "-", "COUNT", 1)
    if not newest:
        return EventTop(top, None, True)
    entry_id, flat = newest[0]
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    chain = fields.get(b"c") if id_order(entry_id.decode("ascii"))[0] == top else None
    return EventTop(top, chain, False)


def first_event_n(log: LogConnection) -> int | None:
    """The first outcome ev still holds; None when it holds nothing."""
    oldest = log.call("XRANGE", redis_names.EVENTS, "-", "+", "COUNT", 1)
    if not oldest:
        return None
    flat = oldest[0][1]
    return int(dict(zip(flat[::2], flat[1::2], strict=True))[b"f"])


def read_request(after: str, block_ms: int, count: int) -> tuple[str | int, ...]:
    """XREAD of cmd behind `after`. It blocks at most `block_ms`; 0 asks without waiting."""
    wait: tuple[str | int, ...] = ("BLOCK", block_ms) if block_ms > 0 else ()
    return ("XREAD", "COUNT", count, *wait, "STREAMS", redis_names.COMMANDS, after)


def entries_of(answer: list[list[object]] | None) -> list[RawEntry]:
    """The entries of an XREAD answer for the one stream cmd."""
    if not answer:
        return []
    return [_entry(raw_id, flat) for raw_id, flat in answer[0][1]]  # type: ignore[attr-defined]


def range_after(log: LogConnection, after: str, count: int) -> list[RawEntry]:
    return [_entry(*pair) for pair in log.call("XRANGE", redis_names.COMMANDS, f"({after}", "+", "COUNT", count)]


def raise_last_id(log: LogConnection, stream: str, entry_id: str) -> bool:
    """Make the stream's next id higher than `entry_id`; a clock step must not hide new commands under old ids.

    Returns whether anything had to be done. XSETID would need a stream that exists, so an entry is put and taken out.
    """
    if id_order(last_id(log, stream)) >= id_order(entry_id):
        return False
    log.call("XADD", stream, entry_id, "b", b"")
    log.call("XDEL", stream, entry_id)
    return True


def trim_below(log: LogConnection, stream: str, entry_id: str) -> None:
    """Drop whole blocks of entries older than `entry_id`."""
    log.call("XTRIM", stream, "MINID", "~", entry_id)


def _entry(raw_id: bytes, flat: list[bytes] | None) -> RawEntry:
    flat = flat or []
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return RawEntry(raw_id.decode("ascii"), fields.get(redis_names.PAYLOAD_FIELD, b""))
