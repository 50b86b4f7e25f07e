"""Freezing somebody: no log-in, no session, no key, and no withdrawal that is not sent yet. Orders and money stay.

Freezing takes one person, letting them in again two (`marketdata.wishes`).
"""

from typing import Any

from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import User
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import wishes
from marketdata.models import StaffWish
from marketdata.staff_acts import By, note

CHANGE_USER = "accounts.change_user"
UNFREEZE = "user.unfreeze"


def freeze(user: User, by: By) -> str:
    """At once; API keys and sockets follow within 5 seconds. A sentence about it. Raises ApiError."""
    by = by.checked()
    if why := why_not(user, by.actor):
        raise ApiError(errors.FORBIDDEN, why)
    with transaction.atomic():
        wishes.stopped(_subject(user))
        if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            raise ApiError(errors.PRECONDITION_FAILED, f"{user} is frozen already")
        ended = _end_sessions(user)
        note(by, "user.freeze", str(user), details={"sessions_ended": ended})
    return f"{user} is frozen; {ended} sessions are ended. Open orders stay: cancel them on the account's page."


def ask_to_unfreeze(user: User, by: By) -> StaffWish:
    """Ask that they may log in and use their keys again. Raises ApiError."""
    if why := why_not(user, by.actor):
        raise ApiError(errors.FORBIDDEN, why)
    if user.is_active:
        raise ApiError(errors.PRECONDITION_FAILED, f"{user} is not frozen")
    return wishes.ask(UNFREEZE, _subject(user), f"Let {user} in again: unfreeze", {"user": user.pk}, by)


def end_sessions(user: User, by: By) -> str:
    """Log somebody out everywhere. Raises ApiError."""
    by = by.checked()
    with transaction.atomic():
        ended = _end_sessions(user)
        note(by, "user.end_sessions", str(user), details={"sessions_ended": ended})
    return f"{ended} sessions of {user} are ended."


def why_not(user: User, actor: Any) -> str:
    """Why this person does not decide about that user; nothing when they do."""
    if user.pk == actor.pk:
        return "Nobody freezes or unfreezes themselves"
    if user.is_superuser and not actor.is_superuser:
        return "Only a superuser decides about a superuser"
    return ""


# ------------------------------------------------------------------------------------------------------------ inside


def _subject(user: User) -> str:
    return f"freeze of user {user.pk}"


def _end_sessions(user: User) -> int:
    rows = list(UserSession.objects.filter(user=user))
    for row in rows:
        row.end()
    return len(rows)


def _perform(payload: dict[str, Any], by: By, key: str) -> None:
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=payload["user"])
        user.is_active = True
        user.save(update_fields=["is_active"])
        note(by, UNFREEZE, str(user), key)


def _refusal(payload: dict[str, Any], approver: Any) -> str:
    user = User.objects.filter(pk=payload["user"]).first()
    return "" if user is None else why_not(user, approver)


wishes.act(UNFREEZE, "Let somebody in again", CHANGE_USER, UNFREEZE, _perform, refusal=_refusal)
