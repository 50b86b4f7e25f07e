"""What the user feed knows (every open order, every asset) and what outcomes mean to accounts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from accounts.models import FEES_ACCOUNT_ID, HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID
from marketdata.feed.book import BookMismatch
from marketdata.feed.messages import UserBatch
from matching.messages import (
    AssetListed,
    BalanceChanged,
    OrderAccepted,
    OrderChange,
    OrderChanged,
    OrderEnded,
    OrderStatus,
    OrderView,
    Outcome,
    TradeMade,
)
from trading.user_feed.messages import BalanceUpdate, FillTerms, OrderTerms, OrderUpdate, Update, encode_update

CHANGE_WORDS = {
    OrderChange.ACCEPTED: "orderAccepted",
    OrderChange.TRIGGER_PLACED: "triggerPlaced",
    OrderChange.TRIGGERED: "orderAccepted",
    OrderChange.TRIGGER_FAILED: "triggerFailed",
    OrderChange.MODIFIED: "orderModified",
}
VENUE_ACCOUNTS = frozenset({HOUSE_ACCOUNT_ID, FEES_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID})  # Nobody listens for these.


@dataclass(slots=True)
class OpenOrder:
    terms: OrderTerms
    executed_lots: int = 0
    executed_quote_units: int = 0


@dataclass(slots=True)
class UserFeedStart:
    n: int
    at_ms: int
    assets: dict[str, int]  # Symbol -> decimals.
    orders: list[OpenOrder]


class UserFeedState:
    """All open orders after outcome `n`."""

    def __init__(self, start: UserFeedStart) -> None:
        self.n = start.n
        self.at_ms = start.at_ms
        self._flushed_n = start.n
        self._assets = dict(start.assets)
        self._orders = {order.terms.order_id: order for order in start.orders}
        self._updates: list[tuple[int, msgspec.Raw]] = []

    def apply(self, outcomes: Iterable[Outcome]) -> None:
        """Raises BookMismatch when an outcome speaks of an order that should not exist."""
        for outcome in outcomes:
            at_ms = outcome.at_ms
            for event in outcome.events:
                if isinstance(event, OrderAccepted):
                    self._accepted(event, at_ms)
                elif isinstance(event, TradeMade):
                    self._traded(event, at_ms)
                elif isinstance(event, OrderEnded):
                    self._ended(event, at_ms)
                elif isinstance(event, BalanceChanged):
                    self._balance(event, at_ms)
                elif isinstance(event, OrderChanged):
                    self._changed(event, at_ms)
                elif isinstance(event, AssetListed):
                    self._assets[event.symbol] = event.decimals
            self.n, self.at_ms = outcome.n, at_ms

    def _accepted(self, event: OrderAccepted, at_ms: int) -> None:
        terms = OrderTerms(
            event.order_id,
            event.account_id,
            event.market,
            event.side,
            event.order_type,
            event.price_ticks,
            event.quantity_lots,
            event.quote_units,
            event.time_in_force,
            event.post_only,
            event.self_trade_prevention,
            event.client_id,
        )
        self._orders[event.order_id] = OpenOrder(terms)
        self._tell(terms.account_id, OrderUpdate("orderAccepted", OrderStatus.NEW, at_ms, terms, 0, 0))

    def _changed(self, event: OrderChanged, at_ms: int) -> None:
        """The event has the whole order, so it may be one that was not open here yet."""
        view = event.order
        terms = terms_of(view)
        failed = event.change is OrderChange.TRIGGER_FAILED
        executed = view.executed_lots, view.executed_quote_units
        reason = view.end_reason if failed else None
        word = CHANGE_WORDS[event.change]
        self._tell(view.account_id, OrderUpdate(word, view.status, at_ms, terms, *executed, None, reason))
        if failed:
            self._orders.pop(view.order_id, None)
        else:
            self._orders[view.order_id] = OpenOrder(terms, *executed)

    def _traded(self, event: TradeMade, at_ms: int) -> None:
        price, lots = event.price_ticks, event.quantity_lots
        maker = self._order(event.maker_order_id)
        maker.executed_lots = event.maker_executed_lots
        maker.executed_quote_units = event.maker_executed_quote_units
        fill = FillTerms(event.trade_id, price, lots, True, event.maker_fee_units)
        self._filled(maker, fill, event.maker_filled, at_ms)
        taker = self._order(event.taker_order_id)
        taker.executed_lots = event.taker_executed_lots
        taker.executed_quote_units = event.taker_executed_quote_units
        fill = FillTerms(event.trade_id, price, lots, False, event.taker_fee_units)
        self._filled(taker, fill, event.taker_filled, at_ms)

    def _filled(self, order: OpenOrder, fill: FillTerms, complete: bool, at_ms: int) -> None:
        terms = order.terms
        status = OrderStatus.FILLED if complete else OrderStatus.PARTIALLY_FILLED
        update = OrderUpdate("orderFill", status, at_ms, terms, order.executed_lots, order.executed_quote_units, fill)
        self._tell(terms.account_id, update)
        if complete:
            del self._orders[terms.order_id]

    def _ended(self, event: OrderEnded, at_ms: int) -> None:
        order = self._order(event.order_id)
        expired = event.status == OrderStatus.EXPIRED
        update = OrderUpdate(
            "orderExpired" if expired else "orderCancelled",
            event.status,
            at_ms,
            order.terms,
            order.executed_lots,
            order.executed_quote_units,
            None,
            event.reason if expired else None,
        )
        self._tell(order.terms.account_id, update)
        del self._orders[event.order_id]

    def _balance(self, event: BalanceChanged, at_ms: int) -> None:
        if event.account_id in VENUE_ACCOUNTS:
            return
        decimals = self._assets.get(event.asset)
        if decimals is None:
            raise BookMismatch(f"A balance is in the asset {event.asset}, which was never listed.")
        update = BalanceUpdate(at_ms, event.asset, decimals, event.available_units, event.locked_units)
        self._tell(event.account_id, update)

    def _order(self, order_id: int) -> OpenOrder:
        order = self._orders.get(order_id)
        if order is None:
            raise BookMismatch(f"An outcome speaks of order {order_id}, which is not open here.")
        return order

    def _tell(self, account_id: int, update: Update) -> None:
        self._updates.append((account_id, msgspec.Raw(encode_update(update))))

    def flush(self, now_ms: int) -> UserBatch | None:
        """Everything since the last flush; None when n is the same."""
        if self.n == self._flushed_n:
            return None
        after_n, self._flushed_n = self._flushed_n, self.n
        updates, self._updates = self._updates, []
        return UserBatch(self.n, self.at_ms, after_n, updates)

    def heartbeat(self) -> UserBatch:
        assert self.n == self._flushed_n, "a heartbeat must not skip outcomes"
        return UserBatch(self.n, self.at_ms, self.n)

    def forget(self) -> None:
        self._updates = []
        self._flushed_n = self.n

    def recall(self, outcomes: Iterable[Outcome], after_n: int) -> bool:
        """Impossible: the orders that ended in between are not known here."""
        return False

    def images(self, again: bool = False) -> dict[str, bytes]:
        """None: a listener who starts reads its orders over REST."""
        return {}


def terms_of(view: OrderView) -> OrderTerms:
    return OrderTerms(
        view.order_id,
        view.account_id,
        view.market,
        view.side,
        view.order_type,
        view.price_ticks,
        view.quantity_lots,
        view.quote_units,
        view.time_in_force,
        view.post_only,
        view.self_trade_prevention,
        view.client_id,
        view.terms,
    )
