"""What happens to withdrawals by itself: each function may run at any time, twice, and in many processes.

A withdrawal that waits is let on when its mail is answered, its hold is over and enough operators agree. One that was
sent is settled when the chain has confirmed it. Mails that nobody answers end the withdrawal.
"""

import logging
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from accounts.wallet import alarms, crash, mail, outbox, risk, withdrawals
from accounts.wallet.chain import ChainError, chain_of
from accounts.wallet.models import SignedPayment, Withdrawal
from accounts.wallet.states import WrongState, locked_withdrawal, move_withdrawal
from exchange_site.kernel.errors import ApiError

log = logging.getLogger(__name__)

MAX_ROWS = 200  # Of each kind in one run.
_State = Withdrawal.State


def advance_all() -> int:
    """Look at everything that is under way; how many rows moved."""
    moved = _each([_State.RESERVED], let_on) + _each([_State.APPROVED], transfer_inside)
    return moved + _each([_State.SENT], follow)


def _each(states: list[str], step: Callable[[int], bool]) -> int:
    """One row's trouble must not hold up the others; it is logged, and tried again by the next run."""
    moved = 0
    for pk in Withdrawal.objects.filter(state__in=states).order_by("pk").values_list("pk", flat=True)[:MAX_ROWS]:
        try:
            moved += step(pk)
        except (WrongState, ApiError, ChainError) as error:
            log.warning("Withdrawal %s does not move on: %s", pk, error)
    return moved


def missing(row: Withdrawal) -> list[str]:
    """What a reserved withdrawal waits for, as words for its owner and the staff."""
    found = []
    if row.needs_mail and row.confirmed_at is None:
        found.append("mail")
    held_until = max(row.not_before, risk.frozen_until(row.account_id))
    if held_until > timezone.now() or (row.account.user is not None and not row.account.user.is_active):
        found.append("hold")
    if row.approvals.count() < row.approvals_needed:
        found.append("approval")
    return found


def let_on(pk: int) -> bool:
    """Approve a reserved withdrawal that waits for nothing more; send its mail, or end it when nobody answered."""
    if alarms.stopped_by() is not None:
        return False
    row = Withdrawal.objects.get(pk=pk)
    if row.state == _State.RESERVED and row.needs_mail and row.mailed_at is None:
        mail.ask_for_confirmation(row)
    with transaction.atomic():
        row = locked_withdrawal(pk)
        if row.state != _State.RESERVED:
            return False
        waits_for = missing(row)
        if "mail" in waits_for and timezone.now() > row.created_at + withdrawals.mail_deadline(row):
            withdrawals.end(row, "the mail was not answered in time")
            return True
        if waits_for:
            return False
        move_withdrawal(row, _State.APPROVED)
    if row.to_account_id is not None:
        return transfer_inside(pk)
    return True


def transfer_inside(pk: int) -> bool:
    """To another account here nothing has to be signed: the engine settles it."""
    with transaction.atomic():
        row = locked_withdrawal(pk)
        if row.state != _State.APPROVED or row.to_account_id is None:
            return False
        move_withdrawal(row, _State.SETTLING)
        outbox.settle(row)
        return True


def follow(pk: int) -> bool:
    """Note how deep a sent payment is, and settle it when that is deep enough. Raises ChainError."""
    payment = SignedPayment.objects.select_related("withdrawal__network__asset").get(withdrawal_id=pk)
    network = payment.withdrawal.network
    chain = chain_of(network.blockchain)
    found = chain.confirmed(payment.transaction_hash)
    confirmations = 0 if found is None else found.confirmations
    with transaction.atomic():
        row = locked_withdrawal(pk)
        if row.state != _State.SENT:
            return False
        if row.confirmations != confirmations:
            row.confirmations = confirmations
            row.save(update_fields=["confirmations"])
        if confirmations < network.confirmations:
            return False
        move_withdrawal(row, _State.SETTLING, network_fee_units=payment.network_fee_units)
        outbox.settle(row)
        if payment.network_fee_units:
            outbox.defund_for_network_fee(row, chain.fee_asset, payment.network_fee_units)
    crash.passed("settle_enqueued")
    return True
