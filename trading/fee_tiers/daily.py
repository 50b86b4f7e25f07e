"""Once a day each account gets the tier of its volume, by the engine's own command. Every step may be repeated.

What staff gave by hand is a floor: the volume may lift such an account, and never lowers it. Who gave a tier last is
what the engine's event said.
"""

import logging
from datetime import date, timedelta

from django.utils import timezone

from accounts import trading_rights
from accounts.models import Account
from accounts.wallet.locks import only_one
from exchange_site.kernel.errors import ApiError
from marketdata.staff_acts import By
from trading.fee_tiers.models import TierDecision, TierRun, VolumeTier
from trading.fee_tiers.volume import WINDOW_DAYS, count_day, volumes_until
from trading.models import AccountRules

BY_VOLUME = "fee tiers"  # Actor of the engine's command, so that its event tells who gave a tier.
REASON = "Volume of thirty days until {day}"

log = logging.getLogger(__name__)


def run(today: date | None = None) -> int:
    """Count the days that have ended, and apply the last one; how many accounts changed their tier.

    Does nothing when that was done, or while another process is at it.
    """
    day = (today or timezone.now().date()) - timedelta(days=1)
    with only_one("fee tiers") as mine:
        if not mine or TierRun.objects.filter(day=day, finished_at__isnull=False).exists():
            return 0
        counted = set(TierRun.objects.filter(day__gt=day - timedelta(days=WINDOW_DAYS)).values_list("day", flat=True))
        for back in reversed(range(WINDOW_DAYS)):
            one = day - timedelta(days=back)
            if one not in counted:
                count_day(one)
        return _apply(day)


def tier_for(cents: int, tiers: list[tuple[int, int]]) -> int:
    """`tiers` are (tier, from cents); the highest that the volume reaches, 0 when none."""
    return max((tier for tier, from_cents in tiers if cents >= from_cents), default=0)


def _apply(day: date) -> int:
    tiers = list(VolumeTier.objects.values_list("tier", "from_cents"))
    volumes = volumes_until(day)
    rules = {row.pk: row for row in AccountRules.objects.filter(tier__gt=0)}
    floors = _floors(rules)
    changed, failed = 0, 0
    for account in Account.objects.filter(kind=Account.Kind.USER, pk__in=volumes.keys() | rules.keys()).order_by("pk"):
        row, cents = rules.get(account.pk), volumes.get(account.pk, 0)
        before, floor = row.tier if row else 0, floors.get(account.pk, 0)
        wanted = max(floor, tier_for(cents, tiers))
        if wanted == before:
            continue
        decision = TierDecision(account=account, day=day, cents=cents, tier_before=before, tier=wanted, floor=floor)
        try:
            changed += _decide(decision)
        except ApiError as error:
            failed += 1
            log.warning("The fee tier of account %s was not changed: %s", account.pk, error)
    if not failed:
        now = timezone.now()
        TierRun.objects.filter(pk=day).update(finished_at=now, accounts=len(volumes), changed=changed)
    return changed


def _floors(rules: dict[int, AccountRules]) -> dict[int, int]:
    """What staff gave by hand: the tier itself, or where volume has lifted it since, what that decision noted."""
    lifted = {pk for pk, row in rules.items() if row.tier_actor == BY_VOLUME}
    rows = TierDecision.objects.filter(account_id__in=lifted).order_by("account_id", "-day").distinct("account_id")
    noted = dict(rows.values_list("account_id", "floor"))
    return {pk: noted.get(pk, 0) if pk in lifted else row.tier for pk, row in rules.items()}


def _decide(wanted: TierDecision) -> bool:
    """On record first; the engine knows the key for some minutes, and to set the same tier again changes nothing."""
    account, day = wanted.account, wanted.day
    row, _ = TierDecision.objects.get_or_create(
        account=account,
        day=day,
        defaults={name: getattr(wanted, name) for name in ("cents", "tier_before", "tier", "floor")},
    )
    if row.outcome_n is not None:
        return False
    by = By(BY_VOLUME, REASON.format(day=day))
    row.outcome_n = trading_rights.set_tier(account, row.tier, by, key=f"fee-tier:{day}:{account.pk}")
    row.save(update_fields=["outcome_n"])
    return True
