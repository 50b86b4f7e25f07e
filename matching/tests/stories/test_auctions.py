"""Call auctions: orders are collected, and trade at one price."""

import pytest

from matching.tests.venue import Venue


def test_orders_are_collected_and_may_cross(venue):
    venue.run("staff auction 60s", "alice sell 2 @ 99")
    assert venue.run("bob buy 3 @ 101") == "New 0"
    assert venue.trades == []
    assert venue.book == ["ask 99 x 2", "bid 101 x 3"]


def test_the_indicative_price_is_published_at_the_beginning_and_whenever_it_changes(venue):
    venue.run("staff auction 60s")
    assert venue.news == ["market Auction", "indicates nothing"]
    venue.run("alice sell 2 @ 99")
    assert venue.news == ["alice 1 Accepted"]
    venue.run("bob buy 3 @ 101")
    assert venue.news[-1] == "indicates 100 x 2 +1"  # From 99 to 101 alike; 100 is the middle.
    venue.run("carol sell 1 @ 150")
    assert "indicates" not in venue.news[-1]
    venue.run("bob cancel 2")
    assert venue.news[-1] == "indicates nothing"


def test_it_ends_by_time_at_one_price_and_the_market_opens(venue):
    venue.run("staff auction 60s", "alice sell 2 @ 98", "alice sell 2 @ 100", "bob buy 1 @ 103", "carol buy 2 @ 101")
    assert venue.advance("60s") == [
        "1 @ 100.5 maker=alice taker=bob",
        "1 @ 100.5 maker=alice taker=carol",
        "1 @ 100.5 maker=alice taker=carol",
        "uncrossed 100.5 x 3",
        "market Open",
    ]
    assert venue.book == ["ask 100 x 1"]


def test_the_price_is_the_one_of_most_volume(venue):
    venue.run("staff auction", "alice sell 1 @ 98", "alice sell 5 @ 99", "bob buy 5 @ 100", "bob buy 1 @ 98.5")
    venue.run("carol sell 1 @ 101", "staff state Open")
    assert venue.news[-2] == "uncrossed 99.5 x 5"  # Below 99 only one would trade, above 100 none.


def test_of_several_the_one_with_the_least_surplus(venue):
    """From 99 to 100 three would trade; only above 99.5 nothing stays unfilled. 99.755 is the middle of that."""
    venue.run("staff auction", "alice sell 3 @ 99", "bob buy 3 @ 100", "carol buy 2 @ 99.5", "staff state Open")
    assert venue.news[-2] == "uncrossed 99.75 x 3"
    assert venue.book == ["bid 99.5 x 2"]


@pytest.mark.parametrize(("last", "price"), [(105, 102), (100, 100), (50, 98)])
def test_of_several_the_one_nearest_to_the_last_price(venue, last, price):
    venue.run(f"alice sell 1 @ {last}", f"bob buy 1 @ {last}", "staff auction", "alice sell 1 @ 98", "bob buy 1 @ 102")
    assert venue.news[-1] == f"indicates {price} x 1"


def test_without_a_last_price_the_middle_rounded_down(venue):
    venue.run("staff auction", "alice sell 1 @ 98", "bob buy 1 @ 98.05")
    assert venue.news[-1] == "indicates 98.02 x 1"


def test_best_price_and_place_first_on_both_sides(venue):
    venue.run("staff auction", "carol sell 1 @ 99", "alice sell 1 @ 98", "alice sell 1 @ 99", "bob buy 2 @ 99")
    venue.run("staff state Open")
    assert venue.trades == ["1 @ 99 maker=alice taker=bob", "1 @ 99 maker=carol taker=bob"]


def test_the_later_order_counts_as_taker_and_pays_its_fee():
    venue = Venue(maker_fee_ppm=0, taker_fee_ppm=10_000).fund("alice", SOL="10").fund("bob", USDC="1000")
    venue.run("staff auction", "bob buy 1 @ 100", "alice sell 1 @ 100", "staff state Open")
    assert venue.trades == ["1 @ 100 maker=bob taker=alice"]
    assert venue.available("fees") == {"USDC": "1"}


def test_what_was_reserved_above_the_price_returns(venue):
    venue.run("staff auction", "alice sell 1 @ 98", "bob buy 1 @ 100", "alice sell 1 @ 98", "staff state Open")
    assert venue.trades == ["1 @ 99 maker=alice taker=bob"]
    assert venue.available("bob")["USDC"] == "99901"
    assert venue.locked("bob") == {}


def test_an_iceberg_counts_with_all_of_its_quantity_and_keeps_its_place(venue):
    venue.run("staff auction", "alice sell 10 @ 100 show=1", "carol sell 5 @ 100", "bob buy 8 @ 100")
    assert venue.news[-1] == "indicates 100 x 8 -7"
    venue.run("staff state Open")
    assert venue.trades == ["8 @ 100 maker=alice taker=bob"]
    assert venue.book == ["ask 100 x 6"]
    venue.run("bob buy 1 @ 100")
    assert venue.trades[-1] == "1 @ 100 maker=alice taker=bob"


def test_hidden_quantity_that_goes_is_indicated(venue):
    venue.run("staff auction", "alice sell 10 @ 100 show=1", "bob buy 8 @ 100", "alice amend 1 to 9")
    assert venue.news[-1] == "indicates 100 x 8 -1"


@pytest.mark.parametrize(
    ("prevention", "left"),
    [
        ("", ["1 buy 1 @ 101 New"]),
        ("keep", ["2 sell 2 @ 99 New"]),
        ("both", []),
        ("decrement", ["2 sell 1 @ 99 New"]),
    ],
)
def test_a_pair_of_one_account_is_treated_by_the_later_orders_choice(venue, prevention, left):
    venue.run("staff auction", "bob buy 1 @ 101", f"bob sell 2 @ 99 {prevention}", "staff state Open")
    assert venue.trades == []
    assert venue.open("bob") == left
    assert not [line for line in venue.news if "Expired" in line]  # Both were resting: what ends is cancelled.


def test_what_still_crosses_after_prevention_uncrosses_again(venue):
    """Bob's bid at 110 makes the price; it goes because of his own ask, and the rest meets at its own price."""
    venue.run("staff auction", "bob sell 8 @ 98", "carol buy 8 @ 98", "bob buy 9 @ 110", "staff state Open")
    assert venue.trades == ["8 @ 98 maker=bob taker=carol"]
    assert venue.news[0] == "bob 3 Cancelled (SelfTradePrevention)"


@pytest.mark.parametrize("state", ["Open", "LimitOnly", "PostOnly"])
def test_staff_may_end_it_with_any_trading_state(venue, state):
    venue.run("staff auction", "alice sell 1 @ 99", "bob buy 1 @ 99", f"staff state {state}")
    assert venue.news == ["1 @ 99 maker=alice taker=bob", "uncrossed 99 x 1", f"market {state}"]


def test_an_auction_in_which_nothing_meets_ends_with_no_price(venue):
    venue.run("staff auction 60s", "alice sell 1 @ 101", "bob buy 1 @ 99")
    assert venue.advance("60s") == ["uncrossed nothing", "market Open"]


@pytest.mark.parametrize("state", ["CancelOnly", "Closed"])
def test_a_halted_market_may_stay_crossed_and_uncrosses_when_it_opens(venue, state):
    venue.run("staff auction 60s", "alice sell 1 @ 99", "bob buy 1 @ 101", f"staff state {state}")
    assert venue.trades == []
    assert venue.advance("3600s") == []
    assert venue.book == ["ask 99 x 1", "bid 101 x 1"]
    venue.run("staff state Open")
    assert venue.trades == ["1 @ 100 maker=alice taker=bob"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("buy 1 @ 100", "New 0"),
        ("buy 1 @ 100 until=1h", "New 0"),
        ("buy 1 @ 100 post-only", "New 0"),
        ("buy 1 @ 100 ioc", "market_not_open"),
        ("buy 1 @ 100 fok", "market_not_open"),
        ("buy 1", "market_not_open"),
        ("buy 1 stop=120", "TriggerPending 0"),
    ],
)
def test_what_an_auction_collects(venue, words, answer):
    venue.run("staff auction", "alice sell 5 @ 90")
    assert venue.run(f"bob {words}") == answer


def test_triggers_exits_and_partners_follow_the_uncrossing(venue):
    venue.run("staff auction", "alice sell 2 @ 99 gain=95", "bob buy 2 @ 99 loss=90", "carol buy 1 @ 98 stop=99")
    venue.run("alice oco sell 1 @ 99 | sell 1 stop=90", "bob buy 1 @ 99", "staff state Open")
    assert venue.news[-5:] == [
        "market Open",
        "alice 5 Cancelled (OneCancelsOther)",
        "alice 7 TriggerPlaced",
        "bob 8 TriggerPlaced",
        "carol 3 Triggered",
    ]
    assert venue.open("carol") == ["3 buy 1 @ 98 New"]


def test_an_order_good_till_then_may_leave_before_the_end(venue):
    venue.run("staff auction 60s", "alice sell 1 @ 99 until=30s", "bob buy 1 @ 99")
    assert venue.advance("30s") == ["alice 1 Expired (GoodTillDate)", "indicates nothing"]


def test_cancelling_works_while_orders_are_collected(venue):
    venue.run("staff auction", "alice sell 1 @ 99", "bob buy 1 @ 99")
    assert venue.run("bob cancel all") == "2 Cancelled 0 (User)"
    assert venue.news[-1] == "indicates nothing"
