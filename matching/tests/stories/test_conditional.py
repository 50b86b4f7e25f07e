"""Orders that wait outside the book until a price is reached."""

import pytest

from matching.tests.venue import Venue


def test_a_waiting_order_is_in_no_book_and_holds_no_money(traded):
    assert traded.run("bob sell 2 @ 95 stop=96") == "TriggerPending 0"
    assert traded.news == ["bob 3 TriggerPlaced"]
    assert traded.book == []
    assert traded.locked("bob") == {}
    assert traded.run("carol buy 1000 @ 200 stop=150") == "TriggerPending 0"  # Far more than Carol has.


def test_a_stop_fires_when_a_trade_reaches_it(traded):
    traded.run("bob sell 2 stop=95", "alice buy 5 @ 95", "alice buy 5 @ 94")
    traded.run("carol sell 1 @ 96 ioc")
    assert traded.trades == []
    traded.run("carol sell 1 @ 95")
    assert traded.trades == ["1 @ 95 maker=alice taker=carol", "2 @ 95 maker=alice taker=bob"]
    assert "bob 3 Triggered" in traded.news


def test_above_or_at_the_last_price_it_fires_on_the_way_up_else_on_the_way_down(traded):
    traded.run("bob buy 1 @ 120 stop=100", "bob sell 1 @ 80 stop=99.99")
    assert [view.terms.fires_above for view in traded.engine.open_order_views()] == [True, False]


def test_without_a_last_price_a_bid_waits_for_a_rise_and_an_ask_for_a_fall(venue):
    venue.run("bob buy 1 @ 120 stop=100", "bob sell 1 @ 80 stop=100")
    assert [view.terms.fires_above for view in venue.engine.open_order_views()] == [True, False]


def test_a_trigger_at_the_last_price_still_waits_for_a_trade(traded):
    traded.run("bob buy 1 @ 120 stop=100")
    assert traded.open("bob") == ["3 buy 1 @ 120 TriggerPending"]
    traded.run("alice sell 2 @ 100", "carol buy 1 @ 100")
    assert traded.trades[-1] == "1 @ 100 maker=alice taker=bob"


def test_a_fired_order_keeps_its_id_and_says_when_it_fired(traded):
    traded.run("bob buy 2 @ 101 stop=101", "alice sell 1 @ 101", "carol buy 1 @ 101")
    assert traded.open("bob") == ["3 buy 2 @ 101 New"]
    (view,) = traded.engine.open_order_views()
    assert view.triggered_at_ms == traded.at_ms


def test_a_fired_order_meets_the_book_like_a_new_one_and_may_fire_the_next(traded):
    traded.run("alice buy 1 @ 98", "alice buy 1 @ 96", "alice buy 9 @ 90")
    traded.run("bob sell 1 stop=98", "carol sell 1 stop=96")
    traded.run("alice sell 1 @ 98 keep", "alice buy 1 @ 98 keep", "bob sell 1 @ 98")
    assert traded.trades == [
        "1 @ 98 maker=alice taker=bob",
        "1 @ 96 maker=alice taker=bob",
        "1 @ 90 maker=alice taker=carol",
    ]


def test_falling_triggers_fire_before_rising_ones_each_nearest_first(traded):
    """One order's trades, at 104 and 90, pass all of them at once."""
    traded.run("alice buy 1 @ 104", "alice sell 1 @ 110", "alice buy 1 @ 90")
    traded.run("bob sell 1 @ 300 stop=95", "bob sell 1 @ 300 stop=99", "bob sell 1 @ 300 stop=99")
    traded.run("bob buy 1 @ 1 stop=103", "bob buy 1 @ 1 stop=101")
    traded.run("carol sell 2 @ 90")
    fired = [line for line in traded.news if line.endswith("Triggered")]
    assert fired == [f"bob {order_id} Triggered" for order_id in (7, 8, 6, 10, 9)]


def test_what_fires_later_queues_behind_what_has_fired(traded):
    """Two stops are passed at once; the first one's trade passes a third, which comes last."""
    traded.run("alice buy 1 @ 97", "alice buy 1 @ 95", "alice buy 9 @ 90")
    traded.run("bob sell 1 stop=97", "bob sell 1 @ 300 stop=97", "carol sell 1 @ 300 stop=95")
    traded.run("carol sell 1 @ 97")
    fired = [line for line in traded.news if line.endswith("Triggered")]
    assert fired == ["bob 6 Triggered", "bob 7 Triggered", "carol 8 Triggered"]


@pytest.mark.parametrize(
    ("line", "prepare", "why"),
    [
        ("carol buy 200 @ 100 stop=101", "", "InsufficientFunds"),
        ("carol buy 1 @ 111 stop=101", "staff limits max_price_ppm=1050000", "PriceOutOfBounds"),
        ("carol buy 1 @ 105 stop=101 post-only", "", "PostOnlyTaker"),
        ("carol buy 1 @ 100 stop=101", "staff block carol", "AccountTradingSuspended"),
        ("carol buy 1 @ 100 stop=101", "staff limits min_quantity_lots=200", "InvalidQuantity"),
        ("carol buy for 0.5 stop=101", "", "InvalidQuantity"),
    ],
)
def test_a_fired_order_that_cannot_be_taken_fails_and_says_why(traded, line, prepare, why):
    traded.run("alice sell 5 @ 101", "alice sell 5 @ 102", line, "bob buy 2 @ 90")
    if prepare:
        traded.run(prepare)
    traded.run("bob buy 3 @ 101")
    assert traded.news[-1] == f"carol 5 TriggerFailed ({why})"
    assert traded.open("carol") == []


def test_form_is_checked_on_arrival_bounds_and_funds_are_not(traded):
    traded.run("staff limits max_price_ppm=1050000 max_quantity_lots=500")
    assert traded.run("bob buy 6 @ 100 stop=101") == "quantity_too_large"
    assert traded.run("bob buy 1 @ 900 stop=101") == "TriggerPending 0"


def test_waiting_orders_count_as_open_ones_and_own_their_client_id():
    venue = Venue(max_open_orders=2).fund("bob", USDC="1000")
    venue.run("bob buy 1 @ 90 stop=100 id=7", "bob buy 1 @ 90")
    assert venue.run("bob buy 1 @ 90 stop=100") == "too_many_open_orders"
    assert venue.run("bob cancel id=7", "bob buy 1 @ 90 id=7") == "New 0"


def test_waiting_orders_of_every_type_and_time_in_force(traded):
    traded.run("alice sell 9 @ 101")
    for words in ("buy 1", "buy for 150", "buy 2 @ 101", "buy 2 @ 101 ioc", "buy 2 @ 101 fok"):
        assert traded.run(f"bob {words} stop=101") == "TriggerPending 0"
    traded.run("carol buy 0.01 @ 101")
    assert traded.open("bob") == []
    assert [trade.split()[0] for trade in traded.trades] == ["0.01", "1", "1.48", "2", "2", "2"]


def test_waiting_orders_can_be_cancelled_one_by_one_and_as_a_kind(traded):
    traded.run("bob buy 1 @ 90", "bob buy 1 @ 90 stop=101", "bob buy 1 @ 90 stop=102")
    assert traded.run("bob cancel 4") == "Cancelled 0 (User)"
    assert traded.run("bob cancel waiting") == "5 Cancelled 0 (User)"
    assert traded.run("bob cancel resting") == "3 Cancelled 0 (User)"


def test_what_the_api_cannot_mean_is_refused(traded):
    assert traded.run("bob sell 1 stop=95 trail=2") == "invalid_trigger"
    assert traded.run("bob buy 1 @ 90 slip=1") == "invalid_parameter"


# --------------------------------------------------------------------------------------------------------- trailing


def test_a_trailing_sale_follows_the_price_up_and_fires_when_it_comes_back(traded):
    traded.run("bob sell 1 trail=5", "alice buy 9 @ 50")
    for price in (104, 110, 106, 105.5):
        traded.run(f"alice sell 1 @ {price}", f"carol buy 1 @ {price}")
    assert traded.open("bob") == ["3 sell 1 at market TriggerPending"]
    traded.run("alice sell 1 @ 105", "carol buy 1 @ 105")
    assert traded.trades[-1] == "1 @ 50 maker=alice taker=bob"


def test_a_trailing_bid_follows_the_price_down(traded):
    traded.run("bob buy 1 trail=5", "alice sell 9 @ 150")
    for price in (90, 94):
        traded.run(f"alice buy 1 @ {price}", f"carol sell 1 @ {price}")
    assert traded.open("bob") != []
    traded.run("alice buy 1 @ 95", "carol sell 1 @ 95")
    assert traded.trades[-1] == "1 @ 150 maker=alice taker=bob"


def test_one_order_that_trades_upwards_does_not_fire_what_only_its_last_price_would(traded):
    """The low price came first: the best price was still the old one then."""
    traded.run("bob sell 1 @ 80 trail=5", "alice sell 1 @ 99", "alice sell 1 @ 108", "carol buy 2 @ 108")
    assert traded.open("bob") == ["3 sell 1 @ 80 TriggerPending"]


def test_a_trailing_order_shows_where_it_would_fire_now(traded):
    traded.run("bob sell 1 trail=5", "alice sell 1 @ 110", "carol buy 1 @ 110")
    (view,) = traded.engine.open_order_views()
    assert (view.terms.trigger_price_ticks, view.terms.fires_above) == (10500, False)


def test_a_trailing_order_needs_a_last_price_and_a_sale_one_above_the_distance(venue):
    assert venue.run("bob sell 1 trail=5") == "invalid_trigger"
    venue.run("alice sell 1 @ 100", "bob buy 1 @ 100")
    assert venue.run("bob sell 1 trail=100") == "invalid_trigger"
    assert venue.run("bob sell 1 trail=99.99") == "TriggerPending 0"
    assert venue.run("bob buy 1 trail=500") == "TriggerPending 0"


def test_a_market_has_at_most_a_thousand_trailing_orders():
    venue = Venue(max_open_orders=2_000)
    for name in ("alice", "bob"):
        venue.fund(name, SOL="10", USDC="1000")
    venue.run("alice sell 1 @ 100", "bob buy 1 @ 100")
    for _ in range(20):
        venue.run("bob batch " + " ; ".join(["sell 1 trail=5"] * 50))
    assert venue.run("bob sell 1 trail=5") == "too_many_open_orders"
    assert venue.run("bob sell 1 stop=5") == "TriggerPending 0"


# ---------------------------------------------------------------------------------------------------- states, cascade


@pytest.mark.parametrize("state", ["LimitOnly", "PostOnly", "CancelOnly", "Closed"])
def test_nothing_fires_unless_the_market_is_open(traded, state):
    traded.run("bob buy 1 @ 90 stop=99", "alice buy 1 @ 99")
    traded.run("staff state LimitOnly", "carol sell 1 @ 99")  # Trades at the trigger.
    traded.run(f"staff state {state}")
    assert traded.open("bob") == ["3 buy 1 @ 90 TriggerPending"]
    traded.run("staff state Open")
    assert traded.open("bob") == ["3 buy 1 @ 90 New"]


def test_when_the_market_opens_the_last_price_decides_not_what_was_on_the_way(traded):
    traded.run("bob buy 1 @ 80 stop=95", "staff state LimitOnly")
    traded.run("alice buy 1 @ 95", "carol sell 1 @ 95", "alice sell 1 @ 99", "carol buy 1 @ 99")
    traded.run("staff state Open")
    assert traded.open("bob") == ["3 buy 1 @ 80 TriggerPending"]


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("LimitOnly", "TriggerPending 0"),
        ("PostOnly", "TriggerPending 0"),
        ("Auction", "TriggerPending 0"),
        ("CancelOnly", "market_not_open"),
        ("Closed", "market_closed"),
    ],
)
def test_in_which_states_an_order_may_begin_to_wait(traded, state, answer):
    traded.run(f"staff state {state}")
    assert traded.run("bob sell 1 stop=95") == answer


def crowded(venue: Venue, count: int) -> None:
    for start in range(0, count, 50):
        venue.run("bob batch " + " ; ".join(["buy 0.01 @ 1 stop=101"] * min(50, count - start)))


def test_one_command_fires_a_hundred_orders(traded):
    crowded(traded, 100)
    traded.run("alice sell 1 @ 101", "carol buy 1 @ 101")
    assert len([line for line in traded.news if line.endswith("Triggered")]) == 100
    assert "market CancelOnly" not in traded.news


def test_more_pause_a_market_without_auctions(traded):
    crowded(traded, 130)
    traded.run("alice sell 1 @ 101", "carol buy 1 @ 101")
    assert len([line for line in traded.news if line.endswith("Triggered")]) == 100
    assert "market CancelOnly" in traded.news
    assert len([line for line in traded.open("bob") if line.endswith("TriggerPending")]) == 30
    traded.run("staff state Open")
    assert not [line for line in traded.open("bob") if line.endswith("TriggerPending")]


def test_more_send_a_market_with_auctions_into_one(traded):
    traded.run("staff limits auction_ms=60000")
    crowded(traded, 130)
    traded.run("alice sell 1 @ 101", "carol buy 1 @ 101")
    assert "market Auction" in traded.news
    traded.advance("60s")
    assert "market Open" in traded.news
    assert not [line for line in traded.open("bob") if line.endswith("TriggerPending")]


def test_the_steps_of_a_batch_share_the_hundred(traded):
    for price, count in ((101, 60), (102, 70)):
        for start in range(0, count, 50):
            step = f"buy 0.01 @ 1 stop={price}"
            traded.run("bob batch " + " ; ".join([step] * min(50, count - start)))
    traded.run("alice sell 1 @ 101", "alice sell 1 @ 102", "carol batch buy 1 @ 101 ; buy 1 @ 102")
    assert len([line for line in traded.news if line.endswith("Triggered")]) == 100
    assert traded.news[-1] == "market CancelOnly"


def test_orders_fired_by_the_clock_have_their_own_hundred(traded):
    """An auction that ends fires what its price has reached, a hundred at a time."""
    crowded(traded, 130)
    traded.run("staff auction 60s", "alice sell 1 @ 101", "carol buy 1 @ 101")
    news = traded.advance("60s")
    assert len([line for line in news if line.endswith("Triggered")]) == 100
    assert news[-1] == "market CancelOnly"
