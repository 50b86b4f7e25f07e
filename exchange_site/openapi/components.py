"""The objects of the wire, as named schemas. Text for people is in `docs/rest.md`."""

from exchange_site.openapi.examples import EXAMPLES
from exchange_site.openapi.parts import (
    AMOUNT,
    ASKED,
    ASKED_ID,
    CLIENT_ID,
    COUNT,
    DECIMAL,
    DIGITS,
    FLAG,
    MOMENT,
    MS,
    NOTHING,
    SIDE,
    SYMBOL,
    TEXT,
    US,
    Schema,
    array,
    maybe,
    record,
    ref,
    words,
)

INTERVALS = (
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1month",
)  # fmt: skip
_OF_OTHER_MARKETS = (
    "meanMarkPriceBand", "meanPremiumBand", "borrowEntryFeeMaxMultiplier", "borrowEntryFeeMinMultiplier",
    "maxPriceUpdateMultiplier", "minPriceUpdateMultiplier",
)  # fmt: skip
_LEVEL: Schema = {"type": "array", "items": AMOUNT, "minItems": 2, "maxItems": 2, "example": ["168.43", "14.62"]}
_STATUS = words("New", "PartiallyFilled", "Filled", "Cancelled", "Expired", "TriggerPending", "TriggerFailed")
_PREVENTION = words("RejectTaker", "RejectMaker", "RejectBoth", "Decrement")
_TIME_IN_FORCE = words("GTC", "IOC", "FOK", "GTD")
_EXITS: dict[str, Schema] = {
    f"{which}{part}": maybe(TEXT)
    for which in ("stopLoss", "takeProfit")
    for part in ("LimitPrice", "TriggerBy", "TriggerPrice")
}
_TRIGGERS: dict[str, Schema] = {"triggerBy": maybe(TEXT), "triggerPrice": maybe(AMOUNT), "triggerQuantity": maybe(TEXT)}
_BOTH_FORMS: dict[str, Schema] = {
    "id": DIGITS,
    "clientId": maybe(CLIENT_ID),
    "symbol": SYMBOL,
    "side": SIDE,
    "orderType": words("Limit", "Market"),
    "status": _STATUS,
    "quantity": maybe(AMOUNT),
    "executedQuantity": AMOUNT,
    "executedQuoteQuantity": AMOUNT,
    "timeInForce": _TIME_IN_FORCE,
    "selfTradePrevention": _PREVENTION,
    "strategyId": maybe(TEXT),
    **_TRIGGERS,
    **_EXITS,
}
_ASKED_EXITS: dict[str, Schema] = {
    name: maybe(words("LastPrice", "MarkPrice", "IndexPrice") if name.endswith("By") else ASKED) for name in _EXITS
}

SCHEMAS: dict[str, Schema] = {
    "Error": record(
        {"code": TEXT, "message": TEXT},
        {"executed": {"oneOf": [{"type": "boolean"}, {"type": "string", "enum": ["unknown"]}]}},
        {"code": "INVALID_ORDER", "message": "Order would immediately match and take"},
    ),
    "Market": record(
        {
            "symbol": SYMBOL, "baseSymbol": TEXT, "quoteSymbol": TEXT, "marketType": words("SPOT"),
            "filters": record(
                {
                    "price": record(
                        {
                            "minPrice": AMOUNT, "maxPrice": maybe(AMOUNT), "tickSize": AMOUNT,
                            **{f"{name}Multiplier": maybe(AMOUNT) for name in ("max", "min", "maxImpact", "minImpact")},
                            **dict.fromkeys(_OF_OTHER_MARKETS, maybe(AMOUNT)),
                        }
                    ),
                    "quantity": record({"minQuantity": AMOUNT, "maxQuantity": maybe(AMOUNT), "stepSize": AMOUNT}),
                }
            ),
            "orderBookState": words("Open", "Closed", "CancelOnly", "LimitOnly", "PostOnly"),
            "createdAt": TEXT, "visible": FLAG, "openInterestLimit": AMOUNT,
            **dict.fromkeys(
                ("imfFunction", "mmfFunction", "fundingInterval", "fundingRateUpperBound", "fundingRateLowerBound",
                 "positionLimitWeight"), NOTHING,
            ),
        },
        {"marketState": TEXT, "minNotional": maybe(AMOUNT), "priceBand": maybe(AMOUNT)},
    ),
    "Asset": record(
        {
            "symbol": TEXT, "displayName": TEXT, "coingeckoId": maybe(TEXT),
            "tokens": array(
                record(
                    {
                        "displayName": TEXT, "blockchain": TEXT, "contractAddress": TEXT, "depositEnabled": FLAG,
                        "minimumDeposit": AMOUNT, "withdrawEnabled": FLAG, "minimumWithdrawal": AMOUNT,
                        "maximumWithdrawal": maybe(AMOUNT), "withdrawalFee": AMOUNT,
                        "nativeDecimals": {"type": "integer"},
                    }
                )
            ),
        }
    ),
    "Depth": record(
        {"asks": array(_LEVEL), "bids": array(_LEVEL), "lastUpdateId": DIGITS, "timestamp": US},
        example={"asks": [["168.43", "14.62"]], "bids": [["168.40", "2"], ["168.41", "4.01"]], "lastUpdateId": "1042",
                 "timestamp": 1750000000123456},
    ),
    "Ticker": record(
        {
            "symbol": SYMBOL, "firstPrice": AMOUNT, "lastPrice": AMOUNT, "priceChange": DECIMAL,
            "priceChangePercent": DECIMAL, "high": AMOUNT, "low": AMOUNT, "volume": AMOUNT, "quoteVolume": AMOUNT,
            "trades": DIGITS,
        }
    ),
    "Trade": record(
        {"id": {"type": "integer", "format": "int64"}, "price": AMOUNT, "quantity": AMOUNT, "quoteQuantity": AMOUNT,
         "timestamp": MS, "isBuyerMaker": FLAG},
        example={"id": 51, "price": "20.4", "quantity": "0.5", "quoteQuantity": "10.2", "timestamp": 1750000000123,
                 "isBuyerMaker": True},
    ),
    "Kline": record(
        {"start": TEXT, "end": TEXT, "open": AMOUNT, "high": AMOUNT, "low": AMOUNT, "close": AMOUNT, "volume": AMOUNT,
         "quoteVolume": AMOUNT, "trades": DIGITS},
        example={"start": "2026-01-31 23:59:00", "end": "2026-02-01 00:00:00", "open": "20", "high": "20.5",
                 "low": "19.9", "close": "20.4", "volume": "12.5", "quoteVolume": "252.1", "trades": "9"},
    ),
    "Auction": record(
        {"symbol": SYMBOL, "state": TEXT, "collecting": FLAG, "endsAt": maybe(MS), "reason": maybe(TEXT),
         "indicativePrice": maybe(AMOUNT), "indicativeQuantity": maybe(AMOUNT), "surplusQuantity": maybe(DECIMAL),
         "timestamp": US},
    ),
    "Status": record({"status": words("Ok", "Maintenance"), "message": maybe(TEXT)}),
    "Order": record(
        {**_BOTH_FORMS, "createdAt": MS, "reduceOnly": maybe(FLAG), "relatedOrderId": maybe(DIGITS),
         "triggeredAt": maybe(MS)},
        {"slippageTolerance": TEXT, "slippageToleranceType": words("TickSize", "Percent"),
         "price": maybe(AMOUNT), "postOnly": FLAG, "quoteQuantity": maybe(AMOUNT), "expireTime": MS,
         "displayQuantity": AMOUNT, "trailingDelta": AMOUNT},
    ),
    "BatchElement": {
        "oneOf": [
            {"allOf": [ref("Order"), record({"operation": words("Ok")})]},
            {"allOf": [ref("Error"), record({"operation": words("Err")})]},
        ]
    },
    "HistoryOrder": record(
        {**_BOTH_FORMS, "price": maybe(AMOUNT), "quoteQuantity": maybe(AMOUNT), "postOnly": FLAG, "createdAt": MOMENT,
         "expiryReason": maybe(TEXT), "systemOrderType": maybe(TEXT), "slippageTolerance": maybe(TEXT),
         "slippageToleranceType": maybe(TEXT)},
    ),
    "Fill": record(
        {"tradeId": {"type": "integer", "format": "int64"}, "orderId": DIGITS, "clientId": maybe(DIGITS),
         "symbol": SYMBOL, "side": SIDE, "price": AMOUNT, "quantity": AMOUNT, "fee": DECIMAL, "feeSymbol": TEXT,
         "isMaker": FLAG, "systemOrderType": maybe(TEXT), "timestamp": MOMENT},
    ),
    "LedgerEntry": record(
        {"id": DIGITS, "event": DIGITS, "kind": TEXT, "symbol": TEXT, "change": DECIMAL, "market": maybe(TEXT),
         "orderId": maybe(DIGITS), "reference": TEXT, "timestamp": MOMENT},
    ),
    "WalletEntry": record(
        {"id": DIGITS, "kind": TEXT, "symbol": TEXT, "quantity": AMOUNT, "from": TEXT, "to": TEXT,
         "blockchain": maybe(TEXT), "depositId": maybe(DIGITS), "withdrawalId": maybe(DIGITS), "outcome": maybe(DIGITS),
         "reference": TEXT, "timestamp": MOMENT},
    ),
    "StatementLine": record(
        {"symbol": TEXT, "opening": AMOUNT, "openingCost": maybe(AMOUNT), "received": AMOUNT,
         "receivedValue": maybe(AMOUNT), "bought": AMOUNT, "boughtCost": maybe(AMOUNT), "disposed": AMOUNT,
         "disposedCost": maybe(AMOUNT), "proceeds": maybe(AMOUNT), "gain": maybe(DECIMAL), "sent": AMOUNT,
         "sentCost": maybe(AMOUNT), "tradeFeesIncluded": DECIMAL, "closing": AMOUNT, "closingCost": maybe(AMOUNT),
         "valuesWithoutPrice": COUNT},
    ),
    "Statement": record(
        {"years": array(COUNT), "year": maybe(COUNT), "valuedIn": TEXT, "ended": FLAG,
         "assets": array(ref("StatementLine"))},
    ),
    "Takeout": record(
        {"id": DIGITS, "status": words("waiting", "running", "ready", "failed", "expired"), "requestedAt": MOMENT,
         "finishedAt": maybe(MOMENT), "expiresAt": maybe(MOMENT), "outcome": maybe(DIGITS), "sizeBytes": COUNT,
         "sha256": maybe(TEXT), "progress": maybe(TEXT), "error": maybe(TEXT)},
    ),
    "FeeTier": record(
        {"tier": COUNT, "volume": AMOUNT, "valuedIn": TEXT, "until": TEXT, "nextTier": maybe(COUNT),
         "missingVolume": maybe(AMOUNT)},
    ),
    "MarketFees": record(
        {"symbol": TEXT, "tiers": array(record(
            {"tier": COUNT, "fromVolume": maybe(AMOUNT), "makerFee": DECIMAL, "takerFee": DECIMAL}))},
    ),
    "Reserves": record(
        {"outcome": maybe(DIGITS), "timestamp": maybe(MOMENT), "assets": array(record(
            {"symbol": TEXT, "held": AMOUNT, "owed": AMOUNT, "coming": DECIMAL, "leaving": DECIMAL,
             "difference": DECIMAL}))},
    ),
    "Balances": {
        "type": "object",
        "additionalProperties": record({"available": AMOUNT, "locked": AMOUNT, "staked": AMOUNT}),
        "example": {"SOL": {"available": "9.5", "locked": "0.5", "staked": "0"}},
    },
    "Account": record(
        {"autoBorrowSettlements": FLAG, "autoLend": FLAG, "autoRealizePnl": FLAG, "autoRepayBorrows": FLAG,
         "borrowLimit": AMOUNT, "leverageLimit": AMOUNT, "positionLimit": AMOUNT, "futuresMakerFee": DECIMAL,
         "futuresTakerFee": DECIMAL, "spotMakerFee": DECIMAL, "spotTakerFee": DECIMAL,
         "limitOrders": {"type": "integer"}, "triggerOrders": {"type": "integer"}, "liquidating": FLAG},
    ),
    "MaxOrder": record(
        {"maxOrderQuantity": AMOUNT, "symbol": SYMBOL, "side": SIDE, "price": maybe(TEXT),
         **{name: maybe(FLAG) for name in ("reduceOnly", "autoBorrow", "autoBorrowRepay", "autoLendRedeem")}},
    ),
    "MaxWithdrawal": record(
        {"maxWithdrawalQuantity": AMOUNT, "symbol": TEXT, "autoBorrow": maybe(FLAG), "autoLendRedeem": maybe(FLAG)},
    ),
    "MaxBorrow": record({"maxBorrowQuantity": AMOUNT, "symbol": TEXT}),
    "Collateral": record(
        {**dict.fromkeys(
            ("assetsValue", "borrowLiability", "imf", "mmf", "liabilitiesValue", "netEquity", "netEquityAvailable",
             "netEquityLocked", "netExposureFutures", "pnlUnrealized", "unsettledEquity"), AMOUNT,
         ),
         "collateral": {"type": "array", "items": {}, "maxItems": 0}, "marginFraction": NOTHING},
    ),
    "Deadline": record({"cancelAt": maybe(MS)}),
    "DepositAddress": record({"address": TEXT}),
    "Deposit": record(
        {"id": {"type": "integer"}, "toAddress": maybe(TEXT), "fromAddress": maybe(TEXT), "source": TEXT,
         "status": TEXT, "transactionHash": maybe(TEXT), "symbol": TEXT, "quantity": AMOUNT, "createdAt": MOMENT,
         **dict.fromkeys(("fiatAmount", "fiatCurrency", "institutionBic", "platformMemo"), NOTHING)},
    ),
    "Withdrawal": record(
        {"id": {"type": "integer"}, "blockchain": TEXT, "clientId": maybe(TEXT), "quantity": AMOUNT, "fee": AMOUNT,
         "symbol": TEXT, "status": TEXT, "toAddress": TEXT, "transactionHash": maybe(TEXT), "createdAt": MOMENT,
         "isInternal": FLAG,
         **dict.fromkeys(
             ("identifier", "subaccountId", "providerId", "fiatFee", "fiatState", "fiatSymbol", "bankName",
              "bankIdentifier", "accountIdentifier", "triggerAt"), NOTHING,
         )},
    ),
    "Nothing": {"type": "array", "items": {}, "maxItems": 0, "example": []},
    "PlaceOrder": record(
        {"symbol": SYMBOL, "side": SIDE, "orderType": words("Limit", "Market")},
        {
            "price": maybe(ASKED), "quantity": maybe(ASKED), "quoteQuantity": maybe(ASKED),
            "timeInForce": maybe(_TIME_IN_FORCE), "postOnly": maybe(FLAG), "selfTradePrevention": maybe(_PREVENTION),
            "clientId": maybe({**ASKED_ID, "description": "0 to 4294967295."}),
            "triggerPrice": maybe(ASKED), "triggerQuantity": maybe(ASKED),
            "triggerBy": maybe(words("LastPrice", "MarkPrice", "IndexPrice")), **_ASKED_EXITS,
            "slippageTolerance": maybe(ASKED), "slippageToleranceType": maybe(words("TickSize", "Percent")),
            "expireTime": maybe({**MS, "description": "Ours, with timeInForce GTD. Milliseconds since 1970."}),
            "displayQuantity": maybe({**ASKED, "description": "Ours: how much of it is visible at a time."}),
            "trailingDelta": maybe({**ASKED, "description": "Ours: waits until the price has come back by so much."}),
        },
    ),
    "OrderRef": record({"symbol": SYMBOL}, {"orderId": maybe(ASKED_ID), "clientId": maybe(ASKED_ID)}),
    "AmendOrder": record(
        {"symbol": SYMBOL},
        {"orderId": maybe(ASKED_ID), "clientId": maybe(ASKED_ID), "price": maybe(ASKED), "quantity": maybe(ASKED),
         "triggerPrice": maybe(ASKED)},
    ),
    "CancelAll": record(
        {"symbol": SYMBOL},
        {"orderType": maybe(words("RestingLimitOrder", "ConditionalOrder")), "side": maybe(SIDE)},
    ),
    "CancelAfter": record({"seconds": {"type": "integer", "minimum": 0, "maximum": 86400}}),
    "Withdraw": record(
        {"address": TEXT, "blockchain": TEXT, "quantity": ASKED, "symbol": TEXT},
        {"clientId": maybe({"type": "string", "maxLength": 255}), "twoFactorToken": maybe(TEXT), "memo": maybe(TEXT)},
    ),
}  # fmt: skip

for _name, _example in EXAMPLES.items():
    SCHEMAS[_name]["example"] = _example
