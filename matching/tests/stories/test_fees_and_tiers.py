"""Who pays what: tiers, rebates, and rates that stay with an order."""

import pytest

from matching.tests.venue import Venue


@pytest.fixture
def venue() -> Venue:
    """100 SOL and 10,000 USDC each; 1 % for takers, nothing for makers."""
    venue = Venue(maker_fee_ppm=0, taker_fee_ppm=10_000)
    return venue.fund("alice", SOL="100", USDC="10000").fund("bob", SOL="100", USDC="10000")


def test_an_account_pays_the_rates_of_its_tier(venue):
    venue.run("staff fees maker=0 taker=5000 tier=2", "staff tier bob 2", "alice sell 1 @ 100", "bob buy 1 @ 100")
    assert venue.available("fees") == {"SOL": "0.005"}


def test_an_undefined_tier_falls_back_to_the_next_lower_defined_one(venue):
    venue.run("staff fees maker=0 taker=5000 tier=2", "staff tier bob 9", "alice sell 2 @ 100", "bob buy 1 @ 100")
    assert venue.available("fees") == {"SOL": "0.005"}
    venue.run("staff tier bob 1", "bob buy 1 @ 100")
    assert venue.available("fees") == {"SOL": "0.015"}


def test_a_tier_counts_from_the_orders_acceptance(venue):
    venue.run("staff fees maker=7000 taker=5000 tier=1", "alice sell 1 @ 100", "staff tier alice 1", "bob buy 1 @ 100")
    assert venue.available("fees") == {"SOL": "0.01"}  # Alice's order is of tier 0, whose makers pay nothing.


def test_rates_and_the_schedules_version_stay_with_the_order(venue):
    venue.run("alice sell 2 @ 100", "staff fees maker=5000 taker=5000")
    assert [view.fee_version for view in venue.engine.open_order_views()] == [1]
    venue.run("alice sell 1 @ 101")
    assert [view.fee_version for view in venue.engine.open_order_views()] == [1, 2]
    venue.run("bob buy 1 @ 100")
    assert venue.available("fees") == {"SOL": "0.005"}


def test_a_waiting_orders_rates_are_those_of_its_placing(venue):
    venue.run("alice sell 1 @ 100", "bob buy 1 @ 100")
    before = venue.available("fees")["SOL"]
    venue.run("bob buy 1 stop=101", "staff fees maker=0 taker=0", "alice sell 2 @ 101", "alice sell 1 @ 101 id=1")
    venue.fund("carol", USDC="1000").run("carol buy 1 @ 101")
    assert (before, venue.available("fees")["SOL"]) == ("0.01", "0.02")


def test_a_rebate_is_paid_out_of_the_takers_fee_in_the_asset_the_maker_gives(venue):
    venue.run("staff fees maker=-2000 taker=10000", "alice sell 1 @ 100", "bob buy 1 @ 100")
    assert venue.available("bob")["SOL"] == "100.99"
    assert venue.available("alice") == {"SOL": "99.002", "USDC": "10100"}
    assert venue.available("fees") == {"SOL": "0.008"}


def test_a_rebate_is_at_most_the_takers_fee_of_that_trade(venue):
    """Bob's order was accepted when takers paid nothing; Alice's rebate of then on finds nothing to be paid from."""
    venue.run("staff fees maker=0 taker=0", "bob buy 1 @ 100 stop=100", "staff fees maker=-2000 taker=10000")
    venue.run("alice sell 2 @ 100")
    venue.fund("carol", USDC="1000").run("carol buy 1 @ 100")
    assert venue.trades[-1] == "1 @ 100 maker=alice taker=bob"
    assert venue.available("bob")["SOL"] == "101"
    assert venue.available("alice")["SOL"] == "98.002"  # Only Carol's trade paid her.


def test_rebates_round_down_and_fees_round_up(venue):
    venue.run("staff fees maker=-1 taker=3", "alice sell 0.01 @ 0.01", "bob buy 0.01 @ 0.01")
    # Bob receives 10,000,000 units: his fee is 30, Alice's rebate 10. In quote everything would be less than a unit.
    assert venue.available("fees") == {"SOL": "0.00000002"}
    venue.run("bob sell 0.01 @ 0.01", "alice buy 0.01 @ 0.01")
    venue.run("alice buy 0.01 @ 0.01", "bob sell 0.01 @ 0.01")
    assert venue.available("fees")["USDC"] == "0.000001"  # 100 units received: 0.0003 of fee is one, no rebate.


@pytest.mark.parametrize(
    "line",
    [
        "staff fees maker=-10001 taker=10001 tier=1",
        "staff fees maker=-5000 taker=4999",
        "staff fees maker=0 taker=4999",
        "staff fees maker=0 taker=-1",
        "staff fees maker=0 taker=1000000",
    ],
)
def test_no_rebate_may_be_larger_than_any_tiers_taker_fee(venue, line):
    venue.run("staff fees maker=-5000 taker=5000 tier=3")
    assert venue.run(line) == "invalid_parameter"
    assert venue.run("staff fees maker=-5000 taker=5000") == "Done"


def test_both_orders_of_an_auction_pay_by_their_place():
    venue = Venue(maker_fee_ppm=1_000, taker_fee_ppm=10_000).fund("alice", SOL="10").fund("bob", USDC="1000")
    venue.run("staff auction", "alice sell 1 @ 100", "bob buy 1 @ 100", "staff state Open")
    assert venue.available("fees") == {"SOL": "0.01", "USDC": "0.1"}


@pytest.mark.parametrize(
    ("earlier", "later", "fees"),
    [
        ("alice sell 1 @ 100", "bob buy 1 @ 100", {"SOL": "0.008"}),
        ("bob buy 1 @ 100", "alice sell 1 @ 100", {"USDC": "0.8"}),
    ],
)
def test_rebates_are_paid_in_auctions_and_to_either_side(venue, earlier, later, fees):
    venue.run("staff fees maker=-2000 taker=10000", "staff auction", earlier, later, "staff state Open")
    assert venue.available("fees") == fees
