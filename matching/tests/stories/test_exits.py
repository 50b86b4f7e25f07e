"""Stop-loss and take-profit that follow an order when it is done."""

import pytest

from matching.tests.venue import Venue


def test_a_filled_bid_places_its_two_exits_for_what_it_bought(venue):
    venue.run("alice sell 2 @ 100", "bob buy 2 @ 100 loss=95 gain=110/109")
    assert venue.news[-2:] == ["bob 3 TriggerPlaced", "bob 4 TriggerPlaced"]
    assert venue.open("bob") == ["3 sell 2 at market TriggerPending", "4 sell 2 @ 109 TriggerPending"]
    loss, gain = sorted(venue.engine.open_order_views(), key=lambda view: view.order_id)
    assert (loss.terms.fires_above, gain.terms.fires_above) == (False, True)
    assert loss.terms.related_order_id == gain.terms.related_order_id == 2
    assert loss.client_id is gain.client_id is None
    assert gain.time_in_force.value == "GTC"


def test_a_sale_has_its_stop_loss_above_and_its_take_profit_below(venue):
    venue.run("alice buy 2 @ 100", "bob sell 2 @ 100 loss=105 gain=90")
    assert venue.open("bob") == ["3 buy 2 at market TriggerPending", "4 buy 2 at market TriggerPending"]
    loss, gain = sorted(venue.engine.open_order_views(), key=lambda view: view.order_id)
    assert (loss.terms.fires_above, gain.terms.fires_above) == (True, False)


def test_what_a_bid_pays_as_fee_it_cannot_sell_again():
    venue = Venue(maker_fee_ppm=0, taker_fee_ppm=10_000).fund("alice", SOL="10").fund("bob", USDC="10000")
    venue.run("alice sell 2 @ 100", "bob buy 2 @ 100 loss=95")
    assert venue.available("bob")["SOL"] == "1.98"
    assert venue.open("bob") == ["3 sell 1.98 at market TriggerPending"]


def test_less_than_one_lot_gets_no_exit():
    venue = Venue(maker_fee_ppm=0, taker_fee_ppm=10_000).fund("alice", SOL="10").fund("bob", USDC="10000")
    venue.run("alice sell 0.01 @ 100", "bob buy 0.01 @ 100 loss=95")
    assert venue.open("bob") == []


def test_a_resting_parent_gets_them_when_it_is_done_not_before(venue):
    venue.run("bob buy 3 @ 100 loss=95", "alice sell 1 @ 100")
    assert venue.open("bob") == ["1 buy 2 @ 100 PartiallyFilled"]
    venue.run("alice sell 2 @ 100")
    assert venue.open("bob") == ["4 sell 3 at market TriggerPending"]


@pytest.mark.parametrize("ending", ["bob cancel 1", "bob cancel all"])
def test_a_parent_that_ends_with_something_executed_gets_them_for_that(venue, ending):
    venue.run("bob buy 3 @ 100 loss=95", "alice sell 1 @ 100", ending)
    assert venue.open("bob") == ["3 sell 1 at market TriggerPending"]


def test_an_expired_parent_too(venue):
    venue.run("bob buy 3 @ 100 until=60s loss=95", "alice sell 1 @ 100")
    assert venue.advance("60s") == ["bob 1 Expired (GoodTillDate)", "bob 3 TriggerPlaced"]


def test_a_parent_that_ends_with_nothing_gets_none(venue):
    venue.run("bob buy 3 @ 100 loss=95", "bob cancel 1", "bob buy 3 @ 100 fok loss=95")
    assert venue.open("bob") == []


def test_the_one_that_fires_cancels_the_other_first(venue):
    venue.run("alice sell 2 @ 100", "bob buy 2 @ 100 loss=95 gain=110", "alice buy 9 @ 94", "alice sell 1 @ 95")
    venue.run("carol buy 1 @ 95")
    assert venue.news[-3:] == ["bob 4 Cancelled (OneCancelsOther)", "bob 3 Triggered", "2 @ 94 maker=alice taker=bob"]
    assert venue.available("bob")["USDC"] == "99988"


def test_cancelling_one_exit_cancels_the_other(venue):
    venue.run("alice sell 2 @ 100", "bob buy 2 @ 100 loss=95 gain=110", "bob cancel 4")
    assert venue.open("bob") == []


def test_a_single_exit_has_no_partner(venue):
    venue.run("alice sell 2 @ 100", "bob buy 2 @ 100 gain=110")
    assert venue.open("bob") == ["3 sell 2 at market TriggerPending"]


def test_an_exit_that_the_last_price_has_passed_fires_at_once(venue):
    """Bob's bid rested at 100; a sale that goes on to 94 passes his stop-loss."""
    venue.run("bob buy 1 @ 100 loss=95", "carol buy 1 @ 94", "carol buy 5 @ 93", "alice sell 2 @ 94")
    assert venue.trades == [
        "1 @ 100 maker=bob taker=alice",
        "1 @ 94 maker=carol taker=alice",
        "1 @ 93 maker=carol taker=bob",
    ]


def test_trades_made_before_an_exit_was_placed_do_not_fire_it(venue):
    """A buyer sweeps 98, 102, 103. Alice sells the last at 103 and wants back below 100: 98 was before."""
    venue.run("carol sell 1 @ 98", "carol sell 1 @ 102", "alice sell 1 @ 103 gain=100")
    venue.run("bob buy 3 @ 103")
    assert venue.open("alice") == ["5 buy 1 at market TriggerPending"]


@pytest.mark.parametrize(
    "words",
    [
        "buy 1 @ 100 loss=100",
        "buy 1 @ 100 gain=100",
        "sell 1 @ 100 loss=100",
        "sell 1 @ 100 gain=100",
        "buy 1 loss=101",
        "sell 1 gain=101",
        "buy 1 stop=120 loss=121",
        "buy 1 stop=120 gain=119",
    ],
)
def test_exits_must_lie_on_their_sides(traded, words):
    """Of the limit price; of a market order its own trigger, else the last price (100)."""
    assert traded.run(f"bob {words}") == "invalid_trigger"


def test_without_a_last_price_a_market_orders_exits_may_lie_anywhere(venue):
    assert venue.run("bob buy 1 loss=101 gain=99") == "Expired 0 (InsufficientLiquidity)"


def test_exits_of_a_waiting_parent_appear_when_the_fired_parent_is_done(traded):
    traded.run("alice sell 1 @ 105", "alice sell 1 @ 106", "bob buy 1 @ 106 stop=105 loss=104 gain=120")
    assert traded.open("bob") == ["5 buy 1 @ 106 TriggerPending"]
    traded.run("carol buy 1 @ 105")
    assert traded.open("bob") == ["7 sell 1 at market TriggerPending", "8 sell 1 at market TriggerPending"]


def test_exits_are_placed_whatever_the_number_of_open_orders_and_count_afterwards():
    venue = Venue(max_open_orders=1).fund("alice", SOL="10").fund("bob", USDC="10000")
    venue.run("bob buy 1 @ 100 loss=95 gain=110", "alice sell 1 @ 100")
    assert len(venue.open("bob")) == 2
    assert venue.run("bob buy 1 @ 90") == "too_many_open_orders"


def test_exits_use_their_parents_self_trade_prevention(venue):
    venue.run("bob buy 1 @ 100 both loss=95", "alice sell 1 @ 100")
    (view,) = venue.engine.open_order_views()
    assert view.self_trade_prevention.value == "RejectBoth"


def test_an_exit_whose_coins_are_gone_fails(venue):
    venue.fund("dave", USDC="100")
    venue.run("alice sell 1 @ 100", "dave buy 1 @ 100 loss=95", "dave sell 1 @ 200", "alice buy 2 @ 95")
    venue.run("carol sell 1 @ 95")
    assert venue.news[-1] == "dave 3 TriggerFailed (InsufficientFunds)"


def test_an_amended_price_must_keep_the_exits_on_their_sides(venue):
    venue.run("bob buy 2 @ 100 loss=95 gain=110")
    assert venue.run("bob amend 1 @ 95") == "invalid_trigger"
    assert venue.run("bob amend 1 @ 96") == "New 0"
    assert venue.run("alice sell 2 @ 96") == "Filled 2"
    assert len(venue.open("bob")) == 2
