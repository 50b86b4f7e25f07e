"""Names of the public and private streams, in both spellings clients use. Pure.

`depth.SOL_USDC` and `depth@SOL_USDC` are one stream; each subscriber hears it under the name it used.
"""

import re
from dataclasses import dataclass

from marketdata.intervals import INTERVALS

REAL_TIME = 0
DEPTH_WINDOWS = {"200ms": 200, "600ms": 600, "1000ms": 1000}

PARSE_ERROR = (4002, "Parse error")
INVALID_SIGNATURE = (4003, "Invalid signature")
INVALID_STREAM = (4006, "Invalid stream")
TOO_MANY_STREAMS = (4006, "Too many streams on this connection")
INVALID_DEPTH_WINDOW = (4008, "Invalid depth window")

_SYMBOL = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)  # Unknown symbols are well-formed and silent.
_BY_WINDOW = frozenset({"depth", "checksum"})
_PER_SYMBOL = frozenset({"trade", "bookTicker", "ticker", "auction", "heartbeat", "markPrice", "openInterest"})
_SILENT = frozenset({"markPrice", "openInterest", "liquidation"})
_WITH_AT = frozenset({"trade", "ticker", "depth", "bookTicker"})
_PRIVATE_PER_SYMBOL = frozenset({"orderUpdate", "positionUpdate", "rfqUpdate"})


class StreamRefused(Exception):
    """`error` is the code and sentence the client gets."""

    def __init__(self, error: tuple[int, str]) -> None:
        super().__init__(error[1])
        self.error = error


@dataclass(frozen=True, slots=True)
class Stream:
    """`kind` is the word that names the stream, private ones with `account.`; `symbol` is "" where there is none.

    `window_ms` (depth, checksum) is 0 in real time, `interval` belongs to klines.
    """

    kind: str
    symbol: str = ""
    window_ms: int = REAL_TIME
    interval: str = ""

    @property
    def private(self) -> bool:
        return self.kind.startswith("account.")

    @property
    def silent(self) -> bool:
        """Accepted, but a spot exchange has nothing to say on it."""
        return self.kind in _SILENT


def is_private(name: str) -> bool:
    """Does this spelling need to know who asks? True for malformed private names as well."""
    return name.startswith("account.")


def parse_stream(name: str) -> Stream:
    """Raises StreamRefused."""
    kind, at, symbol = name.partition("@")
    if at:
        if kind in _WITH_AT:
            return Stream(kind, _symbol(symbol))
        raise StreamRefused(INVALID_STREAM)
    parts = name.split(".")
    kind = parts[0]
    if kind == "account":
        return _private(parts[1:])
    if kind in _BY_WINDOW:
        return _book(kind, parts[1:])
    if kind == "kline" and len(parts) == 3 and parts[1] in INTERVALS:
        return Stream(kind, _symbol(parts[2]), interval=parts[1])
    if kind == "liquidation" and len(parts) == 1:
        return Stream(kind)
    if kind in _PER_SYMBOL and len(parts) == 2:
        return Stream(kind, _symbol(parts[1]))
    raise StreamRefused(INVALID_STREAM)


def _book(kind: str, rest: list[str]) -> Stream:
    if len(rest) == 1:
        return Stream(kind, _symbol(rest[0]))
    if len(rest) != 2:
        raise StreamRefused(INVALID_STREAM)
    window_ms = DEPTH_WINDOWS.get(rest[0])
    if window_ms is None:
        raise StreamRefused(INVALID_DEPTH_WINDOW)
    return Stream(kind, _symbol(rest[1]), window_ms=window_ms)


def _private(rest: list[str]) -> Stream:
    if len(rest) == 1 and (rest[0] in _PRIVATE_PER_SYMBOL or rest[0] == "balanceUpdate"):
        return Stream(f"account.{rest[0]}")
    if len(rest) == 2 and rest[0] in _PRIVATE_PER_SYMBOL:
        return Stream(f"account.{rest[0]}", _symbol(rest[1]))
    raise StreamRefused(INVALID_STREAM)


def _symbol(text: str) -> str:
    if _SYMBOL.fullmatch(text) is None:
        raise StreamRefused(INVALID_STREAM)
    return text
