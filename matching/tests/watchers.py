"""Watchers of a flow: each sees every command's outcome and proves one promise from the events alone.

They know nothing of the engine's inside, nor of the model: what a reader of the log could check.
"""

from collections import Counter, defaultdict

from matching.messages import (
    AccountCredited,
    AccountDebited,
    BalanceChanged,
    BookChanged,
    DepositCredited,
    HouseDefunded,
    HouseFunded,
    ListMarket,
    OrderAccepted,
    OrderChange,
    OrderChanged,
    OrderEnded,
    OrderView,
    Outcome,
    Side,
    TimeInForce,
    TradeMade,
    WithdrawalReleased,
    WithdrawalReserved,
    WithdrawalSettled,
)

FEES = 2
PARTS = 1_000_000


class Conservation:
    """I1, I2, I6: everything that anybody has is what entered less what left, and every trade's legs sum to zero."""

    def __init__(self, markets: dict[str, ListMarket]) -> None:
        self.markets = markets
        self.balances: dict[tuple[int, str], int] = {}
        self.entered: Counter[str] = Counter()
        self.moved: Counter[tuple[int, str]] = Counter()

    def see(self, outcome: Outcome) -> None:
        for event in outcome.events:
            if isinstance(event, HouseFunded | DepositCredited):
                self.entered[event.asset] += event.units
                self.move(event.account_id if isinstance(event, DepositCredited) else 1, event.asset, event.units)
            elif isinstance(event, HouseDefunded):
                self.entered[event.asset] -= event.units
                self.move(1, event.asset, -event.units)
            elif isinstance(event, AccountCredited | AccountDebited):
                sign = 1 if isinstance(event, AccountCredited) else -1
                self.move(1, event.asset, -sign * event.units)
                self.move(event.account_id, event.asset, sign * event.units)
            elif isinstance(event, WithdrawalSettled):
                self.settle(event)
            elif isinstance(event, TradeMade):
                self.trade(event)
            elif isinstance(event, BalanceChanged):
                assert event.available_units >= 0, event
                assert event.locked_units >= 0, event
                self.balances[event.account_id, event.asset] = event.available_units + event.locked_units

    def move(self, account_id: int, asset: str, units: int) -> None:
        self.moved[account_id, asset] += units

    def settle(self, event: WithdrawalSettled) -> None:
        self.move(event.account_id, event.asset, -event.units)
        self.move(FEES, event.asset, event.fee_units)
        if event.to_account_id is None:
            self.entered[event.asset] -= event.units - event.fee_units
        else:
            self.move(event.to_account_id, event.asset, event.units - event.fee_units)

    def trade(self, event: TradeMade) -> None:
        market = self.markets[event.market]
        base = event.quantity_lots * market.base_units_per_lot
        assert event.quote_units == event.price_ticks * event.quantity_lots * market.quote_units_per_tick_lot, event
        maker_buys = event.taker_side is Side.ASK
        buyer, seller = event.taker_account_id, event.maker_account_id
        if maker_buys:
            buyer, seller = seller, buyer
        self.move(buyer, market.base, base)
        self.move(seller, market.base, -base)
        self.move(buyer, market.quote, -event.quote_units)
        self.move(seller, market.quote, event.quote_units)
        maker_gets, taker_gets = (market.base, market.quote) if maker_buys else (market.quote, market.base)
        self.fee(event.taker_account_id, taker_gets, event.taker_fee_units)
        rebate = event.maker_fee_units < 0
        assert -event.maker_fee_units <= event.taker_fee_units or not rebate, event
        self.fee(event.maker_account_id, taker_gets if rebate else maker_gets, event.maker_fee_units)

    def fee(self, account_id: int, asset: str, units: int) -> None:
        self.move(account_id, asset, -units)
        self.move(FEES, asset, units)

    def check(self) -> None:
        held: Counter[str] = Counter()
        for (account_id, asset), units in self.balances.items():
            held[asset] += units
            assert units == self.moved[account_id, asset], f"account {account_id} holds {units} {asset}"
        assert held == self.entered
        assert all(self.moved[FEES, asset] >= 0 for asset in held), "a rebate that no taker paid for"


class OrderBookByEvents:
    """I4, I5, I7: open orders as the events tell them; what trades is the best there is, oldest first, inside limits.

    `plain` promises a flow without icebergs, amends and auctions, where an order's id is its place.
    """

    def __init__(self, *, plain: bool = False) -> None:
        self.plain = plain
        self.orders: dict[int, dict[str, object]] = {}
        self.depth: dict[str, tuple[dict[int, int], dict[int, int]]] = defaultdict(lambda: ({}, {}))
        self.fok: dict[int, int] = {}
        self.seen: Counter[str] = Counter()

    def see(self, outcome: Outcome) -> None:
        for event in outcome.events:
            if isinstance(event, OrderAccepted):
                self.learn(event)
            elif isinstance(event, OrderChanged):
                self.change(event)
            elif isinstance(event, OrderEnded):
                order = self.orders.pop(event.order_id)
                if order["fok"]:
                    assert order["executed"] == 0, f"a part of FOK order {event.order_id} was filled"
                    self.seen["fok killed"] += 1
            elif isinstance(event, TradeMade):
                self.trade(event)
            elif isinstance(event, BookChanged):
                for side, changes in zip(self.depth[event.market], (event.bids, event.asks), strict=True):
                    side.update(changes)
                    for price in [price for price, lots in changes if lots == 0]:
                        del side[price]
                self.check_depth(event)

    def learn(self, order: OrderAccepted | OrderView) -> None:
        terms = getattr(order, "terms", None)
        self.orders[order.order_id] = {
            "market": order.market,
            "side": order.side,
            "price": order.price_ticks,
            "quantity": order.quantity_lots,
            "executed": getattr(order, "executed_lots", 0),
            "display": terms.display_lots if terms is not None else None,
            "fok": order.time_in_force is TimeInForce.FOK and order.price_ticks is not None,
            "waits": getattr(order, "status", "") == "TriggerPending",
        }

    def change(self, event: OrderChanged) -> None:
        if event.change is OrderChange.TRIGGER_FAILED:
            del self.orders[event.order.order_id]
            return
        self.learn(event.order)
        self.seen[event.change.value] += 1

    def trade(self, event: TradeMade) -> None:
        self.seen["trades"] += 1
        maker = self.orders[event.maker_order_id]
        if self.plain:
            assert event.maker_order_id == self.best_against(event), f"{event} jumped the queue"
            assert event.price_ticks == maker["price"], event
        parts = (
            (event.maker_order_id, event.maker_executed_lots, event.maker_filled),
            (event.taker_order_id, event.taker_executed_lots, event.taker_filled),
        )
        for order_id, executed, filled in parts:
            order = self.orders[order_id]
            order["executed"] += event.quantity_lots
            assert order["executed"] == executed, event
            limit = order["price"]
            inside = limit is None or (
                event.price_ticks <= limit if order["side"] is Side.BID else event.price_ticks >= limit
            )
            assert inside, f"{event} is beyond the limit {limit} of order {order_id}"
            if order["quantity"] is not None:
                assert executed <= order["quantity"], event
                assert filled == (executed == order["quantity"]), event
            if filled:
                self.seen["fok filled"] += bool(order["fok"])
                del self.orders[order_id]

    def best_against(self, event: TradeMade) -> int:
        """The maker's id by price, then age."""
        side = Side.ASK if event.taker_side is Side.BID else Side.BID
        sign = 1 if side is Side.ASK else -1
        resting = [
            (sign * order["price"], order_id)
            for order_id, order in self.orders.items()
            if order["side"] is side and order["market"] == event.market and order_id != event.taker_order_id
        ]
        return min(resting)[1]

    def check_depth(self, event: BookChanged) -> None:
        """Each changed level shows no more than its orders may, and exactly their rests where nothing is hidden."""
        for side, changes in ((Side.BID, event.bids), (Side.ASK, event.asks)):
            for price, lots in changes:
                here = [
                    order
                    for order in self.orders.values()
                    if order["market"] == event.market
                    and order["side"] is side
                    and order["price"] == price
                    and not order["waits"]
                ]
                rests = [order["quantity"] - order["executed"] for order in here]
                shown = [min(order["display"] or rest, rest) for order, rest in zip(here, rests, strict=True)]
                assert lots <= sum(shown), f"{event.market} shows {lots} at {price}, its orders at most {sum(shown)}"
                hides = any(order["display"] is not None for order in here)
                assert hides or lots == sum(rests), f"{event.market} shows {lots} at {price}, there are {sum(rests)}"
                self.seen["iceberg levels"] += hides


class Numbers:
    """I8: n, seq, trade ids and book updates have no gap and no repeat, also over snapshots."""

    def __init__(self) -> None:
        self.n = self.seq = 0
        self.counters: Counter[tuple[str, str]] = Counter()

    def see(self, outcome: Outcome) -> None:
        assert outcome.n == self.n + 1
        assert outcome.seq == self.seq + 1
        self.n += 1
        self.seq += len(outcome.events)
        for event in outcome.events:
            if isinstance(event, TradeMade):
                self.next(("trade", event.market), event.trade_id)
            elif isinstance(event, BookChanged):
                self.next(("book", event.market), event.update_id)

    def next(self, what: tuple[str, str], number: int) -> None:
        self.counters[what] += 1
        assert number == self.counters[what], what


class Withdrawals:
    """G20: a withdrawal ends once, in one way, with what was reserved."""

    def __init__(self) -> None:
        self.open: dict[int, int] = {}
        self.ended = 0

    def see(self, outcome: Outcome) -> None:
        for event in outcome.events:
            if isinstance(event, WithdrawalReserved):
                assert event.withdrawal_id not in self.open, event
                self.open[event.withdrawal_id] = event.units
            elif isinstance(event, WithdrawalSettled | WithdrawalReleased):
                assert self.open.pop(event.withdrawal_id) == event.units, event
                self.ended += 1
