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
        if refusal := why_not_approve(row, operator):
            raise refusal
        try:
            with transaction.atomic():
                approval = WithdrawalApproval.objects.create(withdrawal=row, operator=operator, reason=reason[:256])
        except IntegrityError:
            raise _approved_already() from None
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


def why_not_reject(row: Withdrawal, operator: User) -> ApiError | None:
    """What speaks against this operator's no; None when nothing does. Pages offer what this allows."""
    if not (operator.is_staff and operator.has_perm(PERMISSION)):
        return ApiError(errors.FORBIDDEN)
    if row.account.user_id == operator.pk or (row.to_account is not None and row.to_account.user_id == operator.pk):
        return ApiError(errors.FORBIDDEN, "Nobody decides about your own withdrawals but others")
    if row.state not in (Withdrawal.State.RESERVED, Withdrawal.State.APPROVED):
        return ApiError(errors.PRECONDITION_FAILED, f"It is too late: {row.get_state_display().lower()}")
    return None


def why_not_approve(row: Withdrawal, operator: User) -> ApiError | None:
    """What speaks against this operator's yes; None when nothing does."""
    if refusal := why_not_reject(row, operator):
        return refusal
    if row.approvals_needed == 0:
        return ApiError(errors.PRECONDITION_FAILED, "This withdrawal needs no approval")
    return _approved_already() if row.approvals.filter(operator=operator).exists() else None


def _approved_already() -> ApiError:
    return ApiError(errors.PRECONDITION_FAILED, "You have approved it already; another operator must")


def _to_decide(pk: int, operator: User, reason: str) -> Withdrawal:
    if not (operator.is_staff and operator.has_perm(PERMISSION)):
        raise ApiError(errors.FORBIDDEN)
    if not reason.strip():
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "A reason must be given")
    row = locked_withdrawal(pk)
    if refusal := why_not_reject(row, operator):
        raise refusal
    return row


def _note(operator: User, action: str, row: Withdrawal, reason: str, ip_address: str | None) -> None:
    AuditEntry.objects.create(
        actor=operator, action=action, subject=str(row), reason=reason[:256], ip_address=ip_address
    )
