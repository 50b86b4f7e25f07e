"""Folding trades into candles: equal to the obvious fold, whatever the portions and however often they come."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from marketdata.intervals import INTERVALS, start_of
from marketdata.klines import Candle, CandleKey, Tick, TickRun

STEPS = st.lists(
    st.tuples(st.integers(1, 2), st.sampled_from([0, 1, 400, 1_000, 59_000, 86_400_000]), st.integers(1, 9)),
    min_size=1,
    max_size=60,
)


def trades_of(steps):
    """(market, tick) with rising event numbers and times that never go back."""
    seq, at_ms = 0, 1_767_225_590_000
    for market_id, pause_ms, price in steps:
        seq, at_ms = seq + 3, at_ms + pause_ms
        yield market_id, Tick(seq, at_ms, price, price + 1, price * 10)


def naive(trades):
    candles = {}
    for interval in INTERVALS:
        for market_id, tick in trades:
            key = CandleKey(market_id, interval, start_of(interval, tick.at_ms))
            candles.setdefault(key, []).append(tick)
    return {
        key: Candle(
            ticks[0].price_ticks,
            max(tick.price_ticks for tick in ticks),
            min(tick.price_ticks for tick in ticks),
            ticks[-1].price_ticks,
            sum(tick.quantity_lots for tick in ticks),
            sum(tick.quote_units for tick in ticks),
            len(ticks),
            ticks[-1].seq,
        )
        for key, ticks in candles.items()
    }


def fold(candles, trades):
    run = TickRun()
    for market_id, tick in trades:
        run.add(market_id, tick)
    return run, run.fold_into(candles)


@given(STEPS, st.lists(st.integers(0, 60), max_size=4))
def test_any_portions_give_the_obvious_candles(steps, cuts):
    trades = list(trades_of(steps))
    candles = {}
    borders = [0, *sorted(min(cut, len(trades)) for cut in cuts), len(trades)]
    for start, end in pairwise(borders):
        run, changed = fold(candles, trades[start:end])
        assert changed == run.keys()
    assert candles == naive(trades)


@given(STEPS, st.integers(0, 60), st.integers(0, 60))
def test_a_trade_counts_once(steps, seen, from_here):
    trades = list(trades_of(steps))
    candles = {}
    fold(candles, trades[:seen])
    fold(candles, trades[min(from_here, seen) :])
    assert candles == naive(trades)
    _, changed = fold(candles, trades)
    assert changed == set()
    assert candles == naive(trades)
