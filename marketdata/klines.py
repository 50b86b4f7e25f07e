"""Folding trades into candles. Pure: the db writer and the market feed share it, the database stores what it makes.

A trade counts once: a candle remembers the event number of its last trade (`last_seq`) and takes only later ones, so
folding the same trades again, in whatever portions, changes nothing. Candles without a trade do not exist.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from marketdata.intervals import INTERVALS, start_of


class Tick(NamedTuple):
    """What a candle needs of a trade."""

    seq: int
    at_ms: int
    price_ticks: int
    quantity_lots: int
    quote_units: int


@dataclass(slots=True)
class Candle:
    """Prices in ticks, `volume_lots` in lots, `quote_units` in units of the quote asset."""

    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    quote_units: int
    trades: int
    last_seq: int

    @classmethod
    def of(cls, tick: Tick) -> "Candle":
        price = tick.price_ticks
        return cls(price, price, price, price, tick.quantity_lots, tick.quote_units, 1, tick.seq)

    def add(self, tick: Tick) -> bool:
        """Take one more trade; False when it has been counted before."""
        if tick.seq <= self.last_seq:
            return False
        price = tick.price_ticks
        self.high_ticks = max(self.high_ticks, price)
        self.low_ticks = min(self.low_ticks, price)
        self.close_ticks = price
        self.volume_lots += tick.quantity_lots
        self.quote_units += tick.quote_units
        self.trades += 1
        self.last_seq = tick.seq
        return True

    def add_later(self, later: "Candle") -> None:
        """Take a candle whose trades all come after this one's."""
        self.high_ticks = max(self.high_ticks, later.high_ticks)
        self.low_ticks = min(self.low_ticks, later.low_ticks)
        self.close_ticks = later.close_ticks
        self.volume_lots += later.volume_lots
        self.quote_units += later.quote_units
        self.trades += later.trades
        self.last_seq = later.last_seq


class CandleKey(NamedTuple):
    market_id: int
    interval: str
    start_ms: int


class _Second(NamedTuple):
    """The trades of one market that arrived within one second, and the candle they make by themselves."""

    market_id: int
    start_ms: int
    ticks: list[Tick]
    candle: Candle


class TickRun:
    """Trades of one batch, gathered by market and second so that 16 intervals cost little more than one."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, int], _Second] = {}

    def add(self, market_id: int, tick: Tick) -> None:
        """Trades of a market must come in the order of their event numbers."""
        start_ms = tick.at_ms - tick.at_ms % 1000
        second = self._seconds.get((market_id, start_ms))
        if second is None:
            self._seconds[market_id, start_ms] = _Second(market_id, start_ms, [tick], Candle.of(tick))
        else:
            second.ticks.append(tick)
            second.candle.add(tick)

    def keys(self) -> set[CandleKey]:
        """Every candle these trades belong to."""
        return {
            CandleKey(second.market_id, interval, start_of(interval, second.start_ms))
            for second in self._seconds.values()
            for interval in INTERVALS
        }

    def fold_into(self, candles: dict[CandleKey, Candle]) -> set[CandleKey]:
        """Add these trades to `candles`, which holds what is known so far of each of `keys()`.

        Returns the keys of the candles that changed.
        """
        changed: set[CandleKey] = set()
        for second in self._seconds.values():
            for interval in INTERVALS:
                key = CandleKey(second.market_id, interval, start_of(interval, second.start_ms))
                if _merge(candles, key, second.ticks, second.candle):
                    changed.add(key)
        return changed


def _merge(candles: dict[CandleKey, Candle], key: CandleKey, ticks: list[Tick], summary: Candle) -> bool:
    known = candles.get(key)
    if known is None:
        candles[key] = replace(summary)
        return True
    if known.last_seq < ticks[0].seq:
        known.add_later(summary)
        return True
    if known.last_seq >= summary.last_seq:
        return False
    for tick in ticks:
        known.add(tick)
    return True
