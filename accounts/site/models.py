"""Rows of the site that belong to a person. Nothing here is money: `DayValue` is a valuation, for looking at."""

from django.conf import settings
from django.db import models

from marketdata.models import Market


class Favourite(models.Model):
    """A market with a star."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favourites", db_index=False
    )
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "market"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.market_id}"


class Preference(models.Model):
    """How a person wants the site. Empty text leaves it to the browser (words: `accounts.site.preferences`)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preference"
    )
    theme = models.CharField(max_length=8, blank=True)
    pair = models.CharField(max_length=12, blank=True)
    density = models.CharField(max_length=12, blank=True)
    language = models.CharField(max_length=8, blank=True)
    numbers = models.CharField(max_length=8, blank=True)
    sounds = models.BooleanField(default=False)
    confirm_orders = models.BooleanField(default=False)
    seen_announcement = models.BigIntegerField(default=0, help_text="The newest banner that was closed.")

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class SignIn(models.Model):
    """One time somebody logged in: for its owner to look at, and to tell a device that was never used before."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(auto_now_add=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    device = models.CharField(max_length=64)
    method = models.CharField(max_length=64, blank=True)
    is_new_device = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["user", "-at"], name="sign_in_by_user")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.at}"


class DayValue(models.Model):
    """What an account was worth when a day (UTC) ended, in cents of the valuing asset, and what came in on that day.

    `flow_cents` is deposits and credits less withdrawals and debits, each at the price of its hour, so profit of a
    span is the difference of values less the sum of flows. Made once, from ledger and candles; never corrected.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="day_values", db_index=False)
    day = models.DateField()
    value_cents = models.BigIntegerField()
    flow_cents = models.BigIntegerField()
    units = models.JSONField(help_text="Asset id to units held at the end of the day, both as text.")
    last_posting_id = models.BigIntegerField(help_text="Every posting up to this one is counted.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="day_value_once")]

    def __str__(self) -> str:
        return f"{self.account_id} on {self.day}"
