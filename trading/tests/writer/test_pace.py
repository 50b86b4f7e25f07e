"""When the db writer begins a transaction: at once after a pause, and not for every order of a steady trickle."""

import threading
import time
from itertools import pairwise
from typing import Any

import pytest

from trading.writer import loop
from trading.writer.loop import TURN_S, WriterLoop
from trading.writer.store import Position

OUTCOMES = 6


class _Trickle:
    """A stream that always has one outcome more; `pauses` are reads that bring nothing."""

    def __init__(self, pauses: set[int]) -> None:
        self.pauses = pauses
        self.reads = 0

    def read(self, *_: Any) -> list[str]:
        self.reads += 1
        return [] if self.reads in self.pauses else ["an outcome"]


class _Stop(threading.Event):
    """Notes how long the writer would have rested, and does not rest."""

    def __init__(self) -> None:
        super().__init__()
        self.rests_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.rests_s.append(timeout or 0.0)
        return super().wait(0)


class _Store:
    def position(self) -> Position:
        return Position(0, 0, b"")


def _begun(monkeypatch: pytest.MonkeyPatch, stream: _Trickle, stop: threading.Event) -> list[float]:
    """Monotonic seconds at which each transaction began."""
    begun: list[float] = []

    def commit(_loop: Any, _store: Any, _client: Any, position: Position, batches: list[str]) -> Position:
        if batches:
            begun.append(time.monotonic())
        if len(begun) == OUTCOMES:
            stop.set()
        return position

    monkeypatch.setattr(loop, "EventReader", lambda _client: stream)
    monkeypatch.setattr(loop, "note_database_position", lambda *_: True)
    monkeypatch.setattr(WriterLoop, "_commit", commit)
    WriterLoop(stop)._follow(_Store(), None)  # type: ignore[arg-type]
    return begun


def test_a_trickle_shares_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = _begun(monkeypatch, _Trickle(pauses=set()), threading.Event())
    assert all(later - earlier >= TURN_S * 0.9 for earlier, later in pairwise(begun))


def test_what_comes_after_a_pause_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = _Stop()
    _begun(monkeypatch, _Trickle(pauses=set(range(2, 2 * OUTCOMES, 2))), stop)  # One after each outcome.
    before_outcomes, before_pauses = stop.rests_s[0::2], stop.rests_s[1::2]
    assert before_outcomes == [0.0] * OUTCOMES
    assert all(0 < rest_s <= TURN_S for rest_s in before_pauses)
