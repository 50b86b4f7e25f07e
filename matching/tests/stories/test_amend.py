"""Changing orders that are open."""

import pytest
from msgspec import structs


def test_less_at_the_same_price_keeps_the_place(venue):
    venue.run("alice sell 3 @ 100", "carol sell 3 @ 100")
    assert venue.run("alice amend 1 to 2") == "New 0"
    assert venue.news == ["alice 1 Modified"]
    assert venue.locked("alice") == {"SOL": "2"}
    venue.run("bob buy 3 @ 100")
    assert venue.trades == ["2 @ 100 maker=alice taker=bob", "1 @ 100 maker=carol taker=bob"]


def test_more_at_the_same_price_goes_to_the_end_of_the_queue(venue):
    venue.run("alice sell 1 @ 100", "carol sell 1 @ 100", "alice amend 1 to 2", "bob buy 1 @ 100")
    assert venue.trades == ["1 @ 100 maker=carol taker=bob"]
    assert venue.locked("alice") == {"SOL": "2"}


def test_another_price_goes_to_the_end_of_its_queue(venue):
    venue.run("carol sell 1 @ 100", "alice sell 1 @ 101", "alice amend 2 @ 100", "bob buy 1 @ 100")
    assert venue.trades == ["1 @ 100 maker=carol taker=bob"]


def test_an_amended_order_may_trade_at_once(venue):
    venue.run("alice sell 1 @ 100", "bob buy 3 @ 99")
    assert venue.run("bob amend 2 @ 100") == "PartiallyFilled 1"
    assert venue.news == ["bob 2 Modified", "1 @ 100 maker=alice taker=bob"]
    assert venue.book == ["bid 100 x 2"]


def test_the_new_quantity_is_the_total_with_what_has_executed(venue):
    venue.run("alice sell 5 @ 100", "bob buy 2 @ 100")
    assert venue.run("alice amend 1 to 2") == "invalid_quantity"
    assert venue.run("alice amend 1 to 1") == "invalid_quantity"
    assert venue.run("alice amend 1 to 2.01") == "PartiallyFilled 2"
    assert venue.book == ["ask 100 x 0.01"]


def test_the_markets_limits_hold_for_the_new_quantity(venue):
    venue.run("bob buy 2 @ 100", "staff limits min_quantity_lots=100 max_quantity_lots=300")
    assert venue.run("bob amend 1 to 0.5") == "quantity_too_small"
    assert venue.run("bob amend 1 to 4") == "quantity_too_large"


@pytest.mark.parametrize("words", ["to 2", "@ 100", "to 2 @ 100"])
def test_something_must_change(venue, words):
    venue.run("bob buy 2 @ 100")
    assert venue.run(f"bob amend 1 {words}") == "invalid_parameter"


def test_what_the_order_already_reserves_counts_as_free(venue):
    venue.run("carol buy 100 @ 100")  # All that Carol has.
    assert venue.run("carol amend 1 to 101") == "insufficient_funds"
    assert venue.run("carol amend 1 to 200 @ 50") == "New 0"
    assert venue.locked("carol") == {"USDC": "10000"}


def test_a_refused_amend_leaves_the_order_where_it_was(venue):
    venue.run("alice sell 1 @ 100", "bob buy 1 @ 90", "carol buy 1 @ 90", "carol cancel 3", "bob buy 1 @ 90 post-only")
    venue.run("carol buy 1 @ 90")
    assert venue.run("bob amend 4 @ 100") == "post_only_would_take"
    assert venue.run("bob amend 4 to 5000") == "insufficient_funds"
    venue.run("alice sell 2 @ 90")
    assert venue.trades == ["1 @ 90 maker=bob taker=alice", "1 @ 90 maker=bob taker=alice"]


def test_orders_are_named_by_id_or_client_id_and_keep_the_latter(venue):
    venue.run("bob buy 1 @ 90 id=7")
    assert venue.run("bob amend id=7 @ 91") == "New 0"
    assert venue.run("bob buy 1 @ 90 id=7") == "duplicate_client_id"
    assert venue.run("alice amend 1 @ 92") == "unknown_order"
    assert venue.run("bob amend 9 @ 92") == "unknown_order"


def test_an_amended_order_keeps_the_fee_rates_of_its_acceptance(venue):
    venue.run("staff fees maker=0 taker=1000", "bob buy 1 @ 90", "staff fees maker=5000 taker=5000")
    venue.run("bob amend 1 @ 91", "alice sell 1 @ 91")
    assert venue.available("fees") == {"USDC": "0.455"}  # Alice's, at today's rate; Bob's maker rate is the old 0.
    assert venue.available("bob")["SOL"] == "1001"


def test_an_iceberg_gives_up_hidden_quantity_first(venue):
    venue.run("alice sell 10 @ 100 show=2", "carol sell 1 @ 100", "alice amend 1 to 3")
    assert venue.book == ["ask 100 x 3"]
    venue.run("alice amend 1 to 1", "bob buy 1 @ 100")
    assert venue.trades == ["1 @ 100 maker=alice taker=bob"]


def test_an_icebergs_display_must_stay_a_hundredth(venue):
    venue.run("alice sell 2 @ 100 show=0.1")
    assert venue.run("alice amend 1 to 10.01") == "invalid_parameter"
    assert venue.run("alice amend 1 to 10") == "New 0"


# --------------------------------------------------------------------------------------------------------- conditional


def test_a_waiting_order_can_change_price_quantity_and_trigger(traded):
    traded.run("bob sell 1 @ 90 stop=95")
    assert traded.run("bob amend 3 to 2 @ 91 stop=96") == "TriggerPending 0"
    (view,) = traded.engine.open_order_views()
    assert (view.quantity_lots, view.price_ticks, view.terms.trigger_price_ticks) == (200, 9100, 9600)


def test_its_direction_is_determined_anew(traded):
    traded.run("bob sell 1 @ 300 stop=95", "bob amend 3 stop=105", "alice buy 1 @ 105", "carol sell 1 @ 105")
    assert traded.open("bob") == ["3 sell 1 @ 300 New"]


def test_an_exit_keeps_its_direction_and_cannot_get_a_trigger_that_is_passed(venue):
    venue.run("alice sell 1 @ 100", "bob buy 1 @ 100 loss=95")
    assert venue.run("bob amend 3 stop=101") == "invalid_trigger"
    assert venue.run("bob amend 3 stop=100") == "invalid_trigger"
    assert venue.run("bob amend 3 stop=99.99") == "TriggerPending 0"


def test_what_has_no_trigger_cannot_get_one(traded):
    traded.run("bob sell 1 @ 110", "bob sell 1 trail=5", "bob sell 1 stop=95")
    assert traded.run("bob amend 3 stop=95") == "invalid_parameter"
    assert traded.run("bob amend 4 stop=95") == "invalid_parameter"
    assert traded.run("bob amend 5 @ 95") == "invalid_parameter"  # A market order has no price.
    assert traded.run("bob amend 4 to 2") == "TriggerPending 0"


# -------------------------------------------------------------------------------------------------------------- states


@pytest.mark.parametrize(
    ("state", "less", "other"),
    [
        ("LimitOnly", "New 0", "New 0"),
        ("PostOnly", "New 0", "New 0"),
        ("Auction", "New 0", "New 0"),
        ("CancelOnly", "New 0", "market_not_open"),
        ("Closed", "market_closed", "market_closed"),
    ],
)
def test_reducing_works_wherever_cancelling_does_the_rest_needs_a_market_that_takes_orders(venue, state, less, other):
    venue.run("bob buy 3 @ 90", f"staff state {state}")
    assert venue.run("bob amend 1 to 2") == less
    assert venue.run("bob amend 1 @ 91") == other


def test_in_a_post_only_market_an_amend_may_not_take(venue):
    venue.run("alice sell 1 @ 100", "bob buy 3 @ 90", "staff state PostOnly")
    assert venue.run("bob amend 2 @ 100") == "post_only_would_take"


def test_halted_or_blocked_only_less_is_possible(venue):
    venue.run("bob buy 3 @ 90", "staff kill")
    assert venue.run("bob amend 1 @ 91") == "trading_halted"
    assert venue.run("bob amend 1 to 2") == "New 0"
    venue.run("staff release", "staff block bob")
    assert venue.run("bob amend 1 @ 91") == "account_blocked"
    assert venue.run("bob amend 1 to 1") == "New 0"


def test_an_amend_that_waited_too_long_is_refused(venue):
    venue.run("bob buy 3 @ 90")
    late = structs.replace(venue.parse("bob amend 1 @ 91"), valid_until_ms=venue.at_ms)
    venue.answers.append(venue.send(late))
    assert venue.answer == "expired_in_queue"
