"""The 24 h figures that Celery refreshes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from marketdata.models import Asset, Kline, Market, MarketStatistics
from marketdata.tasks import refresh_market_statistics

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    usdc = Asset.objects.create(symbol="USDC", name="USD Coin", decimals=6, blockchain="Solana")
    size = Decimal("0.01")
    return Market.objects.create(
        symbol="SOL_USDC", base=sol, quote=usdc, tick_size=size, step_size=size, min_quantity=size, listed=True
    )


def candle(market, age, prices, trades=1):
    start = (timezone.now() - age).replace(second=0, microsecond=0)
    return Kline.objects.create(
        market=market,
        interval="1m",
        start=start,
        open_ticks=prices[0],
        high_ticks=max(prices),
        low_ticks=min(prices),
        close_ticks=prices[-1],
        volume_lots=trades * 2,
        quote_units=trades * 5,
        trades=trades,
        last_seq=1,
    )


def test_a_market_without_trades_has_no_prices(market):
    refresh_market_statistics()
    statistics = MarketStatistics.objects.get()
    assert (statistics.open_ticks, statistics.close_ticks, statistics.volume_lots) == (None, None, 0)


def test_figures_cover_the_last_day_only(market):
    candle(market, timedelta(hours=25), [1, 900])
    candle(market, timedelta(hours=20), [100, 90, 120], trades=3)
    candle(market, timedelta(minutes=2), [120, 95, 110], trades=4)
    assert refresh_market_statistics() == 1
    assert refresh_market_statistics() == 1  # Twice is once.
    statistics = MarketStatistics.objects.get()
    assert (statistics.open_ticks, statistics.high_ticks) == (100, 120)
    assert (statistics.low_ticks, statistics.close_ticks) == (90, 110)
    assert (statistics.volume_lots, statistics.quote_units, statistics.trades) == (14, 35, 7)
