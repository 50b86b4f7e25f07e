"""The rate tiers that every installation has. Staff may change their numbers and add others in the admin."""

from accounts.models import Account, RateTier

MARKET_MAKER, LOAD_TEST = "market maker", "load test"
STANDARD = {  # Name: units a minute, whether the address is charged too.
    MARKET_MAKER: (600_000, False),
    LOAD_TEST: (60_000_000, False),
}


class UnknownTier(ValueError):
    """There is no tier of that name. The message is a sentence."""


def tier_named(name: str) -> RateTier:
    """A tier by name; a standard one is made if it is missing. Raises UnknownTier."""
    if name in STANDARD:
        per_minute, counts = STANDARD[name]
        return RateTier.objects.get_or_create(
            name=name, defaults={"requests_per_minute": per_minute, "counts_for_address": counts}
        )[0]
    tier = RateTier.objects.filter(name=name).first()
    if tier is None:
        known = sorted({*STANDARD, *RateTier.objects.values_list("name", flat=True)})
        raise UnknownTier(f"There is no rate tier {name!r}; there are: {', '.join(known)}.")
    return tier


def give_tier(account: Account, name: str) -> None:
    """Effective within seconds, when web processes ask for the account's keys again. Raises UnknownTier."""
    account.rate_tier = tier_named(name)
    account.save(update_fields=["rate_tier"])
