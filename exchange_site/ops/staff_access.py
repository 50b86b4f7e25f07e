"""Who gets into the admin, from where, and for how long; and that looking as a user changes nothing.

The admin needs a member of staff with a second factor, an address of the staff's networks and the staff's host where
those are set, and a session that is neither idle nor old. Somebody who looks at the site as a user may only read.
"""

import ipaddress
import time
from collections.abc import Callable

from allauth.mfa.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from exchange_site.kernel.errors import FORBIDDEN, ApiError

ADMIN = "/admin/"
LIVE = "/admin/live"  # The dashboard asks again and again by itself; that is nobody's presence.
SINCE, SEEN = "staff_since", "staff_seen"
NOTED_EVERY_S = 30
HISTORY = "hijack_history"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ALLOWED_WHILE_LOOKING = frozenset({"hijack:release", "account_logout"})


class StaffAccess:
    """Middleware behind authentication and messages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = _only_looks(request) or (_may_enter(request) if request.path.startswith(ADMIN) else None)
        return refusal or self._get_response(request)


def is_looking(request: HttpRequest) -> bool:
    """Whether a member of staff sees the site as somebody else."""
    return bool(settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.get(HISTORY))


def _only_looks(request: HttpRequest) -> HttpResponse | None:
    if request.method in SAFE or not is_looking(request):
        return None
    if request.path in {reverse(name) for name in ALLOWED_WHILE_LOOKING}:
        return None
    sentence = "You look at the site as somebody else, so nothing can be changed"
    if request.path.startswith(("/api/", "/wapi/")):
        return JsonResponse(ApiError(FORBIDDEN, sentence).body(), status=403)
    return render(request, "admin/staff/only_looking.html", status=403)


def _may_enter(request: HttpRequest) -> HttpResponse | None:
    _demand_place(request)
    if not request.user.is_authenticated:
        return None  # The admin sends them to the log-in.
    if not request.user.is_staff:  # type: ignore[union-attr]
        return None
    now = int(time.time())
    since = request.session.setdefault(SINCE, now)
    seen = request.session.get(SEEN, now)
    if now - seen > settings.STAFF_IDLE_S or now - since > settings.STAFF_SESSION_S:
        logout(request)
        messages.info(request, "You were logged out of the administration after a while without use; log in again.")
        return redirect(f"{reverse(settings.LOGIN_URL)}?next={ADMIN}")
    if request.path != LIVE and (SEEN not in request.session or now - seen > NOTED_EVERY_S):
        request.session[SEEN] = now
    if settings.STAFF_SECOND_FACTOR and not get_adapter().is_mfa_enabled(request.user):
        messages.warning(request, "Staff needs a second factor. Set one up here, then open the administration again.")
        return redirect("mfa_activate_totp")
    return None


def _demand_place(request: HttpRequest) -> None:
    """Raises Http404 from elsewhere: who does not belong here need not know that there is something."""
    if settings.STAFF_HOSTS and request.get_host().partition(":")[0] not in settings.STAFF_HOSTS:
        raise Http404
    if settings.STAFF_NETWORKS:
        try:
            address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
        except ValueError:
            raise Http404 from None
        if not any(address in ipaddress.ip_network(network) for network in settings.STAFF_NETWORKS):
            raise Http404
