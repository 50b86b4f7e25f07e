"""What accounts were worth: from ledger and candles, with money that came in told apart from profit."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from accounts.models import OUTSIDE_ACCOUNT_ID, Balance, LedgerPosting
from accounts.pages.portfolio import chart_of, value_line
from accounts.services import create_user
from accounts.site.day_values import value_days
from accounts.site.models import DayValue
from accounts.site.valuation import Opening, walk
from marketdata import selectors
from marketdata.models import Asset, Kline, Market, MarketFigures

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
USDC, SOL = 10**6, 10**9  # Units of one coin.


@pytest.fixture
def market():
    selectors._specs = (0.0, {})
    sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    usdc = Asset.objects.create(symbol="USDC", name="USD Coin", decimals=6, blockchain="Solana")
    sizes = {"tick_size": "0.01", "step_size": "0.01", "min_quantity": "0.01"}
    made = Market.objects.create(symbol="SOL_USDC", base=sol, quote=usdc, listed=True, **sizes)
    made.refresh_from_db()
    MarketFigures.objects.create(market=made, last_price_ticks=16_842)
    yield made
    selectors._specs = (0.0, {})


@pytest.fixture
def account(market):
    return create_user("alice@example.org", "correct horse battery").account


@pytest.fixture
def post(account):
    numbers = count(1)

    def one(at, asset, units, kind="deposit"):
        seq = next(numbers)
        legs = ((account.pk, units), (OUTSIDE_ACCOUNT_ID, -units))
        LedgerPosting.objects.bulk_create(
            LedgerPosting(id=seq * 8 + leg, seq=seq, at=at, kind=kind, account_id=owner, asset=asset, units=amount)
            for leg, (owner, amount) in enumerate(legs)
        )

    return one


def candle(market, start, close_ticks, interval="1h"):
    prices = dict.fromkeys(("open_ticks", "high_ticks", "low_ticks", "close_ticks"), close_ticks)
    Kline.objects.create(
        market=market, interval=interval, start=start, volume_lots=1, quote_units=1, trades=1, last_seq=1, **prices
    )


def test_a_deposit_is_no_profit_and_a_rise_is(account, market, post):
    post(MONDAY + HOUR / 2, market.base, 10 * SOL)
    candle(market, MONDAY, 10_000)
    candle(market, MONDAY + HOUR, 11_000)
    points = walk(account.pk, Opening({}), MONDAY, MONDAY + 2 * HOUR, "1h").points
    assert [(point.value_cents, point.flow_cents) for point in points] == [(0, 0), (100_000, 100_000), (110_000, 0)]


def test_a_trade_moves_value_but_is_no_flow(account, market, post):
    candle(market, MONDAY, 10_000)
    candle(market, MONDAY + HOUR, 10_000)
    post(MONDAY + HOUR / 4, market.quote, 1_000 * USDC)
    post(MONDAY + HOUR * 1.5, market.quote, -500 * USDC, "trade")
    post(MONDAY + HOUR * 1.5, market.base, 5 * SOL, "trade")
    post(MONDAY + HOUR * 1.6, market.base, -SOL // 1000, "fee")
    points = walk(account.pk, Opening({}), MONDAY, MONDAY + 2 * HOUR, "1h").points
    assert [(point.value_cents, point.flow_cents) for point in points] == [(0, 0), (100_000, 100_000), (99_990, 0)]


def test_a_withdrawal_is_a_flow_out(account, market, post):
    candle(market, MONDAY, 10_000)
    post(MONDAY - DAY, market.quote, 1_000 * USDC)
    post(MONDAY + HOUR / 2, market.quote, -400 * USDC, "withdraw")
    points = walk(account.pk, Opening({}), MONDAY, MONDAY + HOUR, "1h").points
    assert [(point.value_cents, point.flow_cents) for point in points] == [(100_000, 100_000), (60_000, -40_000)]


def test_an_asset_without_a_price_counts_nothing(account, market, post):
    odd = Asset.objects.create(symbol="ODD", name="Odd", decimals=6, blockchain="Solana")
    post(MONDAY, odd, 10**12)
    assert [point.value_cents for point in walk(account.pk, Opening({}), MONDAY, MONDAY + HOUR, "1h").points] == [0, 0]


def test_too_many_points_are_refused(account, market):
    with pytest.raises(ValueError, match="too many"):
        walk(account.pk, Opening({}), MONDAY, MONDAY + 30 * DAY, "1h")


def test_days_are_kept_once_and_go_on_where_the_last_one_ended(account, market, post):
    for hours, close in ((1, 10_000), (25, 12_000), (49, 9_000)):
        candle(market, MONDAY + hours * HOUR, close)
    post(MONDAY + 2 * HOUR, market.base, 2 * SOL)
    post(MONDAY + DAY + 2 * HOUR, market.quote, 50 * USDC)
    today = (MONDAY + 3 * DAY).date()
    assert value_days(account.pk, today) == 3
    assert value_days(account.pk, today) == 0
    rows = list(DayValue.objects.order_by("day").values_list("value_cents", "flow_cents"))
    assert rows == [(20_000, 20_000), (29_000, 5_000), (23_000, 0)]
    whole = walk(account.pk, Opening({}), MONDAY, MONDAY + 3 * DAY, "1h").points
    assert whole[-1].value_cents == rows[-1][0]
    assert sum(point.flow_cents for point in whole) == sum(flow for _, flow in rows)


@pytest.mark.parametrize("period", ["24h", "7d", "30d", "1y"])
def test_every_period_tells_the_same_profit_to_a_young_account(account, market, post, period):
    now = MONDAY + 5 * HOUR
    for interval in ("15m", "1h"):
        candle(market, MONDAY, 10_000, interval)
        candle(market, MONDAY + 4 * HOUR, 10_500, interval)
    post(MONDAY + HOUR, market.base, 3 * SOL)
    line = value_line(account.pk, now, period)
    assert line[-1].cents == 1_500
    assert line[0].at >= MONDAY
    chart = chart_of(line)
    assert chart.profit == "+15.00"
    assert chart.direction == "up"


def test_a_long_line_joins_days_and_today(account, market, post):
    candle(market, MONDAY, 10_000)
    candle(market, MONDAY + DAY, 11_000)
    candle(market, MONDAY + DAY, 11_000, "15m")
    post(MONDAY + HOUR, market.base, 10 * SOL)
    value_days(account.pk, (MONDAY + DAY).date())
    line = value_line(account.pk, MONDAY + DAY + 3 * HOUR, "30d")
    assert (line[0].value_cents, line[-1].value_cents, line[-1].cents) == (100_000, 110_000, 10_000)


def test_the_page_with_and_without_money(client, account, market, post):
    client.force_login(account.user)
    assert "Nothing here yet" in client.get("/portfolio").content.decode()
    Balance.objects.create(account=account, asset=market.base, available_units=2 * SOL, locked_units=0)
    post(datetime.now(UTC) - HOUR, market.base, 2 * SOL)
    text = client.get("/portfolio?period=7d").content.decode()
    assert "336.84" in text
    assert "100.0\u202f%" in text
    assert client.get("/portfolio?period=nonsense").status_code == 200
