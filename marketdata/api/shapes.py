"""Markets, assets, candles and trades in the shapes of the public API."""

from typing import Any

from exchange_site.kernel.clock import datetime_of, ms_of
from exchange_site.kernel.money import from_units
from marketdata.intervals import end_of
from marketdata.models import Asset, Kline, Market, Trade
from matching.messages import MarketState
from matching.symbols import MarketSpec

_NO_LIMITS = dict.fromkeys(
    (
        "meanMarkPriceBand", "meanPremiumBand", "borrowEntryFeeMaxMultiplier", "borrowEntryFeeMinMultiplier",
        "maxPriceUpdateMultiplier",
        "minPriceUpdateMultiplier",
    )
)  # fmt: skip


PPM_DECIMALS = 6


def _multiplier(ppm: int | None) -> str | None:
    """1,010,000 parts per million are `"1.01"`; null means no limit."""
    return None if ppm is None else from_units(ppm, PPM_DECIMALS)


def order_book_state(state: str) -> str:
    """In words that typed clients know: an auction takes limit orders only."""
    return MarketState.LIMIT_ONLY.value if state == MarketState.AUCTION else state


def market_object(market: Market) -> dict[str, Any]:
    """The public API's members, and three of ours: the state in our own words, least notional and the band."""
    spec = market.spec()
    tick = spec.format_price(1)
    return {
        "symbol": market.symbol,
        "baseSymbol": spec.base.symbol,
        "quoteSymbol": spec.quote.symbol,
        "marketType": "SPOT",
        "filters": {
            "price": {
                "minPrice": tick,
                "maxPrice": None,
                "tickSize": tick,
                "maxMultiplier": _multiplier(market.max_price_ppm),
                "minMultiplier": _multiplier(market.min_price_ppm),
                "maxImpactMultiplier": _multiplier(market.max_impact_ppm),
                "minImpactMultiplier": _multiplier(market.min_impact_ppm),
                **_NO_LIMITS,
            },
            "quantity": {
                "minQuantity": spec.format_quantity(spec.min_quantity_lots),
                "maxQuantity": (
                    None if market.max_quantity_lots is None else spec.format_quantity(market.max_quantity_lots)
                ),
                "stepSize": spec.format_quantity(1),
            },
        },
        "imfFunction": None,
        "mmfFunction": None,
        "fundingInterval": None,
        "fundingRateUpperBound": None,
        "fundingRateLowerBound": None,
        "openInterestLimit": "0",
        "orderBookState": order_book_state(market.state),
        "marketState": market.state,
        "minNotional": spec.format_quote(market.min_notional_units) if market.min_notional_units else None,
        "priceBand": _multiplier(market.band_ppm),
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
