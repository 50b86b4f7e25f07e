"""Scheduled work on market data."""

from celery import shared_task
from django.utils import timezone

from marketdata.day import day_of
from marketdata.models import Market, MarketStatistics
from marketdata.storage import partitions

FIGURES = (
    "open_ticks",
    "high_ticks",
    "low_ticks",
    "close_ticks",
    "volume_lots",
    "quote_units",
    "trades",
    "refreshed_at",
)


@shared_task
def refresh_market_statistics() -> int:
    """24 h figures of every listed market from its one-minute candles; the number of markets."""
    now = timezone.now()
    markets = list(Market.objects.filter(listed=True))
    for market in markets:
        day = day_of(market, now)
        MarketStatistics.objects.update_or_create(
            market=market, defaults={name: getattr(day, name) for name in FIGURES}
        )
    return len(markets)


@shared_task
def keep_partitions_ahead() -> int:
    """Partitions for the next months, where trades and candles have any (`manage.py partitions`): how many."""
    return partitions.make_ahead()
