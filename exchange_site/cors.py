"""Which routes any origin may read from a browser: public market data, without credentials, and nothing else."""

from typing import Any

from exchange_site.kernel.fast_http import Send
from marketdata.api.empty_lists import EMPTY_LISTS

PUBLIC_PATHS = frozenset(
    f"/api/v1/{name}"
    for name in (
        *EMPTY_LISTS, "assets", "auction", "depth", "kline", "klines", "market", "market-data", "markets", "ping",
        "status", "ticker", "tickers", "time", "trades", "trades/history",
    )
)  # fmt: skip
PUBLIC_PREFIX = "/api/v1/markets/"

_ALLOW_ORIGIN = (b"access-control-allow-origin", b"*")
_READABLE = (
    b"X-TOTAL, X-PAGE-SIZE, X-CURRENT-PAGE, X-PAGE-COUNT, X-Outcome, Retry-After, "
    b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
_EXPOSED = (b"access-control-expose-headers", _READABLE)
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"86400"),
    (b"content-length", b"0"),
]


def is_public(path: str) -> bool:
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIX)


def open_to_everybody(send: Send) -> Send:
    """Every answer on the way out says that any origin may read it."""

    async def with_headers(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], _ALLOW_ORIGIN, _EXPOSED]}
        await send(message)

    return with_headers


async def preflight(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT)})
    await send({"type": "http.response.body", "body": b""})
