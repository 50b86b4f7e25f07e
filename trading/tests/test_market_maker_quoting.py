"""What the market maker wants in the book, and what it sends to get there."""

from dataclasses import replace
from random import Random

import pytest
from django.conf import settings

from matching.messages import Side
from trading.market_maker.quoting import (
    BPS,
    MILLI,
    Instrument,
    Quote,
    QuoteSettings,
    ReferencePrice,
    desired_quotes,
    skewed_millis,
)
from trading.market_maker.reconcile import CANCEL_ALL_FROM, MAX_OWN_ORDERS, SPARE_PER_SIDE, OwnOrder, plan
from trading.market_maker.takers import buy_percent, next_delay_ms, next_taker

GRIDS = {
    "SOL_USDC": ("0.01", "0.01"),
    "BTC_USDC": ("0.1", "0.00001"),
    "ETH_USDC": ("0.01", "0.0001"),
    "ETH_BTC": ("0.000001", "0.01"),
}


def instrument_of(symbol: str) -> Instrument:
    base, quote = symbol.split("_")
    tick, step = GRIDS[symbol]
    return Instrument.from_market(
        {
            "symbol": symbol,
            "baseSymbol": base,
            "quoteSymbol": quote,
            "filters": {"price": {"tickSize": tick}, "quantity": {"stepSize": step, "minQuantity": step}},
        }
    )


def settings_of(symbol: str = "SOL_USDC") -> QuoteSettings:
    return QuoteSettings.of(settings.MARKET_MAKER["markets"][symbol], instrument_of(symbol))


def quotes_at_target(config: QuoteSettings, reference_millis: int | None = None) -> list[Quote]:
    reference = config.reference_ticks * MILLI if reference_millis is None else reference_millis
    return desired_quotes(reference, config.inventory_target_lots, config, min_lots=1)


def sides(quotes: list[Quote]) -> tuple[list[Quote], list[Quote]]:
    return [q for q in quotes if q.side is Side.BID], [q for q in quotes if q.side is Side.ASK]


def standing_for(quotes: list[Quote]) -> list[OwnOrder]:
    return [OwnOrder(str(i), q.side, q.price_ticks, q.lots) for i, q in enumerate(quotes)]


def test_text_becomes_ticks_and_lots_and_back():
    instrument = instrument_of("ETH_BTC")
    assert instrument.ticks("0.032012") == 32_012
    assert instrument.price_text(32_012) == "0.032012"
    assert instrument.lots("1.2099") == 120
    assert instrument.quantity_text(120) == "1.2"


@pytest.mark.parametrize("symbol", sorted(GRIDS))
def test_both_sides_have_their_levels_and_never_cross(symbol):
    config = settings_of(symbol)
    walk, rng = ReferencePrice(config), Random(3)
    for _ in range(300):
        bids, asks = sides(quotes_at_target(config, walk.step(rng)))
        assert len(bids) == len(asks) == config.levels
        assert bids[0].price_ticks < asks[0].price_ticks
        assert [q.price_ticks for q in bids] == sorted({q.price_ticks for q in bids}, reverse=True)
        assert [q.price_ticks for q in asks] == sorted({q.price_ticks for q in asks})
        assert all(q.lots >= 1 for q in bids + asks)


@pytest.mark.parametrize("symbol", sorted(GRIDS))
def test_spread_is_the_configured_one_up_to_two_candidate_prices(symbol):
    config = settings_of(symbol)
    walk, rng = ReferencePrice(config), Random(4)
    wanted = config.reference_ticks * config.spread_bps // BPS
    gaps = []
    for _ in range(300):
        bids, asks = sides(quotes_at_target(config, walk.step(rng)))
        gaps.append(asks[0].price_ticks - bids[0].price_ticks)
    assert min(gaps) >= wanted
    assert sorted(gaps)[len(gaps) // 2] <= wanted + 6 * config.level_step_ticks


def test_a_small_move_of_the_reference_leaves_most_quotes_where_they_are():
    config = settings_of()
    before = {(q.side, q.price_ticks) for q in quotes_at_target(config)}
    after = {(q.side, q.price_ticks) for q in quotes_at_target(config, config.reference_ticks * MILLI + 2 * MILLI)}
    assert len(before - after) <= 6


def test_reference_stays_in_its_band_and_repeats_with_its_seed():
    config = replace(settings_of(), volatility_ppm=50_000, reversion_ppm=0, band_bps=200)
    walks = [ReferencePrice(config), ReferencePrice(config)]
    rngs = [Random(9), Random(9)]
    path = [[walk.step(rng) for _ in range(500)] for walk, rng in zip(walks, rngs, strict=True)]
    assert path[0] == path[1]
    home = config.reference_ticks * MILLI
    assert all(abs(value - home) * BPS <= home * 200 for value in path[0])


def test_reference_is_drawn_back_to_its_home():
    config = replace(settings_of(), volatility_ppm=0, reversion_ppm=100_000)
    walk = ReferencePrice(config, start_ticks=config.reference_ticks * 101 // 100)
    values = [walk.step(Random(1)) for _ in range(100)]
    assert values == sorted(values, reverse=True)
    assert values[-1] - config.reference_ticks * MILLI < MILLI


def test_reference_starts_at_the_last_trade_but_inside_the_band():
    config = settings_of()
    assert ReferencePrice(config, start_ticks=16_900).millis == 16_900 * MILLI
    assert ReferencePrice(config, start_ticks=1).millis > config.reference_ticks * MILLI * 8 // 10


def test_inventory_shifts_quotes_and_its_limit_empties_a_side():
    config = settings_of()
    reference, limit, target = 16_840_000, config.inventory_limit_lots, config.inventory_target_lots
    assert skewed_millis(reference, target, config) == reference
    assert skewed_millis(reference, target + limit, config) == reference - reference * config.skew_bps // BPS
    assert skewed_millis(reference, target - 5 * limit, config) == reference + reference * config.skew_bps // BPS
    long_bids, long_asks = sides(desired_quotes(reference, target + limit, config, 1))
    assert (len(long_bids), len(long_asks)) == (0, config.levels)
    short_bids, short_asks = sides(desired_quotes(reference, target - limit, config, 1))
    assert (len(short_bids), len(short_asks)) == (config.levels, 0)


def test_settings_that_do_not_fit_the_market_are_refused():
    entry = {**settings.MARKET_MAKER["markets"]["SOL_USDC"], "size": "0.001"}
    with pytest.raises(ValueError, match="minimum"):
        QuoteSettings.of(entry, instrument_of("SOL_USDC"))
    with pytest.raises(ValueError, match="do not fit"):
        QuoteSettings.of({**entry, "size": "1", "density_percent": 0}, instrument_of("SOL_USDC"))


# ---------------------------------------------------------------------------------------------------- reconciliation


def test_an_empty_book_gets_everything_best_prices_first():
    quotes = quotes_at_target(settings_of())
    todo = plan([], quotes, max_cancels=5)
    assert (todo.cancel_all, todo.cancel) == (False, [])
    assert sorted(todo.place, key=str) == sorted(quotes, key=str)
    bids, asks = sides(quotes)
    assert todo.place[:2] == [bids[0], asks[0]]


def test_nothing_to_do_when_all_stands():
    quotes = quotes_at_target(settings_of())
    assert plan(standing_for(quotes), quotes, max_cancels=5).place == []
    assert plan(standing_for(quotes), quotes, max_cancels=5).cancel == []


def test_a_half_eaten_level_is_topped_up_and_keeps_its_place():
    quotes = [Quote(Side.BID, 100, 10), Quote(Side.ASK, 102, 10)]
    standing = [OwnOrder("1", Side.BID, 100, 4), OwnOrder("2", Side.ASK, 102, 6)]
    todo = plan(standing, quotes, max_cancels=5)
    assert todo.cancel == []
    assert todo.place == [Quote(Side.BID, 100, 6)]


def test_dangerous_orders_go_first_and_few_spare_ones_stay():
    quotes = [Quote(Side.BID, 100, 10), Quote(Side.ASK, 102, 10)]
    standing = [
        OwnOrder("wanted bid", Side.BID, 100, 10),
        OwnOrder("too high", Side.BID, 101, 10),
        *(OwnOrder(f"far {price}", Side.BID, price, 10) for price in range(90, 90 + SPARE_PER_SIDE + 1)),
    ]
    todo = plan(standing, quotes, max_cancels=5)
    assert todo.cancel == ["too high", "far 90"]
    assert plan(standing, quotes, max_cancels=1).cancel == ["too high"]


def test_never_places_against_an_own_order_that_still_stands():
    quotes = [Quote(Side.BID, 101, 10), Quote(Side.ASK, 103, 10)]
    standing = [OwnOrder("a", Side.ASK, 100, 10), OwnOrder("b", Side.ASK, 101, 10)]
    todo = plan(standing, quotes, max_cancels=1)
    assert todo.cancel == ["a"]
    assert todo.place == [Quote(Side.ASK, 103, 10)]


def test_too_much_wrong_is_one_cancel_all():
    quotes = [Quote(Side.BID, 100, 10), Quote(Side.ASK, 102, 10)]
    wrong = [OwnOrder(str(i), Side.BID, 101, 1) for i in range(CANCEL_ALL_FROM)]
    assert plan(wrong, quotes, max_cancels=5).cancel_all
    many = [OwnOrder(str(i), Side.BID, 100, 1) for i in range(MAX_OWN_ORDERS + 1)]
    todo = plan(many, quotes, max_cancels=5)
    assert todo.cancel_all
    assert todo.place == quotes


@pytest.mark.parametrize("seed", range(20))
def test_rounds_of_fills_and_moves_always_converge_to_the_desired_book(seed):
    """Old orders + plan = a book that holds the desired prices and never crosses itself."""
    rng, config = Random(seed), replace(settings_of(), volatility_ppm=400)
    walk = ReferencePrice(config)
    standing: list[OwnOrder] = []
    serial = 0
    for _ in range(200):
        standing = [o for o in standing if rng.random() > 0.03]
        quotes = quotes_at_target(config, walk.step(rng))
        todo = plan(standing, quotes, max_cancels=3)
        standing = [] if todo.cancel_all else [o for o in standing if o.order_id not in todo.cancel]
        for quote in todo.place:
            serial += 1
            standing.append(OwnOrder(str(serial), quote.side, quote.price_ticks, quote.lots))
        bids = [o.price_ticks for o in standing if o.side is Side.BID]
        asks = [o.price_ticks for o in standing if o.side is Side.ASK]
        assert max(bids) < min(asks), f"seed {seed}"
        assert len(standing) <= MAX_OWN_ORDERS
    for _ in range(40):
        todo = plan(standing, quotes, max_cancels=3)
        standing = [] if todo.cancel_all else [o for o in standing if o.order_id not in todo.cancel]
        for quote in todo.place:
            serial += 1
            standing.append(OwnOrder(str(serial), quote.side, quote.price_ticks, quote.lots))
    assert {(q.side, q.price_ticks) for q in quotes} <= {(o.side, o.price_ticks) for o in standing}, f"seed {seed}"


# ------------------------------------------------------------------------------------------------------------ takers


def test_takers_are_small_protected_and_balanced():
    config, rng = settings_of(), Random(5)
    reference = config.reference_ticks * MILLI
    orders = [next_taker(rng, reference, config.taker_target_lots, config, min_lots=1) for _ in range(2_000)]
    buys = [order for order in orders if order.side is Side.BID]
    assert 850 < len(buys) < 1_150
    assert all(1 <= order.lots <= config.taker_size_lots for order in orders)
    room = config.reference_ticks * config.taker_slippage_bps // BPS
    assert {order.limit_ticks for order in buys} == {config.reference_ticks + room}
    assert {order.limit_ticks for order in orders if order.side is Side.ASK} == {config.reference_ticks - room}


def test_a_taker_that_has_bought_much_sells_more_often():
    config = settings_of()
    target, limit = config.taker_target_lots, config.inventory_limit_lots
    assert buy_percent(target, config) == 50
    assert buy_percent(target + limit, config) == 10
    assert buy_percent(target + 100 * limit, config) == 10
    assert buy_percent(target - limit, config) == 90


def test_takers_come_at_the_configured_rate():
    config, rng = settings_of(), Random(6)
    delays = [next_delay_ms(rng, config) for _ in range(4_000)]
    assert abs(sum(delays) // len(delays) - config.taker_every_ms) < config.taker_every_ms // 20
