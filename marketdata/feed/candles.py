"""Running candles of one market in every interval, and when the world hears of them. Pure: the caller brings the time.

A change is told at once when the market was quiet for a second, else when the second is over; all intervals together. A
candle whose end has passed is told once more as closed. Engine time may lag the wall clock by what is on its way, so
closing by the clock waits for GRACE_MS; a trade that comes even later tells the candle again.
"""

from dataclasses import replace

from marketdata.feed.messages import CandleState, Sum
from marketdata.intervals import INTERVALS, end_of, start_of
from marketdata.klines import Candle, Tick

PACE_MS = 1_000
GRACE_MS = 250
_NEVER = 2**62


class _Running:
    """One interval's newest candle."""

    __slots__ = ("candle", "changed", "closed", "end_ms", "start_ms")

    def __init__(self, interval: str, start_ms: int, candle: Candle, changed: bool) -> None:
        self.start_ms = start_ms
        self.end_ms = end_of(interval, start_ms)
        self.candle = candle
        self.changed = changed
        self.closed = False

    def state(self, market: str, interval: str) -> CandleState:
        self.changed = False
        candle = self.candle
        return CandleState(
            market,
            interval,
            self.start_ms,
            candle.open_ticks,
            candle.high_ticks,
            candle.low_ticks,
            candle.close_ticks,
            Sum(candle.volume_lots),
            candle.trades,
            self.closed,
        )


class Seconds:
    """Trades that have not reached the longer candles yet, folded by second of engine time."""

    def __init__(self) -> None:
        self._seconds: list[tuple[int, Candle]] = []

    def __bool__(self) -> bool:
        return bool(self._seconds)

    def add(self, tick: Tick) -> None:
        start_ms = tick.at_ms - tick.at_ms % 1000
        if self._seconds and self._seconds[-1][0] == start_ms:
            self._seconds[-1][1].add(tick)
        else:
            self._seconds.append((start_ms, Candle.of(tick)))

    def take(self) -> list[tuple[int, Candle]]:
        taken, self._seconds = self._seconds, []
        return taken


class Candles:
    def __init__(self, market: str, running: dict[str, tuple[int, Candle]]) -> None:
        """`running` holds the newest candle of each interval that has one: interval -> (start, candle)."""
        self._market = market
        self._running = {
            interval: _Running(interval, start_ms, candle, changed=False)
            for interval, (start_ms, candle) in running.items()
        }
        self._told_ms = 0
        self._next_close_ms = 0
        self._set_next_close()

    def due(self, now_ms: int, waiting: bool) -> bool:
        """Should `take` be called now? `waiting`: there are trades that `fold` has not seen."""
        if now_ms >= self._next_close_ms:
            return True
        if now_ms < self._told_ms + PACE_MS:
            return False
        return waiting or any(running.changed for running in self._running.values())

    def fold(self, seconds: list[tuple[int, Candle]]) -> list[CandleState]:
        """Take new trades. Returns the candles that end because a later one begins."""
        ended: list[CandleState] = []
        for at_ms, second in seconds:
            for interval in INTERVALS:
                running = self._running.get(interval)
                if running is not None and at_ms < running.end_ms:
                    running.candle.add_later(second)
                    running.changed = True
                    continue
                if running is not None and not (running.closed and not running.changed):
                    running.closed = True
                    ended.append(running.state(self._market, interval))
                start_ms = start_of(interval, at_ms)
                self._running[interval] = _Running(interval, start_ms, replace(second), changed=True)
        self._set_next_close()
        return ended

    def take(self, now_ms: int) -> list[CandleState]:
        """Candles to tell now, oldest news first."""
        paced = now_ms >= self._told_ms + PACE_MS
        told: list[CandleState] = []
        for interval, running in self._running.items():
            over = now_ms >= running.end_ms + GRACE_MS
            if over and (not running.closed or running.changed):
                running.closed = True
                told.append(running.state(self._market, interval))
            elif running.changed and paced:
                told.append(running.state(self._market, interval))
        if paced and told:
            self._told_ms = now_ms
        self._set_next_close()
        return told

    def _set_next_close(self) -> None:
        ends = [running.end_ms for running in self._running.values() if not running.closed]
        self._next_close_ms = min(ends) + GRACE_MS if ends else _NEVER
