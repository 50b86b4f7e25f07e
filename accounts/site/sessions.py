"""Where somebody is logged in: the list, its last use noted once a minute, and ending them."""

import hashlib
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User

NOTED_EVERY_S = 60
SHOWN = 50


class LastSeenMiddleware:
    """Keeps `last_seen_at` of the running session a minute fresh, with one write a minute and session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        known = getattr(request.user, "is_authenticated", False)  # The API leaves None where nobody proved who asks.
        if key and known and _is_due(key):
            rows = UserSession.objects.filter(session_key=key)
            rows.update(last_seen_at=timezone.now(), **_address(request))
        return answer


def _is_due(key: str) -> bool:
    """True once in NOTED_EVERY_S. The key itself is not handed to the cache."""
    return bool(cache.add(f"seen:{hashlib.sha256(key.encode()).hexdigest()}", 1, NOTED_EVERY_S))


def _address(request: HttpRequest) -> dict[str, str]:
    address = request.META.get("REMOTE_ADDR")
    return {"ip": address} if address else {}


def live(user: User, session_key: str | None) -> list[UserSession]:
    """Sessions that still work, this one first, then by last use."""
    rows = UserSession.objects.purge_and_list(user)
    rows.sort(key=lambda row: row.last_seen_at, reverse=True)
    rows.sort(key=lambda row: row.session_key != session_key)
    return rows[:SHOWN]


def end(user: User, pk: int) -> bool:
    """End one session at once. False when there is none of this number."""
    row = UserSession.objects.filter(user=user, pk=pk).first()
    if row is None:
        return False
    row.end()
    return True


def end_others(user: User, session_key: str | None) -> int:
    """End every other session; how many."""
    rows = UserSession.objects.filter(user=user).exclude(session_key=session_key or "")
    count = 0
    for row in rows:
        row.end()
        count += 1
    return count
