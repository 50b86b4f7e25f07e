"""Outcomes into rows, without a database: what each event means, and that the legs of every event sum to zero."""

from collections import defaultdict
from decimal import Decimal

import pytest

from accounts.models import FEES_ACCOUNT_ID, HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID
from matching.messages import (
    AccountCredited,
    EndReason,
    HouseFunded,
    MarketState,
    MarketStateChanged,
    OrderEnded,
    OrderStatus,
    Outcome,
)
from matching.tests.flows import random_commands
from matching.tests.published import START_MS, run_core
from matching.tests.venue import Venue
from trading.ledger.legs import FilledMarket, Leg, legs_of_row
from trading.writer import rows, tables
from trading.writer.projector import MarketRef, Projector, UnknownName

SOL, USDC, BTC = 11, 12, 13


class Names:
    iceberg_levels: dict = {}

    def market(self, symbol):
        if symbol not in ("SOL_USDC", "BTC_USDC"):
            raise UnknownName(symbol)
        return (
            MarketRef(7, SOL, USDC, 10_000_000, Decimal("0.01"), 4)
            if symbol == "SOL_USDC"
            else MarketRef(8, BTC, USDC, 10)
        )

    def asset_id(self, symbol):
        return {"SOL": SOL, "USDC": USDC, "BTC": BTC}[symbol]


def project(outcomes):
    return Projector(Names()).project(outcomes)


def legs_of(changes, names=None):
    """Of all its fills, in the order of their ids."""
    for row in sorted([*changes.fills, *changes.older_fills]):
        market = (names or Names()).market("SOL_USDC" if row[2] == 7 else "BTC_USDC")
        yield from legs_of_row(row, FilledMarket(market.base_id, market.quote_id, market.base_units_per_lot))


@pytest.fixture
def traded():
    """alice sells 2 SOL at 100, bob buys 1 of them: fees 0.08 % for her in USDC, 0.1 % for him in SOL."""
    venue = Venue(maker_fee_ppm=800, taker_fee_ppm=1000)
    venue.fund("alice", SOL="2").fund("bob", USDC="500")
    first = len(venue.answers)
    venue.run("alice sell 2 @ 100 id=5", "bob buy 1 @ 105")
    return venue, [answer.outcome for answer in venue.answers[first:]]


def test_a_trade_makes_orders_fills_a_trade_and_figures(traded):
    venue, outcomes = traded
    changes = project(outcomes)
    alice, bob = venue.people["alice"], venue.people["bob"]
    maker, taker = changes.orders.values()
    by_name = dict(zip(tables.ORDERS.columns, maker, strict=True))
    assert by_name["account_id"] == alice
    assert by_name["status"] == OrderStatus.PARTIALLY_FILLED
    assert (by_name["quantity_lots"], by_name["executed_lots"]) == (200, 100)
    assert by_name["executed_quote_units"] == 100_000_000
    assert by_name["n"] == outcomes[0].n
    assert dict(zip(tables.ORDERS.columns, taker, strict=True))["status"] == OrderStatus.FILLED
    fills = [dict(zip(tables.FILLS.columns, fill, strict=True)) for fill in changes.fills]
    assert [(f["account_id"], f["side"], f["is_maker"], f["client_id"]) for f in fills] == [
        (alice, "Ask", True, 5),
        (bob, "Bid", False, None),
    ]
    assert [(f["fee_units"], f["fee_asset_id"]) for f in fills] == [(80_000, USDC), (1_000_000, SOL)]
    trade = dict(zip(tables.TRADES.columns, changes.trades[0], strict=True))
    assert (trade["price_ticks"], trade["quantity_lots"], trade["buyer_is_maker"]) == (10_000, 100, False)
    assert [fill["id"] for fill in fills] == [trade["seq"] * 2, trade["seq"] * 2 + 1]
    assert changes.figures[7].last_price_ticks == 10_000
    assert changes.figures[7].book_update_id == 2
    assert not changes.order_updates


def test_a_trade_is_booked_on_both_sides_and_the_venue_gets_the_fees(traded):
    venue, outcomes = traded
    alice, bob = venue.people["alice"], venue.people["bob"]
    legs = [(leg.account_id, leg.asset_id, leg.units, leg.kind) for leg in legs_of(project(outcomes))]
    assert sorted(legs) == sorted(
        [
            (alice, SOL, -1_000_000_000, "trade"),
            (alice, USDC, 100_000_000, "trade"),
            (alice, USDC, -80_000, "fee"),
            (FEES_ACCOUNT_ID, USDC, 80_000, "fee"),
            (bob, SOL, 1_000_000_000, "trade"),
            (bob, USDC, -100_000_000, "trade"),
            (bob, SOL, -1_000_000, "fee"),
            (FEES_ACCOUNT_ID, SOL, 1_000_000, "fee"),
        ]
    )


def test_what_happens_to_an_older_order_becomes_an_update(traded):
    venue, outcomes = traded
    venue.run("alice cancel 1")
    changes = project([outcomes[1], venue.answers[-1].outcome])
    [(order_id, update)] = changes.order_updates.items()
    assert order_id == 1
    assert (update.executed_lots, update.executed_quote_units) == (100, 100_000_000)
    assert (update.status, update.end_reason) == (OrderStatus.CANCELLED, EndReason.USER)
    assert len(changes.older_fills) == 1


def test_an_end_alone_leaves_the_executed_amounts_as_they_are():
    ended = OrderEnded(order_id=4, account_id=9, market="SOL_USDC", status=OrderStatus.CANCELLED, reason=EndReason.USER)
    changes = project([Outcome(3, 8, START_MS, "1-0/0", [ended])])
    update = changes.order_updates[4]
    assert (update.executed_lots, update.executed_quote_units, update.status) == (None, None, "Cancelled")
    assert (changes.n, changes.seq, changes.at_ms) == (3, 8, START_MS)


def test_money_from_outside_goes_through_the_house():
    events = [
        HouseFunded(asset="USDC", units=500, reference="bank-7"),
        AccountCredited(account_id=1001, asset="USDC", units=300, reference="gift"),
    ]
    made = project([Outcome(2, 20, START_MS, "1-0/0", events)]).postings
    postings = [dict(zip(tables.POSTINGS.columns, row, strict=True)) for row in made]
    assert [(p["id"], p["account_id"], p["kind"], p["units"], p["reference"]) for p in postings] == [
        (160, OUTSIDE_ACCOUNT_ID, "funding", -500, "bank-7"),
        (161, HOUSE_ACCOUNT_ID, "funding", 500, "bank-7"),
        (168, HOUSE_ACCOUNT_ID, "credit", -300, "gift"),
        (169, 1001, "credit", 300, "gift"),
    ]


def test_no_text_stops_the_writer():
    funded = HouseFunded(asset="USDC", units=500, reference="a\0b" + "c" * 99)
    [posting, _] = project([Outcome(2, 20, START_MS, "1-0/0", [funded])]).postings
    assert posting[-1] == "a\N{REPLACEMENT CHARACTER}b" + "c" * 61


def test_a_refused_command_moves_only_the_position():
    changes = project([Outcome(5, 9, START_MS, "1-0/0", [])])
    assert (changes.n, changes.seq, changes.outcomes) == (5, 8, 1)
    assert (changes.orders, changes.postings, changes.balances, changes.figures) == ({}, [], {}, {})


def test_a_halt_reaches_the_market_row():
    halt = MarketStateChanged(market="SOL_USDC", state=MarketState.CANCEL_ONLY, actor="x", reason="y" * 999)
    changes = project([Outcome(1, 1, START_MS, "1-0/0", [halt])])
    columns = changes.markets[7]
    assert columns["state"] == "CancelOnly"
    assert len(columns["state_reason"]) == rows.REASON_LENGTH
    assert columns["state_since"] == "2026-01-01T00:00:00.000Z"


def test_an_unknown_market_stops_the_projection():
    halt = MarketStateChanged(market="NO_PE", state=MarketState.OPEN, actor="x", reason="y")
    with pytest.raises(UnknownName):
        project([Outcome(1, 1, START_MS, "1-0/0", [halt])])


@pytest.mark.parametrize("seed", range(5))
def test_the_legs_of_every_event_sum_to_zero_and_explain_every_balance(seed):
    engine, outcomes = run_core(random_commands(seed, 1_500))

    class Flow(Names):
        def market(self, symbol):
            return super().market(symbol)._replace(base_units_per_lot=10)

    changes = Projector(Flow()).project(outcomes)
    events, accounts = defaultdict(int), defaultdict(int)
    posted = (Leg(*(row[i] for i in (0, 1, 3, 4, 5, 6))) for row in changes.postings)
    legs = [*posted, *legs_of(changes, Flow())]
    for leg in legs:
        assert leg.id // 8 == leg.seq
        events[leg.seq, leg.asset_id] += leg.units
        accounts[leg.account_id, leg.asset_id] += leg.units
    assert len({leg.id for leg in legs}) == len(legs)
    assert not any(events.values())
    held = {key: sum(amounts) for key, amounts in changes.balances.items()}
    assert {key: units for key, units in held.items() if units} == {
        key: units for key, units in accounts.items() if units and key[0] != OUTSIDE_ACCOUNT_ID
    }
    assert changes.n == engine.n
    assert changes.seq == engine.seq
