"""Giving somebody the rights of staff takes two people; taking them away takes one, and needs none of this."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from accounts.models import User
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import wishes
from marketdata.models import StaffWish
from marketdata.staff_acts import By, note

GIVE = "role.give"
ASSIGN = "exchange_site.assign_roles"


def ask_to_give(
    user: User, roles: Collection[str], by: By, *, staff: bool = False, superuser: bool = False
) -> StaffWish:
    """Wish that `user` gets these roles (names of groups), enters the admin, or may do everything. Raises ApiError."""
    payload = {"user": user.pk, "roles": sorted(roles), "staff": staff, "superuser": superuser}
    if why := _why_not(payload, by.actor):
        raise ApiError(errors.FORBIDDEN, why)
    what = [*payload["roles"], *(["access to the administration"] if staff else [])]
    what += ["every right (superuser)"] if superuser else []
    return wishes.ask(GIVE, f"user {user.pk}", f"Give {user}: {', '.join(what)}"[:256], payload, by)


def _perform(payload: dict[str, Any], by: By, key: str) -> None:
    with transaction.atomic():
        user = User.objects.select_for_update().filter(pk=payload["user"], is_active=True).first()
        groups = list(Group.objects.filter(name__in=payload["roles"]))
        if user is None or len(groups) != len(payload["roles"]):
            raise ApiError(errors.PRECONDITION_FAILED, "The user is not active any more, or the role is gone")
        before = {**_rights(user)}
        user.groups.add(*groups)
        user.is_staff = user.is_staff or payload["staff"]
        user.is_superuser = user.is_superuser or payload["superuser"]
        user.save(update_fields=["is_staff", "is_superuser"])
        note(by, GIVE, str(user), key, details={"before": before, "after": _rights(user)})


def _rights(user: User) -> dict[str, Any]:
    names = sorted(user.groups.values_list("name", flat=True))
    return {"roles": names, "staff": user.is_staff, "superuser": user.is_superuser}


def _why_not(payload: dict[str, Any], person: Any) -> str:
    """Of who asks and of who approves."""
    if person.pk == payload["user"]:
        return "Nobody gives rights to themselves; somebody else must"
    if payload["superuser"] and not person.is_superuser:
        return "Only superusers make a superuser"
    return ""


wishes.act(GIVE, "Give rights to staff", ASSIGN, GIVE, _perform, refusal=_why_not)
