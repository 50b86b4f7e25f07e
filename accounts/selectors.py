"""Reading accounts and their money."""

from dataclasses import dataclass

from accounts.models import Account, Balance
from accounts.principal import Allowance
from marketdata.models import Asset


@dataclass(frozen=True, slots=True)
class AssetBalance:
    """An account's money in one asset, in units of it."""

    asset: Asset
    available_units: int
    locked_units: int

    @property
    def total_units(self) -> int:
        return self.available_units + self.locked_units


def account_of(user: object) -> Account | None:
    """The account of a logged-in user; None for visitors and for staff without one."""
    if not getattr(user, "is_authenticated", False):
        return None
    return Account.objects.filter(user_id=user.pk).select_related("rate_tier").first()  # type: ignore[attr-defined]


def allowance_of(account: Account, key_per_minute: int | None = None) -> Allowance:
    """What the account's tier says, and the limit of the key it uses."""
    tier = account.rate_tier
    if tier is None:
        return Allowance(key_per_minute=key_per_minute)
    return Allowance(tier.requests_per_minute, key_per_minute, tier.counts_for_address)


def balances(account_id: int) -> list[AssetBalance]:
    """Every asset of the venue, in order of symbol; zero where the account never had any."""
    held = {row.asset_id: row for row in Balance.objects.filter(account_id=account_id)}
    answer = []
    for asset in Asset.objects.all():
        row = held.get(asset.pk)
        answer.append(AssetBalance(asset, row.available_units if row else 0, row.locked_units if row else 0))
    return answer
