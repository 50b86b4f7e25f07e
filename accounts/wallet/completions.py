"""What follows when the engine has answered. Runs in the transaction that writes the answer down."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from accounts.wallet import alarms, book, outbox
from accounts.wallet.models import Deposit, OutboxCommand, Withdrawal
from accounts.wallet.states import locked_deposit, locked_withdrawal, move_deposit, move_withdrawal
from accounts.wallet.wake import wake

INTERNAL = "internal"  # The blockchain of money that came from another account here.


def complete(row: OutboxCommand) -> None:
    """Move the row's deposit or withdrawal on; a refusal that leaves money in an unclear place raises an alarm."""
    _STEPS[row.kind](row, row.state == OutboxCommand.State.DONE)
    transaction.on_commit(wake)


def _reserved(row: OutboxCommand, done: bool) -> None:
    withdrawal = _withdrawal_of(row)
    if done:
        move_withdrawal(withdrawal, Withdrawal.State.RESERVED)
        book.withdrawal_reserved(withdrawal, row.outcome_n)
    else:
        # Nothing happened, so its owner may ask under the same client id again.
        move_withdrawal(withdrawal, Withdrawal.State.REFUSED, reason=row.refusal, client_id=None)


def _settled(row: OutboxCommand, done: bool) -> None:
    withdrawal = _withdrawal_of(row)
    if not done:
        _must_not_be_refused(row)
        return
    move_withdrawal(withdrawal, Withdrawal.State.SETTLED)
    book.withdrawal_ended(withdrawal, row.outcome_n)
    if withdrawal.to_account_id is not None:
        _show_to_recipient(withdrawal)


def _show_to_recipient(withdrawal: Withdrawal) -> None:
    """Settling has paid the other account already; this row only lets them see it among their deposits."""
    Deposit.objects.get_or_create(
        blockchain=INTERNAL,
        transaction_hash=f"{INTERNAL}:{withdrawal.engine_id}",
        output_index=0,
        defaults={
            "network": withdrawal.network,
            "account_id": withdrawal.to_account_id,
            "address": withdrawal.address,
            "units": withdrawal.units - withdrawal.fee_units,
            "engine_id": withdrawal.engine_id,
            "state": Deposit.State.CREDITED,
            "is_final": True,
            "internal": True,
            "credited_at": timezone.now(),
        },
    )


def _released(row: OutboxCommand, done: bool) -> None:
    if done:
        withdrawal = _withdrawal_of(row)
        move_withdrawal(withdrawal, Withdrawal.State.RELEASED)
        book.withdrawal_ended(withdrawal, row.outcome_n)
    else:
        _must_not_be_refused(row)


def _credited(row: OutboxCommand, done: bool) -> None:
    deposit = _deposit_of(row)
    if done:
        move_deposit(deposit, Deposit.State.CREDITED, credited_at=timezone.now())
        book.deposit_credited(deposit, row.outcome_n)
        return
    deposit.held = Deposit.Held.REFUSED
    deposit.save(update_fields=["held"])
    _must_not_be_refused(row)


def _debited(row: OutboxCommand, done: bool) -> None:
    """Taken back or not: the coins are gone from the chain, so they leave the house."""
    deposit = _deposit_of(row)
    move_deposit(deposit, Deposit.State.REVERSED if done else Deposit.State.LOST)
    outbox.defund_for_deposit(deposit)
    if not done:
        detail = (
            f"{deposit.blockchain} undid {deposit.transaction_hash} after it was credited, and account "
            f"{deposit.account_id} no longer has it ({row.refusal}). The house bears {deposit.units} units."
        )
        alarms.raise_alarm(alarms.DEPOSIT_LOST, str(deposit), detail, stops=False)


def _defunded(row: OutboxCommand, done: bool) -> None:
    if not done:
        _must_not_be_refused(row, stops=False)  # The house cannot pay; the shortfall stays visible until it can.
    elif row.deposit_id is not None:
        book.deposit_undone(_deposit_of(row), row.command["reference"], row.outcome_n)
    else:
        asset, units = row.command["asset"], row.command["units"]
        book.network_fee_booked(_withdrawal_of(row), asset, units, row.outcome_n)


def _must_not_be_refused(row: OutboxCommand, stops: bool = True) -> None:
    detail = f"The engine refused {row.key} with {row.refusal} at outcome {row.outcome_n}."
    alarms.raise_alarm(alarms.REFUSED, row.key, detail, stops=stops)


def _withdrawal_of(row: OutboxCommand) -> Withdrawal:
    assert row.withdrawal_id is not None, row.key
    return locked_withdrawal(row.withdrawal_id)


def _deposit_of(row: OutboxCommand) -> Deposit:
    assert row.deposit_id is not None, row.key
    return locked_deposit(row.deposit_id)


_Kind = OutboxCommand.Kind
_STEPS: dict[str, Callable[[OutboxCommand, bool], None]] = {
    _Kind.RESERVE: _reserved,
    _Kind.SETTLE: _settled,
    _Kind.RELEASE: _released,
    _Kind.CREDIT: _credited,
    _Kind.DEBIT: _debited,
    _Kind.DEFUND: _defunded,
}
