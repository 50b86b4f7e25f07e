"""What a tier costs in a market, and where an account stands, as numbers; for the page and the API."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from accounts.models import Account
from marketdata.models import Market
from marketdata.rules import fees_in_force
from trading.fee_tiers.models import TierRun, VolumeTier
from trading.fee_tiers.volume import volume_of
from trading.models import AccountRules


@dataclass(frozen=True, slots=True)
class TierFees:
    """Parts per million; below zero is a rebate. `from_cents` is None for a tier that only staff gives."""

    tier: int
    from_cents: int | None
    maker_ppm: int
    taker_ppm: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Cents of the valuing asset in the thirty days that end with `until`. At the highest tier nothing is missing."""

    tier: int
    cents: int
    until: date
    next_tier: int | None
    missing_cents: int | None


def tier_of(account: Account) -> int:
    return AccountRules.objects.filter(pk=account.pk).values_list("tier", flat=True).first() or 0


def tiers_shown(yours: int | None = None) -> dict[int, int | None]:
    """Tier to volume in cents: those given by volume, and `yours` where staff gave another one."""
    by_volume: dict[int, int | None] = {0: 0, **dict(VolumeTier.objects.values_list("tier", "from_cents"))}
    shown = sorted({*by_volume, *([] if yours is None else [yours])})
    return {tier: by_volume.get(tier) for tier in shown}


def fees_by_tier(market: Market, shown: dict[int, int | None]) -> Iterable[TierFees]:
    """A tier without fees of its own has those of the next lower one."""
    in_force = fees_in_force(market)
    for tier, from_cents in shown.items():
        maker, taker = in_force[max(known for known in in_force if known <= tier)]
        yield TierFees(tier, from_cents, maker, taker)


def standing_of(account: Account) -> Standing:
    last = TierRun.objects.order_by("-day").values_list("day", flat=True).first()
    day = last or timezone.now().date() - timedelta(days=1)
    tier, cents = tier_of(account), volume_of(account.pk, day)
    above = VolumeTier.objects.filter(tier__gt=tier, from_cents__gt=cents).order_by("from_cents").first()
    return Standing(
        tier, cents, day, above.tier if above else None, above.from_cents - cents if above is not None else None
    )
