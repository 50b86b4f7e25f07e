"""The last 24 hours of a market, from its one-minute candles: a job keeps them each minute, new pages do not wait."""

from datetime import datetime, timedelta

from django.db.models import Max, Min, Sum

from marketdata.models import Kline, Market, MarketStatistics

WINDOW = timedelta(hours=24)


def day_of(market: Market, now: datetime) -> MarketStatistics:
    """Ticks, lots and quote units of the 24 hours before `now`; prices are None without a trade in them. Not saved."""
    candles = Kline.objects.filter(market=market, interval="1m", start__gt=now - WINDOW)
    first, last = candles.order_by("start").first(), candles.order_by("-start").first()
    sums = candles.aggregate(
        high_ticks=Max("high_ticks"),
        low_ticks=Min("low_ticks"),
        volume_lots=Sum("volume_lots", default=0),
        quote_units=Sum("quote_units", default=0),
        trades=Sum("trades", default=0),
    )
    open_ticks, close_ticks = first.open_ticks if first else None, last.close_ticks if last else None
    return MarketStatistics(market=market, open_ticks=open_ticks, close_ticks=close_ticks, refreshed_at=now, **sums)
