"""The engine's reasons in the words of the public API: why a wish was refused, and why an order ended."""

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError, ErrorKind
from matching.messages import EndReason, OrderView, RefusalReason, Refused

RETRY_AFTER_S = 1

_KINDS: dict[RefusalReason, tuple[ErrorKind, str]] = {
    RefusalReason.MALFORMED: (errors.INVALID_CLIENT_REQUEST, ""),
    RefusalReason.INTERNAL: (errors.SERVER_ERROR, ""),
    RefusalReason.EXPIRED_IN_QUEUE: (errors.MAINTENANCE, "The order waited too long and was not executed"),
    RefusalReason.IDEMPOTENCY_KEY_REUSED: (errors.PRECONDITION_FAILED, ""),
    RefusalReason.UNKNOWN_MARKET: (errors.INVALID_SYMBOL, ""),
    RefusalReason.UNKNOWN_ASSET: (errors.INVALID_ASSET, ""),
    RefusalReason.ALREADY_LISTED: (errors.PRECONDITION_FAILED, "It is listed already"),
    RefusalReason.MARKET_NOT_OPEN: (errors.INVALID_ORDER, "The market does not take this order in its present state"),
    RefusalReason.MARKET_CLOSED: (errors.INVALID_ORDER, "The market is closed"),
    RefusalReason.DUPLICATE_CLIENT_ID: (errors.INVALID_CLIENT_REQUEST, "An open order has this clientId already"),
    RefusalReason.INVALID_PRICE: (errors.INVALID_PRICE, ""),
    RefusalReason.INVALID_QUANTITY: (
        errors.INVALID_CLIENT_REQUEST,
        "Quantity must be above what has been executed, and within what the market can count",
    ),
    RefusalReason.QUANTITY_TOO_SMALL: (errors.INVALID_CLIENT_REQUEST, "Quantity is below the minimum allowed value"),
    RefusalReason.QUANTITY_TOO_LARGE: (errors.INVALID_QUANTITY, ""),
    RefusalReason.NOTIONAL_TOO_SMALL: (
        errors.INVALID_CLIENT_REQUEST,
        "Price times quantity is below the minimum allowed value",
    ),
    RefusalReason.NOTIONAL_TOO_LARGE: (errors.INVALID_QUANTITY, "Price times quantity is too large"),
    RefusalReason.POST_ONLY_WOULD_TAKE: (errors.INVALID_ORDER, "Order would immediately match and take"),
    RefusalReason.PRICE_OUT_OF_BOUNDS: (errors.INVALID_PRICE, "Price is too far from the last active price"),
    RefusalReason.INVALID_EXPIRY: (
        errors.INVALID_CLIENT_REQUEST,
        "expireTime must lie in the future, at most 366 days ahead",
    ),
    RefusalReason.INVALID_TRIGGER: (
        errors.INVALID_CLIENT_REQUEST,
        "The trigger or an exit lies on the wrong side of the price, or there is no last price to measure from",
    ),
    RefusalReason.TOO_MANY_OPEN_ORDERS: (errors.ORDER_LIMIT, ""),
    RefusalReason.INSUFFICIENT_FUNDS: (errors.INSUFFICIENT_FUNDS, ""),
    RefusalReason.HOUSE_FUNDS_TOO_SMALL: (errors.INSUFFICIENT_FUNDS, "The house does not have that much"),
    RefusalReason.SUPPLY_TOO_LARGE: (errors.INVALID_QUANTITY, "The amount is too large"),
    RefusalReason.UNKNOWN_ORDER: (errors.RESOURCE_NOT_FOUND, ""),
    RefusalReason.UNKNOWN_WITHDRAWAL: (errors.RESOURCE_NOT_FOUND, "There is no such withdrawal under way"),
    RefusalReason.INVALID_PARAMETER: (errors.INVALID_CLIENT_REQUEST, "This combination of members is not allowed"),
    RefusalReason.OVERLOADED: (errors.MAINTENANCE, "Too many requests are remembered; nothing was executed"),
    RefusalReason.OUT_OF_SEQUENCE: (errors.PRECONDITION_FAILED, "It came out of its sequence"),
    RefusalReason.RULES_NOT_ACTIVE: (errors.NOT_IMPLEMENTED, "This is not switched on at this exchange yet"),
    RefusalReason.TRADING_HALTED: (errors.TRADING_PAUSED, "All trading is halted; nothing was executed"),
    RefusalReason.ACCOUNT_BLOCKED: (errors.FORBIDDEN, "The account may not place or change orders here"),
}

_ENDS: dict[EndReason, str] = {
    EndReason.USER: "Cancelled by you.",
    EndReason.FILL_OR_KILL: "It could not be filled completely at once.",
    EndReason.IMMEDIATE_OR_CANCEL: "The rest could not trade at once.",
    EndReason.INSUFFICIENT_LIQUIDITY: "There was nothing left to trade with.",
    EndReason.INSUFFICIENT_FUNDS: "There was not enough money when it was to be placed.",
    EndReason.SELF_TRADE_PREVENTION: "It met an order of your own.",
    EndReason.GOOD_TILL_DATE: "Its time was over.",
    EndReason.CANCEL_AFTER: "Your dead man's switch ran out.",
    EndReason.ONE_CANCELS_OTHER: "Its counterpart traded, fired or ended.",
    EndReason.PRICE_OUT_OF_BOUNDS: "The price had left the market's bounds.",
    EndReason.PRICE_IMPACT: "It would have moved the price too far.",
    EndReason.SLIPPAGE_TOLERANCE_EXCEEDED: "The price was beyond your slippage tolerance.",
    EndReason.INVALID_PRICE: "The market did not take its price.",
    EndReason.INVALID_QUANTITY: "The market did not take its quantity.",
    EndReason.POST_ONLY_TAKER: "It was post-only and would have traded at once.",
    EndReason.POST_ONLY_MODE: "The market took only orders that rest.",
    EndReason.ACCOUNT_TRADING_SUSPENDED: "The account could not trade.",
    EndReason.UNKNOWN: "It could not be taken.",
}


def refused(refusal: Refused) -> ApiError:
    """The engine's refusal as an error of the public API."""
    kind, message = _KINDS[refusal.reason]
    extra: dict[str, object] = {}
    if refusal.order_id is not None:
        extra["orderId"] = str(refusal.order_id)
        message = f"{message}: order {refusal.order_id}"
    if kind in (errors.MAINTENANCE, errors.TRADING_PAUSED):
        return ApiError(kind, message, {"executed": False, **extra}, {"Retry-After": str(RETRY_AFTER_S)})
    return ApiError(kind, message, extra)


def why_ended(order: OrderView) -> str:
    """A sentence for a person; empty while the order is open or when it was filled."""
    return "" if order.end_reason is None else why_ended_of(order.end_reason)


def why_ended_of(reason: EndReason) -> str:
    return _ENDS[reason]
