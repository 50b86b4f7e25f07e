"""Signs and sends approved withdrawals: a process of its own, with its own keys, memory and database role.

It believes nobody: what it signs it checks again itself, against limits that only its own settings say. The order
makes paying twice impossible: signed in memory, in its journal, in the database, then sent. Whatever dies in between,
the same bytes are found again, and a chain takes the same bytes once.
"""

import logging
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.wallet import alarms, book, crash
from accounts.wallet.chain import ChainError, Payment, PaymentRefused, Signed, chain_of, paying_chain_of
from accounts.wallet.models import DepositAddress, OutboxCommand, SignedPayment, Withdrawal
from accounts.wallet.risk import APPROVALS_ABOVE_LIMIT
from accounts.wallet.signer_journal import DAY_MS, Entry, Journal
from accounts.wallet.states import locked_withdrawal, move_withdrawal
from exchange_site.kernel.clock import now_ms

log = logging.getLogger(__name__)

MAX_ROWS = 100  # In one run.
_State = Withdrawal.State
_PAID = frozenset({_State.SIGNED, _State.SENT, _State.SETTLING, _State.SETTLED})


class Signer:
    """Raises JournalInUse, JournalDamaged."""

    def __init__(self) -> None:
        self.journal = Journal(Path(settings.SIGNER_DIR))
        self._check_memory()

    def run_once(self) -> int:
        """Send what is signed, then sign what is approved and send that; how many were sent for the first time.

        Nothing new is signed on a chain while something signed there is not sent: it might spend the same coins.
        """
        if alarms.stopped_by() is not None:
            return 0
        sent = 0
        busy: set[str] = set()
        for row in self._rows(_State.SIGNED):
            sent += self._send(row, busy)
        for row in self._rows(_State.APPROVED):
            if row.network.blockchain not in busy and self._signed(row):
                sent += self._send(row, busy)
        self._send_again()
        return sent

    def _rows(self, state: str) -> list[Withdrawal]:
        rows = Withdrawal.objects.filter(state=state, to_account__isnull=True).select_related("network__asset")
        return list(rows.order_by("pk")[:MAX_ROWS])

    # ---------------------------------------------------------------------------------------------------------- sign
    def _signed(self, row: Withdrawal) -> bool:
        try:
            return self._sign(row)
        except ChainError as error:
            log.warning("%s cannot be signed now: %s", row, error)
            return False

    def _sign(self, row: Withdrawal) -> bool:
        """Raises ChainError."""
        with transaction.atomic(durable=True):
            row = locked_withdrawal(row.pk)
            if row.state != _State.APPROVED:
                return False  # Cancelled a moment ago.
            objection = self._objection(row)
            if objection is not None:
                alarms.raise_alarm(alarms.SIGNER, str(row), objection, stops=False)
                return False
            entry = self.journal.entries.get(row.engine_id) or self._signed_now(row)
            if entry is None:
                return False
            crash.passed("signer_journaled")
            SignedPayment.objects.create(
                withdrawal=row,
                blockchain=entry.blockchain,
                transaction_hash=entry.signed.transaction_hash,
                raw=entry.signed.raw,
                network_fee_units=entry.signed.fee_units,
            )
            move_withdrawal(row, _State.SIGNED, transaction_hash=entry.signed.transaction_hash)
        self.journal.committed(row.engine_id)
        crash.passed("signer_committed")
        return True

    def _signed_now(self, row: Withdrawal) -> Entry | None:
        payment = Payment(
            reference=f"w{row.engine_id}",
            address=row.address,
            memo=row.memo,
            asset=row.network.asset.symbol,
            units=row.units - row.fee_units,
        )
        try:
            signed = paying_chain_of(row.network.blockchain).sign(payment)
        except PaymentRefused as error:
            alarms.raise_alarm(alarms.SIGNER, str(row), str(error), stops=False)
            return None
        entry = Entry(row.engine_id, now_ms(), row.value_cents, row.network.blockchain, signed)
        self.journal.signed(entry)
        return entry

    def _objection(self, row: Withdrawal) -> str | None:
        """Why this must not be signed, whatever its state says."""
        reserved = OutboxCommand.objects.filter(
            withdrawal=row, kind=OutboxCommand.Kind.RESERVE, state=OutboxCommand.State.DONE
        ).first()
        if reserved is None or reserved.command["units"] != row.units or reserved.command["fee_units"] != row.fee_units:
            return "The engine has not reserved this amount."
        if row.needs_mail and row.confirmed_at is None:
            return "Its mail has not been answered."
        if row.not_before > timezone.now():
            return "Its hold is not over."
        needed, found = self._approvals(row)
        if found < needed:
            return f"{needed} operators must approve it, {found} have."
        if not chain_of(row.network.blockchain).is_valid_address(row.address):
            return "The destination is not an address."
        if DepositAddress.objects.filter(blockchain=row.network.blockchain, address=row.address).exists():
            return "The destination is an address of ours."
        if row.engine_id in self.journal.entries:
            return None  # Signed already: the same bytes are used, and counted once.
        if self.journal.value_since(now_ms() - DAY_MS) + row.value_cents > settings.SIGNER_DAILY_VALUE_CENTS:
            return "The signer's own limit of 24 hours would be passed."
        return None

    def _approvals(self, row: Withdrawal) -> tuple[int, int]:
        above = row.network.approval_above_units
        needed = row.approvals_needed
        if above is not None and row.units > above:
            needed = max(needed, APPROVALS_ABOVE_LIMIT)
        operators = set(row.approvals.values_list("operator_id", flat=True))
        staff = User.objects.filter(pk__in=operators, is_staff=True, is_active=True).exclude(pk=row.account.user_id)
        return needed, len(staff.values_list("pk", flat=True))

    # ---------------------------------------------------------------------------------------------------------- send
    def _send(self, row: Withdrawal, busy: set[str]) -> bool:
        """Whether the chain took it and that is written down; `busy` gets chains where it is not."""
        payment = SignedPayment.objects.get(withdrawal_id=row.pk)
        signed = Signed(payment.raw, payment.transaction_hash, payment.network_fee_units)
        if row.engine_id in self.journal.entries:
            self.journal.committed(row.engine_id)  # A death after the commit may have left that out.
        try:
            paying_chain_of(payment.blockchain).send(signed)
        except PaymentRefused as error:
            busy.add(payment.blockchain)
            alarms.raise_alarm(alarms.SIGNER, str(row), f"The chain refused it: {error}", stops=False)
            return False
        except ChainError as error:
            busy.add(payment.blockchain)
            log.warning("%s is not sent yet: %s", row, error)
            return False
        crash.passed("signer_broadcast")
        with transaction.atomic(durable=True):
            locked = locked_withdrawal(row.pk)
            if locked.state == _State.SIGNED:
                move_withdrawal(locked, _State.SENT)
                SignedPayment.objects.filter(pk=payment.pk, accepted_at__isnull=True).update(accepted_at=timezone.now())
                book.withdrawal_sent(locked, chain_of(payment.blockchain).fee_asset, payment.network_fee_units)
        crash.passed("signer_sent")
        return True

    def _send_again(self) -> None:
        """A sent payment that the chain has forgotten is offered again: the same bytes."""
        for row in self._rows(_State.SENT):
            try:
                if chain_of(row.network.blockchain).confirmed(row.transaction_hash) is None:
                    payment = SignedPayment.objects.get(withdrawal_id=row.pk)
                    signed = Signed(payment.raw, payment.transaction_hash, payment.network_fee_units)
                    paying_chain_of(payment.blockchain).send(signed)
                    log.warning("%s had been forgotten by its chain and was sent again.", row)
            except PaymentRefused as error:
                alarms.raise_alarm(alarms.SIGNER, str(row), f"Forgotten, and refused again: {error}", stops=False)
            except ChainError as error:
                log.warning("%s could not be looked up: %s", row, error)

    # -------------------------------------------------------------------------------------------------------- memory
    def _check_memory(self) -> None:
        """What this signer may have sent must be known to the database as paid: else it is an older one."""
        for entry in self.journal.entries.values():
            if not entry.committed:
                continue  # Never sent; if it is still wanted, the same bytes are used.
            row = Withdrawal.objects.filter(engine_id=entry.engine_id).first()
            if row is None or (row.state not in _PAID and row.state != _State.APPROVED):
                state = "unknown" if row is None else row.state
                detail = (
                    f"The signer has signed {entry.signed.transaction_hash} for it, which may be on the chain, but the "
                    f"database says {state}. An older database? See docs/wallet.md."
                )
                alarms.raise_alarm(alarms.SIGNER, f"withdrawal id {entry.engine_id}", detail, stops=True)
