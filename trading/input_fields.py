"""Reading members of a parsed JSON object: one strict function for each kind of value. Each raises ApiError.

Rules (shape: the public API's): unknown members are ignored, null means absent. Decimals are JSON strings or numbers
and keep their sender's digits; one strict rule (`kernel.money`) takes or refuses them, nothing is rounded.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, INVALID_SYMBOL, ApiError
from exchange_site.kernel.strict_json import NumberText
from matching.symbols import MarketSpec

Data = Mapping[str, Any]
Specs = Mapping[str, MarketSpec]
Word = TypeVar("Word", bound=StrEnum)

MAX_CLIENT_ID = 2**32 - 1
_WHOLE = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)


def invalid(message: str) -> ApiError:
    return ApiError(INVALID_CLIENT_REQUEST, message)


@cache
def _words(words: type[StrEnum]) -> dict[str, Any]:
    """An enumeration's members by their text: asking it for one itself takes several times as long."""
    return {member.value: member for member in words}


def word(data: Data, name: str, words: type[Word], default: Word | None = None) -> Word:
    """One of an enumeration's words, case-sensitive."""
    value = data.get(name)
    if value is None:
        if default is None:
            raise invalid(f"{name} is missing")
        return default
    if isinstance(value, str) and not isinstance(value, NumberText):
        found: Word | None = _words(words).get(value)
        if found is not None:
            return found
    raise invalid(f"{name} must be one of {', '.join(words)}")


def decimal(data: Data, name: str) -> str | None:
    """The digits of a decimal member, unchecked; None when absent."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(f"{name} must be a decimal number")
    return str(value)


def flag(data: Data, name: str) -> bool:
    value = data.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise invalid(f"{name} must be true or false")
    return value


def whole(data: Data, name: str) -> int | None:
    """A whole number, as JSON number or as string of digits."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise invalid(f"{name} must be a whole number")
    return int(value)


def client_id(data: Data) -> int | None:
    number = whole(data, "clientId")
    if number is not None and number > MAX_CLIENT_ID:
        raise invalid(f"clientId must be at most {MAX_CLIENT_ID}")
    return number


def market_of(data: Data, specs: Specs) -> MarketSpec:
    """The market that `symbol` names."""
    symbol = data.get("symbol")
    if symbol is None:
        raise invalid("symbol is missing")
    if not isinstance(symbol, str) or isinstance(symbol, NumberText):
        raise invalid("symbol must be a string")
    spec = specs.get(symbol)
    if spec is None:
        raise ApiError(INVALID_SYMBOL)
    return spec
