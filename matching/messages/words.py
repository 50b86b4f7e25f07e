"""Enumerations: the words of commands, events and answers. Where the public API has a word, it is used."""

from enum import StrEnum


class Side(StrEnum):
    BID = "Bid"
    ASK = "Ask"


class OrderType(StrEnum):
    LIMIT = "Limit"
    MARKET = "Market"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"  # Good till `OrderTerms.expires_at_ms`.


class SelfTradePrevention(StrEnum):
    """What happens when an order would meet one of its own account; the incoming order's choice decides."""

    REJECT_TAKER = "RejectTaker"
    REJECT_MAKER = "RejectMaker"
    REJECT_BOTH = "RejectBoth"
    DECREMENT = "Decrement"  # Both lose the smaller of the two quantities, without a trade.


class OrderStatus(StrEnum):
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"
    TRIGGER_PENDING = "TriggerPending"
    TRIGGER_FAILED = "TriggerFailed"


class OrderKind(StrEnum):
    """Which open orders a cancel-all means."""

    RESTING = "RestingLimitOrder"
    CONDITIONAL = "ConditionalOrder"


class MarketState(StrEnum):
    """What the book accepts; the words of the public API, and one of ours."""

    OPEN = "Open"
    POST_ONLY = "PostOnly"
    LIMIT_ONLY = "LimitOnly"
    CANCEL_ONLY = "CancelOnly"  # A halt: orders stay, cancelling works.
    CLOSED = "Closed"
    AUCTION = "Auction"  # Orders are collected and may cross; nothing trades until the uncrossing.


class EndReason(StrEnum):
    """Why an order left the book, or never reached it, without being filled."""

    USER = "User"
    FILL_OR_KILL = "FillOrKill"
    IMMEDIATE_OR_CANCEL = "ImmediateOrCancel"
    INSUFFICIENT_LIQUIDITY = "InsufficientLiquidity"
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    SELF_TRADE_PREVENTION = "SelfTradePrevention"
    GOOD_TILL_DATE = "GoodTillDate"
    CANCEL_AFTER = "CancelAfter"
    ONE_CANCELS_OTHER = "OneCancelsOther"
    PRICE_OUT_OF_BOUNDS = "PriceOutOfBounds"
    PRICE_IMPACT = "PriceImpact"
    SLIPPAGE_TOLERANCE_EXCEEDED = "SlippageToleranceExceeded"
    INVALID_PRICE = "InvalidPrice"
    INVALID_QUANTITY = "InvalidQuantity"
    POST_ONLY_TAKER = "PostOnlyTaker"
    POST_ONLY_MODE = "PostOnlyMode"
    ACCOUNT_TRADING_SUSPENDED = "AccountTradingSuspended"
    UNKNOWN = "Unknown"


class OrderChange(StrEnum):
    """What `OrderChanged` reports."""

    ACCEPTED = "Accepted"  # An order with terms is live; plain orders have `OrderAccepted`.
    TRIGGER_PLACED = "TriggerPlaced"  # A conditional order waits.
    TRIGGERED = "Triggered"  # It has fired and is handled like a new order from here on.
    TRIGGER_FAILED = "TriggerFailed"  # It has fired and could not be taken; `end_reason` says why.
    MODIFIED = "Modified"  # Amended, or reduced by self-trade prevention.


class RefusalReason(StrEnum):
    """Why a command changed nothing. A refusal is an answer, not an error: stable, final and safe to show."""

    MALFORMED = "malformed"
    INTERNAL = "internal"
    EXPIRED_IN_QUEUE = "expired_in_queue"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    UNKNOWN_MARKET = "unknown_market"
    UNKNOWN_ASSET = "unknown_asset"
    ALREADY_LISTED = "already_listed"
    MARKET_NOT_OPEN = "market_not_open"
    MARKET_CLOSED = "market_closed"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    INVALID_PRICE = "invalid_price"
    INVALID_QUANTITY = "invalid_quantity"
    QUANTITY_TOO_SMALL = "quantity_too_small"
    NOTIONAL_TOO_LARGE = "notional_too_large"
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    TOO_MANY_OPEN_ORDERS = "too_many_open_orders"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    HOUSE_FUNDS_TOO_SMALL = "house_funds_too_small"
    SUPPLY_TOO_LARGE = "supply_too_large"
    UNKNOWN_ORDER = "unknown_order"
    INVALID_PARAMETER = "invalid_parameter"
    OVERLOADED = "overloaded"
    RULES_NOT_ACTIVE = "rules_not_active"
    TRADING_HALTED = "trading_halted"
    ACCOUNT_BLOCKED = "account_blocked"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    NOTIONAL_TOO_SMALL = "notional_too_small"
    PRICE_OUT_OF_BOUNDS = "price_out_of_bounds"
    INVALID_EXPIRY = "invalid_expiry"
    INVALID_TRIGGER = "invalid_trigger"
    OUT_OF_SEQUENCE = "out_of_sequence"
    UNKNOWN_WITHDRAWAL = "unknown_withdrawal"
