"""What every message has in common, and the two records that commands, events and answers share."""

import msgspec

from matching.messages.words import EndReason, OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce

MAX_INT = 2**62  # Largest amount, notional or supply; leaves one bit of room below what msgpack and bigint carry.


class Message(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True, gc=False, forbid_unknown_fields=False
):
    """A wish, a fact or an answer. Frozen: derive a new one, never edit."""


class ExitTerms(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One way out of a position: at `trigger_price_ticks`, by a limit order at `price_ticks` or (None) at market."""

    trigger_price_ticks: int
    price_ticks: int | None = None


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What few orders have. `docs/orders.md` says what each member means and how they combine.

    `expires_at_ms` belongs to time in force GTD. `display_lots` makes an iceberg. `trigger_price_ticks` or
    `trailing_ticks` (a distance to the best price since then) make the order conditional. `stop_loss` and `take_profit`
    are exits that are placed when the order is done. `slippage_*` bound how far from the best price a market order
    trades. The engine alone sets the last two: `fires_above` (whether a rising or a falling price fires the order) and
    `related_order_id` (the parent of an exit, else the other order of a one-cancels-other pair).
    """

    expires_at_ms: int | None = None
    display_lots: int | None = None
    trigger_price_ticks: int | None = None
    trailing_ticks: int | None = None
    stop_loss: ExitTerms | None = None
    take_profit: ExitTerms | None = None
    slippage_ticks: int | None = None
    slippage_ppm: int | None = None
    fires_above: bool | None = None
    related_order_id: int | None = None


class OrderView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order as it stands after the command: what the API shows of it."""

    order_id: int
    account_id: int
    market: str
    side: Side
    order_type: OrderType
    status: OrderStatus
    price_ticks: int | None
    quantity_lots: int | None
    quote_units: int | None
    executed_lots: int
    executed_quote_units: int
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    client_id: int | None
    created_at_ms: int
    end_reason: EndReason | None = None
    terms: OrderTerms | None = None
    triggered_at_ms: int | None = None
    fee_version: int = 1
