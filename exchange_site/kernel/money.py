"""Exact money: decimal text to integer units and back. No float ever passes through here.

One strict rule for decimals everywhere (stock parsers take full-width digits, `1_000`, ` 1 ` and `1e5`):
ASCII digits, at most 18 before and 18 after the point, no sign, no exponent, no leading zeros.
"""

import re

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,18}))?", re.ASCII)


class NotADecimal(ValueError):
    """The text is not a plain decimal number as this exchange writes them."""


class TooManyDecimals(ValueError):
    """The text is a decimal number, but finer than one unit. Nothing is ever rounded for the sender."""


def to_units(text: str, decimals: int) -> int:
    """`"1.5"` with 6 decimals is 1_500_000 units.

    Raises NotADecimal, or TooManyDecimals when digits other than zero stand below one unit.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise NotADecimal(text[:64])
    whole, fraction = match.group(1), match.group(2) or ""
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise TooManyDecimals(text)
    return int(whole + fraction.ljust(decimals, "0"))


def from_units(units: int, decimals: int) -> str:
    """1_500_000 units with 6 decimals are `"1.5"`: plain decimal text without superfluous zeros."""
    if units < 0:
        return "-" + from_units(-units, decimals)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0") if rest else str(whole)


def padded(units: int, decimals: int) -> str:
    """1_500_000 units with 6 decimals are `"1.500000"`: every decimal written."""
    if not decimals:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
