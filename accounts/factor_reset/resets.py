"""From the wish of support to the day when the second factor is gone.

Whoever steals an account's mail and talks support over must still wait, and the owner is told at once and can object
without logging in. Afterwards withdrawals are frozen for a while, as after every change of what protects an account.
"""

from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import timezone

from accounts.audit.models import AuditEntry
from accounts.factor_reset import mails
from accounts.factor_reset.models import SecondFactorReset
from accounts.models import User
from accounts.wallet.risk import freeze_after_change
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import wishes
from marketdata.models import StaffWish
from marketdata.staff_acts import By, note

RESET = "second_factor.reset"
MAY_ASK, MAY_APPROVE = "accounts.ask_factor_reset", "accounts.approve_factor_reset"
SALT = "accounts.factor_reset"
AT_ONCE = 50  # A run of the job; the next one is a minute later.
State = SecondFactorReset.State


def ask(user: User, by: By) -> StaffWish:
    """Wish for it; somebody else approves. Raises ApiError: no second factor, one's own, or one that waits already."""
    if why := why_not(user, by.actor):
        raise ApiError(errors.PRECONDITION_FAILED, why)
    return wishes.ask(RESET, f"user {user.pk}", f"Take away the second factor of {user}", {"user": user.pk}, by)


def stop(reset: SecondFactorReset, by: By) -> str:
    """Staff thinks better of it; one person is enough. Raises ApiError when it is over already."""
    _end(reset.pk, State.STOPPED)
    note(by, f"{RESET}.stop", str(reset.user))
    return f"The reset for {reset.user} is stopped; the second factor stays."


def token_of(reset: SecondFactorReset) -> str:
    return signing.dumps([reset.pk, reset.user_id, reset.key], salt=SALT)


def found_by_token(pk: int, token: str) -> SecondFactorReset | None:
    """None for a token of another reset, or of nobody's making."""
    try:
        content = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    reset = SecondFactorReset.objects.select_related("user").filter(pk=pk).first()
    return reset if reset is not None and content == [reset.pk, reset.user_id, reset.key] else None


def object_to(reset: SecondFactorReset, ip_address: str | None) -> None:
    """The user's no, with the link of the mail. Raises ApiError when it is over already."""
    with transaction.atomic():
        _end(reset.pk, State.OBJECTED)
        AuditEntry.objects.create(
            actor=reset.user,
            action=f"{RESET}.object",
            subject=str(reset.user),
            reason="with the link of the mail",
            ip_address=ip_address,
        )


def advance() -> int:
    """Tell the users who have not been told, and do what is due; how many resets took effect. Safe to run again."""
    for reset in SecondFactorReset.objects.filter(state=State.WAITING, mailed_at=None).order_by("pk")[:AT_ONCE]:
        mails.announce(reset, token_of(reset), settings.SECOND_FACTOR_RESET_S)
        now = timezone.now()
        due_at = now + timedelta(seconds=settings.SECOND_FACTOR_RESET_S)
        SecondFactorReset.objects.filter(pk=reset.pk, mailed_at=None).update(mailed_at=now, due_at=due_at)
    due = SecondFactorReset.objects.filter(state=State.WAITING, due_at__lte=timezone.now()).order_by("due_at")
    return sum(_carry_out(pk) for pk in due.values_list("pk", flat=True)[:AT_ONCE])


# ------------------------------------------------------------------------------------------------------------ inside


def _carry_out(pk: int) -> bool:
    with transaction.atomic():
        reset = SecondFactorReset.objects.select_for_update(of=("self",)).select_related("user").get(pk=pk)
        if reset.state != State.WAITING:
            return False  # Objected to while we looked.
        user = reset.user
        taken = sorted(Authenticator.objects.filter(user=user).values_list("type", flat=True))
        Authenticator.objects.filter(user=user).delete()
        freeze_after_change(SecondFactorReset, user)
        for session in UserSession.objects.filter(user=user):
            session.end()
        reset.state, reset.ended_at = State.DONE, timezone.now()
        reset.save(update_fields=["state", "ended_at"])
        AuditEntry.objects.create(
            actor=reset.asked_by,
            action=f"{RESET}.done",
            subject=str(user),
            reason=reset.reason,
            details={"approver": str(reset.approved_by or ""), "taken": taken, "asked_at": reset.created_at},
        )
    mails.tell_done(user)
    return True


def _end(pk: int, state: Any) -> None:
    """Only what waits can end, and only once, whoever is first."""
    rows = SecondFactorReset.objects.filter(pk=pk, state=State.WAITING)
    if not rows.update(state=state, ended_at=timezone.now()):
        raise ApiError(errors.PRECONDITION_FAILED, "It is too late: this reset does not wait any more")


def why_not(user: User, actor: object) -> str:
    """Why this person cannot ask for it about this user; nothing when they can."""
    if user == actor:
        return "Nobody takes away their own second factor"
    if user.is_superuser and not getattr(actor, "is_superuser", False):
        return "Only a superuser asks for this about a superuser"
    if not Authenticator.objects.filter(user=user).exists():
        return f"{user} has no second factor"
    if SecondFactorReset.objects.filter(user=user, state=State.WAITING).exists():
        return f"A reset for {user} waits already"
    return ""


def _perform(payload: dict[str, Any], by: By, key: str) -> None:
    user = User.objects.get(pk=payload["user"])
    if SecondFactorReset.objects.filter(key=key).exists():
        return  # Approved once more after an interruption.
    if why := why_not(user, by.actor):
        raise ApiError(errors.PRECONDITION_FAILED, why)
    SecondFactorReset.objects.create(
        user=user,
        key=key,
        asked_by=by.actor,  # type: ignore[misc]
        approved_by=by.approver,  # type: ignore[misc]
        reason=by.reason,
    )


def _refusal(payload: dict[str, Any], approver: Any) -> str:
    return "It is your own second factor; somebody else must approve it" if approver.pk == payload["user"] else ""


wishes.act(RESET, "Take away a second factor", MAY_ASK, RESET, _perform, MAY_APPROVE, _refusal)
