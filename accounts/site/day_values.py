"""The values that are kept: one row a day and account, made after midnight (UTC) by Celery from ledger and candles."""

import logging
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from accounts.models import Account, LedgerPosting
from accounts.site.models import DayValue
from accounts.site.valuation import Opening, Walk, walk

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
MOST_DAYS = 400  # Of one account in one run; the next run goes on.


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def value_all() -> int:
    """Every missing row of every person's account, up to yesterday; how many were made."""
    today = timezone.now().date()
    people = Account.objects.filter(kind=Account.Kind.USER, balances__isnull=False).distinct()
    return sum(value_days(account.pk, today) for account in people.iterator())


def value_days(account_id: int, today: date) -> int:
    """The missing rows of one account before `today`. A day that is there already is never written again."""
    last = DayValue.objects.filter(account_id=account_id).order_by("-day").first()
    if last is not None:
        day = last.day + DAY
    else:
        first = LedgerPosting.objects.filter(account_id=account_id).order_by("id").first()
        if first is None:
            return 0
        day = first.at.date()
    opening, made = opening_of(last), 0
    while day < today and made < MOST_DAYS:
        walked = walk(account_id, opening, start_of(day), start_of(day + DAY), "1h")
        DayValue.objects.bulk_create([_row(account_id, day, walked)], ignore_conflicts=True)
        opening, day, made = walked.end, day + DAY, made + 1
    return made


def opening_of(row: DayValue | None) -> Opening:
    """Where the day after this row begins; before everything where there is none."""
    if row is None:
        return Opening({})
    return Opening({int(asset): int(units) for asset, units in row.units.items()}, row.last_posting_id)


def _row(account_id: int, day: date, walked: Walk) -> DayValue:
    return DayValue(
        account_id=account_id,
        day=day,
        value_cents=walked.points[-1].value_cents,
        flow_cents=sum(point.flow_cents for point in walked.points),
        units={str(asset): str(units) for asset, units in walked.end.units.items() if units},
        last_posting_id=walked.end.posting_id,
    )
