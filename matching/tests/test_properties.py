"""What must be true of every flow, told by its events alone, and a few laws that are worth a proof of their own."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.core.engine import Engine
from matching.messages import (
    AmendOrder,
    AuctionEnded,
    AuctionIndicated,
    BalanceChanged,
    Batch,
    BookChanged,
    Command,
    CreditAccount,
    FundHouse,
    ListAsset,
    ListMarket,
    MarketState,
    OrderType,
    PlaceOrder,
    SetMarketState,
    Side,
    TimeInForce,
    TradeMade,
)
from matching.tests.crowd import Crowd
from matching.tests.crowd_staff import STAFF
from matching.tests.flows import random_commands
from matching.tests.watchers import Conservation, Numbers, OrderBookByEvents, Withdrawals

SYMBOL = "SOL_USDC"
MOST_TICKS = 1_000


class Flow:
    """An engine with its watchers; timers that are due fire before each command, as in the shell."""

    def __init__(self, *watchers: object, listener: object = None) -> None:
        self.engine = Engine()
        self.watchers = watchers
        self.listener = listener
        self.events: list[object] = []
        self.count = 0

    def send(self, command: Command, at_ms: int) -> None:
        for _ in range(MOST_TICKS):
            ticked = self.engine.tick(at_ms)
            if ticked is None:
                break
            self.see(ticked.outcome)
        self.count += 1
        applied = self.engine.apply(command, f"1-0/{self.count}", at_ms)
        if applied.outcome is not None:
            self.see(applied.outcome)

    def see(self, outcome: object) -> None:
        for watcher in self.watchers:
            watcher.see(outcome)
        if self.listener is not None:
            for event in outcome.events:
                self.listener(event)


def test_g07_no_money_appears_or_vanishes_and_nothing_fills_by_halves(nightly):
    """50,000 random commands of every kind, a million with --nightly."""
    count = 1_000_000 if nightly else 50_000
    crowd = Crowd(seed=2026)
    opening = list(crowd.listing())
    markets = {command.symbol: command for command in opening if isinstance(command, ListMarket)}
    money, book, withdrawals = Conservation(markets), OrderBookByEvents(), Withdrawals()
    flow = Flow(money, book, Numbers(), withdrawals, listener=crowd.notice)
    for command in opening:
        flow.send(command, crowd.at_ms)
    for index in range(count):
        at_ms, command = crowd.wait(), crowd.command()
        flow.send(command, at_ms)
        if index % 1_000 == 0 or index == count - 1:
            flow.engine.check_invariants()
            money.check()
    for what in ("fok filled", "fok killed", "iceberg levels", "trades", "Modified", "Triggered"):
        assert book.seen[what] > 100, f"{what}: {book.seen}"
    assert withdrawals.ended > 10


@pytest.mark.parametrize("seed", range(4))
def test_i7_what_trades_is_the_best_price_and_there_the_oldest(seed):
    book = OrderBookByEvents(plain=True)
    flow = Flow(book)
    for index, command in enumerate(random_commands(seed, 3_000)):
        if not (isinstance(command, SetMarketState) and command.state is MarketState.AUCTION):
            flow.send(command, index)
    assert book.seen["trades"] > 500, book.seen


# ------------------------------------------------------------------------------------------------------ a small market


def small_venue(accounts: int) -> Flow:
    """One market, prices and lots from one up, accounts 1001 and on with plenty of everything, no fees."""
    flow = Flow()
    for asset in ("SOL", "USDC"):
        flow.send(ListAsset(symbol=asset, decimals=6, **STAFF), 0)
        flow.send(FundHouse(asset=asset, units=10**15, reference="seed", **STAFF), 0)
    flow.send(
        ListMarket(
            symbol=SYMBOL,
            base="SOL",
            quote="USDC",
            base_units_per_lot=1,
            quote_units_per_tick_lot=1,
            min_quantity_lots=1,
            max_open_orders=100,
            maker_fee_ppm=0,
            taker_fee_ppm=0,
            **STAFF,
        ),
        0,
    )
    for account_id in range(1001, 1001 + accounts):
        for asset in ("SOL", "USDC"):
            flow.send(CreditAccount(account_id=account_id, asset=asset, units=10**9, reference="s", **STAFF), 0)
    flow.listener = flow.events.append
    return flow


def limit(account_id: int, side: Side, price: int, lots: int, tif: TimeInForce = TimeInForce.GTC) -> PlaceOrder:
    return PlaceOrder(
        account_id=account_id,
        market=SYMBOL,
        side=side,
        order_type=OrderType.LIMIT,
        price_ticks=price,
        quantity_lots=lots,
        time_in_force=tif,
    )


@pytest.mark.parametrize("order", list(permutations(range(1, 5), 2)), ids=str)
def test_reducing_keeps_the_place_in_the_queue_and_growing_loses_it(order):
    """Four orders of one price; one is made smaller, another larger; who trades in which order?"""
    smaller, larger = order
    flow = small_venue(5)
    for number in range(1, 5):
        flow.send(limit(1000 + number, Side.ASK, 10, 5), 0)
    flow.send(AmendOrder(account_id=1000 + smaller, order_id=smaller, quantity_lots=1), 0)
    flow.send(AmendOrder(account_id=1000 + larger, order_id=larger, quantity_lots=9), 0)
    flow.send(limit(1005, Side.BID, 10, 20), 0)
    makers = [event.maker_order_id for event in flow.events if isinstance(event, TradeMade)]
    assert makers == [number for number in range(1, 5) if number != larger] + [larger]


books = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 30), st.integers(1, 20)), min_size=1, max_size=14)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(orders=books, last_price=st.none() | st.integers(1, 30))
def test_an_auction_trades_at_the_price_of_most_volume(orders, last_price):
    """Found by trying every price; nobody has two orders, so that nothing is prevented."""
    flow = small_venue(len(orders) + 2)
    if last_price is not None:
        flow.send(limit(1001, Side.ASK, last_price, 1), 0)
        flow.send(limit(1002, Side.BID, last_price, 1), 0)
    flow.send(SetMarketState(market=SYMBOL, state=MarketState.AUCTION, **STAFF), 0)
    for number, (side, price, lots) in enumerate(orders):
        flow.send(limit(1003 + number, side, price, lots), 0)
    volume = {}
    for price in range(1, 31):
        bids = sum(lots for side, limit_, lots in orders if side is Side.BID and limit_ >= price)
        asks = sum(lots for side, limit_, lots in orders if side is Side.ASK and limit_ <= price)
        volume[price] = (min(bids, asks), bids - asks)
    most = max(lots for lots, _surplus in volume.values())
    said = [event for event in flow.events if isinstance(event, AuctionIndicated)][-1]
    flow.events.clear()
    flow.send(SetMarketState(market=SYMBOL, state=MarketState.OPEN, **STAFF), 0)
    trades = [event for event in flow.events if isinstance(event, TradeMade)]
    (ended,) = [event for event in flow.events if isinstance(event, AuctionEnded)]
    assert said.lots == ended.lots == sum(trade.quantity_lots for trade in trades) == most
    assert {trade.price_ticks for trade in trades} <= {said.price_ticks}
    flow.engine.check_invariants()
    if most == 0:
        assert said.price_ticks is ended.price_ticks is None
        return
    best = [price for price, (lots, _surplus) in volume.items() if lots == most]
    least = min(abs(volume[price][1]) for price in best)
    best = [price for price in best if abs(volume[price][1]) == least]
    middle = (best[0] + best[-1]) // 2 if last_price is None else last_price
    assert said.price_ticks == ended.price_ticks == min(best, key=lambda price: (abs(price - middle), price))
    assert said.surplus_lots == volume[said.price_ticks][1]


@settings(max_examples=100, deadline=None, print_blob=True)
@given(book=books, lots=st.integers(1, 60), price=st.integers(1, 30), side=st.sampled_from(Side))
def test_fill_or_kill_fills_all_or_nothing_and_exactly_when_it_can(book, lots, price, side):
    flow = small_venue(len(book) + 1)
    for number, (maker_side, limit_, size) in enumerate(book):
        flow.send(limit(1002 + number, maker_side, limit_, size), 0)
    resting = Counter(
        {view.order_id: view.quantity_lots - view.executed_lots for view in flow.engine.open_order_views()}
    )
    within = sum(
        resting[view.order_id]
        for view in flow.engine.open_order_views()
        if view.side is not side and (view.price_ticks <= price if side is Side.BID else view.price_ticks >= price)
    )
    flow.events.clear()
    flow.send(limit(1001, side, price, lots, TimeInForce.FOK), 0)
    traded = sum(event.quantity_lots for event in flow.events if isinstance(event, TradeMade))
    assert traded == (lots if within >= lots else 0)


@settings(max_examples=60, deadline=None, print_blob=True)
@given(
    orders=st.lists(
        st.tuples(st.integers(1001, 1003), st.sampled_from(Side), st.integers(5, 15), st.integers(1, 9)), max_size=25
    )
)
def test_batched_or_one_by_one_makes_no_difference(orders):
    """The same orders at the same time: the same events, balances and open orders; only their grouping differs."""
    singly, batched = small_venue(3), small_venue(3)
    commands = [limit(*order) for order in orders]
    for command in commands:
        singly.send(command, 5)
    groups: list[list[PlaceOrder]] = []
    for command in commands:
        if groups and groups[-1][0].account_id == command.account_id:
            groups[-1].append(command)
        else:
            groups.append([command])
    for group in groups:
        batched.send(Batch(account_id=group[0].account_id, steps=group), 5)
    summed_up = (BalanceChanged, BookChanged)
    assert [e for e in singly.events if not isinstance(e, summed_up)] == [
        e for e in batched.events if not isinstance(e, summed_up)
    ]
    assert list(singly.engine.balance_rows()) == list(batched.engine.balance_rows())
    assert list(singly.engine.open_order_views()) == list(batched.engine.open_order_views())
