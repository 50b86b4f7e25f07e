"""What amounts are worth at the last prices, in cents of the asset everything is valued in, rounded down."""

from marketdata.models import Asset
from marketdata.selectors import listed_markets

VALUED_IN = "USDC"
CENTS = 2  # Decimal places of a value.

Prices = dict[str, tuple[int, int, int]]


def last_prices() -> Prices:
    """Asset to (numerator, denominator, decimals of the valuing asset): value = units * numerator // denominator."""
    prices: Prices = {}
    for market in listed_markets():
        spec, now = market.spec(), getattr(market, "figures", None)
        if spec.quote.symbol != VALUED_IN:
            continue
        prices[VALUED_IN] = (1, 1, spec.quote.decimals)
        if now is not None and now.last_price_ticks is not None:
            worth = now.last_price_ticks * spec.quote_units_per_tick_lot
            prices[spec.base.symbol] = (worth, spec.base_units_per_lot, spec.quote.decimals)
    return prices


def value_cents(asset: Asset, units: int, prices: Prices) -> int | None:
    """None when there is no price."""
    price = prices.get(asset.symbol)
    if price is None:
        return None
    numerator, denominator, decimals = price
    return units * numerator // (denominator * 10 ** (decimals - CENTS))
