"""Query parameters of the market routes, for the fast lane and DRF alike. Each function raises ApiError."""

import re
from collections.abc import Mapping

from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, INVALID_SYMBOL, ApiError

Params = Mapping[str, str]

DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
TICKER_INTERVALS = ("1d", "1w")
DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
MAX_OFFSET = 10**9
MARKET_TYPES = ("SPOT", "PERP", "IPERP", "DATED", "PREDICTION", "RFQ")
REPEATABLE = ("marketType", "marketType[]", "fillType")
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)


def symbol(params: Params) -> str:
    """`market` is another word for `symbol` on public routes."""
    found = optional_symbol(params)
    if found is None:
        raise ApiError(INVALID_CLIENT_REQUEST, "symbol is missing")
    return found


def optional_symbol(params: Params) -> str | None:
    return params.get("symbol") or params.get("market") or None


def whole(params: Params, name: str, default: int | None = None, most: int | None = None) -> int | None:
    """A whole number that is not negative. An empty value counts as absent."""
    text = params.get(name)
    if not text:
        return default
    if not _WHOLE.fullmatch(text):
        raise ApiError(INVALID_CLIENT_REQUEST, f"{name} must be a whole number")
    value = int(text)
    if most is not None and value > most:
        raise ApiError(INVALID_CLIENT_REQUEST, f"{name} must be at most {most}")
    return value


def limit(params: Params) -> int:
    found = whole(params, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    if not found:
        raise ApiError(INVALID_CLIENT_REQUEST, f"limit must be 1 to {MAX_LIMIT}")
    return found


def offset(params: Params) -> int:
    return whole(params, "offset", 0, MAX_OFFSET) or 0


def depth_limit(params: Params) -> int:
    found = whole(params, "limit", 1000)
    if found not in DEPTH_LIMITS:
        raise ApiError(INVALID_CLIENT_REQUEST, f"limit must be one of {', '.join(map(str, DEPTH_LIMITS))}")
    return found


def word(params: Params, name: str, words: tuple[str, ...], default: str | None = None) -> str:
    text = params.get(name) or default
    if text is None:
        raise ApiError(INVALID_CLIENT_REQUEST, f"{name} is missing")
    if text not in words:
        raise ApiError(INVALID_CLIENT_REQUEST, f"{name} must be one of {', '.join(words)}")
    return text


def wants_spot(pairs: list[tuple[str, str]]) -> bool:
    """Whether the `marketType` filter, where there is one, lets spot markets through."""
    wanted = [value for key, value in pairs if key in ("marketType", "marketType[]") and value]
    for value in wanted:
        if value not in MARKET_TYPES:
            raise ApiError(INVALID_CLIENT_REQUEST, f"marketType must be one of {', '.join(MARKET_TYPES)}")
    return not wanted or "SPOT" in wanted


def unknown_symbol() -> ApiError:
    return ApiError(INVALID_SYMBOL)
