"""People, their accounts, keys and money rows.

`Balance` and `LedgerPosting` are projections of the engine's events: only the db writer writes them. Amounts are whole
units (`docs/money.md`); `LedgerPosting` rows of one event sum to zero per asset.
"""

import secrets

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from exchange_site.kernel.weights import MAX_PER_MINUTE, MIN_PER_MINUTE
from marketdata.models import Asset

HOUSE_ACCOUNT_ID = 1  # Pays credits; funded from outside.
FEES_ACCOUNT_ID = 2  # Receives every fee, and the remainder of its rounding.
LAST_RESERVED_ACCOUNT_ID = 1000
OUTSIDE_ACCOUNT_ID = 3  # The other side of money that enters or leaves the venue; may go negative, holds no funds.


class UserManager(BaseUserManager["User"]):
    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **extra: object) -> "User":
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractUser):
    """Someone who logs in with an email address."""

    username = None
    email = models.EmailField("email address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.email


def new_account_id() -> int:
    """Drawn, not counted: after an older database is restored, nobody new may get the id, and so the money, of
    somebody the engine still knows."""
    return LAST_RESERVED_ACCOUNT_ID + 1 + secrets.randbelow(2**48)


class RateTier(models.Model):
    """How often the accounts that have it may ask. Accounts without a tier have the default of the settings."""

    name = models.CharField(max_length=32, unique=True)
    requests_per_minute = models.PositiveIntegerField(
        validators=[MinValueValidator(MIN_PER_MINUTE), MaxValueValidator(MAX_PER_MINUTE)],
        help_text="In units of weight; a common request weighs one.",
    )
    counts_for_address = models.BooleanField(
        default=True,
        help_text="Whether signed requests also count for the address they come from. Market makers and load tests "
        "send everything from one.",
    )

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """What the engine knows as `account_id`. Each user has exactly one; the venue's own have none."""

    class Kind(models.TextChoices):
        USER = "user", "User"
        HOUSE = "house", "House"
        FEES = "fees", "Fees"
        OUTSIDE = "outside", "Outside world"

    id = models.BigIntegerField(primary_key=True, default=new_account_id, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, null=True, blank=True, related_name="account")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.USER)
    rate_tier = models.ForeignKey(
        RateTier, on_delete=models.PROTECT, null=True, blank=True, help_text="Empty: the default limits."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="user") & Q(user__isnull=False)) | (~Q(kind="user") & Q(user__isnull=True)),
                name="account_of_a_user_has_one",
            )
        ]

    def __str__(self) -> str:
        return self.user.email if self.user else self.get_kind_display()


class ApiKey(models.Model):
    """A public Ed25519 key. The private half is made by its owner and never reaches us."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_keys")
    public_key = models.CharField(max_length=44, unique=True, help_text="Base64 of the raw 32 bytes.")
    name = models.CharField(max_length=64, blank=True)
    can_read = models.BooleanField(default=True)
    can_trade = models.BooleanField(default=False)
    can_withdraw = models.BooleanField(default=False)
    ip_list = models.TextField(blank=True, help_text="Addresses or networks that may use it, one a line. Empty: all.")
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="A limit of this key below its account's. Empty: none."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name or self.public_key


class Balance(models.Model):
    """An account's money in one asset after the outcome the writer's checkpoint names."""

    pk = models.CompositePrimaryKey("account_id", "asset_id")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False, related_name="balances")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_index=False)
    available_units = models.BigIntegerField()
    locked_units = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(available_units__gte=0, locked_units__gte=0), name="balance_is_never_negative"
            )
        ]


class LedgerPosting(models.Model):
    """One leg of a double entry: `units` enter (positive) or leave (negative) the account.

    `id` is event seq x 8 + leg: a replay of events writes the same rows, and an event's rows are found by their id.
    """

    class Kind(models.TextChoices):
        FUNDING = "funding", "Funding"
        CREDIT = "credit", "Credit"
        TRADE = "trade", "Trade"
        FEE = "fee", "Fee"
        DEPOSIT = "deposit", "Deposit"
        WITHDRAWAL = "withdraw", "Withdrawal"
        DEBIT = "debit", "Debit"
        DEFUNDING = "defund", "Defunding"

    id = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="postings"
    )
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    units = models.BigIntegerField()
    reference = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="posting_by_account")]


class FaucetTry(models.Model):
    """One try of an account to get demo funds: its number is the payment's reference, so no try pays twice."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-at"], name="faucet_try_by_account")]


# Django finds models through this module; the audit log and the wallet keep their own in their packages.
from accounts.audit.models import AuditEntry  # noqa: E402, F401
from accounts.factor_reset import models as factor_reset_models  # noqa: E402, F401
from accounts.ledger import models as ledger_models  # noqa: E402, F401
from accounts.site import models as site_models  # noqa: E402, F401
from accounts.wallet import models as wallet_models  # noqa: E402, F401
from accounts.wallet.simulated import models as simulated_models  # noqa: E402, F401
