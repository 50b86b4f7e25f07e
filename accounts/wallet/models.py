"""Rows of the wallet: what may come and go, what came, what shall go, and what the engine is still to be told.

Amounts are whole units of the asset. `state` moves one way only; `accounts.wallet.states` says how, and a trigger in
the database refuses the way back.
"""

import secrets
from collections.abc import Iterable
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from marketdata.models import Asset

MAX_ENGINE_ID = 2**61


def new_engine_id() -> int:
    """Drawn, not counted: after an older database is restored, no new row may pass for one that the engine has met."""
    return 1 + secrets.randbelow(MAX_ENGINE_ID)


def labelled(words: Iterable[StrEnum], *labels: str) -> list[tuple[str, str]]:
    """The choices of a column: each word with what people read."""
    return [(word.value, label) for word, label in zip(words, labels, strict=True)]


class AssetNetwork(models.Model):
    """An asset on one blockchain: whether it may come and go, and under which rules."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="networks")
    blockchain = models.CharField(max_length=32, help_text="As in the public API, for example Solana.")
    deposit_enabled = models.BooleanField(default=True)
    withdraw_enabled = models.BooleanField(default=True)
    confirmations = models.PositiveSmallIntegerField(default=6, help_text="Blocks until a deposit is credited.")
    minimum_deposit_units = models.BigIntegerField(default=1, help_text="What is less is held and shown.")
    minimum_withdrawal_units = models.BigIntegerField(default=1)
    withdrawal_fee_units = models.BigIntegerField(default=0)
    daily_limit_units = models.BigIntegerField(
        null=True, blank=True, help_text="Per account in 24 hours; empty: no limit besides the one by value."
    )
    approval_above_units = models.BigIntegerField(
        null=True, blank=True, help_text="Above this, two operators must approve; empty: never."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "blockchain"], name="network_once"),
            models.CheckConstraint(
                condition=Q(
                    minimum_deposit_units__gt=0,
                    withdrawal_fee_units__gte=0,
                    minimum_withdrawal_units__gt=F("withdrawal_fee_units"),
                    confirmations__gt=0,
                ),
                name="network_rules_make_sense",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset.symbol} on {self.blockchain}"


class DepositAddress(models.Model):
    """Where an account receives on one blockchain. It never changes hands."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="deposit_addresses")
    blockchain = models.CharField(max_length=32)
    address = models.CharField(max_length=128)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "blockchain"], name="one_address_per_account_and_chain"),
            models.UniqueConstraint(fields=["blockchain", "address"], name="address_once_per_chain"),
        ]
        verbose_name_plural = "deposit addresses"

    def __str__(self) -> str:
        return self.address


class Deposit(models.Model):
    """One output of one transaction that pays an address of ours.

    `state` says what became of the money here. `on_chain`, `block_height` and `confirmations` are what the chain said
    last, and may change either way. When a credited deposit vanished, was taken back, and appears again, a new `round`
    begins: each round is credited at most once.
    """

    class State(StrEnum):
        PENDING = "pending"  # Waits for the chain, or is held.
        CREDITING = "crediting"
        CREDITED = "credited"
        REVERSING = "reversing"
        REVERSED = "reversed"
        LOST = "lost"  # Vanished after its money had been used; the house bears it.

    class Held(StrEnum):
        NO = ""
        BELOW_MINIMUM = "below_minimum"
        UNKNOWN_MEMO = "unknown_memo"
        CLOSED = "closed"
        REFUSED = "refused"

    network = models.ForeignKey(AssetNetwork, on_delete=models.PROTECT, related_name="deposits")
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, null=True, blank=True, related_name="deposits"
    )
    transaction_hash = models.CharField(max_length=128)
    output_index = models.PositiveIntegerField()
    blockchain = models.CharField(max_length=32)
    address = models.CharField(max_length=128)
    memo = models.CharField(max_length=64, blank=True)
    units = models.BigIntegerField()
    round = models.PositiveSmallIntegerField(default=1)
    engine_id = models.BigIntegerField(unique=True, help_text="Made from chain, transaction, output and round.")
    state = models.CharField(
        max_length=12,
        choices=labelled(State, "Pending", "Being credited", "Credited", "Being taken back", "Taken back", "Lost"),
        default=State.PENDING,
    )
    held = models.CharField(
        max_length=16,
        choices=labelled(
            Held, "Not held", "Below the minimum", "Nobody's memo", "Deposits are closed", "Refused by the engine"
        ),
        blank=True,
        default=Held.NO,
    )
    on_chain = models.BooleanField(default=True)
    block_height = models.BigIntegerField(null=True, blank=True)
    confirmations = models.PositiveIntegerField(default=0)
    is_final = models.BooleanField(default=False, help_text="So deep that it is no longer watched.")
    internal = models.BooleanField(default=False, help_text="From another account here, not from a chain.")
    created_at = models.DateTimeField(auto_now_add=True)
    credited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["blockchain", "transaction_hash", "output_index"], name="deposit_once_per_output"
            ),
            models.CheckConstraint(condition=Q(units__gt=0), name="deposit_is_of_something"),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="deposit_by_account"),
            models.Index(fields=["blockchain"], condition=Q(is_final=False), name="deposit_watched"),
        ]

    def __str__(self) -> str:
        return f"deposit {self.pk}"


class WithdrawalAddress(models.Model):
    """An entry of somebody's address book. Money goes there from `usable_from` on, never before."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="withdrawal_addresses")
    blockchain = models.CharField(max_length=32)
    address = models.CharField(max_length=128)
    memo = models.CharField(max_length=64, blank=True)
    label = models.CharField(max_length=64, blank=True)
    for_keys = models.BooleanField(
        default=False, help_text="API keys may withdraw here without a code and a mail for each withdrawal."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    usable_from = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "blockchain", "address", "memo"],
                condition=Q(removed_at__isnull=True),
                name="address_once_per_book",
            )
        ]
        verbose_name_plural = "withdrawal addresses"

    def __str__(self) -> str:
        return self.label or self.address


class Withdrawal(models.Model):
    """Somebody's wish to be paid outside, or to another account here (`to_account`)."""

    class State(StrEnum):
        CREATED = "created"
        REFUSED = "refused"  # The engine did not reserve it; nothing was moved.
        RESERVED = "reserved"  # For a mail, a hold or operators.
        APPROVED = "approved"  # The last state in which it can be cancelled.
        SIGNED = "signed"
        SENT = "sent"
        SETTLING = "settling"
        SETTLED = "settled"
        RELEASING = "releasing"
        RELEASED = "released"

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="withdrawals")
    network = models.ForeignKey(AssetNetwork, on_delete=models.PROTECT, related_name="withdrawals")
    engine_id = models.BigIntegerField(unique=True, default=new_engine_id, editable=False)
    units = models.BigIntegerField(help_text="What leaves the account, the fee included.")
    fee_units = models.BigIntegerField()
    address = models.CharField(max_length=128)
    memo = models.CharField(max_length=64, blank=True)
    to_account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, null=True, blank=True, related_name="incoming_transfers"
    )
    client_id = models.CharField(max_length=255, null=True, blank=True)
    key_id = models.BigIntegerField(null=True, blank=True, help_text="The API key that asked; empty: the page.")
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    state = models.CharField(
        max_length=10,
        choices=labelled(
            State,
            "Being reserved",
            "Refused",
            "Waiting",
            "Approved",
            "Signed",
            "Sent",
            "Being settled",
            "Paid",
            "Being cancelled",
            "Cancelled",
        ),
        default=State.CREATED,
    )
    reason = models.CharField(max_length=256, blank=True, help_text="Why it was refused or cancelled.")
    value_cents = models.BigIntegerField(default=0, help_text="At the last prices when it was asked for.")
    needs_mail = models.BooleanField(default=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(help_text="A new address or a freeze makes it wait until then.")
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    hold_reason = models.CharField(max_length=256, blank=True, help_text="Why operators look at it.")
    created_at = models.DateTimeField(auto_now_add=True)
    state_since = models.DateTimeField(auto_now_add=True)
    transaction_hash = models.CharField(max_length=128, blank=True)
    confirmations = models.PositiveIntegerField(default=0)
    network_fee_units = models.BigIntegerField(default=0, help_text="What the chain took for it.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(fee_units__gte=0, units__gt=F("fee_units")), name="withdrawal_pays"),
            models.UniqueConstraint(fields=["account", "client_id"], name="withdrawal_once_per_client_id"),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="withdrawal_by_account"),
            models.Index(
                fields=["state"],
                condition=~Q(state__in=["refused", "settled", "released"]),
                name="withdrawal_under_way",
            ),
        ]
        permissions = [("approve_withdrawal", "Can approve and reject withdrawals")]

    def __str__(self) -> str:
        return f"withdrawal {self.pk}"


class WithdrawalApproval(models.Model):
    """One operator's yes. Rows are only added; a no ends the withdrawal and stands in the audit trail."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="approvals")
    operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=256)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["withdrawal", "operator"], name="operator_approves_once")]


class SignedPayment(models.Model):
    """A transaction the signer has made for a withdrawal. There is one for each withdrawal, for ever."""

    withdrawal = models.OneToOneField(Withdrawal, on_delete=models.PROTECT, related_name="payment")
    blockchain = models.CharField(max_length=32)
    transaction_hash = models.CharField(max_length=128)
    raw = models.TextField(help_text="The signed transaction, as it is sent and sent again.")
    network_fee_units = models.BigIntegerField(default=0)
    signed_at = models.DateTimeField(auto_now_add=True)
    accepted_at = models.DateTimeField(null=True, blank=True, help_text="When the chain took it first.")


class OutboxCommand(models.Model):
    """A command to the engine. See `accounts.wallet.outbox` for its number and states."""

    class Kind(StrEnum):
        CREDIT = "credit"
        RESERVE = "reserve"
        SETTLE = "settle"
        RELEASE = "release"
        DEBIT = "debit"
        DEFUND = "defund"

    class State(StrEnum):
        WAITING = "waiting"
        SENT = "sent"
        DONE = "done"
        REFUSED = "refused"
        DROPPED = "dropped"  # Taken back before it was ever sent.

    key = models.CharField(max_length=64, unique=True, help_text="Names the one effect this row may have.")
    kind = models.CharField(
        max_length=8,
        choices=labelled(
            Kind,
            "Credit a deposit",
            "Reserve a withdrawal",
            "Settle a withdrawal",
            "Release a withdrawal",
            "Take a credit back",
            "Money leaves the house",
        ),
    )
    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, null=True, blank=True, related_name="commands")
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, null=True, blank=True, related_name="commands")
    command = models.JSONField(help_text="The members of the command, without its number.")
    state = models.CharField(
        max_length=8, choices=labelled(State, "Waiting", "Sent", "Done", "Refused", "Dropped"), default=State.WAITING
    )
    number = models.BigIntegerField(null=True, blank=True, help_text="The engine's wallet_number.")
    attempts = models.PositiveIntegerField(default=0)
    refusal = models.CharField(max_length=64, blank=True)
    outcome_n = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When it was sent last.")
    doubt_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then an earlier copy may still be on its way."
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["number"], condition=Q(state__in=["sent", "done"]), name="wallet_number_once"
            ),
            models.UniqueConstraint(fields=["state"], condition=Q(state="sent"), name="one_command_under_way"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "dropped"]) | Q(number__isnull=False), name="sent_has_a_number"
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state__in=["waiting", "sent"]), name="outbox_to_send")]


class WalletAlarm(models.Model):
    """Something a person must look at. While one that `stops` is open, nothing is sent, signed or approved."""

    code = models.CharField(max_length=48)
    subject = models.CharField(max_length=128)
    detail = models.TextField(blank=True)
    stops = models.BooleanField(default=False)
    raised_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code", "subject"], condition=Q(resolved_at__isnull=True), name="alarm_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.subject}"


class WithdrawalFreeze(models.Model):
    """No withdrawal of the account is sent before `until`: its password or second factor changed, or staff said so."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="withdrawal_freezes")
    until = models.DateTimeField()
    reason = models.CharField(max_length=256)
    created_at = models.DateTimeField(auto_now_add=True)


class ScanPosition(models.Model):
    """How far a chain has been read: the port's own cursor."""

    blockchain = models.CharField(max_length=32, primary_key=True)
    cursor = models.CharField(max_length=128, blank=True)
    height = models.BigIntegerField(default=0)
    scanned_at = models.DateTimeField(null=True, blank=True)
