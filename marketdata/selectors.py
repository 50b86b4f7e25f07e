"""Reading what is known about markets. Specs hardly ever change and are kept a moment; the rest is asked each time."""

import time
from datetime import datetime

from marketdata.models import Kline, Market, Trade
from matching.symbols import MarketSpec

SPECS_KEPT_S = 5  # How long a newly listed market may stay unknown to one process.

_specs: tuple[float, dict[str, MarketSpec]] = (0.0, {})


def market_specs() -> dict[str, MarketSpec]:
    """Symbol to spec of every listed market, in list order. Do not change the answer: it is shared."""
    global _specs
    read_at, specs = _specs
    if not specs or time.monotonic() - read_at > SPECS_KEPT_S:
        specs = {market.symbol: market.spec() for market in listed_markets()}
        _specs = (time.monotonic(), specs)
    return specs


def listed_markets() -> list[Market]:
    """Markets the engine knows, in list order, with assets, figures and statistics joined in."""
    return list(
        Market.objects.filter(listed=True)
        .select_related("base", "quote", "figures", "statistics")
        .order_by("position", "symbol")
    )


def klines(market_id: int, interval: str, *, since: datetime | None = None, limit: int = 500) -> list[Kline]:
    """The newest candles, oldest of them first. Only buckets with trades have one."""
    rows = Kline.objects.filter(market_id=market_id, interval=interval)
    if since is not None:
        rows = rows.filter(start__gte=since)
    return list(rows.order_by("-start")[:limit])[::-1]


def recent_trades(market_id: int, limit: int = 50) -> list[Trade]:
    """Newest first."""
    return list(Trade.objects.filter(market_id=market_id).order_by("-trade_id")[:limit])
