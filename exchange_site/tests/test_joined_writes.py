"""What is written together reaches the line as one piece, whole and in order, whatever ends the connection."""

import asyncio
from types import SimpleNamespace
from typing import Any

from exchange_site.http_protocol import _HeadWithBody
from exchange_site.socket_protocol import JOINED_AT_MOST_BYTES, _JoinedWrites


class _Line:
    """A transport that notes what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes | str] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def close(self) -> None:
        self.closing = True
        self.told.append("close")

    def abort(self) -> None:
        self.closing = True
        self.told.append("abort")

    def is_closing(self) -> bool:
        return self.closing


def _answer(started: bool = True) -> tuple[_Line, Any, SimpleNamespace]:
    line, cycle = _Line(), SimpleNamespace(response_started=started)
    return line, _HeadWithBody(line, cycle), cycle  # type: ignore[arg-type]


def test_head_and_body_are_one_write() -> None:
    line, answer, _ = _answer()
    answer.write(b"head")
    assert line.told == []
    answer.write(b"body")
    answer.write(b"more")
    assert line.told == [b"headbody", b"more"]


def test_a_body_of_nothing_sends_the_head() -> None:
    line, answer, _ = _answer()
    answer.write(b"head")
    answer.write(b"")
    answer.close()
    assert line.told == [b"head", "close"]


def test_what_precedes_the_head_does_not_wait() -> None:
    line, answer, cycle = _answer(started=False)
    answer.write(b"100 Continue")
    cycle.response_started = True
    answer.write(b"head")
    answer.write(b"body")
    assert line.told == [b"100 Continue", b"headbody"]


def test_an_answer_that_breaks_off_after_its_head_still_sends_it() -> None:
    line, answer, _ = _answer()
    answer.write(b"head")
    answer.close()
    assert line.told == [b"head", "close"]
    assert answer.is_closing()


async def _next_turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_frames_of_one_turn_are_one_write() -> None:
    line = _Line()
    joined: Any = _JoinedWrites(line, asyncio.get_running_loop())  # type: ignore[arg-type]
    for part in (b"a", b"b", b"c"):
        joined.write(part)
    assert line.told == []
    await _next_turn()
    joined.write(b"d")
    await _next_turn()
    assert line.told == [b"abc", b"d"]
    assert joined.told is line.told  # Everything else is the transport's own.


async def test_much_is_written_at_once_so_that_the_line_can_push_back() -> None:
    line = _Line()
    joined = _JoinedWrites(line, asyncio.get_running_loop())  # type: ignore[arg-type]
    joined.write(b"a" * JOINED_AT_MOST_BYTES)
    assert len(line.told) == 1
    await _next_turn()
    assert len(line.told) == 1


async def test_closing_sends_what_waits_and_aborting_drops_it() -> None:
    loop = asyncio.get_running_loop()
    closed, aborted = _Line(), _Line()
    one, other = _JoinedWrites(closed, loop), _JoinedWrites(aborted, loop)  # type: ignore[arg-type]
    one.write(b"farewell")
    one.close()
    other.write(b"farewell")
    other.abort()
    await _next_turn()
    assert closed.told == [b"farewell", "close"]
    assert aborted.told == ["abort"]
