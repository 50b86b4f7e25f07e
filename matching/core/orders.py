"""An order inside the engine."""

from msgspec.structs import replace

from matching.core.balances import Row
from matching.core.words import ASK, BID, NEW
from matching.messages import (
    EndReason,
    OrderStatus,
    OrderTerms,
    OrderType,
    OrderView,
    PlaceOrder,
    SelfTradePrevention,
    TimeInForce,
)

NO_LIMIT = 1 << 80  # More lots or units than any order can ask for.


class Extra:
    """What only orders with terms have.

    `terms` are as given (and amended). `hidden_lots` is what an iceberg does not show yet; it is not part of the
    order's `remaining_lots`. `trigger_ticks` and `fires_above` belong to a conditional order, `best_ticks` to a
    trailing one (the best price since its arrival). `partner_id` is the other order of a pair of which one cancels the
    other, as long as `is_paired`; `parent_id` is the order that this one is an exit of. `received_units` is what the
    parent of exits got, less fees.
    """

    __slots__ = (
        "best_ticks",
        "fires_above",
        "hidden_lots",
        "is_paired",
        "parent_id",
        "partner_id",
        "received_units",
        "terms",
        "trigger_ticks",
        "triggered_at_ms",
    )

    def __init__(self, terms: OrderTerms) -> None:
        self.terms = terms
        self.hidden_lots = 0
        self.trigger_ticks: int | None = terms.trigger_price_ticks
        self.fires_above: bool | None = None
        self.best_ticks: int | None = None
        self.partner_id: int | None = None
        self.is_paired = False
        self.parent_id: int | None = None
        self.received_units = 0
        self.triggered_at_ms: int | None = None

    @property
    def waits(self) -> bool:
        """Does the order wait for a trigger that has not fired yet?"""
        has_trigger = self.terms.trigger_price_ticks is not None or self.terms.trailing_ticks is not None
        return has_trigger and self.triggered_at_ms is None

    def pair_with(self, order_id: int) -> None:
        self.partner_id, self.is_paired = order_id, True

    @property
    def has_exits(self) -> bool:
        return self.terms.stop_loss is not None or self.terms.take_profit is not None

    def shown_terms(self) -> OrderTerms:
        """The terms with what the engine has added: where and how it fires now, and whom it belongs to."""
        if self.fires_above is None and self.partner_id is None and self.parent_id is None:
            return self.terms
        related = self.partner_id if self.parent_id is None else self.parent_id
        return replace(
            self.terms,
            trigger_price_ticks=self.trigger_ticks,
            fires_above=self.fires_above,
            related_order_id=related,
        )


class Order:
    """One order: resting, waiting for its trigger, or on its way through the book.

    `remaining_lots` is what may still trade now. `pay` and `receive` are its owner's rows in the asset given and the
    asset got; they are set when the order is taken. Fee rates are those of its acceptance. `before`, `behind` and
    `level` are its place in the queue, `place` grows with each order that queues up.
    """

    __slots__ = (
        "account_id",
        "before",
        "behind",
        "client_id",
        "created_at_ms",
        "end_reason",
        "executed_lots",
        "executed_quote_units",
        "extra",
        "fee_version",
        "is_bid",
        "level",
        "maker_fee_ppm",
        "market",
        "order_id",
        "order_type",
        "pay",
        "place",
        "post_only",
        "price_ticks",
        "quantity_lots",
        "quote_units",
        "receive",
        "remaining_lots",
        "self_trade_prevention",
        "status",
        "taker_fee_ppm",
        "time_in_force",
    )

    order_id: int
    account_id: int
    market: str
    is_bid: bool
    order_type: OrderType
    status: OrderStatus
    price_ticks: int | None
    quantity_lots: int | None
    quote_units: int | None
    remaining_lots: int
    executed_lots: int
    executed_quote_units: int
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    client_id: int | None
    created_at_ms: int
    end_reason: EndReason | None
    maker_fee_ppm: int
    taker_fee_ppm: int
    fee_version: int
    extra: Extra | None
    place: int
    pay: Row
    receive: Row
    before: "Order | None"
    behind: "Order | None"
    level: "object | None"

    @property
    def unfilled_lots(self) -> int:
        """Everything that is left, what an iceberg hides included."""
        return self.remaining_lots if self.extra is None else self.remaining_lots + self.extra.hidden_lots

    def view(self) -> OrderView:
        """What the public sees of it now."""
        extra = self.extra
        terms, triggered_at_ms = (None, None) if extra is None else (extra.shown_terms(), extra.triggered_at_ms)
        # By position, in the order of its fields: msgspec takes twice as long by keyword, and with more than 15 of
        # them five times as long.
        return OrderView(
            self.order_id,
            self.account_id,
            self.market,
            BID if self.is_bid else ASK,
            self.order_type,
            self.status,
            self.price_ticks,
            self.quantity_lots,
            self.quote_units,
            self.executed_lots,
            self.executed_quote_units,
            self.time_in_force,
            self.post_only,
            self.self_trade_prevention,
            self.client_id,
            self.created_at_ms,
            self.end_reason,
            terms,
            triggered_at_ms,
            self.fee_version,
        )


def draft(cmd: PlaceOrder) -> Order:
    """The order that a command asks for, before anything is checked: no id, no rows, no place."""
    order = Order()
    order.order_id = 0
    order.account_id = cmd.account_id
    order.market = cmd.market
    order.is_bid = cmd.side is BID
    order.order_type = cmd.order_type
    order.status = NEW
    order.price_ticks = cmd.price_ticks
    order.quantity_lots = cmd.quantity_lots
    order.quote_units = cmd.quote_units
    order.remaining_lots = NO_LIMIT if cmd.quantity_lots is None else cmd.quantity_lots
    order.executed_lots = order.executed_quote_units = 0
    order.time_in_force = cmd.time_in_force  # Kept as it was sent; a market order never rests, whatever it says.
    order.post_only = cmd.post_only
    order.self_trade_prevention = cmd.self_trade_prevention
    order.client_id = cmd.client_id
    order.end_reason = None
    order.extra = None if cmd.terms is None else Extra(cmd.terms)
    order.level = order.before = order.behind = None
    return order
