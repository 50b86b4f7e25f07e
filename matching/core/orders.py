"""An order inside the engine."""

from matching.core.balances import Row
from matching.core.words import ASK, BID
from matching.messages import (
    EndReason,
    OrderStatus,
    OrderType,
    OrderView,
    SelfTradePrevention,
    TimeInForce,
)


class Order:
    """One order, resting or on its way through the book.

    `remaining_lots` is what may still trade. `pay` and `receive` are its owner's rows in the asset given and the asset
    got. Fee rates are those of its acceptance. `before`, `behind` and `level` are its place in the queue.
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
        "is_bid",
        "level",
        "maker_fee_ppm",
        "market",
        "order_id",
        "order_type",
        "pay",
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
    pay: Row
    receive: Row
    before: "Order | None"
    behind: "Order | None"
    level: "object | None"

    def view(self) -> OrderView:
        """What the public sees of it now."""
        # By position, in the order of its fields: above 15 keywords msgspec takes five times as long.
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
        )
