"""Rolling figures against a naive sum over all trades, and candles against a naive fold."""

import itertools
import random

from marketdata.feed.candles import GRACE_MS, PACE_MS, Candles, Seconds
from marketdata.feed.messages import Figures
from marketdata.feed.ticker import DAY_BUCKETS, WEEK_BUCKETS, Ticker
from marketdata.intervals import INTERVALS, end_of, start_of
from marketdata.klines import Candle, Tick

START = 1_767_225_600_000
MINUTE, HOUR = 60_000, 3_600_000


def naive(trades: list[Tick], now_ms: int, bucket_ms: int, buckets: int) -> Figures:
    first_ms = now_ms - now_ms % bucket_ms - (buckets - 1) * bucket_ms
    inside = [trade for trade in trades if trade.at_ms >= first_ms]
    if not inside:
        last = trades[-1].price_ticks if trades else None
        return Figures(last, last, last, last)
    prices = [trade.price_ticks for trade in inside]
    return Figures(
        prices[0],
        prices[-1],
        max(prices),
        min(prices),
        sum(trade.quantity_lots for trade in inside),
        sum(trade.quote_units for trade in inside),
        len(inside),
    )


def random_trades(dice: random.Random, count: int, longest_pause_ms: int) -> list[Tick]:
    at_ms, trades = START, []
    for seq in range(1, count + 1):
        at_ms += dice.choice([0, 1, 900, dice.randrange(longest_pause_ms)])
        price, lots = dice.randrange(1, 1000), dice.randrange(1, 50)
        trades.append(Tick(seq, at_ms, price, lots, price * lots))
    return trades


def test_rolling_figures_are_those_of_the_trades_inside_the_window():
    for seed in range(20):
        dice = random.Random(seed)
        ticker, seen = Ticker(None, [], []), []
        for trade in random_trades(dice, 300, dice.choice([MINUTE, HOUR, 20 * HOUR])):
            ticker.add(trade.at_ms, Candle.of(trade))
            seen.append(trade)
            now_ms = trade.at_ms + dice.choice([0, 500, 3 * HOUR, 30 * HOUR, 9 * 24 * HOUR]) * dice.randrange(2)
            if now_ms != trade.at_ms and dice.random() < 0.8:
                continue  # Time does not go back: look into the future only on a ticker that is thrown away.
            ticker.roll(trade.at_ms)
            figures = ticker.figures("M")
            assert figures.day == naive(seen, trade.at_ms, MINUTE, DAY_BUCKETS), f"seed {seed}"
            assert figures.week == naive(seen, trade.at_ms, HOUR, WEEK_BUCKETS), f"seed {seed}"
        for later_ms in (DAY_BUCKETS * MINUTE, WEEK_BUCKETS * HOUR, 2 * WEEK_BUCKETS * HOUR):
            now_ms = seen[-1].at_ms + later_ms
            ticker.roll(now_ms)
            figures = ticker.figures("M")
            assert figures.day == naive(seen, now_ms, MINUTE, DAY_BUCKETS), f"seed {seed}"
            assert figures.week == naive(seen, now_ms, HOUR, WEEK_BUCKETS), f"seed {seed}"


def test_a_market_that_never_traded_has_no_prices():
    assert Ticker(None, [], []).figures("M").day == Figures()


def test_a_ticker_says_when_it_changed():
    ticker = Ticker(None, [], [])
    ticker.figures("M")
    assert not ticker.roll(START)
    ticker.add(START, Candle.of(Tick(1, START, 5, 2, 10)))
    assert ticker.roll(START)
    ticker.figures("M")
    assert not ticker.roll(START + MINUTE)
    assert ticker.roll(START + DAY_BUCKETS * MINUTE), "the trade has left the day"


def folded(trades: list[Tick]) -> dict[tuple[str, int], tuple[int, ...]]:
    """Every candle of every interval, the slow way: (open, high, low, close, lots, trades)."""
    groups: dict[tuple[str, int], list[Tick]] = {}
    for trade in trades:
        for interval in INTERVALS:
            groups.setdefault((interval, start_of(interval, trade.at_ms)), []).append(trade)
    return {
        key: (
            group[0].price_ticks,
            max(trade.price_ticks for trade in group),
            min(trade.price_ticks for trade in group),
            group[-1].price_ticks,
            sum(trade.quantity_lots for trade in group),
            len(group),
        )
        for key, group in groups.items()
    }


def test_every_candle_is_told_exactly_and_closed_once():
    for seed in range(10):
        dice = random.Random(seed)
        trades = random_trades(dice, 200, dice.choice([2000, MINUTE, 5 * HOUR]))
        candles, seconds, told = Candles("M", {}), Seconds(), []
        for trade, following in zip(trades, [*trades[1:], None], strict=True):
            seconds.add(trade)
            until = following.at_ms if following else trade.at_ms + 40 * 24 * HOUR
            for now_ms in {trade.at_ms, min(trade.at_ms + 1300, until), until}:
                if candles.due(now_ms, bool(seconds)):
                    told += candles.fold(seconds.take()) + candles.take(now_ms)
        final: dict[tuple[str, int], tuple[int, ...]] = {}
        closings: dict[tuple[str, int], int] = {}
        for state in told:
            key = (state.interval, state.start_ms)
            final[key] = (
                state.open_ticks,
                state.high_ticks,
                state.low_ticks,
                state.close_ticks,
                state.volume_lots,
                state.trades,
            )
            closings[key] = closings.get(key, 0) + state.closed
        assert final == folded(trades), f"seed {seed}"
        assert set(closings.values()) == {1}, f"seed {seed}"


def test_candles_are_told_at_most_once_a_second_and_never_held_back_longer():
    candles, seconds, told_at = Candles("M", {}), Seconds(), []
    for step in range(200):
        now_ms = START + step * 50
        seconds.add(Tick(step + 1, now_ms, 100, 1, 100))
        if candles.due(now_ms, bool(seconds)):
            states = candles.fold(seconds.take()) + candles.take(now_ms)
            told_at += [now_ms for state in states if state.interval == "1d" and not state.closed]
    pauses = [later - earlier for earlier, later in itertools.pairwise(told_at)]
    assert told_at[0] == START
    assert pauses
    assert all(PACE_MS <= pause <= PACE_MS + 50 for pause in pauses)


def test_a_candle_closes_by_the_clock_and_a_late_trade_tells_it_again():
    candles = Candles("M", {})
    first = Tick(1, START, 100, 1, 100)
    candles.fold([(START, Candle.of(first))])
    assert {state.interval for state in candles.take(START)} == set(INTERVALS)
    end = end_of("1s", START)
    assert not candles.due(end + GRACE_MS - 1, waiting=False)
    assert candles.due(end + GRACE_MS, waiting=False)
    [closing] = candles.take(end + GRACE_MS)
    assert (closing.interval, closing.closed) == ("1s", True)
    late = Tick(2, START + 999, 90, 1, 90)
    candles.fold([(START, Candle.of(late))])
    again = [state for state in candles.take(end + 2 * PACE_MS) if state.interval == "1s"]
    assert [(state.closed, state.low_ticks, state.trades) for state in again] == [(True, 90, 2)]
