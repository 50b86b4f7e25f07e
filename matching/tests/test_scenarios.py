"""The engine as traders see it. Every step of every scenario ends with all invariants checked (`Venue.send`)."""

import pytest
from msgspec import structs

from matching.messages import CreditAccount
from matching.tests.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue().fund("alice", SOL="100", USDC="10000").fund("bob", SOL="100", USDC="10000")


# ------------------------------------------------------------------------------------------- price and time priority


def test_taker_pays_the_makers_price_and_gets_the_difference_back(venue):
    assert venue.run("alice sell 2 @ 100", "bob buy 1 @ 105") == "Filled 1"
    assert venue.trades == ["1 @ 100 maker=alice taker=bob"]
    assert venue.book == ["ask 100 x 1"]
    assert venue.available("bob") == {"SOL": "101", "USDC": "9900"}
    assert venue.locked("bob") == {}


def test_better_price_first_then_older_order(venue):
    venue.fund("carol", SOL="10")
    venue.run("alice sell 1 @ 101", "carol sell 1 @ 100", "alice sell 1 @ 100", "bob buy 3 @ 101")
    assert venue.trades == [
        "1 @ 100 maker=carol taker=bob",
        "1 @ 100 maker=alice taker=bob",
        "1 @ 101 maker=alice taker=bob",
    ]


def test_an_order_keeps_its_place_while_it_fills(venue):
    venue.fund("carol", SOL="10")
    venue.run("alice sell 2 @ 100", "carol sell 2 @ 100", "bob buy 1 @ 100", "bob buy 2 @ 100")
    assert venue.trades[1:] == ["1 @ 100 maker=alice taker=bob", "1 @ 100 maker=carol taker=bob"]


def test_the_rest_of_a_limit_order_rests_at_its_own_price(venue):
    assert venue.run("alice sell 1 @ 100", "bob buy 3 @ 102") == "PartiallyFilled 1"
    assert venue.book == ["bid 102 x 2"]
    assert venue.locked("bob") == {"USDC": "204"}


def test_cancelling_gives_back_what_is_left(venue):
    venue.run("bob buy 3 @ 100", "alice sell 1 @ 100")
    assert venue.run("bob cancel 1") == "Cancelled 1 (User)"
    assert venue.available("bob") == {"SOL": "101", "USDC": "9900"}
    assert venue.run("bob cancel 1") == "unknown_order"


def test_a_strangers_order_is_as_unknown_as_none(venue):
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob cancel 1") == "unknown_order"
    assert venue.book == ["ask 100 x 1"]


# -------------------------------------------------------------------------------------------------- times in force


def test_ioc_takes_what_is_there_and_expires(venue):
    assert venue.run("alice sell 1 @ 100", "bob buy 3 @ 100 ioc") == "Expired 1 (ImmediateOrCancel)"
    assert venue.book == []


def test_fok_trades_everything_or_touches_nothing(venue):
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 101")
    assert venue.run("bob buy 3 @ 101 fok") == "Expired 0 (FillOrKill)"
    assert venue.book == ["ask 100 x 1", "ask 101 x 1"]
    assert venue.run("bob buy 2 @ 101 fok") == "Filled 2"


def test_fok_counts_only_what_self_trade_prevention_leaves(venue):
    venue.run("alice sell 1 @ 100", "bob sell 1 @ 100", "alice sell 1 @ 100")
    assert venue.run("bob buy 2 @ 100 fok") == "Expired 0 (FillOrKill)"
    assert venue.run("bob buy 2 @ 100 fok both") == "Expired 0 (FillOrKill)"
    assert venue.book == ["ask 100 x 3"]
    assert venue.run("bob buy 2 @ 100 fok keep") == "Filled 2"
    assert venue.book == []


def test_post_only_never_takes(venue):
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob buy 1 @ 100 post-only") == "post_only_would_take"
    assert venue.run("bob buy 1 @ 99.99 post-only") == "New 0"


# --------------------------------------------------------------------------------------------------- market orders


def test_market_buy_by_base_needs_only_what_it_really_trades(venue):
    venue.fund("carol", USDC="201")
    venue.run("alice sell 1 @ 100", "alice sell 5 @ 101")
    assert venue.run("carol buy 3") == "insufficient_funds"
    assert venue.run("carol buy 2") == "Filled 2"
    assert venue.available("carol") == {"SOL": "2"}


def test_market_order_without_enough_on_the_other_side_expires(venue):
    assert venue.run("bob buy 2") == "Expired 0 (InsufficientLiquidity)"
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob buy 2") == "Expired 1 (InsufficientLiquidity)"


def test_market_buy_by_quote_never_spends_more_and_leaves_less_than_a_step(venue):
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 103")
    assert venue.run("bob buy for 150") == "Filled 1.48"  # 100 + 0.48 x 103 = 149.44; another step costs 1.03.
    assert venue.available("bob")["USDC"] == "9850.56"


def test_market_sell_by_quote_receives_no_more_than_asked(venue):
    venue.run("alice buy 5 @ 99")
    assert venue.run("bob sell for 100") == "Filled 1.01"
    assert venue.available("bob")["USDC"] == "10099.99"


def test_a_quote_amount_that_buys_not_one_step_is_refused(venue):
    venue.run("alice sell 1 @ 100")
    assert venue.run("bob buy for 0.99") == "quantity_too_small"


# --------------------------------------------------------------------------------------------- self-trade prevention


def test_reject_taker_stops_before_the_own_order(venue):
    venue.run("alice sell 1 @ 100", "bob sell 1 @ 101")
    assert venue.run("bob buy 3 @ 102") == "Expired 1 (SelfTradePrevention)"
    assert venue.book == ["ask 101 x 1"]


def test_reject_maker_takes_the_own_order_back_and_goes_on(venue):
    venue.run("bob sell 1 @ 100", "alice sell 1 @ 101")
    assert venue.run("bob buy 2 @ 101 keep") == "PartiallyFilled 1"
    assert venue.book == ["bid 101 x 1"]
    assert venue.trades == ["1 @ 101 maker=alice taker=bob"]


def test_reject_both_ends_both(venue):
    venue.run("bob sell 1 @ 100", "alice sell 1 @ 101")
    assert venue.run("bob buy 2 @ 101 both") == "Expired 0 (SelfTradePrevention)"
    assert venue.book == ["ask 101 x 1"]
    assert venue.locked("bob") == {}


# ------------------------------------------------------------------------------------------------------- funds, fees


def test_a_limit_order_needs_its_whole_worth(venue):
    assert venue.run("bob buy 100 @ 100.01") == "insufficient_funds"
    assert venue.run("bob buy 100 @ 100") == "New 0"
    assert venue.run("bob buy 0.01 @ 0.01") == "insufficient_funds"


def test_fees_come_from_what_is_received_and_round_up_for_the_venue():
    venue = Venue(maker_fee_ppm=800, taker_fee_ppm=1000).fund("alice", SOL="10").fund("bob", USDC="1000")
    venue.run("alice sell 1 @ 100.01", "bob buy 0.03 @ 100.01")
    # Bob receives 0.03 SOL less 0.1 %. Alice receives 3.0003 USDC less 0.08 % (0.00240024, rounded up to a unit).
    assert venue.available("bob") == {"SOL": "0.02997", "USDC": "996.9997"}
    assert venue.available("alice") == {"SOL": "9", "USDC": "2.997899"}
    assert venue.available("fees") == {"SOL": "0.00003", "USDC": "0.002401"}


# ---------------------------------------------------------------------------------------------- ids, limits, states


def test_client_id_must_differ_from_those_of_open_orders(venue):
    venue.run("bob buy 1 @ 90 id=7")
    assert venue.run("bob buy 1 @ 91 id=7") == "duplicate_client_id"
    assert venue.answers[-1].reply.order_id == 1
    assert venue.run("alice buy 1 @ 91 id=7") == "New 0"
    venue.run("bob cancel 1")
    assert venue.run("bob buy 1 @ 91 id=7") == "New 0"


def test_g02_the_same_key_gives_the_same_answer_and_executes_once(venue):
    first = venue.run("bob buy 1 @ 90 key=a")
    assert venue.run("bob buy 1 @ 90 key=a") == first
    assert venue.answers[-1].replayed
    assert venue.book == ["bid 90 x 1"]


def test_g03_the_same_key_with_other_content_is_refused(venue):
    venue.run("bob buy 1 @ 90 key=a")
    assert venue.run("bob buy 2 @ 90 key=a") == "idempotency_key_reused"
    assert venue.run("alice buy 2 @ 90 key=a") == "New 0"


def test_g13_an_order_that_expired_in_the_queue_may_be_sent_again_with_its_key(venue):
    late = structs.replace(venue.parse("bob buy 1 @ 90 key=a"), valid_until_ms=venue.at_ms - 1)
    venue.answers.append(venue.send(late))
    assert venue.answer == "expired_in_queue"
    again = structs.replace(late, valid_until_ms=venue.at_ms + 1_000)
    venue.answers.append(venue.send(again))
    assert venue.answer == "New 0"
    venue.answers.append(venue.send(again))
    assert venue.answers[-1].replayed
    assert venue.book == ["bid 90 x 1"]


def test_keys_are_forgotten_after_ten_minutes_but_not_while_the_order_is_open(venue):
    venue.run("bob buy 1 @ 90 key=open", "bob buy 1 @ 90 ioc key=gone")
    venue.advance("601s")
    venue.run("bob buy 1 @ 90 key=open")
    assert venue.answers[-1].replayed
    venue.both.model.forget("gone")
    venue.run("bob buy 1 @ 90 ioc key=gone")
    assert not venue.answers[-1].replayed


def test_g02_a_key_is_kept_for_ten_minutes_after_its_order_ended(venue):
    venue.run("bob buy 1 @ 90 key=long")
    venue.advance("601s")
    venue.advance("599s")  # Just before the key is looked at again.
    venue.run("bob cancel 1")
    venue.advance("599s")
    venue.run("bob buy 1 @ 90 key=long")
    assert venue.answers[-1].replayed
    assert venue.book == []
    venue.advance("601s")
    venue.advance("601s")
    assert len(venue.engine.retries) == 0


def test_g11_names_and_numbers_that_no_database_takes_are_refused(venue):
    order = venue.parse("bob buy 1 @ 90")
    for wrong in ({"client_id": 2**63}, {"client_id": -1}, {"account_id": 0}, {"account_id": 2**63}):
        venue.answers.append(venue.send(structs.replace(order, **wrong)))
        assert venue.answer == "invalid_parameter"
    credit = CreditAccount(account_id=2**63, asset="USDC", units=1, reference="x", actor="a", reason="r")
    venue.answers.append(venue.send(credit))
    assert venue.answer == "invalid_parameter"


def test_open_orders_are_limited():
    venue = Venue(max_open_orders=2).fund("bob", USDC="1000")
    venue.run("bob buy 1 @ 90", "bob buy 1 @ 91")
    assert venue.run("bob buy 1 @ 92") == "too_many_open_orders"
    assert venue.run("bob buy 1 @ 92 ioc") == "Expired 0 (ImmediateOrCancel)"


@pytest.mark.parametrize(
    ("state", "limit", "take", "market", "cancel"),
    [
        ("Open", "New 0", "Filled 1", "Filled 1", "Cancelled 0 (User)"),
        ("PostOnly", "New 0", "post_only_would_take", "market_not_open", "Cancelled 0 (User)"),
        ("LimitOnly", "New 0", "Filled 1", "market_not_open", "Cancelled 0 (User)"),
        ("CancelOnly", "market_not_open", "market_not_open", "market_not_open", "Cancelled 0 (User)"),
        ("Closed", "market_closed", "market_closed", "market_closed", "market_closed"),
    ],
)
def test_what_each_market_state_accepts(venue, state, limit, take, market, cancel):
    venue.run("alice buy 1 @ 50", "alice sell 9 @ 100", f"staff state {state}")
    assert venue.run("bob buy 1 @ 90") == limit
    assert venue.run("bob buy 1 @ 100") == take
    assert venue.run("bob buy 1") == market
    assert venue.run("alice cancel 1") == cancel


def test_cancel_all_in_a_closed_market_does_not_claim_that_there_was_nothing(venue):
    venue.run("alice buy 1 @ 50", "staff state Closed")
    assert venue.run("alice cancel all") == "market_closed"
    venue.run("bob cancel all")
    assert venue.answers[-1].reply.orders == []
    assert venue.book == ["bid 50 x 1"]


def test_cancel_all_ends_the_accounts_orders_oldest_first(venue):
    venue.run("bob buy 1 @ 90", "alice buy 1 @ 90", "bob sell 1 @ 110", "bob buy 1 @ 95")
    venue.run("bob cancel all")
    assert [order.order_id for order in venue.answers[-1].reply.orders] == [1, 3, 4]
    assert venue.book == ["bid 90 x 1"]
