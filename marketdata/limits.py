"""A market's limits and fees as people write them, and exactly as the engine takes them.

Quantities are in coins, the smallest notional in quote coins, bounds in percent (a price bound of 150 is one and a
half times the last price), times in seconds, fees in percent of what is received. What does not fit is refused, never
rounded.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from exchange_site.kernel.money import NotADecimal, TooManyDecimals, from_units, to_units
from marketdata.models import MAX_FEE_PPM, Market
from matching.symbols import InvalidNumber

PERCENT_DECIMALS = 4  # One ten-thousandth of a percent is one part per million.
PPM = 1_000_000
MAX_MULTIPLE_PPM = 1_000 * PPM
MAX_OPEN_ORDERS = 100_000
MAX_MIN_QUANTITY_DIGITS = 12  # Before the point: the column's width.
MAX_SECONDS_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class LimitsText:
    """All limits of a market as text; an empty one is no limit."""

    min_quantity: str
    max_quantity: str = ""
    min_notional: str = ""
    max_open_orders: str = "200"
    min_price_percent: str = ""
    max_price_percent: str = ""
    min_impact_percent: str = ""
    max_impact_percent: str = ""
    band_percent: str = ""
    band_window_s: str = "60"
    auction_s: str = ""

    def changed(self, changes: dict[str, str]) -> "LimitsText":
        return replace(self, **changes)

    def differs_from(self, other: "LimitsText") -> list[str]:
        """Each difference as `name old -> new`, for the record."""
        old, new = asdict(other), asdict(self)
        return [f"{name} {old[name] or 'none'} -> {new[name] or 'none'}" for name in new if new[name] != old[name]]


class InvalidLimit(ApiError):
    """`field` is the member of LimitsText (or of the fees) that cannot be taken."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(errors.INVALID_CLIENT_REQUEST, message)
        self.field = field


def limits_in_force(market: Market) -> LimitsText:
    """As the engine last said."""
    spec = market.spec()
    return LimitsText(
        min_quantity=spec.format_quantity(spec.min_quantity_lots),
        max_quantity="" if market.max_quantity_lots is None else spec.format_quantity(market.max_quantity_lots),
        min_notional=spec.format_quote(market.min_notional_units) if market.min_notional_units else "",
        max_open_orders=str(market.max_open_orders),
        min_price_percent=percent(market.min_price_ppm),
        max_price_percent=percent(market.max_price_ppm),
        min_impact_percent=percent(market.min_impact_ppm),
        max_impact_percent=percent(market.max_impact_ppm),
        band_percent=percent(market.band_ppm),
        band_window_s=from_units(market.band_window_ms, 3),
        auction_s=from_units(market.auction_ms, 3) if market.auction_ms else "",
    )


def limits_for_engine(market: Market, text: LimitsText) -> dict[str, Any]:
    """The members of SetMarketLimits. Raises InvalidLimit."""
    least = _quantity(market, text, "min_quantity")
    most = _quantity(market, text, "max_quantity")
    if not least:
        raise InvalidLimit("min_quantity", "The minimum quantity must be at least one step")
    if len(text.min_quantity.partition(".")[0]) > MAX_MIN_QUANTITY_DIGITS:
        raise InvalidLimit("min_quantity", "The minimum quantity is too large")
    if most is not None and most < least:
        raise InvalidLimit("max_quantity", "The maximum quantity is below the minimum")
    band = _ppm(text, "band_percent", 1, PPM - 1)
    auction_ms = _ms(text, "auction_s", 0)
    if auction_ms and band is None:
        raise InvalidLimit(
            "auction_s", "An auction follows only when the price leaves a band: set the band too, or neither"
        )
    return {
        "min_quantity_lots": least,
        "max_quantity_lots": most,
        "min_notional_units": _notional(market, text),
        "max_open_orders": _open_orders(text),
        "min_price_ppm": _ppm(text, "min_price_percent", 0, PPM),
        "max_price_ppm": _ppm(text, "max_price_percent", PPM, MAX_MULTIPLE_PPM),
        "min_impact_ppm": _ppm(text, "min_impact_percent", 0, PPM),
        "max_impact_ppm": _ppm(text, "max_impact_percent", PPM, MAX_MULTIPLE_PPM),
        "band_ppm": band,
        "band_window_ms": _ms(text, "band_window_s", 60_000) or 60_000,
        "auction_ms": auction_ms,
    }


def percent(ppm: int | None) -> str:
    return "" if ppm is None else from_units(ppm, PERCENT_DECIMALS)


def fee_ppm(text: str, field: str, *, rebate: bool) -> int:
    """Parts per million of `0.1` (percent); `-0.01` where a rebate is allowed. Raises InvalidLimit."""
    text = text.strip()
    negative = text.startswith("-")
    if negative and not rebate:
        raise InvalidLimit(field, "A taker's fee cannot be below zero")
    ppm = _decimal(field, text.removeprefix("-"), PERCENT_DECIMALS)
    if ppm > MAX_FEE_PPM:
        raise InvalidLimit(field, f"A fee is at most {percent(MAX_FEE_PPM)} percent")
    return -ppm if negative else ppm


def seconds_ms(text: str, field: str) -> int:
    """Milliseconds of a length in seconds, more than none, at most a day. Raises InvalidLimit."""
    length_ms = _decimal(field, text.strip(), 3)
    if not 0 < length_ms <= MAX_SECONDS_MS:
        raise InvalidLimit(field, "A length is more than zero and at most 86400 seconds")
    return length_ms


def _decimal(field: str, text: str, decimals: int) -> int:
    try:
        return to_units(text, decimals)
    except NotADecimal:
        raise InvalidLimit(field, f"{_words(field)} must be a plain decimal number") from None
    except TooManyDecimals:
        raise InvalidLimit(field, f"{_words(field)} has at most {decimals} decimals") from None


def _words(field: str) -> str:
    name = field.removesuffix("_percent").removesuffix("_s").replace("_", " ")
    return name.capitalize()


def _quantity(market: Market, text: LimitsText, field: str) -> int | None:
    value = getattr(text, field).strip()
    if not value:
        return None
    spec = replace(market.spec(), min_quantity_lots=0)  # The present minimum does not bind the next one.
    try:
        return spec.parse_quantity(value)
    except InvalidNumber as error:
        raise InvalidLimit(field, str(error)) from None


def _notional(market: Market, text: LimitsText) -> int:
    value = text.min_notional.strip()
    if not value:
        return 0
    try:
        return market.quote.spec().parse(value, "Min notional")
    except InvalidNumber as error:
        raise InvalidLimit("min_notional", str(error)) from None


def _open_orders(text: LimitsText) -> int:
    value = _decimal("max_open_orders", text.max_open_orders.strip(), 0)
    if not 0 < value <= MAX_OPEN_ORDERS:
        raise InvalidLimit("max_open_orders", f"Max open orders must be 1 to {MAX_OPEN_ORDERS}")
    return value


def _ppm(text: LimitsText, field: str, least: int, most: int) -> int | None:
    value = getattr(text, field).strip()
    if not value:
        return None
    ppm = _decimal(field, value, PERCENT_DECIMALS)
    if not least <= ppm <= most:
        raise InvalidLimit(field, f"{_words(field)} must be {percent(least)} to {percent(most)} percent")
    return ppm


def _ms(text: LimitsText, field: str, default: int) -> int:
    value = getattr(text, field).strip()
    if not value:
        return default
    return 0 if field == "auction_s" and not value.strip("0.") else seconds_ms(value, field)
