"""Public routes of products that an exchange of coins for cash does not have, which clients call nevertheless."""

EMPTY_LISTS = (  # Below /api/v1. A newer ccxt asks for `securities` before it loads any market.
    "borrowLend/apy", "borrowLend/markets", "borrowLend/markets/history", "collateral", "fundingRates", "markPrices",
    "market-holidays", "market-sessions", "openInterest", "prediction", "prediction/tags", "securities",
    "stockHolidays", "stockSessions", "wallets",
)  # fmt: skip
