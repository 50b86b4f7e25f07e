"""The parts of the ledger beside the engine's own postings (`accounts.models.LedgerPosting`). See docs/ledger.md.

Rows are only ever added: triggers in the database refuse anything else, whoever asks.
"""

from collections.abc import Iterable
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from marketdata.models import Asset


class BalanceStep(models.Model):
    """An account's money in one asset after event `seq`, as its owner may use it: available, and locked.

    Written for the last change of a transaction of the db writer. What moved between available and locked is the
    difference of two steps, so each step is balanced by construction, and any two of them tell the same story.
    """

    pk = models.CompositePrimaryKey("account_id", "asset_id", "seq")
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    seq = models.BigIntegerField(help_text="Number of the engine's event.")
    at = models.DateTimeField()
    available_units = models.BigIntegerField()
    locked_units = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(available_units__gte=0, locked_units__gte=0), name="balance_step_is_never_negative"
            )
        ]


class LedgerEntry(models.Model):
    """One leg of a double entry: `units` come to the account or leave it; the legs of an event sum to zero per asset.

    `id` is event number x 8 + leg. Without a bound on account or event the view reads every fill there is.
    """

    id = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=8)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    units = models.BigIntegerField()
    reference = models.CharField(max_length=64, blank=True)

    class Meta:
        managed = False
        db_table = "trading_ledgerentry"
        verbose_name_plural = "ledger entries"


class Book(StrEnum):
    """Accounts of the wallet's part. What we have is positive, what stands against it negative."""

    HOT = "hot"
    COLD = "cold"
    DEPOSITS = "deposits"  # In a block, not credited.
    DUST = "dust"  # In a block, below the minimum.
    PAYMENTS = "payments"  # Sent, not settled by the engine.
    BOOKS = "books"  # What the engine's accounts stand for: minus everything owed.
    LOCKED = "locked"  # Of one user: reserved by the engine.
    PENDING = "pending"  # Of one user: reserved for a withdrawal that is not over.


BOOK_NAMES = (
    "Hot wallet",
    "Cold wallet",
    "Deposits in transit",
    "Dust",
    "Withdrawals sent",
    "The engine's books",
    "User, locked",
    "Withdrawals pending",
)


def _choices(words: Iterable[StrEnum], labels: Iterable[str]) -> list[tuple[str, str]]:
    return [(word.value, label) for word, label in zip(words, labels, strict=True)]


class WalletEntry(models.Model):
    """`units` move from one account of the wallet to another: one row is a whole entry, so it is always balanced."""

    class Kind(StrEnum):
        SEEN = "seen"
        GONE = "gone"
        HELD = "held"
        CREDITED = "credited"
        UNDONE = "undone"
        RESERVED = "reserved"
        ENDED = "ended"
        SENT = "sent"
        SETTLED = "settled"
        NETWORK_FEE = "network_fee"
        TREASURY = "treasury"

    key = models.CharField(max_length=96, unique=True, help_text="Names the event: the same one is written once.")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(
        max_length=12,
        choices=_choices(
            Kind,
            (
                "Deposit seen in a block",
                "Deposit gone from its block",
                "Deposit held",
                "Deposit credited",
                "Undone deposit booked",
                "Withdrawal reserved",
                "Reservation over",
                "Withdrawal sent",
                "Withdrawal settled",
                "Network fee",
                "The venue's own coins",
            ),
        ),
    )
    payer = models.CharField(max_length=8, choices=_choices(Book, BOOK_NAMES))
    payee = models.CharField(max_length=8, choices=_choices(Book, BOOK_NAMES))
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    blockchain = models.CharField(max_length=32, blank=True)
    units = models.BigIntegerField()
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    deposit = models.ForeignKey("accounts.Deposit", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    withdrawal = models.ForeignKey(
        "accounts.Withdrawal", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome_n = models.BigIntegerField(null=True, blank=True, help_text="Of the engine, where it answered.")
    reference = models.CharField(max_length=160, blank=True, help_text="What it is on the chain.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=256, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(units__gt=0) & ~Q(payer=F("payee")), name="wallet_entry_moves_something")
        ]
        verbose_name_plural = "wallet entries"

    def __str__(self) -> str:
        return self.key


class Reconciliation(models.Model):
    """One comparison of engine, database, ledger and chains: what was found, and what was done about it."""

    class Scope(StrEnum):
        NEW = "new"
        FULL = "full"

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    scope = models.CharField(
        max_length=4, choices=_choices(Scope, ("What is new", "Everything")), help_text="Of trades against postings."
    )
    n = models.BigIntegerField(null=True, blank=True, help_text="The engine's outcome that the database was at.")
    seq = models.BigIntegerField(default=0, help_text="Trades are proven up to this event.")
    equal = models.BooleanField(null=True, blank=True, help_text="Empty: it could not be finished.")
    differences = models.JSONField(default=list)
    difference_count = models.PositiveIntegerField(default=0)
    holdings = models.JSONField(default=list, help_text="Of each asset: held, owed and on its way, in units.")
    counts = models.JSONField(default=dict)
    error = models.CharField(max_length=256, blank=True)
    stopped_trading = models.BooleanField(default=False)

    class Meta:
        get_latest_by = "pk"

    def __str__(self) -> str:
        return f"reconciliation {self.pk}"
