"""Hot public reads, answered from this process' market hub without touching the database. Behind both lanes.

Each answer reflects at least everything the engine had published when the request came: whoever has the answer to an
order finds it in the next depth. If the feed cannot follow for a second, what it has is served and `X-Outcome` says so.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.errors import MAINTENANCE, ApiError
from exchange_site.kernel.fast_http import single_values
from marketdata import halt
from marketdata.api import params
from marketdata.hub import FeedNotReady, MarketHub, UnknownMarket, market_hub
from matching.client import gateway

READ_YOUR_WRITE_S = 1.0
FIRST_IMAGE_S = 2.0

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Read:
    """What to answer: a JSON value, or plain text where `text` is true."""

    value: Any
    headers: dict[str, str] = field(default_factory=dict)
    text: bool = False


Reader = Callable[[Pairs], Coroutine[Any, Any, Read]]


async def _hub() -> MarketHub:
    """The hub, as far as the engine is now. Raises ApiError while this process has no market data at all."""
    hub = market_hub()
    if not hub.ready and not await hub.wait_ready(FIRST_IMAGE_S):
        raise ApiError(MAINTENANCE, "Market data is not available yet", {}, {"Retry-After": "1"})
    try:
        n = await gateway.shared().engine_n()
    except gateway.NotAdmitted:
        return hub  # Redis is away: nothing new can have been answered.
    if hub.n < n:
        await hub.wait_for(n, READ_YOUR_WRITE_S)
    return hub


async def _asked(question: Callable[[MarketHub], Any]) -> Read:
    """The hub's answer. Raises ApiError."""
    hub = await _hub()
    try:
        return Read(question(hub), {"X-Outcome": str(hub.n)})
    except UnknownMarket:
        raise params.unknown_symbol() from None
    except FeedNotReady:
        raise ApiError(MAINTENANCE, "Market data is not available yet", {}, {"Retry-After": "1"}) from None


def _query(pairs: Pairs) -> dict[str, str]:
    return single_values(pairs, params.REPEATABLE)


async def depth(pairs: Pairs) -> Read:
    query = _query(pairs)
    symbol, limit = params.symbol(query), params.depth_limit(query)
    return await _asked(lambda hub: hub.depth(symbol, limit))


async def ticker(pairs: Pairs) -> Read:
    query = _query(pairs)
    symbol, interval = params.symbol(query), params.word(query, "interval", params.TICKER_INTERVALS, "1d")
    return await _asked(lambda hub: hub.ticker(symbol, interval))


async def tickers(pairs: Pairs) -> Read:
    interval = params.word(_query(pairs), "interval", params.TICKER_INTERVALS, "1d")
    return await _asked(lambda hub: hub.tickers(interval))


async def market_data(pairs: Pairs) -> Read:
    """An older name: all tickers, or with a symbol that one."""
    return await (ticker if params.optional_symbol(_query(pairs)) else tickers)(pairs)


async def trades(pairs: Pairs) -> Read:
    query = _query(pairs)
    symbol, limit = params.symbol(query), params.limit(query)
    return await _asked(lambda hub: hub.trades(symbol, limit))


async def auction(pairs: Pairs) -> Read:
    """Our own: what the market takes, and where its auction would uncross."""
    symbol = params.symbol(_query(pairs))
    return await _asked(lambda hub: hub.auction(symbol))


async def ping(_pairs: Pairs) -> Read:
    return Read(b"pong", text=True)


async def time(_pairs: Pairs) -> Read:
    return Read(b"%d" % now_ms(), text=True)


async def status(_pairs: Pairs) -> Read:
    try:
        open_now = (await gateway.shared().position()).takes_commands(now_ms())
    except gateway.NotAdmitted:
        open_now = False
    stopped = await halt.recent() if open_now else None
    if stopped is not None:
        return Read({"status": "Maintenance", "message": stopped.sentence})
    if open_now:
        return Read({"status": "Ok", "message": None})
    return Read({"status": "Maintenance", "message": "The exchange is not taking orders right now"})


READERS: dict[str, Reader] = {  # Both lanes take their routes from here.
    "/api/v1/depth": depth,
    "/api/v1/ticker": ticker,
    "/api/v1/tickers": tickers,
    "/api/v1/market-data": market_data,
    "/api/v1/trades": trades,
    "/api/v1/auction": auction,
    "/api/v1/status": status,
    "/api/v1/ping": ping,
    "/api/v1/time": time,
}
