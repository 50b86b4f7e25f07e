"""What answers look like: one example for each named schema, shown by `/api/docs` and checked against its schema."""

from typing import Any

_UNSET: dict[str, Any] = dict.fromkeys(
    (
        "triggerBy", "triggerPrice", "triggerQuantity", "stopLossLimitPrice", "stopLossTriggerBy",
        "stopLossTriggerPrice", "takeProfitLimitPrice", "takeProfitTriggerBy", "takeProfitTriggerPrice",
    )
)  # fmt: skip
_BOTH_FORMS: dict[str, Any] = {
    "id": "112233", "clientId": 7, "symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "status": "New",
    "price": "20.15", "quantity": "0.5", "executedQuantity": "0", "executedQuoteQuantity": "0", "timeInForce": "GTC",
    "postOnly": False, "selfTradePrevention": "RejectTaker", "strategyId": None,
}  # fmt: skip
_STATEMENT_LINE: dict[str, Any] = {
    "symbol": "SOL", "opening": "19.99", "openingCost": "2200", "received": "0", "receivedValue": "0", "bought": "0",
    "boughtCost": "0", "disposed": "15", "disposedCost": "1600.6006", "proceeds": "2248.2", "gain": "647.5994",
    "sent": "1", "sentCost": "120.12012", "tradeFeesIncluded": "0", "closing": "3.99", "closingCost": "479.27928",
    "valuesWithoutPrice": 0,
}  # fmt: skip
ORDER: dict[str, Any] = {
    **_BOTH_FORMS, "createdAt": 1750000000123, "reduceOnly": None, "relatedOrderId": None, "triggeredAt": None,
    **_UNSET,
}  # fmt: skip
_PRICES: dict[str, Any] = {
    "minPrice": "0.01", "maxPrice": None, "tickSize": "0.01", "maxMultiplier": "2", "minMultiplier": "0.25",
    "maxImpactMultiplier": "1.01", "minImpactMultiplier": "0.99", "meanMarkPriceBand": None, "meanPremiumBand": None,
    "borrowEntryFeeMaxMultiplier": None, "borrowEntryFeeMinMultiplier": None, "maxPriceUpdateMultiplier": None,
    "minPriceUpdateMultiplier": None,
}  # fmt: skip
_NO_FIAT: dict[str, Any] = dict.fromkeys(("fiatAmount", "fiatCurrency", "institutionBic", "platformMemo"))
_NO_BANK: dict[str, Any] = dict.fromkeys(
    (
        "identifier", "subaccountId", "providerId", "fiatFee", "fiatState", "fiatSymbol", "bankName", "bankIdentifier",
        "accountIdentifier", "triggerAt",
    )
)  # fmt: skip

EXAMPLES: dict[str, Any] = {
    "Market": {
        "symbol": "SOL_USDC", "baseSymbol": "SOL", "quoteSymbol": "USDC", "marketType": "SPOT",
        "filters": {
            "price": _PRICES,
            "quantity": {"minQuantity": "0.01", "maxQuantity": None, "stepSize": "0.01"},
        },
        "imfFunction": None, "mmfFunction": None, "fundingInterval": None, "fundingRateUpperBound": None,
        "fundingRateLowerBound": None, "openInterestLimit": "0", "orderBookState": "Open", "marketState": "Open",
        "minNotional": None, "priceBand": None, "createdAt": "2025-01-21T06:34:54.691858", "visible": True,
        "positionLimitWeight": None,
    },
    "Asset": {
        "symbol": "SOL", "displayName": "Solana", "coingeckoId": None,
        "tokens": [
            {
                "displayName": "Solana", "blockchain": "Solana", "contractAddress": "", "depositEnabled": True,
                "minimumDeposit": "0.01", "withdrawEnabled": True, "minimumWithdrawal": "0.02",
                "maximumWithdrawal": None, "withdrawalFee": "0.01", "nativeDecimals": 9,
            }
        ],
    },
    "Ticker": {
        "symbol": "SOL_USDC", "firstPrice": "20", "lastPrice": "20.4", "priceChange": "0.4",
        "priceChangePercent": "0.02", "high": "20.5", "low": "19.8", "volume": "120.5", "quoteVolume": "2431.07",
        "trades": "37",
    },
    "Auction": {
        "symbol": "SOL_USDC", "state": "Auction", "collecting": True, "endsAt": 1750000060000, "reason": "opening",
        "indicativePrice": "20.15", "indicativeQuantity": "12.5", "surplusQuantity": "0.5",
        "timestamp": 1750000000123456,
    },
    "Status": {"status": "Ok", "message": None},
    "Order": ORDER,
    "BatchElement": {**ORDER, "operation": "Ok"},
    "HistoryOrder": {
        **_BOTH_FORMS, "status": "Cancelled", "quoteQuantity": "10.075", "createdAt": "2026-01-31T23:59:59.123",
        "expiryReason": None, "systemOrderType": None, "slippageTolerance": None, "slippageToleranceType": None,
        **_UNSET,
    },
    "Fill": {
        "tradeId": 51, "orderId": "112233", "clientId": "7", "symbol": "SOL_USDC", "side": "Bid", "price": "20.15",
        "quantity": "0.5", "fee": "0.0005", "feeSymbol": "SOL", "isMaker": False, "systemOrderType": None,
        "timestamp": "2026-01-31T23:59:59.123",
    },
    "LedgerEntry": {
        "id": "4120", "event": "515", "kind": "trade", "symbol": "SOL", "change": "-0.5", "market": "SOL_USDC",
        "orderId": "112233", "reference": "", "timestamp": "2026-01-31T23:59:59.123",
    },
    "WalletEntry": {
        "id": "77", "kind": "credited", "symbol": "SOL", "quantity": "2.5", "from": "books", "to": "deposits",
        "blockchain": "Solana", "depositId": "12", "withdrawalId": None, "outcome": "4120", "reference": "5hk2:0",
        "timestamp": "2026-01-31T23:59:59.123",
    },
    "StatementLine": _STATEMENT_LINE,
    "Statement": {
        "years": [2026, 2025], "year": 2026, "valuedIn": "USDC", "ended": False, "assets": [_STATEMENT_LINE],
    },
    "Takeout": {
        "id": "3", "status": "ready", "requestedAt": "2026-01-31T23:59:00.000", "finishedAt": "2026-01-31T23:59:59.123",
        "expiresAt": "2026-02-07T23:59:59.123", "outcome": "4120", "sizeBytes": 20480, "sha256": "ab" * 32,
        "progress": None, "error": None,
    },
    "FeeTier": {
        "tier": 1, "volume": "125000.5", "valuedIn": "USDC", "until": "2026-01-31", "nextTier": 2,
        "missingVolume": "874999.5",
    },
    "MarketFees": {
        "symbol": "SOL_USDC",
        "tiers": [{"tier": 0, "fromVolume": "0", "makerFee": "8", "takerFee": "10"}],
    },
    "Reserves": {
        "outcome": "4120", "timestamp": "2026-01-31T23:59:59.123",
        "assets": [{"symbol": "SOL", "held": "1002.5", "owed": "1000", "coming": "2.5", "leaving": "0",
                    "difference": "0"}],
    },
    "Account": {
        "autoBorrowSettlements": False, "autoLend": False, "autoRealizePnl": False, "autoRepayBorrows": False,
        "borrowLimit": "0", "leverageLimit": "1", "positionLimit": "0", "futuresMakerFee": "0", "futuresTakerFee": "0",
        "spotMakerFee": "8", "spotTakerFee": "10", "limitOrders": 3, "triggerOrders": 0, "liquidating": False,
    },
    "MaxOrder": {
        "maxOrderQuantity": "12.3", "symbol": "SOL_USDC", "side": "Ask", "price": None, "reduceOnly": None,
        "autoBorrow": None, "autoBorrowRepay": None, "autoLendRedeem": None,
    },
    "MaxWithdrawal": {"maxWithdrawalQuantity": "5", "symbol": "SOL", "autoBorrow": None, "autoLendRedeem": None},
    "MaxBorrow": {"maxBorrowQuantity": "0", "symbol": "SOL"},
    "Collateral": {
        "assetsValue": "0", "borrowLiability": "0", "collateral": [], "imf": "1", "mmf": "0", "liabilitiesValue": "0",
        "marginFraction": None, "netEquity": "0", "netEquityAvailable": "0", "netEquityLocked": "0",
        "netExposureFutures": "0", "pnlUnrealized": "0", "unsettledEquity": "0",
    },
    "Deadline": {"cancelAt": 1750000060123},
    "DepositAddress": {"address": "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin"},
    "Deposit": {
        "id": 12, "toAddress": None, "fromAddress": None, "source": "solana", "status": "confirmed",
        "transactionHash": None, "symbol": "USDC", "quantity": "1000", "createdAt": "2026-01-31T23:59:59.123",
        **_NO_FIAT,
    },
    "Withdrawal": {
        "id": 7, "blockchain": "Solana", "clientId": "w-1", "quantity": "1.5", "fee": "0.01", "symbol": "SOL",
        "status": "pending", "toAddress": "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin", "transactionHash": None,
        "createdAt": "2026-01-31T23:59:59.123", "isInternal": False, **_NO_BANK,
    },
}  # fmt: skip
