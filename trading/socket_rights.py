"""Who may listen to an account's private streams, and whether that is still so.

A bot signs its subscription with an API key that may read; a browser shows its session cookie, which counts only when
the page that opened the socket is ours. Rights are asked for again every few seconds: a revoked key and an ended
session lose their sockets.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.http.cookie import parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.api import proof
from accounts.api.fast_auth import known_key
from accounts.models import ApiKey, User
from accounts.signing.canonical import Prefixed
from accounts.signing.verify import check_signature, signed_parts
from exchange_site.kernel.db_threads import in_db_thread

INSTRUCTION = "subscribe"
SIGNATURE_PARTS = 4
RECHECK_S = 2.0  # What was revoked may still be remembered at log-on; both times together stay below five seconds.


@dataclass(frozen=True, slots=True)
class Right:
    """What was shown for an account: a public key, or a session key."""

    account_id: int
    public_key: str = ""
    session_key: str = ""


async def right_of_signature(signature: Any, scope: dict[str, Any]) -> Right:
    """Of `[public key, signature, timestamp, window]`. Raises ApiError; ValueError when it is not four strings."""
    if not isinstance(signature, list) or len(signature) != SIGNATURE_PARTS:
        raise ValueError("A signature has four parts.")
    if not all(isinstance(part, str) for part in signature):
        raise ValueError("The parts of a signature are strings.")
    signed = signed_parts(*signature)
    key = await known_key(signed)
    signed.check_time()
    check_signature(key.public_key, signed, [Prefixed(INSTRUCTION, [])])
    key.demand_address(scope)
    key.principal.demand("read")
    return Right(key.principal.account_id, public_key=signed.public_key)


async def right_of_session(session_key: str) -> Right:
    """Of the browser's session. Raises ApiError when it is nobody's."""
    principal = proof.cached_session(session_key)
    if principal is None:
        principal = await in_db_thread(lambda: proof.load_session(session_key))
    return Right(principal.account_id, session_key=session_key)


def session_key_of(scope: dict[str, Any]) -> str:
    """The session cookie of a handshake from our own page; "" when there is none, or another page opened the socket."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if not from_our_page(headers.get(b"origin", ""), headers.get(b"host", "")):
        return ""
    return parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME, "")


def from_our_page(origin: str, host: str) -> bool:
    """Browsers always send an Origin; whoever sends none is no page and must sign."""
    if not origin or not host:
        return False
    if origin in settings.WEBSOCKET_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def lost_rights(rights: Iterable[Right]) -> set[Right]:
    """Those that no longer hold. Two or three queries for all of them together; may raise django.db.Error."""
    asked = set(rights)
    keys = {right.public_key for right in asked if right.public_key}
    sessions = {right.session_key for right in asked if right.session_key}
    good_keys = _good_keys(keys) if keys else set()
    good_sessions = _good_sessions(sessions) if sessions else set()
    return {
        right
        for right in asked
        if not (right.public_key in good_keys if right.public_key else right.session_key in good_sessions)
    }


def _good_keys(public_keys: set[str]) -> set[str]:
    rows = ApiKey.objects.filter(
        public_key__in=public_keys, revoked_at__isnull=True, can_read=True, account__user__is_active=True
    ).exclude(expires_at__lte=timezone.now())
    return set(rows.values_list("public_key", flat=True))


def _good_sessions(session_keys: set[str]) -> set[str]:
    """Sessions that live, of users who may log in and have not changed their password since."""
    known = {
        session.session_key: session.get_decoded()
        for session in Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now())
    }
    user_ids = {data[SESSION_KEY] for data in known.values() if SESSION_KEY in data}
    users = {str(user.pk): user for user in User.objects.filter(pk__in=user_ids, is_active=True)}
    return {
        session_key
        for session_key, data in known.items()
        if (user := users.get(data.get(SESSION_KEY, ""))) is not None
        and constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    }
