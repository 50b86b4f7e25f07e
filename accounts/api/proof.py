"""Who sent this request: the parts that the fast lane and DRF share. A key if one is shown, else the browser's session.

A request with any signing header is an API request and its cookies are ignored, so nobody can lend it a session.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from rest_framework.authentication import CSRFCheck

from accounts.principal import Principal
from accounts.selectors import account_of, allowance_of
from accounts.signing.verify import SIGNING_HEADERS
from exchange_site.kernel import strict_json
from exchange_site.kernel.errors import FORBIDDEN, INVALID_CLIENT_REQUEST, UNAUTHORIZED, ApiError

SESSION_KEPT_S = 2.5  # A log-out is effective on the fast lane after at most this time.
MAX_SESSIONS_KEPT = 10_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_sessions: dict[str, tuple[float, Principal]] = {}
_sessions_lock = threading.Lock()


def shows_key(headers: Mapping[str, str]) -> bool:
    """`headers` have lower-case names."""
    return not headers.keys().isdisjoint(SIGNING_HEADERS)


def parsed_body(method: str, body: bytes) -> Any:
    """The JSON body; None where there is none, as in a GET. Raises ApiError."""
    if not body.strip() or method in SAFE_METHODS:
        return None
    try:
        return strict_json.loads(body)
    except strict_json.InvalidJson as error:
        raise ApiError(INVALID_CLIENT_REQUEST, str(error)) from None


def signable_body(method: str, body: bytes) -> Any:
    """As `parsed_body`, for what is signed: no two clients sign an empty batch alike, so only its shape is judged."""
    parsed = parsed_body(method, body)
    if parsed == []:
        raise ApiError(INVALID_CLIENT_REQUEST, "A batch has at least one order")
    return parsed


def principal_of_user(user: Any) -> Principal:
    """Raises ApiError when nobody is logged in, or somebody without an account."""
    if not getattr(user, "is_authenticated", False):
        raise ApiError(UNAUTHORIZED)
    account = account_of(user)
    if account is None:
        raise ApiError(FORBIDDEN, "You have no trading account")
    return Principal(account_id=account.pk, user_id=user.pk, allowance=allowance_of(account))


def cached_session(session_key: str) -> Principal | None:
    kept = _sessions.get(session_key)
    return kept[1] if kept is not None and time.monotonic() - kept[0] <= SESSION_KEPT_S else None


def load_session(session_key: str) -> Principal:
    """Ask the database whose session this is. Raises ApiError when it is nobody's."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    principal = principal_of_user(get_user(request))
    if request.session.get("hijack_history"):
        principal = replace(principal, only_looks=True, can_trade=False, can_withdraw=False)
    with _sessions_lock:
        if len(_sessions) >= MAX_SESSIONS_KEPT:
            _sessions.clear()
        _sessions[session_key] = (time.monotonic(), principal)
    return principal


def forget_sessions() -> None:
    with _sessions_lock:
        _sessions.clear()


def _no_response(_request: HttpRequest) -> None:
    return None


def check_csrf(request: HttpRequest) -> None:
    """Django's whole check of token, Origin and Referer, on every unsafe method. Raises ApiError."""
    check = CSRFCheck(_no_response)
    check.process_request(request)
    reason = check.process_view(request, None, (), {})
    if reason:
        raise ApiError(FORBIDDEN, str(reason))
