"""What accounts traded: each day's fills in cents, at that day's prices, counted once after the day has ended."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Sum

from accounts.models import LAST_RESERVED_ACCOUNT_ID
from accounts.wallet.value import CENTS, VALUED_IN
from marketdata.models import Asset, Kline, Market
from trading.fee_tiers.models import DayVolume, TierRun
from trading.models import Fill

WINDOW_DAYS = 30
ROWS_AT_ONCE = 1_000


def first_moment(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def count_day(day: date) -> None:
    """Write the day's volumes. Doing it again writes the same rows: fills never change."""
    market_cents: dict[int, dict[int, int]] = defaultdict(dict)
    first, last = _first_fill(first_moment(day)), _first_fill(first_moment(day + timedelta(days=1)))
    rows = Fill.objects.filter(pk__gte=first, pk__lt=last, account_id__gt=LAST_RESERVED_ACCOUNT_ID)
    for market_id, account_id, units in (
        rows.order_by().values_list("market_id", "account_id").annotate(total=Sum("quote_units"))
    ):
        market_cents[account_id][market_id] = int(units)
    worth = _cents_of_quote(day)
    volumes = [
        DayVolume(account_id=account_id, day=day, cents=sum(_cents(worth, *one) for one in traded.items()))
        for account_id, traded in sorted(market_cents.items())
    ]
    with transaction.atomic():
        DayVolume.objects.bulk_create(
            volumes,
            batch_size=ROWS_AT_ONCE,
            update_conflicts=True,
            unique_fields=["account_id", "day"],
            update_fields=["cents"],
        )
        TierRun.objects.get_or_create(day=day)


def _first_fill(at: datetime) -> int:
    """The id of the first fill at or after the moment: ids and moments ascend together, so halving finds it."""
    newest = Fill.objects.order_by("-pk").values_list("pk", flat=True).first()
    low, high = 0, (newest or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = Fill.objects.filter(pk__gte=middle).order_by("pk").values_list("pk", "at").first()
        if found is None or found[1] >= at:
            high = middle
        else:
            low = found[0] + 1
    return low


Worth = dict[int, tuple[int, int]]


def _cents_of_quote(day: date) -> Worth:
    """By market: cents = units of its quote asset * numerator // denominator, at the day's last known price."""
    valuing = Asset.objects.filter(symbol=VALUED_IN).first()
    found: Worth = {}
    if valuing is None:
        return found
    to_cents = 10 ** (valuing.decimals - CENTS)
    for market in Market.objects.select_related("base", "quote"):
        if market.quote_id == valuing.pk:
            found[market.pk] = (1, to_cents)
            continue
        link = Market.objects.filter(base_id=market.quote_id, quote=valuing).select_related("base", "quote").first()
        closes = Kline.objects.filter(market=link, interval="1m", start__lt=first_moment(day + timedelta(days=1)))
        close = closes.order_by("-start").values_list("close_ticks", flat=True).first()
        if link is not None and close is not None:
            spec = link.spec()
            found[market.pk] = (close * spec.quote_units_per_tick_lot, spec.base_units_per_lot * to_cents)
    return found


def _cents(worth: Worth, market_id: int, quote_units: int) -> int:
    """Rounded down; nothing where the quote asset has no price."""
    numerator, denominator = worth.get(market_id, (0, 1))
    return quote_units * numerator // denominator


def volumes_until(day: date) -> dict[int, int]:
    """Cents by account of the thirty days that end with `day`."""
    rows = DayVolume.objects.filter(day__gt=day - timedelta(days=WINDOW_DAYS), day__lte=day).order_by()
    return {pk: int(total) for pk, total in rows.values_list("account_id").annotate(total=Sum("cents"))}


def volume_of(account_id: int, day: date) -> int:
    rows = DayVolume.objects.filter(account_id=account_id, day__gt=day - timedelta(days=WINDOW_DAYS), day__lte=day)
    return int(rows.aggregate(total=Sum("cents"))["total"] or 0)
