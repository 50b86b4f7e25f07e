"""What staff may set, and what is refused as nonsense."""

import pytest
from msgspec import structs

from matching.messages import MAX_INT, MarketState, SetAccountTier, SetMarketFees
from matching.tests.language import STAFF

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("min_quantity_lots", 1, MAX_INT),
        ("max_quantity_lots", 1, MAX_INT),
        ("max_open_orders", 1, MAX_INT),
        ("min_notional_units", 0, MAX_INT),
        ("min_price_ppm", 0, 1_000_000),
        ("min_impact_ppm", 0, 1_000_000),
        ("max_price_ppm", 1_000_000, 1_000_000_000),
        ("max_impact_ppm", 1_000_000, 1_000_000_000),
        ("band_ppm", 1, 999_999),
        ("band_window_ms", 1, DAY_MS),
        ("auction_ms", 0, DAY_MS),
    ],
)
def test_every_limit_has_its_range(venue, name, least, most):
    for number, answer in ((least, "Done"), (most, "Done"), (least - 1, "refused"), (most + 1, "refused")):
        got = venue.run(f"staff limits {name}={number}")
        assert got == ("Done" if answer == "Done" else "invalid_parameter"), f"{name}={number}"


def test_the_largest_quantity_is_not_below_the_smallest(venue):
    assert venue.run("staff limits min_quantity_lots=5 max_quantity_lots=4") == "invalid_parameter"
    assert venue.run("staff limits min_quantity_lots=5 max_quantity_lots=5") == "Done"


def test_limits_of_a_refused_command_change_nothing(venue):
    venue.run("staff limits max_quantity_lots=100", "staff limits max_quantity_lots=200 band_ppm=0")
    assert venue.run("bob buy 1.01 @ 100") == "quantity_too_large"


@pytest.mark.parametrize(
    ("state", "auction_ms", "answer"),
    [
        (MarketState.AUCTION, 1, "Done"),
        (MarketState.AUCTION, DAY_MS, "Done"),
        (MarketState.AUCTION, 0, "invalid_parameter"),
        (MarketState.AUCTION, DAY_MS + 1, "invalid_parameter"),
        (MarketState.OPEN, 1_000, "invalid_parameter"),
    ],
)
def test_how_long_an_auction_may_last(venue, state, auction_ms, answer):
    command = structs.replace(venue.parse("staff state Open"), state=state, auction_ms=auction_ms)
    venue.answers.append(venue.send(command))
    assert venue.answer == answer


@pytest.mark.parametrize(
    ("tier", "answer"), [(0, "Done"), (99, "Done"), (-1, "invalid_parameter"), (100, "invalid_parameter")]
)
def test_there_are_a_hundred_tiers(venue, tier, answer):
    for command in (
        SetAccountTier(account_id=1002, tier=tier, **STAFF),
        SetMarketFees(market="SOL_USDC", maker_fee_ppm=0, taker_fee_ppm=0, tier=tier, **STAFF),
    ):
        venue.answers.append(venue.send(command))
        assert venue.answer == answer


def test_setting_open_what_is_open_fires_nothing(traded):
    """A trigger at the last price waits for a trade; opening a market that was not open would fire it."""
    traded.run("bob buy 1 @ 90 stop=100", "staff state Open")
    assert traded.open("bob") == ["3 buy 1 @ 90 TriggerPending"]
    traded.run("staff state LimitOnly", "staff state Open")
    assert traded.open("bob") == ["3 buy 1 @ 90 New"]


@pytest.mark.parametrize(
    "line", ["staff state Open", "staff limits", "staff fees maker=0 taker=0", "staff block bob here"]
)
def test_a_market_that_is_not_listed_is_unknown(venue, line):
    venue.answers.append(venue.send(structs.replace(venue.parse(line), market="NO_PE")))
    assert venue.answer == "unknown_market"
