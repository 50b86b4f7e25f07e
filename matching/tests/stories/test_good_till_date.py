"""Orders that end by the clock."""

import pytest


def test_it_rests_until_its_time_and_not_a_millisecond_longer(venue):
    venue.run("bob buy 1 @ 90 until=60s")
    assert venue.advance("59s") == []
    venue.at_ms += 998  # `until` counts from the millisecond before the order.
    assert venue.advance("0s") == []
    assert venue.advance("1ms") == ["bob 1 Expired (GoodTillDate)"]
    assert venue.locked("bob") == {}


def test_it_expires_before_any_later_command(venue):
    venue.run("bob buy 1 @ 90 until=60s")
    venue.at_ms += 60_000
    assert venue.run("alice sell 1 @ 90") == "New 0"
    assert venue.trades == []


def test_what_it_executed_it_keeps(venue):
    venue.run("bob buy 2 @ 90 until=60s", "alice sell 1 @ 90")
    assert venue.advance("60s") == ["bob 1 Expired (GoodTillDate)"]
    assert venue.available("bob") == {"SOL": "1001", "USDC": "99910"}


@pytest.mark.parametrize("until", ["0s", "367d"])
def test_its_end_lies_in_the_future_and_at_most_366_days_ahead(venue, until):
    assert venue.run(f"bob buy 1 @ 90 until={until}") == "invalid_expiry"
    assert venue.run("bob buy 1 @ 90 until=366d") == "New 0"


def test_a_market_order_cannot_wait_for_a_date_unless_it_is_conditional(traded):
    assert traded.run("bob buy 1 until=60s") == "invalid_parameter"
    assert traded.run("bob buy 1 stop=110 until=60s") == "TriggerPending 0"
    assert traded.advance("60s") == ["bob 3 Expired (GoodTillDate)"]


def test_post_only_goes_with_it(venue):
    assert venue.run("bob buy 1 @ 90 until=60s post-only") == "New 0"


@pytest.mark.parametrize("state", ["LimitOnly", "PostOnly", "CancelOnly", "Closed", "Auction"])
def test_it_expires_in_every_market_state(venue, state):
    venue.run("bob buy 1 @ 90 until=60s", f"staff state {state}")
    assert "bob 1 Expired (GoodTillDate)" in venue.advance("60s")


def test_orders_expire_in_the_order_of_their_time_then_of_their_id(venue):
    venue.run("bob buy 1 @ 90 until=60s", "alice buy 1 @ 90 until=30s", "carol buy 1 @ 90 until=30s")
    venue.at_ms += 60_000
    assert [line.split()[0] for line in venue.advance("1s")] == ["alice", "carol", "bob"]


def test_at_one_time_expiry_comes_before_dead_mans_switches_before_auctions(venue):
    venue.run("bob buy 1 @ 70", "carol buy 1 @ 95")
    venue.run("staff auction 60s", "alice sell 1 @ 95", "bob switch 59998ms", "alice buy 1 @ 80 until=59998ms")
    assert venue.advance("60s") == [
        "alice 4 Expired (GoodTillDate)",
        "bob 1 Cancelled (CancelAfter)",
        "bob switch off",
        "1 @ 95 maker=carol taker=alice",
        "uncrossed 95 x 1",
        "market Open",
    ]


def test_at_most_a_thousand_orders_end_at_once_the_rest_at_once_after(venue):
    venue.run("staff limits max_open_orders=5000")
    for _ in range(25):
        venue.run("bob batch " + " ; ".join(["buy 0.01 @ 1 until=60s"] * 50))
    before = venue.engine.n
    assert len(venue.advance("60s")) == 1250
    assert venue.engine.n == before + 2
