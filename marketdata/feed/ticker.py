"""Rolling 24 h and 7 d figures of one market. Pure, whole numbers only.

The windows roll in steps: 24 h are the running minute and the 1,439 before it, 7 d the running hour and the 167 before
it. So the figures follow from the stored 1m and 1h candles alone, after any restart.
"""

from collections import deque
from collections.abc import Iterable

from marketdata.feed.messages import Figures, Sum, TickerFigures
from marketdata.intervals import FIXED_MS
from marketdata.klines import Candle

DAY_BUCKET, DAY_BUCKETS = "1m", 1_440
WEEK_BUCKET, WEEK_BUCKETS = "1h", 168


class Window:
    """Candles of one length, as many as the window holds; those without a trade are simply absent."""

    def __init__(self, interval: str, count: int, candles: Iterable[tuple[int, Candle]] = ()) -> None:
        self._length_ms = FIXED_MS[interval]
        self._count = count
        self._buckets: deque[tuple[int, Candle]] = deque(sorted(candles, key=lambda bucket: bucket[0]))

    def add(self, at_ms: int, candle: Candle) -> None:
        """Take the trades of a candle that is short enough to lie in one bucket, later than all before."""
        start_ms = at_ms - at_ms % self._length_ms
        if self._buckets and start_ms <= self._buckets[-1][0]:
            self._buckets[-1][1].add_later(candle)
        else:
            self._buckets.append((start_ms, _copy(candle)))

    def roll(self, now_ms: int) -> bool:
        """Drop what has left the window; True when something has."""
        first_ms = now_ms - now_ms % self._length_ms - (self._count - 1) * self._length_ms
        dropped = False
        while self._buckets and self._buckets[0][0] < first_ms:
            self._buckets.popleft()
            dropped = True
        return dropped

    def figures(self, last_ticks: int | None) -> Figures:
        """`last_ticks` is the price of the market's last trade ever, None when there was none."""
        if not self._buckets:
            return Figures(last_ticks, last_ticks, last_ticks, last_ticks)
        candles = [candle for _, candle in self._buckets]
        return Figures(
            candles[0].open_ticks,
            candles[-1].close_ticks,
            max(candle.high_ticks for candle in candles),
            min(candle.low_ticks for candle in candles),
            Sum(sum(candle.volume_lots for candle in candles)),
            Sum(sum(candle.quote_units for candle in candles)),
            sum(candle.trades for candle in candles),
        )


class Ticker:
    def __init__(
        self, last_ticks: int | None, minutes: Iterable[tuple[int, Candle]], hours: Iterable[tuple[int, Candle]]
    ):
        self._last_ticks = last_ticks
        self._day = Window(DAY_BUCKET, DAY_BUCKETS, minutes)
        self._week = Window(WEEK_BUCKET, WEEK_BUCKETS, hours)
        self._changed = True

    def add(self, at_ms: int, candle: Candle) -> None:
        """Trades of at most one minute, later than all before; `at_ms` is any moment of that minute."""
        self._day.add(at_ms, candle)
        self._week.add(at_ms, candle)
        self._last_ticks = candle.close_ticks
        self._changed = True

    def roll(self, now_ms: int) -> bool:
        """Let time pass. True when the figures differ from those last taken with `figures`."""
        left_day, left_week = self._day.roll(now_ms), self._week.roll(now_ms)
        self._changed = self._changed or left_day or left_week
        return self._changed

    def figures(self, market: str) -> TickerFigures:
        self._changed = False
        return TickerFigures(market, self._day.figures(self._last_ticks), self._week.figures(self._last_ticks))


def _copy(candle: Candle) -> Candle:
    return Candle(
        candle.open_ticks,
        candle.high_ticks,
        candle.low_ticks,
        candle.close_ticks,
        candle.volume_lots,
        candle.quote_units,
        candle.trades,
        candle.last_seq,
    )
