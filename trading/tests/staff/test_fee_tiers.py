"""Fee tiers by volume, through a real engine core: counted once a day, applied once, and staff's word is a floor."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from accounts import trading_rights
from accounts.models import Account
from accounts.wallet.value import VALUED_IN
from exchange_site.kernel.money import from_units
from exchange_site.tests.api_rig import forget_caches
from marketdata.models import Asset
from marketdata.staff_acts import By
from matching import messages as m
from trading.fee_tiers import daily, volume
from trading.fee_tiers.models import DayVolume, TierDecision, TierRun, VolumeTier
from trading.models import AccountRules, Fill

pytestmark = pytest.mark.django_db(transaction=True)
DAY = datetime(2026, 1, 1, tzinfo=UTC).date()  # The published engine's first day.
TOMORROW = DAY + timedelta(days=1)


@pytest.fixture
def traded(venue):
    """Alice and Bob trade with each other on the first day; USDC here has six decimals, as everything."""
    order = partial(m.PlaceOrder, market="SOL_USDC", order_type=m.OrderType.LIMIT, price_ticks=100, quantity_lots=7)
    bid, ask = order(account_id=1001, side=m.Side.BID), order(account_id=1002, side=m.Side.ASK)
    venue.send([bid, ask] * 12)  # Bob has not the coins for more.
    assert Fill.objects.count() == 24
    return venue


def cents_of(account_id: int) -> int:
    units = sum(Fill.objects.filter(account_id=account_id).values_list("quote_units", flat=True))
    return units // 10 ** (Asset.objects.get(symbol=VALUED_IN).decimals - 2)


def tier_of(account_id: int) -> int:
    row = AccountRules.objects.filter(pk=account_id).first()
    return row.tier if row else 0


def set_schedule(*, tier_1: int, tier_2: int) -> None:
    VolumeTier.objects.all().delete()
    VolumeTier.objects.bulk_create([VolumeTier(tier=1, from_cents=tier_1), VolumeTier(tier=2, from_cents=tier_2)])


def test_the_volume_of_a_day_is_what_its_fills_are_worth(traded):
    assert cents_of(1001) > 0
    for _ in range(2):
        volume.count_day(DAY)
    assert dict(DayVolume.objects.values_list("account_id", "cents")) == {1001: cents_of(1001), 1002: cents_of(1002)}
    volume.count_day(TOMORROW)
    assert volume.volume_of(1001, DAY + timedelta(days=29)) == cents_of(1001)
    assert volume.volume_of(1001, DAY + timedelta(days=30)) == 0


def test_a_day_gives_each_account_its_tier_once(traded):
    set_schedule(tier_1=cents_of(1001), tier_2=cents_of(1001) + 1)
    assert daily.run(TOMORROW) == 2
    assert (tier_of(1001), tier_of(1002), tier_of(1003)) == (1, 1, 0)
    told = len(traded.sent)
    assert daily.run(TOMORROW) == 0
    TierRun.objects.update(finished_at=None)  # As if it had died before the last line.
    assert daily.run(TOMORROW) == 0
    assert len(traded.sent) == told
    assert TierDecision.objects.get(account_id=1001).outcome_n is not None


def test_an_answer_that_was_lost_is_asked_for_again(traded):
    set_schedule(tier_1=1, tier_2=10**9)
    traded.broken = ConnectionError()
    with pytest.raises(ConnectionError):
        daily.run(TOMORROW)
    traded.broken = None
    assert TierRun.objects.get(day=DAY).finished_at is None
    assert daily.run(TOMORROW) == 2
    assert tier_of(1001) == 1


def test_without_volume_the_tier_goes_and_what_staff_gave_stays(traded, eve):
    set_schedule(tier_1=1, tier_2=10**9)
    trading_rights.set_tier(Account.objects.get(pk=1002), 7, By(eve, "market maker"))
    daily.run(TOMORROW)
    assert (tier_of(1001), tier_of(1002)) == (1, 7)
    daily.run(TOMORROW + timedelta(days=30))
    assert (tier_of(1001), tier_of(1002)) == (0, 7)


def test_volume_lifts_even_what_staff_gave(traded, eve):
    set_schedule(tier_1=1, tier_2=2)
    trading_rights.set_tier(Account.objects.get(pk=1001), 1, By(eve, "a start"))
    daily.run(TOMORROW)
    assert tier_of(1001) == 2
    daily.run(TOMORROW + timedelta(days=30))
    assert tier_of(1001) == 1, "what staff gave stays the floor when volume has lifted it and falls again"
    daily.run(TOMORROW + timedelta(days=31))
    assert tier_of(1001) == 1


def test_the_page_shows_the_schedule_and_where_its_reader_stands(traded, client):
    set_schedule(tier_1=cents_of(1001), tier_2=cents_of(1001) + 12_345)
    daily.run(TOMORROW)
    public = client.get("/fees").content.decode()
    assert "SOL/USDC" in public
    assert "Your fees" not in public
    client.force_login(Account.objects.get(pk=1001).user)
    own = client.get("/fees").content.decode()
    assert "<b>tier 1</b>" in own
    assert "123.45 USDC more within 30 days and you are in tier 2" in own
    assert "<style" not in own


def test_the_api_says_the_same_as_the_page(traded, client, eve):
    set_schedule(tier_1=cents_of(1001), tier_2=cents_of(1001) + 12_345)
    daily.run(TOMORROW)
    market = next(one for one in client.get("/api/v1/fees").json() if one["symbol"] == "SOL_USDC")
    assert [(row["tier"], row["fromVolume"]) for row in market["tiers"]] == [
        (0, "0"), (1, from_units(cents_of(1001), 2)), (2, from_units(cents_of(1001) + 12_345, 2)),
    ]  # fmt: skip
    forget_caches()
    assert client.get("/wapi/v1/account/feeTier").status_code == 401
    client.force_login(Account.objects.get(pk=1001).user)
    assert client.get("/wapi/v1/account/feeTier").json() == {
        "tier": 1, "volume": from_units(cents_of(1001), 2), "valuedIn": VALUED_IN, "until": DAY.isoformat(),
        "nextTier": 2, "missingVolume": "123.45",
    }  # fmt: skip


def test_a_reader_with_a_tier_by_agreement_sees_it(traded, eve, client):
    set_schedule(tier_1=1, tier_2=2)
    trading_rights.set_tier(Account.objects.get(pk=1003), 50, By(eve, "market maker"))
    client.force_login(Account.objects.get(pk=1003).user)
    page = client.get("/fees").content.decode()
    assert "by agreement" in page
    assert "No volume leads to a higher tier." in page
