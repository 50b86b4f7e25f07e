"""The matching engine: a pure function from its state and one command to one outcome.

The same commands with the same times give byte-equal outcomes in any process, for ever: no clock, no randomness, no
I/O, no float, no iteration over sets. What the outside does around it (log, journal, publish) is `matching.runtime`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from matching.core import administration, funding, invariants, overdue, state
from matching.core.aftermath import aftermath
from matching.core.amending import amend
from matching.core.auction import indication
from matching.core.balances import Balances
from matching.core.cancelling import cancel, cancel_all
from matching.core.checks import refusal
from matching.core.digest import digest
from matching.core.markets import Market
from matching.core.orders import Order, draft
from matching.core.pairs import place_pair
from matching.core.placing import start, take
from matching.core.retries import Key, Remembered, Retries, answers_of, pack_reply
from matching.core.schedule import next_due_ms
from matching.core.venue import Venue
from matching.core.words import AUCTION
from matching.messages import (
    MAX_BATCH_STEPS,
    ActivateRules,
    AmendOrder,
    Batch,
    BatchReply,
    CancelAfter,
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    CreditDeposit,
    DebitAccount,
    DefundHouse,
    Done,
    Event,
    FundHouse,
    ListAsset,
    ListMarket,
    OrderReply,
    OrdersReply,
    OrderView,
    Outcome,
    PlaceOco,
    PlaceOrder,
    RefusalReason,
    Refused,
    ReleaseWithdrawal,
    Reply,
    ReserveWithdrawal,
    SetAccountBlock,
    SetAccountTier,
    SetKillSwitch,
    SetMarketFees,
    SetMarketLimits,
    SetMarketState,
    SettleWithdrawal,
)

_ADMINISTRATION: dict[type, Callable[[Venue, Any, list[Event]], RefusalReason | None]] = {
    ListAsset: administration.list_asset,
    ListMarket: administration.list_market,
    SetMarketState: administration.set_market_state,
    SetMarketLimits: administration.set_market_limits,
    SetMarketFees: administration.set_market_fees,
    SetAccountTier: administration.set_account_tier,
    SetAccountBlock: administration.set_account_block,
    SetKillSwitch: administration.set_kill_switch,
    ActivateRules: administration.activate_rules,
    FundHouse: funding.fund_house,
    CreditAccount: funding.credit_account,
}
_NEW_MONEY = (DefundHouse, DebitAccount, CreditDeposit, ReserveWithdrawal, SettleWithdrawal, ReleaseWithdrawal)


class Applied(msgspec.Struct, gc=False):
    """The answer to a command. `outcome` is None when an idempotency key gave back a stored answer (`replayed`).
    `packed_reply` is the reply as msgpack where it has been packed already, because its key is remembered."""

    outcome: Outcome | None
    reply: Reply
    n: int
    replayed: bool
    packed_reply: bytes | None = None


class Engine:
    """Decides about commands. `n` and `seq` are the position after the last outcome, `venue` is everything it knows."""

    def __init__(self) -> None:
        self.n = 0
        self.seq = 0
        self.venue = Venue()
        self.retries = Retries()

    @property
    def at_ms(self) -> int:
        """Log time of the last command or tick."""
        return self.venue.at_ms

    @property
    def rules_version(self) -> int:
        return self.venue.rules_version

    @property
    def balances(self) -> Balances:
        return self.venue.balances

    @property
    def markets(self) -> dict[str, Market]:
        return self.venue.markets

    @property
    def open_orders(self) -> dict[int, Order]:
        """Every open order by its id, resting or conditional."""
        return self.venue.open_orders

    # ------------------------------------------------------------------------------------------------------ commands

    def apply(self, command: Command, command_id: str, at_ms: int) -> Applied:
        """Decide about one command. A refusal is an answer; an exception means the state can no longer be trusted.

        `at_ms` is the journal's time and must not be before that of the last command. What fell due before it must
        have been done by `tick`.
        """
        venue = self.venue
        assert at_ms >= venue.at_ms, "the log's time went back"
        venue.at_ms = at_ms
        key = command.idempotency_key
        if key is None:
            return self._decide(command, command_id)
        return self._once(command, (getattr(command, "account_id", 0), key), command_id)

    def _once(self, command: Command, key: Key, command_id: str) -> Applied:
        """Decide about a command with an idempotency key, or give back the answer stored under it."""
        retries, venue = self.retries, self.venue
        at_ms = venue.at_ms
        asked = digest(command)
        known = retries.find(key, at_ms, venue.open_orders)
        if known is not None:
            if known.digest != asked:
                return self.refuse(command_id, at_ms, RefusalReason.IDEMPOTENCY_KEY_REUSED)
            return Applied(None, known.reply, known.n, True)
        if not retries.has_room(at_ms):
            return self.refuse(command_id, at_ms, RefusalReason.OVERLOADED)
        applied = self._decide(command, command_id)
        reply = applied.reply
        if type(reply) is Refused and reply.reason is RefusalReason.EXPIRED_IN_QUEUE:
            return applied  # Its caller is told to send the same key again later; a stored refusal would never let it.
        answers = 1
        if type(reply) is OrderReply:
            order_id = reply.order.order_id
            order_ids: tuple[int, ...] = (order_id,) if order_id in venue.open_orders else ()
        else:
            order_ids = tuple([order_id for order_id in _order_ids(reply) if order_id in venue.open_orders])
            answers = answers_of(reply)
        applied.packed_reply = packed = pack_reply(reply)
        retries.remember(key, Remembered(at_ms, key[0], key[1], asked, applied.n, packed, order_ids, answers))
        return applied

    def refuse(self, command_id: str, at_ms: int, reason: RefusalReason) -> Applied:
        """The outcome of a command that is not applied at all: unreadable, poisonous, reusing a key."""
        self.venue.at_ms = max(self.venue.at_ms, at_ms)
        return self._outcome(command_id, [], Refused(reason=reason))

    def tick(self, at_ms: int) -> Applied | None:
        """Let time pass without a command: idempotency keys run out, timers fire.

        Returns an outcome when a timer did something, else None. More may be due at the same time: while
        `next_timer_ms` says so, call again.
        """
        venue = self.venue
        assert at_ms >= venue.at_ms, "the log's time went back"
        venue.at_ms = at_ms
        self.retries.forget(at_ms, venue.open_orders)
        due_ms = next_due_ms(venue)
        if due_ms is None or due_ms > at_ms:
            return None
        venue.fired = 0
        events: list[Event] = []
        overdue.fire_due(venue, events)
        return self._outcome(f"tick/{at_ms}", events, Done()) if events else None

    def next_timer_ms(self) -> int | None:
        """When the next timer of an order, an account or a market is due; no later command may come before its tick."""
        return next_due_ms(self.venue)

    def next_forget_ms(self) -> int | None:
        """When the next idempotency key runs out. Nothing depends on being punctual with it."""
        return self.retries.next_expiry_ms()

    def _decide(self, command: Command, command_id: str) -> Applied:
        events: list[Event] = []
        venue = self.venue
        venue.fired = 0
        kind = type(command)
        reply: Reply
        if kind is PlaceOrder:
            reply = self._place(command, events)  # type: ignore[arg-type]
        elif kind is CancelOrder:
            reply = cancel(venue, command, events)  # type: ignore[arg-type]
        elif kind in _TRADING:
            reply = self._trade(command, events)
        elif kind is Batch:
            reply = self._batch(command, events)  # type: ignore[arg-type]
        elif kind is CancelAfter:
            reply = overdue.set_cancel_after(self.venue, command, events)  # type: ignore[arg-type]
        else:
            reason = self._administer(command, events)
            reply = Done() if reason is None else Refused(reason=reason)
        return self._outcome(command_id, events, reply)

    def _outcome(self, command_id: str, events: list[Event], reply: Reply) -> Applied:
        self.n = n = self.n + 1
        seq = self.seq + 1
        venue = self.venue
        if events:
            venue.balances.changes(events)
            if type(reply) is OrderReply:  # It tells of the only market that can have changed.
                market = venue.markets[reply.order.market]
                if market.state is AUCTION:
                    _tell_market(market, events)
                else:
                    change = market.book_change()
                    if change is not None:
                        events.append(change)
            else:
                for market in venue.markets.values():
                    _tell_market(market, events)
            self.seq += len(events)
        refused = reply.reason if type(reply) is Refused else None
        return Applied(Outcome(n, seq, venue.at_ms, command_id, events, refused), reply, n, False)

    # ------------------------------------------------------------------------------------------------------- trading

    def _trade(self, command: Any, events: list[Event]) -> OrderReply | OrdersReply | Refused:
        """One trading command or one step of a batch."""
        venue = self.venue
        kind = type(command)
        if kind is PlaceOrder:
            return self._place(command, events)
        if kind is CancelOrder:
            return cancel(venue, command, events)
        if kind is CancelAllOrders:
            return cancel_all(venue, command, events)
        if venue.rules_version < 2:
            return Refused(reason=RefusalReason.RULES_NOT_ACTIVE)
        if command.valid_until_ms is not None and command.valid_until_ms < venue.at_ms:
            return Refused(reason=RefusalReason.EXPIRED_IN_QUEUE)
        if kind is AmendOrder:
            return amend(venue, command, events)
        market = venue.markets.get(command.first.market)
        if market is None:
            return Refused(reason=RefusalReason.UNKNOWN_MARKET)
        return place_pair(venue, market, command, events)

    def _place(self, command: PlaceOrder, events: list[Event]) -> OrderReply | Refused:
        venue = self.venue
        if command.valid_until_ms is not None and command.valid_until_ms < venue.at_ms:
            return Refused(reason=RefusalReason.EXPIRED_IN_QUEUE)
        market = venue.markets.get(command.market)
        if market is None:
            return Refused(reason=RefusalReason.UNKNOWN_MARKET)
        order = draft(command)
        refused = refusal(venue, market, order)
        if refused is not None:
            return refused
        # Point of no return: the order is ours. A failure below is a bug, not a refusal.
        take(venue, market, order)
        prices = start(venue, market, order, events)
        if prices is not None or venue.followups:
            aftermath(venue, market, prices, events)
        return OrderReply(order.view())

    def _batch(self, batch: Batch, events: list[Event]) -> BatchReply | Refused:
        """Every step is decided as if it had come alone, at this position of the log."""
        if self.venue.rules_version < 2:
            return Refused(reason=RefusalReason.RULES_NOT_ACTIVE)
        if batch.valid_until_ms is not None and batch.valid_until_ms < self.venue.at_ms:
            return Refused(reason=RefusalReason.EXPIRED_IN_QUEUE)
        if not 0 < len(batch.steps) <= MAX_BATCH_STEPS:
            return Refused(reason=RefusalReason.INVALID_PARAMETER)
        replies: list[OrderReply | OrdersReply | Refused] = []
        for step in batch.steps:
            if step.account_id != batch.account_id:
                replies.append(Refused(reason=RefusalReason.INVALID_PARAMETER))
                continue
            timeless = getattr(step, "valid_until_ms", None) is None
            alone = step if timeless else msgspec.structs.replace(step, valid_until_ms=None)
            replies.append(self._trade(alone, events))
        return BatchReply(replies=replies)

    # ---------------------------------------------------------------------------------------------- everything else

    def _administer(self, command: Command, events: list[Event]) -> RefusalReason | None:
        kind = type(command)
        if kind in _NEW_MONEY:
            if self.venue.rules_version < 2:
                return RefusalReason.RULES_NOT_ACTIVE
            return funding.by_number(self.venue, command, events)  # type: ignore[arg-type]
        decide = _ADMINISTRATION.get(kind)
        if decide is None:
            return RefusalReason.MALFORMED
        return decide(self.venue, command, events)

    # --------------------------------------------------------------------------------------------- state and proof

    def dump(self) -> dict[str, object]:
        """The whole state as numbers, strings, lists and dicts, the same for the same state in every process."""
        return state.dump(self)

    @classmethod
    def load(cls, dumped: dict[str, object]) -> "Engine":
        """An engine that goes on exactly where the dumped one stood. Checks every invariant on the way."""
        engine = cls()
        state.load(engine, dumped)
        engine.check_invariants()
        return engine

    def check_invariants(self) -> None:
        """Prove the whole state sound. Raises InvariantBroken naming what is not."""
        invariants.check(self.venue)

    def open_order_views(self) -> Iterator[OrderView]:
        """Every open order of every market, oldest first."""
        for order_id in sorted(self.venue.open_orders):
            yield self.venue.open_orders[order_id].view()

    def balance_rows(self) -> Iterator[tuple[int, str, int, int]]:
        """Every `(account_id, asset, available_units, locked_units)`, ordered by asset and account."""
        assets = self.venue.balances.assets
        for symbol in sorted(assets):
            rows = assets[symbol].rows
            for account_id in sorted(rows):
                yield account_id, symbol, rows[account_id].available, rows[account_id].locked


_TRADING = (PlaceOrder, CancelOrder, CancelAllOrders, AmendOrder, PlaceOco)


def _tell_market(market: Market, events: list[Event]) -> None:
    """What a command has done to a market as a whole: its auction's indication, the levels of its book."""
    if market.state is AUCTION:
        indicated = indication(market)
        if indicated is not None:
            events.append(indicated)
    change = market.book_change()
    if change is not None:
        events.append(change)


def _order_ids(reply: Reply) -> list[int]:
    """The orders that an answer tells of."""
    kind = type(reply)
    if kind is OrderReply:
        return [reply.order.order_id]  # type: ignore[union-attr]
    if kind is OrdersReply:
        return [order.order_id for order in reply.orders]  # type: ignore[union-attr]
    if kind is BatchReply:
        return [order_id for one in reply.replies for order_id in _order_ids(one)]  # type: ignore[union-attr]
    return []
