"""The vocabulary of the exchange: every wish (command), every fact (event) and every answer (reply).

Units. Prices are integer counts of the market's tick (`price_ticks`), quantities integer counts of its step
(`quantity_lots`), money integer counts of an asset's atomic unit (`*_units`), time is milliseconds since 1970 in UTC
(`at_ms`). Nothing here is ever a float, and every integer fits 63 bits.

Wire form. Messages travel as msgpack arrays (`array_like`), tagged with the name of their type, so fields may only be
added at the end and with a default: an old record must decode for ever. `docs/protocol.md` describes the streams.
"""

from enum import StrEnum

import msgspec

MAX_INT = 2**62  # Largest amount, notional or supply; leaves one bit of room below what msgpack and bigint carry.


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


class SelfTradePrevention(StrEnum):
    REJECT_TAKER = "RejectTaker"
    REJECT_MAKER = "RejectMaker"
    REJECT_BOTH = "RejectBoth"


class OrderStatus(StrEnum):
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"


class MarketState(StrEnum):
    """What the book accepts; the words of the public API."""

    OPEN = "Open"
    POST_ONLY = "PostOnly"
    LIMIT_ONLY = "LimitOnly"
    CANCEL_ONLY = "CancelOnly"  # A halt: orders stay, cancelling works.
    CLOSED = "Closed"


class EndReason(StrEnum):
    """Why an order left the book, or never reached it, without being filled."""

    USER = "User"
    FILL_OR_KILL = "FillOrKill"
    IMMEDIATE_OR_CANCEL = "ImmediateOrCancel"
    INSUFFICIENT_LIQUIDITY = "InsufficientLiquidity"
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    SELF_TRADE_PREVENTION = "SelfTradePrevention"


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


class Message(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True, gc=False, forbid_unknown_fields=False
):
    """A wish, a fact or an answer. Frozen: derive a new one, never edit."""


# ------------------------------------------------------------------------------------------------ commands: wishes


class PlaceOrder(Message, frozen=True, tag="place_order"):
    """Ask for one order.

    A limit order has `price_ticks` and `quantity_lots`; a market order exactly one of `quantity_lots` and `quote_units`
    (what a buy may spend or a sell may receive at most). `client_id` must differ from those of the account's open
    orders in the market. `idempotency_key` makes a retry safe: same key and same content give the stored answer. After
    `valid_until_ms` the engine refuses the order instead of executing it late.
    """

    account_id: int
    market: str
    side: Side
    order_type: OrderType
    price_ticks: int | None = None
    quantity_lots: int | None = None
    quote_units: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.REJECT_TAKER
    client_id: int | None = None
    idempotency_key: str | None = None
    valid_until_ms: int | None = None


class CancelOrder(Message, frozen=True, tag="cancel_order"):
    """Take one open order back, named by `order_id` or, when that is None, by `client_id`.

    `market` None matches any market and is only allowed together with `order_id`.
    """

    account_id: int
    market: str | None = None
    order_id: int | None = None
    client_id: int | None = None
    idempotency_key: str | None = None


class CancelAllOrders(Message, frozen=True, tag="cancel_all_orders"):
    """Take back every open order of the account, in one market or (None) in all, oldest first."""

    account_id: int
    market: str | None = None
    idempotency_key: str | None = None


class ListAsset(Message, frozen=True, tag="list_asset"):
    """Make an asset known; one whole coin is 10**decimals units. `actor` and `reason` go to the audit trail."""

    symbol: str
    decimals: int
    actor: str
    reason: str
    idempotency_key: str | None = None


class ListMarket(Message, frozen=True, tag="list_market"):
    """Open a market. One tick times one lot is `quote_units_per_tick_lot` quote units, a whole number, so that every
    notional is exact; one lot is `base_units_per_lot` base units. Fees are parts per million of what is received."""

    symbol: str
    base: str
    quote: str
    base_units_per_lot: int
    quote_units_per_tick_lot: int
    min_quantity_lots: int
    max_open_orders: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    actor: str
    reason: str
    idempotency_key: str | None = None


class SetMarketState(Message, frozen=True, tag="set_market_state"):
    """Halt, restrict or reopen a market, effective at this position of the log."""

    market: str
    state: MarketState
    actor: str
    reason: str
    idempotency_key: str | None = None


class SetMarketFees(Message, frozen=True, tag="set_market_fees"):
    """Change a market's fees for orders accepted from here on; resting orders keep theirs."""

    market: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    actor: str
    reason: str
    idempotency_key: str | None = None


class FundHouse(Message, frozen=True, tag="fund_house"):
    """Money enters the venue from outside, to the house account. `reference` names where it came from."""

    asset: str
    units: int
    reference: str
    actor: str
    reason: str
    idempotency_key: str | None = None


class CreditAccount(Message, frozen=True, tag="credit_account"):
    """The house pays an account; refused when the house does not have it."""

    account_id: int
    asset: str
    units: int
    reference: str
    actor: str
    reason: str
    idempotency_key: str | None = None


Command = (
    PlaceOrder
    | CancelOrder
    | CancelAllOrders
    | ListAsset
    | ListMarket
    | SetMarketState
    | SetMarketFees
    | FundHouse
    | CreditAccount
)


# --------------------------------------------------------------------------------------------------- events: facts


class OrderAccepted(Message, frozen=True, tag="order_accepted"):
    """The order is ours. What became of it follows in the same outcome; `created_at` is the outcome's `at_ms`."""

    order_id: int
    account_id: int
    market: str
    side: Side
    order_type: OrderType
    price_ticks: int | None
    quantity_lots: int | None
    quote_units: int | None
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    client_id: int | None


class TradeMade(Message, frozen=True, kw_only=False, tag="trade"):
    """Two orders met at the maker's price.

    `quote_units` is what the buyer pays. The buyer's fee is in base units, the seller's in quote units.
    `*_executed_*` are the orders' totals after this trade, `*_filled` says that the order is complete (and gone).
    """

    market: str
    trade_id: int
    price_ticks: int
    quantity_lots: int
    quote_units: int
    taker_side: Side
    maker_order_id: int
    taker_order_id: int
    maker_account_id: int
    taker_account_id: int
    maker_fee_units: int
    taker_fee_units: int
    maker_executed_lots: int
    maker_executed_quote_units: int
    taker_executed_lots: int
    taker_executed_quote_units: int
    maker_filled: bool
    taker_filled: bool


class OrderEnded(Message, frozen=True, tag="order_ended"):
    """An order left without being (completely) filled: `status` Cancelled (by its owner, or as a maker by self-trade
    prevention) or Expired (by a rule). A market order by quote amount that spent all it can ends as `trade` with
    `taker_filled`."""

    order_id: int
    account_id: int
    market: str
    status: OrderStatus
    reason: EndReason


class BalanceChanged(Message, frozen=True, tag="balance"):
    """New absolute amounts of one account and asset; at most one a command, after everything that caused it."""

    account_id: int
    asset: str
    available_units: int
    locked_units: int


class BookChanged(Message, frozen=True, tag="book"):
    """The visible book of a market changed: new absolute lots of each changed level, 0 deletes it.

    `update_id` grows by exactly one with each such event of the market. Bids and asks are `(price_ticks, lots)`.
    """

    market: str
    update_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class AssetListed(Message, frozen=True, tag="asset_listed"):
    symbol: str
    decimals: int


class MarketListed(Message, frozen=True, tag="market_listed"):
    symbol: str
    base: str
    quote: str
    base_units_per_lot: int
    quote_units_per_tick_lot: int
    min_quantity_lots: int
    max_open_orders: int
    maker_fee_ppm: int
    taker_fee_ppm: int


class MarketStateChanged(Message, frozen=True, tag="market_state_changed"):
    market: str
    state: MarketState
    actor: str
    reason: str


class MarketFeesChanged(Message, frozen=True, tag="market_fees_changed"):
    market: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    actor: str
    reason: str


class HouseFunded(Message, frozen=True, tag="house_funded"):
    asset: str
    units: int
    reference: str


class AccountCredited(Message, frozen=True, tag="account_credited"):
    account_id: int
    asset: str
    units: int
    reference: str


Event = (
    OrderAccepted
    | TradeMade
    | OrderEnded
    | BalanceChanged
    | BookChanged
    | AssetListed
    | MarketListed
    | MarketStateChanged
    | MarketFeesChanged
    | HouseFunded
    | AccountCredited
)


class Outcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the engine decided about one command.

    `n` has no gap and no repeat. Event i of the outcome has the gapless event number `seq + i`. A refused command has
    no events and says why in `refusal`. `command_id` is "<cmd entry id>/<index in the entry>".
    """

    n: int
    seq: int
    at_ms: int
    command_id: str
    events: list[Event]
    refusal: RefusalReason | None = None


# ------------------------------------------------------------------------------------------------ replies: answers


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


class OrderReply(Message, frozen=True, tag="order"):
    order: OrderView


class OrdersReply(Message, frozen=True, tag="orders"):
    orders: list[OrderView]


class Done(Message, frozen=True, tag="done"):
    """The command took effect and has nothing more to say."""


class Refused(Message, frozen=True, tag="refused"):
    """Nothing changed. `order_id` names the order that stands in the way, where there is one (duplicate client id)."""

    reason: RefusalReason
    order_id: int | None = None


Reply = OrderReply | OrdersReply | Done | Refused


# ------------------------------------------------------------------------------------------- envelopes on the streams


class CommandEntry(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the cmd stream. Command i answers to correlation `first_correlation + i` on `rep:<origin>`.

    Commands stay undecoded (`Raw`) so that a bad one is refused alone and cannot spoil its neighbours.
    """

    origin: str
    first_correlation: int
    commands: list[msgspec.Raw]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """One reply on `rep:<origin>`: outcome `n` for `correlation`; `replayed` when an idempotency key had been used."""

    correlation: int
    n: int
    replayed: bool
    reply: Reply


def reply_as_plain(reply: Reply) -> object:
    """The reply as lists, strings and numbers, for a snapshot."""
    return msgspec.to_builtins(reply)


def reply_from_plain(plain: object) -> Reply:
    """The way back. Raises msgspec.ValidationError when the snapshot holds something else."""
    return msgspec.convert(plain, Reply)  # type: ignore[no-any-return]
