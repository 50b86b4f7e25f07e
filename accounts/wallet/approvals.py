"""What operators decide about withdrawals: each with a reason, in the audit trail, and never about their own."""

from django.db import IntegrityError, transaction

from accounts.models import AuditEntry, User
from accounts.wallet.models import Withdrawal, WithdrawalApproval
from accounts.wallet.states import locked_withdrawal
from accounts.wallet.wake import wake
from accounts.wallet.withdrawals import end
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError

PERMISSION = "accounts.approve_withdrawal"


def approve(pk: int, operator: User, reason: str, ip_address: str | None = None) -> WithdrawalApproval:
    """One operator's yes. Raises ApiError: no right, their own, said already, or nothing to approve."""
    with transaction.atomic():
        row = _to_decide(pk, operator, reason)
        if row.approvals_needed == 0:
            raise ApiError(errors.PRECONDITION_FAILED, "This withdrawal needs no approval")
        try:
            with transaction.atomic():
                approval = WithdrawalApproval.objects.create(withdrawal=row, operator=operator, reason=reason[:256])
        except IntegrityError:
            raise ApiError(errors.PRECONDITION_FAILED, "You have approved it already; another operator must") from None
        _note(operator, "wallet.withdrawal.approve", row, reason, ip_address)
        transaction.on_commit(wake)
        return approval


def reject(pk: int, operator: User, reason: str, ip_address: str | None = None) -> None:
    """An operator's no ends it, and the money goes back. Raises ApiError."""
    with transaction.atomic():
        row = _to_decide(pk, operator, reason)
        end(row, f"rejected: {reason}")
        _note(operator, "wallet.withdrawal.reject", row, reason, ip_address)
        transaction.on_commit(wake)


def _to_decide(pk: int, operator: User, reason: str) -> Withdrawal:
    if not (operator.is_staff and operator.has_perm(PERMISSION)):
        raise ApiError(errors.FORBIDDEN)
    if not reason.strip():
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "A reason must be given")
    row = locked_withdrawal(pk)
    if row.account.user_id == operator.pk or (row.to_account is not None and row.to_account.user_id == operator.pk):
        raise ApiError(errors.FORBIDDEN, "Nobody decides about your own withdrawals but others")
    if row.state not in (Withdrawal.State.RESERVED, Withdrawal.State.APPROVED):
        raise ApiError(errors.PRECONDITION_FAILED, f"It is too late: {row.get_state_display().lower()}")
    return row


def _note(operator: User, action: str, row: Withdrawal, reason: str, ip_address: str | None) -> None:
    AuditEntry.objects.create(
        actor=operator, action=action, subject=str(row), reason=reason[:256], ip_address=ip_address
    )
