"""Markets, assets, candles and trades in the shapes of the public API."""

from typing import Any

from exchange_site.kernel.clock import datetime_of, ms_of
from marketdata.intervals import end_of
from marketdata.models import Asset, Kline, Market, Trade
from matching.symbols import MarketSpec

_NO_LIMITS = dict.fromkeys(
    (
        "maxMultiplier", "minMultiplier", "maxImpactMultiplier", "minImpactMultiplier", "meanMarkPriceBand",
        "meanPremiumBand", "borrowEntryFeeMaxMultiplier", "borrowEntryFeeMinMultiplier", "maxPriceUpdateMultiplier",
        "minPriceUpdateMultiplier",
    )
)  # fmt: skip


def market_object(market: Market) -> dict[str, Any]:
    """There is no price band yet, so its members are null, which means no limit."""
    spec = market.spec()
    tick = spec.format_price(1)
    return {
        "symbol": market.symbol,
        "baseSymbol": spec.base.symbol,
        "quoteSymbol": spec.quote.symbol,
        "marketType": "SPOT",
        "filters": {
            "price": {"minPrice": tick, "maxPrice": None, "tickSize": tick, **_NO_LIMITS},
            "quantity": {
                "minQuantity": spec.format_quantity(spec.min_quantity_lots),
                "maxQuantity": None,
                "stepSize": spec.format_quantity(1),
            },
        },
        "imfFunction": None,
        "mmfFunction": None,
        "fundingInterval": None,
        "fundingRateUpperBound": None,
        "fundingRateLowerBound": None,
        "openInterestLimit": "0",
        "orderBookState": market.state,
        "createdAt": market.created_at.replace(tzinfo=None).isoformat(),
        "visible": True,
        "positionLimitWeight": None,
    }


def asset_object(asset: Asset) -> dict[str, Any]:
    spec = asset.spec()
    return {
        "symbol": asset.symbol,
        "displayName": asset.name,
        "coingeckoId": None,
        "tokens": [
            {
                "displayName": asset.name,
                "blockchain": asset.blockchain,
                "contractAddress": "",
                "depositEnabled": True,
                "minimumDeposit": spec.format(1),
                "withdrawEnabled": True,
                "minimumWithdrawal": spec.format(1),
                "maximumWithdrawal": None,
                "withdrawalFee": "0",
                "nativeDecimals": asset.decimals,
            }
        ],
    }


def kline_object(kline: Kline, spec: MarketSpec) -> dict[str, Any]:
    """Every member a string; times in UTC with a blank and without a zone."""
    return {
        "start": kline.start.strftime("%Y-%m-%d %H:%M:%S"),
        "end": datetime_of(end_of(kline.interval, ms_of(kline.start))).strftime("%Y-%m-%d %H:%M:%S"),
        "open": spec.format_price(kline.open_ticks),
        "high": spec.format_price(kline.high_ticks),
        "low": spec.format_price(kline.low_ticks),
        "close": spec.format_price(kline.close_ticks),
        "volume": spec.format_quantity(kline.volume_lots),
        "quoteVolume": spec.format_quote(int(kline.quote_units)),
        "trades": str(kline.trades),
    }


def trade_object(trade: Trade, spec: MarketSpec) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": spec.format_price(trade.price_ticks),
        "quantity": spec.format_quantity(trade.quantity_lots),
        "quoteQuantity": spec.format_quote(trade.quote_units),
        "timestamp": ms_of(trade.at),
        "isBuyerMaker": trade.buyer_is_maker,
    }
