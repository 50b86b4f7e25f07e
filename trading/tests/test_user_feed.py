"""What accounts are told: the order of things, and every frame to the letter."""

import json

import msgspec
import pytest

from marketdata.feed.book import BookMismatch
from matching import messages as m
from matching.messages import (
    EndReason,
    OrderEnded,
    OrderStatus,
    OrderType,
    Outcome,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from matching.tests.venue import SPEC, Venue
from trading.user_feed import frames
from trading.user_feed.messages import BalanceUpdate, FillTerms, OrderTerms, OrderUpdate, decode_update
from trading.user_feed.state import OpenOrder, UserFeedStart, UserFeedState

NOW, AT = 1_750_000_000_124_000, 1_750_000_000_123
FEES = {"maker_fee_ppm": 800, "taker_fee_ppm": 1000}


def told(venue: Venue, state: UserFeedState, *lines: str) -> dict[str, list[str]]:
    """What each person is told about the lines, in words: `orderFill Filled 0.5` or `USDC 9 1`."""
    before = len(venue.answers)
    venue.run(*lines)
    state.apply(answer.outcome for answer in venue.answers[before:] if answer.outcome is not None)
    batch = state.flush(0)
    names = {number: name for name, number in venue.people.items()}
    words: dict[str, list[str]] = {}
    for account_id, raw in batch.updates:
        update = decode_update(raw)
        if isinstance(update, OrderUpdate):
            text = f"{update.event} {update.status} {SPEC.format_quantity(update.executed_lots)}"
            text += f" {update.reason}" if update.reason else ""
            words.setdefault(names[account_id], []).append(text)
        else:
            assert isinstance(update, BalanceUpdate)
    return words


@pytest.fixture
def venue() -> Venue:
    return Venue(**FEES).fund("alice", SOL="1000", USDC="100000").fund("bob", SOL="1000", USDC="100000")


@pytest.fixture
def state(venue) -> UserFeedState:
    return UserFeedState(UserFeedStart(venue.engine.n, 0, {"SOL": 9, "USDC": 6}, []))


def test_a_resting_order_is_filled_in_two_parts(venue, state):
    assert told(venue, state, "alice sell 2 @ 100") == {"alice": ["orderAccepted New 0"]}
    assert told(venue, state, "bob buy 0.5 @ 100") == {
        "alice": ["orderFill PartiallyFilled 0.5"],
        "bob": ["orderAccepted New 0", "orderFill Filled 0.5"],
    }
    assert told(venue, state, "bob buy 1.5") == {
        "alice": ["orderFill Filled 2"],
        "bob": ["orderAccepted New 0", "orderFill Filled 1.5"],
    }


def test_a_taker_that_ends_by_rule_is_told_why(venue, state):
    told(venue, state, "alice sell 1 @ 100")
    assert told(venue, state, "bob buy 3 @ 100 ioc")["bob"] == [
        "orderAccepted New 0",
        "orderFill PartiallyFilled 1",
        "orderExpired Expired 1 ImmediateOrCancel",
    ]
    assert told(venue, state, "bob buy 3 @ 100 fok")["bob"] == [
        "orderAccepted New 0",
        "orderExpired Expired 0 FillOrKill",
    ]


def test_cancelling_is_told_once_and_keeps_what_was_executed(venue, state):
    told(venue, state, "alice sell 1 @ 100", "bob buy 0.25 @ 100")
    assert told(venue, state, "alice cancel all") == {"alice": ["orderCancelled Cancelled 0.25"]}


def test_own_orders_that_would_meet(venue, state):
    told(venue, state, "alice sell 1 @ 100")
    assert told(venue, state, "alice buy 1 @ 100 keep") == {
        "alice": ["orderAccepted New 0", "orderCancelled Cancelled 0"]
    }


def test_a_refusal_is_told_to_nobody(venue, state):
    told(venue, state, "alice sell 1 @ 100")
    assert told(venue, state, "bob buy 1 @ 100 post-only") == {}


def test_balances_are_absolute_and_the_venue_hears_nothing(venue, state):
    venue.run("alice sell 2 @ 100", "bob buy 1 @ 100")
    state.apply(answer.outcome for answer in venue.answers)
    updates = [(account_id, decode_update(raw)) for account_id, raw in state.flush(0).updates]
    assert {account_id for account_id, _ in updates} == set(venue.people.values())
    balances = {
        (account_id, update.asset): (update.available_units, update.locked_units)
        for account_id, update in updates
        if isinstance(update, BalanceUpdate)
    }
    alice, bob = venue.people["alice"], venue.people["bob"]
    assert balances[alice, "SOL"] == (998 * 10**9, 10**9)
    assert balances[alice, "USDC"] == (100_099_920_000, 0)
    assert balances[bob, "SOL"] == (1000 * 10**9 + 999_000_000, 0)


def test_an_outcome_about_an_unknown_order_is_noticed(state):
    event = OrderEnded(
        order_id=77, account_id=1, market="SOL_USDC", status=OrderStatus.CANCELLED, reason=EndReason.USER
    )
    with pytest.raises(BookMismatch):
        state.apply([Outcome(state.n + 1, 1, AT, "1-0/0", [event])])


def test_open_orders_of_the_database_go_on(venue):
    terms = order_terms()
    state = UserFeedState(UserFeedStart(5, 0, {}, [OpenOrder(terms, 50, 10_075_000)]))
    event = OrderEnded(
        order_id=112233, account_id=9, market="SOL_USDC", status=OrderStatus.CANCELLED, reason=EndReason.USER
    )
    state.apply([Outcome(6, 1, AT, "1-0/0", [event])])
    [(account_id, raw)] = state.flush(0).updates
    assert account_id == 9
    assert decode_update(raw) == OrderUpdate("orderCancelled", "Cancelled", AT, terms, 50, 10_075_000)


# ------------------------------------------------------------------------------------------------------------ frames


def order_terms(**more) -> OrderTerms:
    terms = OrderTerms(
        112233,
        9,
        "SOL_USDC",
        Side.BID,
        OrderType.LIMIT,
        2015,
        100,
        None,
        TimeInForce.GTC,
        False,
        SelfTradePrevention.REJECT_TAKER,
        7,
    )
    return msgspec.structs.replace(terms, **more)


def test_order_fill_is_the_example_of_the_contract():
    fill = FillTerms(51, 2015, 50, True, 500_000)
    update = OrderUpdate("orderFill", "PartiallyFilled", AT, order_terms(), 50, 10_075_000, fill)
    assert json.loads(frames.order_update(SPEC, update, NOW)) == json.loads(
        '{"e":"orderFill","E":1750000000124000,"T":1750000000123000,"s":"SOL_USDC","S":"Bid","o":"LIMIT","i":"112233",'
        '"c":7,"f":"GTC","V":"RejectTaker","X":"PartiallyFilled","q":"1","Q":"20.15","p":"20.15","y":false,"l":"0.5",'
        '"L":"20.15","z":"0.5","Z":"10.075","t":51,"m":true,"n":"0.0005","N":"SOL","O":"USER","r":false}'
    )


def test_a_seller_pays_its_fee_in_the_quote_asset():
    update = OrderUpdate(
        "orderFill", "Filled", AT, order_terms(side=Side.ASK), 100, 20_150_000, FillTerms(1, 2015, 100, False, 20_150)
    )
    frame = json.loads(frames.order_update(SPEC, update, NOW))
    assert (frame["n"], frame["N"], frame["m"], frame["X"]) == ("0.02015", "USDC", False, "Filled")


def test_accepted_market_order_by_quote():
    terms = order_terms(
        order_type=OrderType.MARKET, price_ticks=None, quantity_lots=None, quote_units=5_000_000, client_id=None
    )
    frame = json.loads(frames.order_update(SPEC, OrderUpdate("orderAccepted", "New", AT, terms, 0, 0), NOW))
    assert frame == {
        "e": "orderAccepted",
        "E": NOW,
        "T": AT * 1000,
        "s": "SOL_USDC",
        "S": "Bid",
        "o": "MARKET",
        "i": "112233",
        "f": "GTC",
        "V": "RejectTaker",
        "X": "New",
        "Q": "5",
        "z": "0",
        "Z": "0",
        "t": None,
        "O": "USER",
        "r": False,
    }


def test_an_expired_order_says_why():
    update = OrderUpdate("orderExpired", "Expired", AT, order_terms(), 0, 0, None, "FillOrKill")
    frame = json.loads(frames.order_update(SPEC, update, NOW))
    assert (frame["e"], frame["X"], frame["R"], frame["t"]) == ("orderExpired", "Expired", "FillOrKill", None)


def test_balance_update_is_the_example_of_the_contract():
    update = BalanceUpdate(AT, "USDC", 6, 989_920_000, 10_080_000)
    assert frames.balance_update(update, NOW) == (
        b'{"e":"balanceUpdate","E":1750000000124000,"T":1750000000123000,"a":"USDC","A":"989.92","L":"10.08","S":"0"}'
    )


# ----------------------------------------------------------------------------------- triggers, exits, amended orders

EXTRA = m.OrderTerms(
    trigger_price_ticks=2100,
    stop_loss=m.ExitTerms(trigger_price_ticks=1900),
    take_profit=m.ExitTerms(trigger_price_ticks=2500, price_ticks=2490),
    related_order_id=112230,
    display_lots=20,
    expires_at_ms=AT + 1000,
)


def changed(change: m.OrderChange, status: OrderStatus, **more) -> m.OrderChanged:
    order = m.OrderView(
        order_id=112233,
        account_id=9,
        market="SOL_USDC",
        side=Side.BID,
        order_type=OrderType.LIMIT,
        status=status,
        price_ticks=2015,
        quantity_lots=100,
        quote_units=None,
        executed_lots=0,
        executed_quote_units=0,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        self_trade_prevention=SelfTradePrevention.REJECT_TAKER,
        client_id=7,
        created_at_ms=AT,
        terms=EXTRA,
    )
    return m.OrderChanged(change=change, order=msgspec.structs.replace(order, **more))


def updates_of(*events) -> tuple[UserFeedState, list[OrderUpdate]]:
    state = UserFeedState(UserFeedStart(0, 0, {}, []))
    state.apply([Outcome(1, 1, AT, "1-0/0", list(events))])
    return state, [decode_update(raw) for _, raw in state.flush(0).updates]


def test_a_conditional_order_is_told_from_waiting_to_its_end():
    placed = changed(m.OrderChange.TRIGGER_PLACED, OrderStatus.TRIGGER_PENDING)
    fired = changed(m.OrderChange.TRIGGERED, OrderStatus.NEW, triggered_at_ms=AT)
    amended = changed(m.OrderChange.MODIFIED, OrderStatus.NEW, quantity_lots=90)
    reason = EndReason.GOOD_TILL_DATE
    ended = OrderEnded(order_id=112233, account_id=9, market="SOL_USDC", status=OrderStatus.EXPIRED, reason=reason)
    state, updates = updates_of(placed, fired, amended, ended)
    assert [(update.event, update.status, update.terms.quantity_lots) for update in updates] == [
        ("triggerPlaced", "TriggerPending", 100),
        ("orderAccepted", "New", 100),
        ("orderModified", "New", 90),
        ("orderExpired", "Expired", 90),
    ]
    assert updates[-1].reason == "GoodTillDate"
    assert all(update.terms.extra == EXTRA for update in updates)
    assert not state._orders


def test_a_trigger_that_fails_says_why_and_is_gone():
    placed = changed(m.OrderChange.TRIGGER_PLACED, OrderStatus.TRIGGER_PENDING)
    reason = EndReason.INSUFFICIENT_FUNDS
    failed = changed(m.OrderChange.TRIGGER_FAILED, OrderStatus.TRIGGER_FAILED, end_reason=reason)
    state, updates = updates_of(placed, failed)
    assert (updates[1].event, updates[1].status, updates[1].reason) == ("triggerFailed", "TriggerFailed", reason)
    assert json.loads(frames.order_update(SPEC, updates[1], NOW))["R"] == "InsufficientFunds"
    assert not state._orders


def test_every_change_has_a_word():
    for change in m.OrderChange:
        _, [update] = updates_of(changed(change, OrderStatus.NEW))
        assert update.event in {"orderAccepted", "orderModified", "triggerPlaced", "triggerFailed"}


def test_the_letters_of_triggers_and_exits_are_the_contracts():
    _, [update] = updates_of(changed(m.OrderChange.TRIGGER_PLACED, OrderStatus.TRIGGER_PENDING))
    frame = json.loads(frames.order_update(SPEC, update, NOW))
    plain = json.loads(frames.order_update(SPEC, OrderUpdate("orderAccepted", "New", AT, order_terms(), 0, 0), NOW))
    assert {key: value for key, value in frame.items() if key not in plain} == {
        "P": "21", "B": "LastPrice", "Y": "1", "a": "25", "j": "24.9", "d": "LastPrice", "b": "19", "g": "LastPrice",
        "I": "112230", "displayQuantity": "0.2", "expireTime": AT + 1000,
    }  # fmt: skip
    trailing = m.OrderTerms(trailing_ticks=50)
    _, [update] = updates_of(changed(m.OrderChange.TRIGGER_PLACED, OrderStatus.TRIGGER_PENDING, terms=trailing))
    frame = json.loads(frames.order_update(SPEC, update, NOW))
    assert (frame["trailingDelta"], frame["B"], frame["Y"]) == ("0.5", "LastPrice", "1")
    assert not {"P", "a", "b", "I"} & frame.keys()


def test_a_rebate_is_in_what_the_maker_gave():
    fill = FillTerms(1, 2015, 100, True, -20_150)
    frame = json.loads(
        frames.order_update(SPEC, OrderUpdate("orderFill", "Filled", AT, order_terms(), 100, 1, fill), NOW)
    )
    assert (frame["n"], frame["N"]) == ("-0.02015", "USDC")
    sold = OrderUpdate("orderFill", "Filled", AT, order_terms(side=Side.ASK), 100, 1, fill)
    assert json.loads(frames.order_update(SPEC, sold, NOW))["N"] == "SOL"
