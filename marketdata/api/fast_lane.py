"""Hot public reads, answered from this process' market hub without touching the database.

Each answer reflects at least everything the engine had published when the request came: whoever has the answer to an
order finds it in the next depth. If the feed cannot follow for a second, what it has is served and `X-Outcome` says so.
"""

from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.errors import MAINTENANCE, ApiError
from exchange_site.kernel.fast_http import TEXT_TYPE, Request, Response, Routes, json_response, single_values
from marketdata.api import params
from marketdata.hub import FeedNotReady, MarketHub, UnknownMarket, market_hub
from matching.client import gateway

READ_YOUR_WRITE_S = 1.0
FIRST_IMAGE_S = 2.0


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


def _query(request: Request) -> dict[str, str]:
    return single_values(request.query(), params.REPEATABLE)


def _answer(hub: MarketHub, value: object) -> Response:
    return json_response(value, headers={"X-Outcome": str(hub.n)})


async def depth(request: Request) -> Response:
    query = _query(request)
    symbol, limit = params.symbol(query), params.depth_limit(query)
    hub = await _hub()
    try:
        return _answer(hub, hub.depth(symbol, limit))
    except (UnknownMarket, FeedNotReady) as error:
        raise _hub_error(error) from None


async def ticker(request: Request) -> Response:
    query = _query(request)
    symbol, interval = params.symbol(query), params.word(query, "interval", params.TICKER_INTERVALS, "1d")
    hub = await _hub()
    try:
        return _answer(hub, hub.ticker(symbol, interval))
    except (UnknownMarket, FeedNotReady) as error:
        raise _hub_error(error) from None


async def tickers(request: Request) -> Response:
    interval = params.word(_query(request), "interval", params.TICKER_INTERVALS, "1d")
    hub = await _hub()
    try:
        return _answer(hub, hub.tickers(interval))
    except FeedNotReady as error:
        raise _hub_error(error) from None


async def market_data(request: Request) -> Response:
    """An older name: all tickers, or with a symbol that one."""
    return await (ticker if params.optional_symbol(_query(request)) else tickers)(request)


async def trades(request: Request) -> Response:
    query = _query(request)
    symbol, limit = params.symbol(query), params.limit(query)
    hub = await _hub()
    try:
        return _answer(hub, hub.trades(symbol, limit))
    except (UnknownMarket, FeedNotReady) as error:
        raise _hub_error(error) from None


def _hub_error(error: UnknownMarket | FeedNotReady) -> ApiError:
    if isinstance(error, UnknownMarket):
        return params.unknown_symbol()
    return ApiError(MAINTENANCE, "Market data is not available yet", {}, {"Retry-After": "1"})


async def ping(_request: Request) -> Response:
    return Response(b"pong", content_type=TEXT_TYPE)


async def time(_request: Request) -> Response:
    return Response(b"%d" % now_ms(), content_type=TEXT_TYPE)


async def status(_request: Request) -> Response:
    try:
        open_now = (await gateway.shared().position()).takes_commands(now_ms())
    except gateway.NotAdmitted:
        open_now = False
    if open_now:
        return json_response({"status": "Ok", "message": None})
    return json_response({"status": "Maintenance", "message": "The exchange is not taking orders right now"})


ROUTES: Routes = {
    "/api/v1/depth": {"GET": depth},
    "/api/v1/ticker": {"GET": ticker},
    "/api/v1/tickers": {"GET": tickers},
    "/api/v1/market-data": {"GET": market_data},
    "/api/v1/trades": {"GET": trades},
    "/api/v1/status": {"GET": status},
    "/api/v1/ping": {"GET": ping},
    "/api/v1/time": {"GET": time},
}
