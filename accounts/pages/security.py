"""The security page: how one logs in, where one is logged in, and when that was."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import api_keys
from accounts.models import User
from accounts.selectors import account_of
from accounts.site import sessions, sign_ins
from accounts.site.devices import device_of
from accounts.site.models import SignIn

FEW_CODES = 3  # From here on a reader is told to make new ones.


@dataclass(frozen=True, slots=True)
class SessionRow:
    pk: int
    device: str
    address: str
    since: object
    seen: object
    is_this: bool


@require_safe
@never_cache
@login_required
def security(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    own = Authenticator.objects.filter(user=user)
    codes = own.filter(type=Authenticator.Type.RECOVERY_CODES).first()
    left = len(codes.wrap().get_unused_codes()) if codes else 0
    key = request.session.session_key
    owner = account_of(user)
    context = {
        "section": "security",
        "passkeys": list(own.filter(type=Authenticator.Type.WEBAUTHN).order_by("created_at")),
        "totp": own.filter(type=Authenticator.Type.TOTP).first(),
        "codes": codes,
        "codes_left": left,
        "codes_few": left <= FEW_CODES,
        "codes_all": len(codes.wrap().generate_codes()) if codes else 0,
        "mail": EmailAddress.objects.filter(user=user).order_by("-primary", "email"),
        "keys": list(api_keys.live_keys(owner)) if owner else [],
        "sessions": [_row(row, key) for row in sessions.live(user, key)],
        "sign_ins": _told(sign_ins.recent(user)),
        "passkeys_work": _passkeys_work(request),
    }
    return render(request, "accounts/security.html", context)


def _told(rows: list[SignIn]) -> list[SignIn]:
    """With the ways they were proved by in words: `words`."""
    known = {"password": gettext("Password"), "mfa": gettext("Second factor"), "code": gettext("Code by mail")}
    for row in rows:
        row.words = ", ".join(known.get(each, each) for each in row.method.split(", "))  # type: ignore[attr-defined]
    return rows


def _row(row: object, key: str | None) -> SessionRow:
    return SessionRow(
        pk=row.pk,  # type: ignore[attr-defined]
        device=device_of(row.user_agent) or gettext("Unknown device"),  # type: ignore[attr-defined]
        address=row.ip,  # type: ignore[attr-defined]
        since=row.created_at,  # type: ignore[attr-defined]
        seen=row.last_seen_at,  # type: ignore[attr-defined]
        is_this=row.session_key == key,  # type: ignore[attr-defined]
    )


def _passkeys_work(request: HttpRequest) -> bool:
    """Browsers tie a passkey to a name; an address of numbers is none."""
    host = request.get_host().rpartition(":")[0] or request.get_host()
    return not host.replace(".", "").isdigit() and not host.startswith("[")


@require_POST
@login_required
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Taking rights away needs no password: it must be quick."""
    assert isinstance(request.user, User)
    if not sessions.end(request.user, pk):
        raise Http404("There is no such session.")
    messages.success(request, gettext("The session is ended: that device has to log in again."))
    return redirect("security")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    """GET asks, for readers without script."""
    assert isinstance(request.user, User)
    if request.method != "POST":
        context = {
            "section": "security",
            "title": gettext("End all other sessions?"),
            "text": gettext(
                "Every other browser is logged out at once, this one stays. Open orders and keys stay as they are."
            ),
            "yes": gettext("End them"),
            "no": gettext("Keep them"),
            "back": reverse("security"),
        }
        return render(request, "accounts/sure.html", context)
    count = sessions.end_others(request.user, request.session.session_key)
    said = ngettext("%(count)d other session is ended.", "%(count)d other sessions are ended.", count)
    messages.success(request, said % {"count": count})
    return redirect("security")
