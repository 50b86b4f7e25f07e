"""The 24 h figures of the first paint, before and after the job of each minute has come by."""

from datetime import timedelta

import pytest
from django.utils import timezone

from exchange_site.tests.api_rig import forget_caches, make_market
from marketdata.models import Kline, MarketFigures, MarketStatistics
from marketdata.page_data import market_row, market_rows
from marketdata.tasks import refresh_market_statistics

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    forget_caches()
    yield make_market()
    forget_caches()


def traded(market, *prices, age=timedelta(minutes=1)):
    """One candle of these prices in ticks, oldest first: 3 lots and 7,000,001 quote units for each."""
    start = (timezone.now() - age).replace(second=0, microsecond=0)
    Kline.objects.create(
        market=market, interval="1m", start=start, open_ticks=prices[0], high_ticks=max(prices), low_ticks=min(prices),
        close_ticks=prices[-1], volume_lots=3 * len(prices), quote_units=7_000_001 * len(prices), trades=len(prices),
        last_seq=1,
    )  # fmt: skip
    MarketFigures.objects.update_or_create(market=market, defaults={"last_price_ticks": prices[-1]})


def shown(market):
    market.refresh_from_db()
    row = market_row(market)
    return row.last, row.change_by, row.high, row.low, row.volume, row.quote_volume_full


def test_a_fresh_exchange_shows_its_first_trades_at_once(market):
    traded(market, 16_000, 16_100, age=timedelta(hours=25))  # Yesterday's.
    traded(market, 16_430, 17_190, 16_088, 16_842)
    assert not MarketStatistics.objects.exists()
    expected = ("168.42", "+4.12", "171.90", "160.88", "0.12", "28.000004")
    assert shown(market) == expected
    assert [(row.last, row.change_by) for row in market_rows()] == [expected[:2]]
    refresh_market_statistics()
    assert shown(market) == expected, "the job keeps the same figures"


def test_trades_after_a_job_that_found_none_are_shown(market):
    refresh_market_statistics()
    assert MarketStatistics.objects.get().open_ticks is None
    assert shown(market)[1:4] == ("—", "—", "—")
    traded(market, 16_430, 16_842)
    assert shown(market) == ("168.42", "+4.12", "168.42", "164.30", "0.06", "14.000002")


def test_what_was_kept_is_not_summed_again(market, django_assert_num_queries):
    traded(market, 16_430, 16_842)
    refresh_market_statistics()
    market = type(market).objects.select_related("base", "quote", "figures", "statistics").get()
    with django_assert_num_queries(0):
        assert market_row(market).high == "168.42"
