"""Assets and markets as numbers: the one place where text becomes ticks, lots and units, and back.

What does not fit is rejected, never rounded. A market is accepted only when one tick times one step is a whole number
of quote units (and one step a whole number of base units), so every notional is exact (`docs/money.md`).
"""

from dataclasses import dataclass
from decimal import Decimal

from exchange_site.kernel.money import NotADecimal, TooManyDecimals, from_units, padded, to_units
from matching.messages import MAX_INT


class InvalidNumber(ValueError):
    """A price, quantity or amount the market cannot take. The message is a sentence for its sender."""


def _decimals_of(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is a finite number"
    return max(0, -exponent)


def _scaled(text: str, decimals: int, step: int, name: str) -> int:
    """The text as a whole number of `step`, where `step` is in units of 10**-decimals."""
    try:
        units = to_units(text, decimals)
    except NotADecimal:
        raise InvalidNumber(f"{name} must be a plain decimal number") from None
    except TooManyDecimals:
        raise InvalidNumber(f"{name} decimal too long") from None
    count, rest = divmod(units, step)
    if rest:
        raise InvalidNumber(f"{name} must be a multiple of {from_units(step, decimals)}")
    if count > MAX_INT:
        raise InvalidNumber(f"{name} is too large")
    return count


@dataclass(frozen=True, slots=True)
class AssetSpec:
    """One whole coin is 10**decimals units."""

    symbol: str
    decimals: int

    def parse(self, text: str, name: str = "Amount") -> int:
        """Units of a positive or zero amount. Raises InvalidNumber."""
        return _scaled(text, self.decimals, 1, name)

    def format(self, units: int) -> str:
        return from_units(units, self.decimals)

    def format_padded(self, units: int) -> str:
        return padded(units, self.decimals)


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """The numbers of one market. Build it with `market_spec`, which checks that they fit each other."""

    symbol: str
    base: AssetSpec
    quote: AssetSpec
    tick_size: Decimal
    step_size: Decimal
    min_quantity_lots: int
    price_decimals: int
    quantity_decimals: int
    tick_scaled: int  # One tick in units of 10**-price_decimals.
    step_scaled: int  # One step in units of 10**-quantity_decimals.
    base_units_per_lot: int
    quote_units_per_tick_lot: int

    def parse_price(self, text: str) -> int:
        """Ticks of a price above zero. Raises InvalidNumber."""
        ticks = _scaled(text, self.price_decimals, self.tick_scaled, "Price")
        if ticks == 0:
            raise InvalidNumber("Price must be above zero")
        return ticks

    def parse_quantity(self, text: str) -> int:
        """Lots of a quantity not below the market's minimum. Raises InvalidNumber."""
        lots = _scaled(text, self.quantity_decimals, self.step_scaled, "Quantity")
        if lots < self.min_quantity_lots:
            raise InvalidNumber("Quantity is below the minimum allowed value")
        return lots

    def parse_quote(self, text: str) -> int:
        """Quote units of an amount above zero. Raises InvalidNumber."""
        units = _scaled(text, self.quote.decimals, 1, "Quote quantity")
        if units == 0:
            raise InvalidNumber("Quote quantity must be above zero")
        return units

    def format_price(self, ticks: int) -> str:
        return from_units(ticks * self.tick_scaled, self.price_decimals)

    def format_price_padded(self, ticks: int) -> str:
        """With every decimal of the tick, as market-data streams and pages write it."""
        return padded(ticks * self.tick_scaled, self.price_decimals)

    def format_quantity(self, lots: int) -> str:
        return from_units(lots * self.step_scaled, self.quantity_decimals)

    def format_quantity_padded(self, lots: int) -> str:
        return padded(lots * self.step_scaled, self.quantity_decimals)

    def format_quote(self, units: int) -> str:
        return from_units(units, self.quote.decimals)

    def notional_units(self, price_ticks: int, quantity_lots: int) -> int:
        return price_ticks * quantity_lots * self.quote_units_per_tick_lot


def market_spec(
    symbol: str,
    base: AssetSpec,
    quote: AssetSpec,
    tick_size: Decimal,
    step_size: Decimal,
    min_quantity: Decimal,
) -> MarketSpec:
    """Check and derive. Raises InvalidNumber when the market's numbers do not fit together."""
    if symbol != f"{base.symbol}_{quote.symbol}":
        raise InvalidNumber("A market is named BASE_QUOTE")
    if tick_size <= 0 or step_size <= 0:
        raise InvalidNumber("Tick and step must be above zero")
    base_units = step_size.scaleb(base.decimals)
    quote_units = (tick_size * step_size).scaleb(quote.decimals)
    if base_units != int(base_units):
        raise InvalidNumber(f"One step must be a whole number of {base.symbol} units (10^-{base.decimals})")
    if quote_units != int(quote_units):
        raise InvalidNumber(f"Tick times step must be a whole number of {quote.symbol} units (10^-{quote.decimals})")
    min_lots = min_quantity / step_size
    if min_lots < 1 or min_lots != int(min_lots):
        raise InvalidNumber("The minimum quantity must be a whole number of steps, at least one")
    price_decimals, quantity_decimals = _decimals_of(tick_size), _decimals_of(step_size)
    return MarketSpec(
        symbol=symbol,
        base=base,
        quote=quote,
        tick_size=tick_size,
        step_size=step_size,
        min_quantity_lots=int(min_lots),
        price_decimals=price_decimals,
        quantity_decimals=quantity_decimals,
        tick_scaled=int(tick_size.scaleb(price_decimals)),
        step_scaled=int(step_size.scaleb(quantity_decimals)),
        base_units_per_lot=int(base_units),
        quote_units_per_tick_lot=int(quote_units),
    )
