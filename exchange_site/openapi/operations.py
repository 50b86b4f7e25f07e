"""Every route of the API by method and path: what it takes and what it answers."""

from dataclasses import dataclass, field
from typing import Any

from exchange_site.openapi.components import INTERVALS
from exchange_site.openapi.parts import ASKED, DIGITS, FLAG, SYMBOL, Schema, array, body, query, ref, words
from exchange_site.openapi.parts import header as header_parameter
from marketdata.api.empty_lists import EMPTY_LISTS
from trading.api import shims

PUBLIC, SIGNED = "public", "signed"
TAGS = {  # In the order in which somebody who writes a bot meets them.
    "Markets": "Public data: what is traded, at which prices. Nothing is signed.",
    "Orders": "Place, change and cancel.",
    "Account": "Balances, limits, fees and open orders.",
    "History": "Orders, fills and everything that moved money, page by page.",
    "Money": "Deposits and withdrawals.",
    "System": "Time, state, limits and this description.",
    "Others": "Products that are not traded here. Clients ask for them; lists are empty, the rest answers 501.",
}

_ORDER_EXAMPLE = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "price": "20.15", "quantity": "0.5"}
_WHOLE: Schema = {"type": "integer", "minimum": 0, "maximum": 253402300799, "example": 1750000000}
_MS: Schema = {
    "type": "integer", "format": "int64", "minimum": 0, "maximum": 253402300799999, "example": 1750000000123
}  # fmt: skip
_SYMBOL = query("symbol", SYMBOL, required=True)
_SYMBOL_OPTIONAL = query("symbol", SYMBOL)
_ASSET = query("symbol", {"type": "string", "example": "SOL"}, required=True)
_MARKET_TYPE = query(
    "marketType", words("SPOT", "PERP", "IPERP", "DATED", "PREDICTION", "RFQ"), about="Only SPOT is traded here."
)
_LIMIT = query("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})
_OFFSET = query("offset", {"type": "integer", "minimum": 0, "maximum": 1000000000, "default": 0})
_PAGE = [_LIMIT, _OFFSET]
_TICKER_INTERVAL = query("interval", words("1d", "1w"))
_SORT = query("sortDirection", words("Asc", "Desc"))
_WINDOW = [query("from", _MS, about="Inclusive."), query("to", _MS, about="Exclusive.")]
_KLINES = [
    _SYMBOL,
    query("interval", words(*INTERVALS), required=True),
    query("startTime", _WHOLE, required=True, about="Seconds."),
    query("endTime", _WHOLE, about="Seconds; now without it."),
    query("priceType", words("Last", "Index", "Mark")),
]
_DEPTH_LIMIT = query("limit", {"type": "integer", "enum": [5, 10, 20, 50, 100, 500, 1000], "default": 1000})
_ORDER_REF = [
    _SYMBOL,
    query("orderId", DIGITS, about="Exactly one of orderId and clientId."),
    query("clientId", {"type": "integer", "minimum": 0, "maximum": 4294967295}),
]
_IDEMPOTENCY = header_parameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    about="The same key with the same content gets the stored answer.",
)


@dataclass(frozen=True)
class Operation:
    """`answer` is the schema of a 200; None where the body is text, empty, or there is never one."""

    about: str
    access: str
    tag: str
    answer: Schema | None = None
    parameters: list[Schema] = field(default_factory=list)
    body: Schema | None = None
    media: str = "application/json"
    good: int = 200
    also: tuple[int, ...] = ()  # Further statuses that this route can answer.
    deprecated: bool = False


def _get(about: str, tag: str, answer: Schema, *parameters: Schema, access: str = PUBLIC, **more: Any) -> Operation:
    return Operation(about, access, tag, answer, list(parameters), **more)


def _mine(about: str, tag: str, answer: Schema, *parameters: Schema, **more: Any) -> Operation:
    return _get(about, tag, answer, *parameters, access=SIGNED, **more)


def _enter(about: str, answer: Schema, wanted: Schema, example: Any) -> Operation:
    return Operation(about, SIGNED, "Orders", answer, [_IDEMPOTENCY], body(wanted, example), also=(404, 409, 501, 504))


_EMPTY = (
    *(f"/api/v1/{name}" for name in (*shims.EMPTY_LISTS, "strategies")),
    *(f"/wapi/v1/history/{name}" for name in shims.EMPTY_HISTORIES),
)

_TICKERS_OR_ONE: Schema = {"oneOf": [ref("Ticker"), array(ref("Ticker"))]}
_MARKET = _get("One market.", "Markets", ref("Market"), _SYMBOL, _MARKET_TYPE)
_CANDLES = _get("Candles, oldest first. Those without trades are left out.", "Markets", array(ref("Kline")), *_KLINES)
_REF_EXAMPLE = {"symbol": "SOL_USDC", "orderId": "112233"}
_ONE_ORDER = ref("Order")
_WITHDRAWAL = {"address": "9xQe...", "blockchain": "Solana", "quantity": "1.5", "symbol": "SOL"}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api/v1/markets"): _get("All markets.", "Markets", array(ref("Market")), _MARKET_TYPE),
    ("GET", "/api/v1/market"): _MARKET,
    ("GET", "/api/v1/markets/{symbol}"): _get("One market.", "Markets", ref("Market"), _MARKET_TYPE),
    ("GET", "/api/v1/assets"): _get("Assets with their networks.", "Markets", array(ref("Asset"))),
    ("GET", "/api/v1/depth"): _get(
        "The book. Both sides ascend by price: the best bid is last.", "Markets", ref("Depth"), _SYMBOL, _DEPTH_LIMIT
    ),
    ("GET", "/api/v1/ticker"): _get("A rolling day or week.", "Markets", ref("Ticker"), _SYMBOL, _TICKER_INTERVAL),
    ("GET", "/api/v1/tickers"): _get("The same of all markets.", "Markets", array(ref("Ticker")), _TICKER_INTERVAL),
    ("GET", "/api/v1/market-data"): _get(
        "Tickers by an older name.", "Markets", _TICKERS_OR_ONE, _SYMBOL_OPTIONAL, _TICKER_INTERVAL, deprecated=True
    ),
    ("GET", "/api/v1/trades"): _get("Newest first.", "Markets", array(ref("Trade")), _SYMBOL, _LIMIT),
    ("GET", "/api/v1/trades/history"): _get("Newest first.", "Markets", array(ref("Trade")), _SYMBOL, *_PAGE),
    ("GET", "/api/v1/klines"): _CANDLES,
    ("GET", "/api/v1/kline"): Operation(**{**_CANDLES.__dict__, "deprecated": True}),
    ("GET", "/api/v1/auction"): _get("State of a market and of its auction.", "Markets", ref("Auction"), _SYMBOL),
    ("GET", "/api/v1/status"): _get("Whether the exchange takes orders.", "System", ref("Status")),
    ("GET", "/api/v1/ping"): Operation("pong", PUBLIC, "System", media="text/plain"),
    ("GET", "/api/v1/time"): Operation("Milliseconds since 1970.", PUBLIC, "System", media="text/plain"),
    ("POST", "/api/v1/order"): _enter("Place one order.", _ONE_ORDER, ref("PlaceOrder"), _ORDER_EXAMPLE),
    ("PATCH", "/api/v1/order"): _enter(
        "Change an open order. Ours.", _ONE_ORDER, ref("AmendOrder"), {**_REF_EXAMPLE, "price": "20.16"}
    ),
    ("DELETE", "/api/v1/order"): _enter("Cancel an open order.", _ONE_ORDER, ref("OrderRef"), _REF_EXAMPLE),
    ("GET", "/api/v1/order"): _mine("An open order.", "Orders", _ONE_ORDER, *_ORDER_REF, also=(404,)),
    ("GET", "/api/v1/order/{order_id}"): _mine(
        "An open order by its id.", "Orders", _ONE_ORDER, _SYMBOL_OPTIONAL, also=(404,), deprecated=True
    ),
    ("POST", "/api/v1/orders"): _enter(
        "Place 1 to 50 orders, one after the other.",
        array(ref("BatchElement")),
        {"type": "array", "items": ref("PlaceOrder"), "minItems": 1, "maxItems": 50},
        [_ORDER_EXAMPLE, {**_ORDER_EXAMPLE, "price": "20.14"}],
    ),
    ("DELETE", "/api/v1/orders"): _enter(
        "Cancel all open orders of a market.", array(_ONE_ORDER), ref("CancelAll"), {"symbol": "SOL_USDC"}
    ),
    ("GET", "/api/v1/orders"): _mine("All open orders.", "Orders", array(_ONE_ORDER), _SYMBOL_OPTIONAL, _MARKET_TYPE),
    ("GET", "/api/v1/order/open"): _mine(
        "All open orders.", "Orders", array(_ONE_ORDER), _SYMBOL_OPTIONAL, _MARKET_TYPE, deprecated=True
    ),
    ("POST", "/api/v1/order/oco"): _enter(
        "Two orders of which one cancels the other. Ours.",
        array(_ONE_ORDER),
        {"type": "array", "items": ref("PlaceOrder"), "minItems": 2, "maxItems": 2},
        [_ORDER_EXAMPLE, {**_ORDER_EXAMPLE, "price": "25", "triggerPrice": "24", "triggerQuantity": "0.5"}],
    ),
    ("POST", "/api/v1/cancelAfter"): _enter(
        "Cancel everything unless this is sent again in time; 0 switches it off. Ours.",
        ref("Deadline"),
        ref("CancelAfter"),
        {"seconds": 60},
    ),
    ("GET", "/wapi/v1/history/orders"): _mine(
        "Orders, newest first.", "History", array(ref("HistoryOrder")), _SYMBOL_OPTIONAL, query("orderId", DIGITS),
        _MARKET_TYPE, _SORT, *_PAGE,
    ),
    ("GET", "/wapi/v1/history/fills"): _mine(
        "Fills, newest first.", "History", array(ref("Fill")), _SYMBOL_OPTIONAL, query("orderId", DIGITS),
        query("fillType", {"type": "string", "example": "User"}), _MARKET_TYPE, _SORT, *_WINDOW, *_PAGE,
    ),
    ("GET", "/wapi/v1/history/ledger"): _mine(
        "Every change of what the account owns, newest first. Ours.", "History", array(ref("LedgerEntry")),
        query("symbol", {"type": "string", "example": "SOL"}, about="An asset."),
        query("kind", words("funding", "credit", "trade", "fee", "deposit", "withdraw", "debit", "defund")),
        query("before", DIGITS, about="Only entries with an id below this one."), *_WINDOW, _LIMIT,
    ),
    ("GET", "/wapi/v1/history/wallet"): _mine(
        "What the wallet booked for the account, newest first. Ours.", "History", array(ref("WalletEntry")),
        query("symbol", {"type": "string", "example": "SOL"}, about="An asset."),
        query("before", DIGITS, about="Only entries with an id below this one."), _LIMIT,
    ),
    ("GET", "/wapi/v1/statements"): _mine(
        "The statement of one year. Ours.", "History", ref("Statement"),
        query("year", {"type": "integer", "minimum": 0, "maximum": 9999}, about="The newest without it."), also=(404,),
    ),
    ("GET", "/wapi/v1/takeouts"): _mine("Archives of the account. Ours.", "History", array(ref("Takeout"))),
    ("POST", "/wapi/v1/takeouts"): Operation(
        "Ask for an archive; it is fetched on the page. Ours.", SIGNED, "History", ref("Takeout"), also=(409,)
    ),
    ("GET", "/wapi/v1/account/feeTier"): _mine("Where the account stands. Ours.", "Account", ref("FeeTier")),
    ("GET", "/api/v1/capital"): _mine("Balances.", "Account", ref("Balances")),
    ("GET", "/api/v1/capital/collateral"): _mine("Nothing is lent here.", "Account", ref("Collateral")),
    ("GET", "/api/v1/account"): _mine("Fees and counts.", "Account", ref("Account")),
    ("PATCH", "/api/v1/account"): Operation(
        "Settings of margin trading: accepted, without effect.",
        SIGNED,
        "Account",
        body=body({"type": "object"}, {"autoLend": False}),
        media="",
    ),
    ("GET", "/api/v1/account/limits/order"): _mine(
        "The largest order one could place.", "Account", ref("MaxOrder"), _SYMBOL,
        query("side", words("Bid", "Ask"), required=True), query("price", ASKED),
        *(query(name, FLAG) for name in ("reduceOnly", "autoBorrow", "autoBorrowRepay", "autoLendRedeem")),
    ),
    ("GET", "/api/v1/account/limits/withdrawal"): _mine(
        "What could be withdrawn.", "Account", ref("MaxWithdrawal"), _ASSET,
        query("autoBorrow", FLAG), query("autoLendRedeem", FLAG),
    ),
    ("GET", "/api/v1/account/limits/borrow"): _mine(
        "Nothing: there is no borrowing.", "Account", ref("MaxBorrow"), _ASSET
    ),
    ("GET", "/wapi/v1/capital/deposits"): _mine(
        "Newest first.", "Money", array(ref("Deposit")), *_WINDOW, query("excludePlatform", FLAG), *_PAGE
    ),
    ("GET", "/wapi/v1/capital/deposit/address"): _mine(
        "The account's address on a chain.", "Money", ref("DepositAddress"),
        query("blockchain", {"type": "string", "example": "Solana"}, required=True), also=(501,),
    ),
    ("GET", "/wapi/v1/capital/withdrawals"): _mine(
        "Newest first.", "Money", array(ref("Withdrawal")), query("id", {"type": "integer", "minimum": 0}),
        query("clientId", {"type": "string"}), *_WINDOW, *_PAGE,
    ),
    ("POST", "/wapi/v1/capital/withdrawals"): Operation(
        "Ask for a withdrawal.", SIGNED, "Money", ref("Withdrawal"), [], body(ref("Withdraw"), _WITHDRAWAL),
        also=(404, 409, 501, 504),
    ),
    ("GET", "/wapi/v1/capital/withdrawals/delay"): Operation(
        "None is configured.", SIGNED, "Money", media="", good=204
    ),
    ("GET", "/api/v1/liabilities"): _get(
        "What customers are owed: published roots and totals, newest first. Ours.", "System",
        array({"type": "object"}), _LIMIT, query("before", DIGITS, about="Only outcomes below this one."),
    ),
    ("GET", "/api/v1/reserves"): _get(
        "What the wallets held and what was owed when it was last proven. Ours.", "System", ref("Reserves")
    ),
    ("GET", "/api/v1/fees"): _get("Fees of every market by tier. Ours.", "System", array(ref("MarketFees"))),
    ("GET", "/wapi/v1/liabilities"): _mine(
        "The account's leaves and paths in a proof of liabilities. Ours.", "Account", {"type": "object"},
        query("n", DIGITS, about="Outcome of the proof; the newest without it."), also=(404,),
    ),
    ("GET", "/api/schema"): _get("This description.", "System", {"type": "object"}),
    **{("GET", f"/api/v1/{name}"): _get("Not traded here.", "Others", ref("Nothing")) for name in EMPTY_LISTS},
    **{("GET", path): _mine("Not traded here.", "Others", ref("Nothing")) for path in _EMPTY},
    **{
        (method, path): Operation("Not supported.", SIGNED, "Others", media="", good=501)
        for path in (*(f"/api/v1/{name}" for name in shims.UNSUPPORTED), "/api/v1/strategies")
        for method in (("POST", "DELETE") if path == "/api/v1/strategies" else ("GET", "POST", "DELETE"))
    },
    **{
        (method, "/wapi/v1/capital/withdrawals/delay"): Operation("Not supported.", SIGNED, "Money", media="", good=501)
        for method in ("POST", "PATCH")
    },
}  # fmt: skip
