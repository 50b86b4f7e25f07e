"""An order inside the engine."""

from matching.core.balances import Row
from matching.messages import (
    EndReason,
    OrderStatus,
    OrderType,
    OrderView,
    SelfTradePrevention,
    Side,
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
        return OrderView(
            order_id=self.order_id,
            account_id=self.account_id,
            market=self.market,
            side=Side.BID if self.is_bid else Side.ASK,
            order_type=self.order_type,
            status=self.status,
            price_ticks=self.price_ticks,
            quantity_lots=self.quantity_lots,
            quote_units=self.quote_units,
            executed_lots=self.executed_lots,
            executed_quote_units=self.executed_quote_units,
            time_in_force=self.time_in_force,
            post_only=self.post_only,
            self_trade_prevention=self.self_trade_prevention,
            client_id=self.client_id,
            created_at_ms=self.created_at_ms,
            end_reason=self.end_reason,
        )
