"""Every login is noted, and one from a device that was never used before is told by mail."""

import logging
from smtplib import SMTPException

from allauth.account.signals import user_logged_in
from django.conf import settings
from django.core.mail import send_mail
from django.dispatch import receiver
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from accounts.models import User
from accounts.site import preferences
from accounts.site.devices import device_of
from accounts.site.models import SignIn

log = logging.getLogger(__name__)

KEPT = 100  # Rows of one person.
SHOWN = 10


@receiver(user_logged_in)
def note_sign_in(sender: object, request: HttpRequest, user: User, **_: object) -> None:
    device = device_of(request.META.get("HTTP_USER_AGENT", ""))[:64]
    earlier = SignIn.objects.filter(user=user)
    is_new = earlier.exists() and not earlier.filter(device=device).exists()
    row = SignIn.objects.create(
        user=user,
        ip_address=request.META.get("REMOTE_ADDR") or None,
        device=device,
        method=_method(request),
        is_new_device=is_new,
    )
    old = SignIn.objects.filter(user=user).order_by("-at").values_list("pk", flat=True)[KEPT:]
    SignIn.objects.filter(pk__in=list(old)).delete()
    if is_new:
        _tell(row)


def recent(user: User) -> list[SignIn]:
    """Newest first."""
    return list(SignIn.objects.filter(user=user).order_by("-at")[:SHOWN])


def _method(request: HttpRequest) -> str:
    """What the login was proved with, in the words of allauth: `password`, `password, mfa`, `mfa` (a passkey)."""
    session = getattr(request, "session", None)
    records = session.get("account_authentication_methods", []) if session is not None else []
    return ", ".join(str(record.get("method", "")) for record in records)[:64]


def _tell(row: SignIn) -> None:
    """A mail server that is away stops nobody from logging in."""
    with translation.override(preferences.mail_language(row.user)):
        facts = {
            "site_name": settings.SITE_NAME,
            "device": row.device or gettext("A device that does not say what it is"),
            "ip_address": row.ip_address,
            "at": timezone.now(),
            "link": settings.PUBLIC_URL + reverse("security"),
        }
        subject = gettext("%(site)s: a new device has logged in") % {"site": settings.SITE_NAME}
        text = render_to_string("accounts/mail/new_device.txt", facts)
    try:
        send_mail(subject, text, None, [row.user.email])
    except (SMTPException, OSError) as problem:
        log.warning("The mail about a new device of user %d was not sent: %s", row.user_id, problem)
