"""Who is kept out, and the order in which an order is examined."""

import pytest


def test_a_blocked_account_can_cancel_but_not_trade(venue):
    venue.run("bob buy 1 @ 90", "staff block bob")
    assert venue.run("bob buy 1 @ 90") == "account_blocked"
    assert venue.run("bob sell 1 stop=80") == "account_blocked"
    assert venue.run("bob batch buy 1 @ 90 ; cancel 1") == "account_blocked ; Cancelled 0 (User)"
    assert venue.run("alice buy 1 @ 90") == "New 0"
    assert venue.run("staff unblock bob", "bob buy 1 @ 90") == "New 0"


def test_its_resting_orders_still_trade(venue):
    venue.run("bob buy 1 @ 90", "staff block bob")
    assert venue.run("alice sell 1 @ 90") == "Filled 1"


def test_a_block_in_the_market_and_one_everywhere_are_two(venue):
    venue.run("staff block bob here", "staff block bob", "staff unblock bob")
    assert venue.run("bob buy 1 @ 90") == "account_blocked"
    assert venue.run("staff unblock bob here", "bob buy 1 @ 90") == "New 0"


def test_a_block_survives_a_snapshot(venue):
    venue.run("staff block bob")
    venue.both.reload()
    assert venue.run("bob buy 1 @ 90") == "account_blocked"


def test_the_kill_switch_stops_everything_but_cancels_and_money(venue):
    venue.run("bob buy 1 @ 90", "staff kill")
    for line in ("bob buy 1 @ 90", "bob sell 1", "bob sell 1 stop=80", "bob oco sell 1 @ 110 | sell 1 stop=80"):
        assert venue.run(line) == "trading_halted"
    assert venue.run("bob cancel all") == "1 Cancelled 0 (User)"
    assert venue.run("wallet deposit 1 bob 5 SOL #1") == "Done"
    assert venue.run("staff release", "bob buy 1 @ 90") == "New 0"


def test_no_auction_uncrosses_while_trading_is_halted(venue):
    venue.run("staff auction 60s", "alice sell 1 @ 99", "bob buy 1 @ 99", "staff kill")
    assert venue.run("staff state Open") == "trading_halted"
    assert venue.advance("120s") == []
    venue.run("staff release")
    venue.advance("1ms")
    assert venue.trades == ["1 @ 99 maker=alice taker=bob"]


def test_a_market_that_is_crossed_and_closed_does_not_open_while_trading_is_halted(venue):
    venue.run("staff auction", "alice sell 1 @ 99", "bob buy 1 @ 99", "staff state Closed", "staff kill")
    assert venue.run("staff state Open") == "trading_halted"


def test_on_release_what_the_last_price_has_reached_fires(traded):
    """Bob's bid has bought one when it is cancelled under the switch; its take-profit is passed already."""
    traded.run("bob buy 2 @ 100 gain=101", "alice sell 1 @ 100", "alice sell 1 @ 102", "carol buy 1 @ 102")
    traded.run("alice buy 3 @ 93", "staff kill", "bob cancel 3")
    assert traded.news == ["bob 3 Cancelled (User)", "bob 8 TriggerPlaced"]
    traded.run("staff release")
    assert traded.news == ["bob 8 Triggered", "1 @ 93 maker=alice taker=bob"]


@pytest.mark.parametrize(
    ("words", "lines", "answer"),
    [
        ("buy 1 @ 100 show=1", ["staff kill"], "invalid_parameter"),
        ("buy 1 @ 100", ["staff kill", "staff state Closed", "staff block bob"], "trading_halted"),
        ("buy 1 @ 100", ["staff state Closed", "staff block bob"], "market_closed"),
        ("buy 1 @ 100", ["staff state CancelOnly", "staff block bob"], "market_not_open"),
        ("buy 9000 @ 100 id=1", ["bob buy 1 @ 50 id=1", "staff block bob"], "account_blocked"),
        ("buy 9000 @ 100 id=1", ["bob buy 1 @ 50 id=1", "staff limits max_open_orders=1"], "duplicate_client_id"),
        ("buy 9000 @ 100 id=2", ["bob buy 1 @ 50 id=1", "staff limits max_open_orders=1"], "too_many_open_orders"),
        ("buy 9000 @ 300 post-only", ["staff limits max_price_ppm=2000000"], "price_out_of_bounds"),
        ("buy 9000 @ 190 post-only", ["staff limits max_price_ppm=2000000"], "post_only_would_take"),
        ("buy 9000 @ 90 post-only", ["staff limits max_price_ppm=2000000"], "insufficient_funds"),
    ],
)
def test_the_first_check_that_fails_is_the_answer(traded, words, lines, answer):
    traded.run("alice sell 1 @ 150", *lines)
    assert traded.run(f"bob {words}") == answer


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("buy 0.49 @ 100", "quantity_too_small"),
        ("buy 3.01 @ 100", "quantity_too_large"),
        ("buy 0.5 @ 99.99", "notional_too_small"),
        ("buy 0.5 @ 100", "New 0"),
        ("buy for 49.99", "notional_too_small"),
        ("buy 0.5", "Expired 0 (InsufficientLiquidity)"),
    ],
)
def test_limits_of_size(traded, words, answer):
    traded.run("staff limits min_quantity_lots=50 max_quantity_lots=300 min_notional_units=50000000")
    assert traded.run(f"bob {words}") == answer


def test_a_market_order_by_quantity_is_worth_what_the_last_price_says(traded):
    traded.run("staff limits min_notional_units=50000000")
    assert traded.run("bob buy 0.49") == "notional_too_small"


def test_decrement_is_no_choice_for_orders_by_amount(venue):
    assert venue.run("bob buy for 100 decrement") == "invalid_parameter"


def test_decrement_shrinks_both_without_a_trade(venue):
    venue.run("bob sell 3 @ 100 id=1")
    assert venue.run("bob buy 1 @ 100 decrement") == "Expired 0 (SelfTradePrevention)"
    assert venue.open("bob") == ["1 sell 2 @ 100 New"]
    assert venue.locked("bob") == {"SOL": "2"}
    assert venue.run("bob buy 3 @ 100 decrement") == "New 0"
    assert venue.news == ["bob 3 Accepted", "bob 1 Cancelled (SelfTradePrevention)", "bob 3 Modified"]
    assert venue.open("bob") == ["3 buy 1 @ 100 New"]
    assert venue.locked("bob") == {"USDC": "100"}


def test_fok_with_decrement_needs_all_of_it_from_others(venue):
    venue.run("bob sell 1 @ 100", "alice sell 3 @ 101")
    assert venue.run("bob buy 2 @ 101 fok decrement") == "Expired 0 (FillOrKill)"
    assert venue.book == ["ask 100 x 1", "ask 101 x 3"]


# --------------------------------------------------------------------------------------------- what an order must have


def test_a_market_sale_needs_its_whole_quantity_even_if_nobody_buys(venue):
    assert venue.run("carol sell 100.01") == "insufficient_funds"
    assert venue.run("carol sell 100") == "Expired 0 (InsufficientLiquidity)"


def test_a_market_sale_by_amount_needs_what_it_would_really_sell(venue):
    venue.run("alice buy 500 @ 100")
    assert venue.run("carol sell for 10001") == "insufficient_funds"  # 100.01 SOL; Carol has 100.
    assert venue.run("carol sell for 10000") == "Filled 100"


def test_a_market_buy_by_amount_needs_the_amount_even_if_nobody_sells(venue):
    assert venue.run("carol buy for 10000.01") == "insufficient_funds"
    assert venue.run("carol buy for 10000") == "Expired 0 (InsufficientLiquidity)"


def test_an_amount_that_buys_exactly_one_lot_is_enough(venue):
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob buy for 0.999999") == "quantity_too_small"
    assert venue.run("bob buy for 1") == "Filled 0.01"


def test_orders_that_cannot_rest_do_not_count_against_the_number_of_open_orders(venue):
    venue.run("staff limits max_open_orders=1", "bob buy 1 @ 90")
    assert venue.run("bob buy 1 @ 90") == "too_many_open_orders"
    assert venue.run("bob buy 1 @ 90 ioc") == "Expired 0 (ImmediateOrCancel)"
    assert venue.run("bob buy 1") == "Expired 0 (InsufficientLiquidity)"


@pytest.mark.parametrize(
    ("state", "words", "answer"),
    [
        ("PostOnly", "buy 1 @ 90 ioc", "market_not_open"),
        ("PostOnly", "buy 1 @ 90 fok", "market_not_open"),
        ("PostOnly", "buy 1 @ 90 until=60s", "New 0"),
        ("LimitOnly", "buy 1 @ 90 ioc", "Expired 0 (ImmediateOrCancel)"),
        ("LimitOnly", "buy for 90", "market_not_open"),
        ("CancelOnly", "oco sell 1 @ 110 | sell 1 stop=80", "market_not_open"),
    ],
)
def test_what_the_states_take(venue, state, words, answer):
    venue.run(f"staff state {state}")
    assert venue.run(f"bob {words}") == answer


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("LimitOnly", "TriggerPending 0"),
        ("Auction", "TriggerPending 0"),
        ("CancelOnly", "market_not_open"),
        ("Closed", "market_closed"),
    ],
)
def test_a_waiting_order_can_be_amended_where_it_could_be_placed(traded, state, answer):
    traded.run("bob sell 2 stop=95", f"staff state {state}")
    assert traded.run("bob amend 3 to 1") == answer
