"""Stopping takes one person, allowing again takes two (G21): wishes, their approval, and what approval then does.

An act registers what it does under a name (`act`); `ask` records the wish for it; somebody else's `approve` carries it
out, with both names in the command. Where the settings allow one-person approval, `ask` carries it out at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata.models import StaffWish
from marketdata.staff_acts import By, name_of, new_key, note

VALID_FOR = timedelta(hours=24)
MAX_PENDING = 100  # Of the whole venue: whoever floods the inbox hides what matters in it.
APPROVE = "marketdata.change_staffwish"
State = StaffWish.State


@dataclass(frozen=True, slots=True)
class Act:
    """`perform(payload, by, key)` does it and gives the outcome number, None where the engine has no part in it.

    `permission` is of who asks and approves, unless approving has `approver_permission`. `refusal(payload, approver)`
    says why this person may not approve this wish, and nothing when they may.
    """

    title: str
    permission: str
    action: str  # Its name in the audit trail.
    perform: Callable[[dict[str, Any], By, str], int | None]
    approver_permission: str = ""
    refusal: Callable[[dict[str, Any], Any], str] | None = None


_acts: dict[str, Act] = {}


def act(
    what: str,
    title: str,
    permission: str,
    action: str,
    perform: Callable[[dict[str, Any], By, str], int | None],
    approver_permission: str = "",
    refusal: Callable[[dict[str, Any], Any], str] | None = None,
) -> None:
    """Make an act known under the name that its wishes keep."""
    _acts[what] = Act(title, permission, action, perform, approver_permission, refusal)


def ask(what: str, subject: str, summary: str, payload: dict[str, Any], by: By) -> StaffWish:
    """Record a wish; where one person may decide, do it too. Raises ApiError.

    The same wish asked for again is the one that waits already.
    """
    by = by.checked()
    known = _acts[what]
    _may_act(by.actor, known)
    expire()
    alone = bool(settings.STAFF_ONE_PERSON)
    with transaction.atomic():
        waiting = StaffWish.objects.select_for_update().filter(state=State.PENDING)
        same = waiting.filter(what=what, subject=subject, payload=payload, asked_by=by.actor).first()
        if same is not None and not alone:
            return same
        if waiting.count() >= MAX_PENDING:
            raise ApiError(errors.PRECONDITION_FAILED, f"{MAX_PENDING} wishes wait for approval; decide some first")
        wish = StaffWish.objects.create(
            what=what,
            subject=subject,
            summary=summary,
            payload=payload,
            reason=by.reason,
            key=new_key(),
            asked_by=by.actor,
            expires_at=timezone.now() + VALID_FOR,
            state=State.APPROVED if alone else State.PENDING,
            one_person=alone,
        )
        note(by, f"{known.action}.{'alone' if alone else 'ask'}", summary, wish.key)
    return _carry_out(wish, by.ip_address) if alone else wish


def approve(pk: int, by: By) -> StaffWish:
    """The second person's yes, and the act itself. Raises ApiError: no right, one's own, too late, or the engine's no.

    An approved wish that was interrupted is sent again under its key.
    """
    by = by.checked()
    with transaction.atomic():
        wish = _locked(pk)
        if refusal := why_not_approve(wish, by.actor):
            raise refusal
        if wish.state == State.APPROVED:
            note(by, f"{_acts[wish.what].action}.repeat", wish.summary, wish.key)
        else:
            _decided(wish, State.APPROVED, by)
            note(by, f"{_acts[wish.what].action}.approve", wish.summary, wish.key)
    return _carry_out(wish, by.ip_address)


def reject(pk: int, by: By) -> StaffWish:
    """Anybody who may approve may say no; who asked takes it back. Raises ApiError."""
    by = by.checked()
    with transaction.atomic():
        wish = _locked(pk)
        if refusal := why_not_reject(wish, by.actor):
            raise refusal
        own = wish.asked_by == by.actor
        _decided(wish, State.WITHDRAWN if own else State.REJECTED, by)
        note(by, f"{_acts[wish.what].action}.{'withdraw' if own else 'reject'}", wish.summary, wish.key)
    return wish


def why_not_approve(wish: StaffWish, person: Any) -> ApiError | None:
    """What speaks against this person's yes; None when nothing does. Pages offer what this allows, and nothing else.

    An approved wish that was interrupted may be sent again by everybody who could have approved it, the asker too:
    both names are on it already.
    """
    known = _acts.get(wish.what)
    if known is None or not _has(person, known.approver_permission or known.permission, APPROVE):
        return ApiError(errors.FORBIDDEN, f"{name_of(person)} may not do this")
    if wish.state == State.APPROVED and wish.expires_at > timezone.now():
        return None
    if late := _too_late(wish):
        return late
    if wish.asked_by_id == getattr(person, "pk", None):
        return ApiError(errors.FORBIDDEN, "You asked for it yourself; somebody else must approve it")
    why = known.refusal(wish.payload, person) if known.refusal is not None else ""
    return ApiError(errors.FORBIDDEN, why) if why else None


def why_not_reject(wish: StaffWish, person: Any) -> ApiError | None:
    """What speaks against this person's no (or, of who asked, against taking it back); None when nothing does."""
    known = _acts.get(wish.what)
    own = wish.asked_by_id == getattr(person, "pk", None)
    if not own and (known is None or not _has(person, known.approver_permission or known.permission, APPROVE)):
        return ApiError(errors.FORBIDDEN, f"{name_of(person)} may not do this")
    return _too_late(wish)


def rights_to_approve(wish: StaffWish) -> tuple[str, ...]:
    """The permissions that approving it takes; none for a kind of wish that this version does not know."""
    known = _acts.get(wish.what)
    return () if known is None else (known.approver_permission or known.permission, APPROVE)


def kinds() -> dict[str, Act]:
    """Every act that can be wished for, by the name that its wishes keep."""
    return dict(_acts)


def stopped(subject: str) -> int:
    """`subject` was stopped (again): older wishes to allow it no longer mean what their askers meant. How many."""
    waiting = StaffWish.objects.filter(subject=subject, state__in=[State.PENDING, State.APPROVED])
    return waiting.update(state=State.SUPERSEDED, decided_at=timezone.now())


def pending() -> QuerySet[StaffWish]:
    """What waits, oldest first."""
    expire()
    return StaffWish.objects.filter(state=State.PENDING).select_related("asked_by").order_by("pk")


def said(done: int | str | StaffWish) -> str:
    """What came of an act (its outcome number, a sentence, or the wish it became), as staff reads it."""
    if isinstance(done, str):
        return done
    if not isinstance(done, StaffWish):
        return f"Done with outcome {done}."
    if done.state == State.DONE:
        alone = " by one person, as the settings allow" if done.one_person else ""
        return f"{done.summary}: done{alone}" + ("." if done.n is None else f" with outcome {done.n}.")
    return f"{done.summary}: asked for. Somebody else must approve it by {done.expires_at:%d %b %H:%M} UTC."


# ------------------------------------------------------------------------------------------------------------ inside


def _carry_out(wish: StaffWish, ip_address: str | None) -> StaffWish:
    """Never inside a transaction: what is decided must be on disk before the engine hears of it."""
    if not StaffWish.objects.filter(pk=wish.pk, state=State.APPROVED).exists():
        raise ApiError(errors.PRECONDITION_FAILED, "It was stopped again this moment")
    known = _acts[wish.what]
    by = By(wish.asked_by, wish.reason, ip_address if wish.one_person else None, wish.decided_by)
    try:
        wish.n = known.perform(wish.payload, by, wish.key)
    except ApiError as error:
        wish.error = f"{error.kind.code}: {error.message or error.kind.message}"[:256]
        # Of an unknown outcome nobody knows whether it failed, so it may be sent again under its key.
        if error.kind is not errors.TIMEOUT:
            wish.state = State.FAILED
        _update(wish, "state", "error")
        raise
    wish.state, wish.error = State.DONE, ""
    _update(wish, "state", "n", "error")
    return wish


def _update(wish: StaffWish, *fields: str) -> None:
    """The engine has spoken, whatever happened to the row meanwhile."""
    StaffWish.objects.filter(pk=wish.pk).update(**{name: getattr(wish, name) for name in fields})


def _locked(pk: int) -> StaffWish:
    wish = (
        StaffWish.objects.select_for_update(of=("self",)).select_related("asked_by", "decided_by").filter(pk=pk).first()
    )
    if wish is None or wish.what not in _acts:
        raise ApiError(errors.RESOURCE_NOT_FOUND)
    return wish


def _too_late(wish: StaffWish) -> ApiError | None:
    expired = wish.expires_at <= timezone.now()
    if wish.state == State.PENDING and not expired:
        return None
    over = expired and wish.state in (State.PENDING, State.APPROVED)
    state = "expired" if over else str(wish.get_state_display()).lower()
    return ApiError(errors.PRECONDITION_FAILED, f"It is too late: {state}")


def _decided(wish: StaffWish, state: Any, by: By) -> None:
    wish.state, wish.decided_at, wish.decision_reason = state, timezone.now(), by.reason
    wish.decided_by = by.actor  # type: ignore[assignment]
    wish.save(update_fields=["state", "decided_at", "decided_by", "decision_reason"])


def expire() -> None:
    """What nobody decided in time is over."""
    waiting = StaffWish.objects.filter(state=State.PENDING, expires_at__lte=timezone.now())
    waiting.update(state=State.EXPIRED)


def _has(user: Any, *permissions: str) -> bool:
    return bool(getattr(user, "is_active", False) and getattr(user, "is_staff", False) and user.has_perms(permissions))


def _may_act(user: object, known: Act) -> None:
    if not _has(user, known.permission):
        raise ApiError(errors.FORBIDDEN, f"{name_of(user)} may not do this")
