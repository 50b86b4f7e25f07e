"""From which volume a tier is given, what each account traded on each day, and what was decided about it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Account
from marketdata.rules import MAX_TIER


class VolumeTier(models.Model):
    """Accounts that traded at least `from_cents` in thirty days get the tier. What it costs is each market's own."""

    tier = models.PositiveIntegerField(
        primary_key=True, validators=[MinValueValidator(1), MaxValueValidator(MAX_TIER)], help_text="1 to 99."
    )
    from_cents = models.BigIntegerField(
        unique=True,
        validators=[MinValueValidator(1)],
        help_text="Traded in thirty days, in cents of the asset that everything is valued in.",
    )

    class Meta:
        ordering = ["tier"]
        constraints = [models.CheckConstraint(condition=Q(tier__gte=1, from_cents__gte=1), name="tier_needs_volume")]

    def __str__(self) -> str:
        return f"tier {self.tier}"


class DayVolume(models.Model):
    """What an account traded on one day (UTC), its fills valued at that day's prices."""

    pk = models.CompositePrimaryKey("account_id", "day")
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    day = models.DateField(db_index=True)
    cents = models.BigIntegerField()


class TierRun(models.Model):
    """A day whose volumes are counted; `finished_at` when every account has its tier for it."""

    day = models.DateField(primary_key=True)
    counted_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    accounts = models.PositiveIntegerField(default=0, help_text="That traded within the thirty days.")
    changed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return str(self.day)


class TierDecision(models.Model):
    """An account whose tier was changed for a day: once, whatever is repeated."""

    pk = models.CompositePrimaryKey("account_id", "day")
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    day = models.DateField()
    cents = models.BigIntegerField(help_text="Of the thirty days that ended with it.")
    tier_before = models.PositiveIntegerField()
    tier = models.PositiveIntegerField()
    floor = models.PositiveIntegerField(default=0, help_text="What staff gave by hand before; volume never goes below.")
    outcome_n = models.BigIntegerField(null=True, blank=True, help_text="Of the engine. Empty: not answered yet.")
