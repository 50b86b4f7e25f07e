"""The matching engine: a pure function from its state and one command to one outcome.

The same commands with the same times give byte-equal outcomes in any process, for ever: no clock, no randomness, no
I/O, no float, no iteration over sets. What the outside does around it (log, journal, publish) is `matching.runtime`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from matching.core import invariants, state, venue
from matching.core.balances import Balances
from matching.core.crossing import take_back
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.placing import place, refusal
from matching.core.retries import Digest, Remembered, Retries
from matching.core.words import CANCELLED, CLOSED
from matching.messages import (
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    Done,
    EndReason,
    Event,
    FundHouse,
    ListAsset,
    ListMarket,
    OrderReply,
    OrdersReply,
    OrderView,
    Outcome,
    PlaceOrder,
    RefusalReason,
    Refused,
    Reply,
    SetMarketFees,
    SetMarketState,
)


class Applied(NamedTuple):
    """The answer to a command. `outcome` is None when an idempotency key gave back a stored answer (`replayed`)."""

    outcome: Outcome | None
    reply: Reply
    n: int
    replayed: bool


class Engine:
    """All markets and balances. `n`, `seq` and `at_ms` are the position after the last outcome."""

    def __init__(self) -> None:
        self.n = 0
        self.seq = 0
        self.at_ms = 0
        self.last_order_id = 0
        self.balances = Balances()
        self.markets: dict[str, Market] = {}
        self._markets: tuple[Market, ...] = ()  # The same, ready to walk through after every command.
        self.open_orders: dict[int, Order] = {}
        self.retries = Retries()

    # ------------------------------------------------------------------------------------------------------ commands

    def apply(self, command: Command, command_id: str, at_ms: int) -> Applied:
        """Decide about one command. A refusal is an answer; an exception means the state can no longer be trusted.

        `at_ms` is the journal's time and must not be before that of the last command.
        """
        assert at_ms >= self.at_ms, "the log's time went back"
        self.at_ms = at_ms
        key = command.idempotency_key
        if key is None:
            return self._decide(command, command_id)
        account_id = getattr(command, "account_id", 0)
        digest = _digest(command)
        self.retries.forget(at_ms, self.open_orders)
        known = self.retries.find(account_id, key)
        if known is not None:
            if known.digest != digest:
                return self.refuse(command_id, at_ms, RefusalReason.IDEMPOTENCY_KEY_REUSED)
            return Applied(None, known.reply, known.n, True)
        if not self.retries.has_room(at_ms):
            return self.refuse(command_id, at_ms, RefusalReason.OVERLOADED)
        applied = self._decide(command, command_id)
        if type(applied.reply) is Refused and applied.reply.reason is RefusalReason.EXPIRED_IN_QUEUE:
            return applied  # Its caller is told to send the same key again later; a stored refusal would never let it.
        order_id = applied.reply.order.order_id if isinstance(applied.reply, OrderReply) else 0
        if order_id not in self.open_orders:
            order_id = 0
        self.retries.remember(account_id, key, at_ms, Remembered(digest, applied.n, applied.reply, order_id))
        return applied

    def refuse(self, command_id: str, at_ms: int, reason: RefusalReason) -> Applied:
        """The outcome of a command that is not applied at all: unreadable, poisonous, reusing a key."""
        self.at_ms = max(self.at_ms, at_ms)
        return self._outcome(command_id, [], Refused(reason=reason))

    def tick(self, at_ms: int) -> None:
        """Let time pass without a command: idempotency keys run out. Makes no outcome."""
        assert at_ms >= self.at_ms, "the log's time went back"
        self.at_ms = at_ms
        self.retries.forget(at_ms, self.open_orders)

    def next_timer_ms(self) -> int | None:
        """When `tick` next has something to do."""
        return self.retries.next_expiry_ms()

    def _decide(self, command: Command, command_id: str) -> Applied:
        events: list[Event] = []
        reply: Reply
        if type(command) is PlaceOrder:
            reply = self._place(command, events)
        elif type(command) is CancelOrder:
            reply = self._cancel(command, events)
        elif type(command) is CancelAllOrders:
            reply = self._cancel_all(command, events)
        else:
            reason = self._administer(command, events)
            reply = Done() if reason is None else Refused(reason=reason)
        return self._outcome(command_id, events, reply)

    def _outcome(self, command_id: str, events: list[Event], reply: Reply) -> Applied:
        self.n += 1
        seq = self.seq + 1
        if events:
            events += self.balances.changes()
            for market in self._markets:
                if market.bids.touched or market.asks.touched:
                    events.append(market.book_change())
            self.seq += len(events)
        refused = reply.reason if type(reply) is Refused else None
        return Applied(Outcome(self.n, seq, self.at_ms, command_id, events, refused), reply, self.n, False)

    # -------------------------------------------------------------------------------------------------------- orders

    def _place(self, cmd: PlaceOrder, events: list[Event]) -> Reply:
        if cmd.valid_until_ms is not None and cmd.valid_until_ms < self.at_ms:
            return Refused(reason=RefusalReason.EXPIRED_IN_QUEUE)
        market = self.markets.get(cmd.market)
        if market is None:
            return Refused(reason=RefusalReason.UNKNOWN_MARKET)
        refused = refusal(market, cmd)
        if refused is not None:
            return refused
        # Point of no return: the order is ours. A failure below is a bug, not a refusal.
        self.last_order_id += 1
        order = place(self.balances, market, cmd, self.last_order_id, self.at_ms, events)
        return OrderReply(order=order.view())

    def _cancel(self, cmd: CancelOrder, events: list[Event]) -> Reply:
        order = self._find(cmd)
        if order is None or order.account_id != cmd.account_id:
            return Refused(reason=RefusalReason.UNKNOWN_ORDER)
        market = self.markets[order.market]
        if cmd.market is not None and cmd.market != market.symbol:
            return Refused(reason=RefusalReason.UNKNOWN_ORDER)
        if market.state is CLOSED:
            return Refused(reason=RefusalReason.MARKET_CLOSED)
        take_back(self.balances, market, order, CANCELLED, EndReason.USER, events)
        return OrderReply(order=order.view())

    def _find(self, cmd: CancelOrder) -> Order | None:
        if cmd.order_id is not None:
            return self.open_orders.get(cmd.order_id)
        market = self.markets.get(cmd.market or "")
        if market is None or cmd.client_id is None:
            return None
        return market.by_client_id.get((cmd.account_id, cmd.client_id))

    def _cancel_all(self, cmd: CancelAllOrders, events: list[Event]) -> Reply:
        if cmd.market is None:
            markets = list(self.markets.values())
        elif cmd.market in self.markets:
            markets = [self.markets[cmd.market]]
            if markets[0].state is CLOSED and markets[0].of_account.get(cmd.account_id):
                return Refused(reason=RefusalReason.MARKET_CLOSED)  # An empty list would say that no order is left.
        else:
            return Refused(reason=RefusalReason.UNKNOWN_MARKET)
        views: list[OrderView] = []
        for market in markets:
            if market.state is CLOSED:
                continue
            for order in list(market.of_account.get(cmd.account_id, {}).values()):
                take_back(self.balances, market, order, CANCELLED, EndReason.USER, events)
                views.append(order.view())
        return OrdersReply(orders=views)

    def _administer(self, command: Command, events: list[Event]) -> RefusalReason | None:
        if isinstance(command, ListAsset):
            return venue.list_asset(self.balances, command, events)
        if isinstance(command, ListMarket):
            reason = venue.list_market(self.balances, self.markets, self.open_orders, command, events)
            self._markets = tuple(self.markets.values())
            return reason
        if isinstance(command, SetMarketState):
            return venue.set_market_state(self.markets, command, events)
        if isinstance(command, SetMarketFees):
            return venue.set_market_fees(self.markets, command, events)
        if isinstance(command, FundHouse):
            return venue.fund_house(self.balances, command, events)
        if isinstance(command, CreditAccount):
            return venue.credit_account(self.balances, command, events)
        return RefusalReason.MALFORMED

    # --------------------------------------------------------------------------------------------- state and proof

    def dump(self) -> dict[str, object]:
        """The whole state as numbers, strings, lists and dicts, the same for the same state in every process."""
        return state.dump(self)

    @classmethod
    def load(cls, dumped: dict[str, object]) -> "Engine":
        """An engine that goes on exactly where the dumped one stood. Checks every invariant on the way."""
        engine = cls()
        state.load(engine, dumped)
        engine._markets = tuple(engine.markets.values())
        engine.check_invariants()
        return engine

    def check_invariants(self) -> None:
        """Prove the whole state sound. Raises InvariantBroken naming what is not."""
        invariants.check(self)

    def open_order_views(self) -> Iterator[OrderView]:
        """Every open order of every market, oldest first."""
        for order_id in sorted(self.open_orders):
            yield self.open_orders[order_id].view()

    def balance_rows(self) -> Iterator[tuple[int, str, int, int]]:
        """Every `(account_id, asset, available_units, locked_units)`, ordered by asset and account."""
        for symbol in sorted(self.balances.assets):
            rows = self.balances.assets[symbol].rows
            for account_id in sorted(rows):
                yield account_id, symbol, rows[account_id].available, rows[account_id].locked


def _digest(command: Command) -> Digest:
    """What makes two requests the same: everything but the key and the time limit, which a retry sets anew."""
    skipped = ("idempotency_key", "valid_until_ms")
    values = [getattr(command, name) for name in command.__struct_fields__ if name not in skipped]
    return (type(command).__name__, *values)
