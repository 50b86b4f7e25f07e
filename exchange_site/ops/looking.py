"""Looking at the site as a user does (django-hijack), read-only and on record.

What is refused meanwhile is refused in one place for each way in: `staff_access` for Django's views, `accounts.api`
for the fast lane. Nobody looks as a member of staff. Who stops looking is logged out: the way back into the
administration is the password and the second factor, and a staff session's age cannot begin anew without them.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext
from hijack import signals

from accounts.audit.models import AuditEntry

VIEW_AS = "exchange_site.view_as_user"


def may_look(hijacker: Any, hijacked: Any) -> bool:
    """Whether this member of staff may see the site as that user."""
    return bool(
        hijacker.is_active
        and hijacker.is_staff
        and hijacker.has_perm(VIEW_AS)
        and hijacked.is_active
        and not hijacked.is_staff
        and not hijacked.is_superuser
    )


@receiver(signals.hijack_started)
def began(sender: object, request: HttpRequest, hijacker: Any, hijacked: Any, **_: object) -> None:
    _keep("look_as.begin", request, hijacker, hijacked)


@receiver(signals.hijack_ended)
def ended(sender: object, request: HttpRequest, hijacker: Any, hijacked: Any, **_: object) -> None:
    _keep("look_as.end", request, hijacker, hijacked)
    logout(request)
    messages.info(request, gettext("You have stopped looking as somebody else. Log in again to go on."))


def _keep(action: str, request: HttpRequest, hijacker: Any, hijacked: Any) -> None:
    address = request.META.get("REMOTE_ADDR") or None
    AuditEntry.objects.create(actor=hijacker, action=action, subject=str(hijacked), ip_address=address)
