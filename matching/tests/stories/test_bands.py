"""How far prices may go: at entry, by impact, by slippage, and around the reference price."""

import pytest
from msgspec import structs


def test_a_limit_price_may_not_be_too_far_from_the_last_price(traded):
    traded.run("staff limits min_price_ppm=900000 max_price_ppm=1100000")
    assert traded.run("bob buy 1 @ 110.01") == "price_out_of_bounds"
    assert traded.run("bob buy 1 @ 89.99") == "price_out_of_bounds"
    assert traded.run("bob buy 1 @ 110") == "New 0"
    assert traded.run("alice sell 1 @ 110.01") == "price_out_of_bounds"


def test_without_a_last_price_there_is_no_bound(venue):
    venue.run("staff limits min_price_ppm=900000 max_price_ppm=1100000 band_ppm=10000")
    assert venue.run("bob buy 1 @ 500") == "New 0"


# ---------------------------------------------------------------------------------------------------------- impact


def test_a_market_order_stops_at_its_impact_on_the_price(venue):
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 102", "alice sell 1 @ 102.01")
    venue.run("staff limits max_impact_ppm=1020000")
    assert venue.run("bob buy 5") == "Expired 2 (PriceImpact)"
    venue.run("carol buy 1 @ 90", "carol buy 1 @ 88.2", "carol buy 1 @ 88.19", "staff limits min_impact_ppm=980000")
    assert venue.run("bob sell 5") == "Expired 2 (PriceImpact)"


def test_limit_orders_have_no_impact_bound(venue):
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 120", "staff limits max_impact_ppm=1020000")
    assert venue.run("bob buy 2 @ 120") == "Filled 2"


@pytest.mark.parametrize("slip", ["slip=2", "slip=2%"])
def test_an_orders_own_slippage(venue, slip):
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 102", "alice sell 1 @ 102.01")
    assert venue.run(f"bob buy 5 {slip}") == "Expired 2 (SlippageToleranceExceeded)"
    venue.run("carol buy 1 @ 50", "carol buy 1 @ 49", "carol buy 1 @ 47.99")
    assert venue.run(f"bob sell 5 {slip}") == "Expired 2 (SlippageToleranceExceeded)"


def test_the_tighter_bound_wins_the_orders_own_on_a_tie(venue):
    venue.run("alice sell 1 @ 100", "alice sell 9 @ 105", "staff limits max_impact_ppm=1020000")
    assert venue.run("bob buy 2 slip=1") == "Expired 1 (SlippageToleranceExceeded)"
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob buy 2 slip=3") == "Expired 1 (PriceImpact)"
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob buy 2 slip=2") == "Expired 1 (SlippageToleranceExceeded)"


def test_bounds_round_inwards(venue):
    """Best 33.33: 2 % above is 33.9966, so 33.99 is the last price."""
    venue.run(
        "staff limits max_impact_ppm=1020000", "alice sell 1 @ 33.33", "alice sell 1 @ 33.99", "alice sell 1 @ 34"
    )
    assert venue.run("bob buy 5") == "Expired 2 (PriceImpact)"


def test_only_market_orders_have_slippage_and_only_one_of_the_two(venue):
    assert venue.run("bob buy 1 @ 100 slip=1") == "invalid_parameter"
    order = venue.parse("bob buy 1 slip=1")
    both = structs.replace(order, terms=structs.replace(order.terms, slippage_ppm=10))
    venue.answers.append(venue.send(both))
    assert venue.answer == "invalid_parameter"


def test_funds_are_checked_for_what_would_really_trade(venue):
    venue.fund("dave", USDC="100")
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 102")
    assert venue.run("dave buy 2") == "insufficient_funds"
    assert venue.run("dave buy 2 slip=1") == "Expired 1 (SlippageToleranceExceeded)"


def test_an_amount_that_is_spent_to_less_than_one_lot_is_filled_whatever_bounds_the_next_price(venue):
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 120")
    assert venue.run("bob buy for 100.5 slip=1") == "Filled 1"
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob buy for 102 slip=1") == "Expired 1 (SlippageToleranceExceeded)"


# ------------------------------------------------------------------------------------------------------------ band

BAND = "staff limits band_ppm=50000 band_window_ms=60000"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("buy 2", "Expired 1 (PriceOutOfBounds)"),
        ("buy 2 @ 106 ioc", "Expired 1 (PriceOutOfBounds)"),
        ("buy 2 @ 106", "Expired 1 (PriceOutOfBounds)"),
        ("buy 2 @ 106 until=60s", "Expired 1 (PriceOutOfBounds)"),
        ("buy 2 @ 106 fok", "Expired 0 (FillOrKill)"),
        ("buy 1 @ 106 fok", "Filled 1"),
    ],
)
def test_nothing_trades_beyond_the_band(traded, words, answer):
    traded.run("alice sell 1 @ 105", "alice sell 1 @ 105.01", BAND)
    assert traded.run(f"bob {words}") == answer


def test_the_band_holds_downwards_too(traded):
    traded.run("alice buy 1 @ 95", "alice buy 1 @ 94.99", BAND)
    assert traded.run("bob sell 2") == "Expired 1 (PriceOutOfBounds)"


def test_the_reference_follows_the_last_price_only_after_its_window(traded):
    traded.run(BAND, "alice sell 1 @ 104", "bob buy 1 @ 104", "alice sell 9 @ 108")
    assert traded.run("bob buy 1 @ 108") == "Expired 0 (PriceOutOfBounds)"  # 5 % of 100, still.
    traded.advance("60s")
    assert traded.run("bob buy 1 @ 108") == "Filled 1"  # 5 % of 104.


def test_new_limits_forget_the_reference(traded):
    traded.run(BAND, "alice sell 1 @ 104", "bob buy 1 @ 104", "alice sell 9 @ 108", BAND)
    assert traded.run("bob buy 1 @ 108") == "Filled 1"


def test_a_post_only_order_beyond_the_band_still_would_take(traded):
    traded.run("alice sell 1 @ 108", BAND)
    assert traded.run("bob buy 1 @ 108 post-only") == "post_only_would_take"


# ------------------------------------------------------------------------------------------- volatility interruption

INTERRUPTED = f"{BAND} auction_ms=30000"


def test_where_there_are_auctions_a_lasting_limit_order_rests_crossing_and_starts_one(traded):
    traded.run("alice sell 1 @ 105", "alice sell 1 @ 107", INTERRUPTED)
    assert traded.run("bob buy 2 @ 110") == "PartiallyFilled 1"
    assert traded.news == [
        "bob 5 Accepted",
        "1 @ 105 maker=alice taker=bob",
        "market Auction",
        "indicates 107 x 1",
    ]
    assert traded.book == ["ask 107 x 1", "bid 110 x 1"]
    assert traded.advance("30s")[-3:] == ["1 @ 107 maker=alice taker=bob", "uncrossed 107 x 1", "market Open"]


@pytest.mark.parametrize("words", ["buy 2", "buy 2 @ 110 ioc", "buy 2 @ 110 fok"])
def test_other_orders_expire_and_start_none(traded, words):
    traded.run("alice sell 1 @ 105", "alice sell 1 @ 107", INTERRUPTED, f"bob {words}")
    assert "market Auction" not in traded.news


def test_after_the_auction_its_price_is_the_reference(traded):
    traded.run("alice sell 1 @ 105", "alice sell 1 @ 110", INTERRUPTED, "bob buy 2 @ 110")
    traded.advance("30s")
    traded.run("alice sell 1 @ 115")
    assert traded.run("bob buy 1 @ 115") == "Filled 1"  # 5 % of 110 is 115.5.


def test_an_interruption_holds_triggers_back(traded):
    traded.run("alice sell 1 @ 105", "alice sell 1 @ 110", "carol buy 1 @ 1 stop=105", INTERRUPTED, "bob buy 2 @ 110")
    assert traded.open("carol") == ["5 buy 1 @ 1 TriggerPending"]
    assert "carol 5 Triggered" in traded.advance("30s")


def test_a_fired_order_can_cause_an_interruption(traded):
    traded.run("alice sell 1 @ 105", "alice sell 1 @ 110", INTERRUPTED)
    traded.run("carol buy 1 @ 111 stop=105", "bob buy 1 @ 105")
    assert "market Auction" in traded.news
    assert traded.open("carol") == ["5 buy 1 @ 111 New"]
