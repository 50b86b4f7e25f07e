"""Two orders of which one cancels the other."""

import pytest
from msgspec import structs

from matching.tests.venue import Venue


def test_both_are_placed_and_name_each_other(traded):
    assert traded.run("bob oco sell 1 @ 110 | sell 1 stop=95") == "3 New 0, 4 TriggerPending 0"
    assert traded.news == ["bob 4 TriggerPlaced", "bob 3 Accepted"]  # The one that waits comes first.
    assert [view.terms.related_order_id for view in traded.engine.open_order_views()] == [4, 3]
    assert traded.locked("bob") == {"SOL": "1"}


def test_when_one_trades_even_partly_the_other_goes(traded):
    traded.run("bob oco sell 2 @ 110 | sell 2 stop=95", "carol buy 0.5 @ 110")
    assert traded.open("bob") == ["3 sell 1.5 @ 110 PartiallyFilled"]
    assert traded.news[-1] == "bob 4 Cancelled (OneCancelsOther)"


def test_when_one_fires_the_other_goes_first_so_that_its_coins_are_free(traded):
    traded.fund("dave", SOL="1")
    traded.run("dave oco sell 1 @ 110 | sell 1 stop=95", "alice buy 5 @ 95", "carol sell 1 @ 95")
    assert traded.trades[-1] == "1 @ 95 maker=alice taker=dave"
    assert traded.news[-3:-1] == ["dave 3 Cancelled (OneCancelsOther)", "dave 4 Triggered"]


@pytest.mark.parametrize("ending", ["bob cancel 3", "bob cancel 4"])
def test_when_one_is_cancelled_the_other_is(traded, ending):
    traded.run("bob oco sell 1 @ 110 | sell 1 stop=95", ending)
    assert traded.open("bob") == []
    assert traded.locked("bob") == {}


def test_when_one_expires_the_other_goes(traded):
    traded.run("bob oco sell 1 @ 110 until=60s | sell 1 stop=95")
    assert traded.advance("60s") == ["bob 3 Expired (GoodTillDate)", "bob 4 Cancelled (OneCancelsOther)"]


def test_cancel_all_ends_both_by_its_own_reason(traded):
    traded.run("bob oco sell 1 @ 110 | sell 1 stop=95")
    assert traded.run("bob cancel all") == "3 Cancelled 0 (User), 4 Cancelled 0 (User)"


def test_one_that_trades_on_arrival_cancels_the_one_that_waits(traded):
    traded.run("alice buy 1 @ 105")
    assert traded.run("bob oco sell 1 @ 105 | sell 1 stop=95") == "4 Filled 1, 5 Cancelled 0 (OneCancelsOther)"


def test_the_trade_of_one_passes_the_trigger_of_the_other_in_vain(traded):
    """The partner goes before triggers are looked at."""
    traded.run("alice buy 1 @ 95")
    assert traded.run("bob oco sell 1 @ 95 | sell 1 @ 80 stop=95") == "4 Filled 1, 5 Cancelled 0 (OneCancelsOther)"
    assert "bob 5 Triggered" not in traded.news


def test_both_may_wait(traded):
    traded.run("bob oco sell 1 @ 94 stop=95 | buy 1 @ 106 stop=105", "alice buy 1 @ 105", "carol sell 1 @ 105")
    assert traded.open("bob") == ["4 buy 1 @ 106 New"]


@pytest.mark.parametrize(
    "legs",
    [
        "sell 1 @ 110 | sell 1 @ 111",
        "sell 1 @ 110 ioc | sell 1 stop=95",
        "sell 1 @ 110 fok | sell 1 stop=95",
        "sell 1 | sell 1 stop=95",
        "sell 1 @ 110 | sell 1 @ 90 ioc stop=95",
        "sell 1 @ 110 gain=90 | sell 1 stop=95",
        "sell 1 @ 110 | sell 1 stop=95 loss=120",
    ],
)
def test_what_no_pair_can_be(traded, legs):
    assert traded.run(f"bob oco {legs}") == "invalid_parameter"
    assert traded.open("bob") == []


def test_either_both_are_taken_or_none(traded):
    traded.run("alice buy 1 @ 105")
    assert traded.run("bob oco sell 1 stop=95 | sell 5000 @ 110") == "insufficient_funds"
    assert traded.run("bob oco sell 1 stop=95 | sell 1 @ 105 post-only") == "post_only_would_take"
    assert traded.run("bob oco sell 1 stop=95 id=3 | sell 1 @ 110 id=3") == "duplicate_client_id"
    assert traded.open("bob") == []


def test_a_pair_counts_as_two_orders():
    venue = Venue(max_open_orders=2).fund("bob", SOL="10")
    venue.run("bob sell 1 @ 200")
    assert venue.run("bob oco sell 1 @ 110 | sell 1 stop=95") == "too_many_open_orders"
    venue.run("bob cancel all")
    assert venue.run("bob oco sell 1 @ 110 | sell 1 stop=95") == "2 New 0, 3 TriggerPending 0"


def test_a_retry_with_the_same_key_gives_the_same_pair(traded):
    pair = structs.replace(traded.parse("bob oco sell 1 @ 110 | sell 1 stop=95"), idempotency_key="a")
    first = traded.send(pair)
    again = traded.send(pair)
    assert again.replayed
    assert again.reply == first.reply
    assert len(traded.open("bob")) == 2


def test_a_leg_taken_by_self_trade_prevention_takes_the_other_along(traded):
    traded.run("bob oco sell 1 @ 110 | sell 1 stop=95", "bob buy 1 @ 110 keep")
    assert "bob 3 Cancelled (SelfTradePrevention)" in traded.news
    assert traded.news[-1] == "bob 4 Cancelled (OneCancelsOther)"


def test_an_amended_leg_keeps_its_partner_and_its_direction(traded):
    traded.run("bob oco sell 2 @ 110 | sell 2 stop=95")
    assert traded.run("bob amend 3 @ 111") == "New 0"
    assert traded.run("bob amend 4 stop=101") == "invalid_trigger"  # Passed already: the last price is 100.
    assert traded.run("bob amend 4 to 1 stop=97") == "TriggerPending 0"
    traded.run("carol buy 2 @ 111")
    assert traded.open("bob") == []
