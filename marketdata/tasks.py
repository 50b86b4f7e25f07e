"""Scheduled work on market data."""

from datetime import timedelta

from celery import shared_task
from django.db.models import Max, Min, Sum
from django.utils import timezone

from marketdata.models import Kline, Market, MarketStatistics

WINDOW = timedelta(hours=24)


@shared_task
def refresh_market_statistics() -> int:
    """24 h figures of every listed market from its one-minute candles; the number of markets."""
    now = timezone.now()
    markets = list(Market.objects.filter(listed=True))
    for market in markets:
        candles = Kline.objects.filter(market=market, interval="1m", start__gt=now - WINDOW)
        first, last = candles.order_by("start").first(), candles.order_by("-start").first()
        sums = candles.aggregate(
            high_ticks=Max("high_ticks"),
            low_ticks=Min("low_ticks"),
            volume_lots=Sum("volume_lots", default=0),
            quote_units=Sum("quote_units", default=0),
            trades=Sum("trades", default=0),
        )
        ends = {"open_ticks": first.open_ticks if first else None, "close_ticks": last.close_ticks if last else None}
        MarketStatistics.objects.update_or_create(market=market, defaults={**sums, **ends, "refreshed_at": now})
    return len(markets)
