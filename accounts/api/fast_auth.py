"""Authentication on the fast lane: answers from caches on the event loop, asks the database in its own threads."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from accounts.api import proof
from accounts.api.limits import count_request
from accounts.principal import Principal
from accounts.signing import key_store
from accounts.signing.instructions import instruction_of
from accounts.signing.verify import Signed, check_signature, request_groups, signed_headers, usable
from exchange_site.kernel import rate_limits
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.kernel.errors import FORBIDDEN, INVALID_CLIENT_REQUEST, UNAUTHORIZED, ApiError
from exchange_site.kernel.fast_http import Request

_background: set["asyncio.Task[None]"] = set()  # The loop keeps only weak references to its tasks.

_loading: dict[str, "asyncio.Future[key_store.KnownKey | None]"] = {}


def _in_background(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)


async def authenticated(request: Request) -> tuple[Principal, Any]:
    """The principal and the parsed body. Raises ApiError in the order of checks the public API names."""
    if proof.shows_key(request.headers):
        signed = signed_headers(request.headers)
        key = await known_key(signed)
        signed.check_time()
        body = proof.signable_body(request.method, await request.body())
        instruction = instruction_of(request.method, request.path) or ""
        check_signature(key.public_key, signed, request_groups(instruction, request.query(), body))
        key.demand_address(request.scope)
        if key_store.due_for_noting(key) and key.principal.key_id is not None:
            _in_background(in_db_thread(partial(key_store.note_use, key.principal.key_id)))
        principal = key.principal
    else:
        principal = await _of_session(request)
        body = proof.parsed_body(request.method, await request.body())
    count_request(request.scope, principal, request.path, body)
    if request.method not in proof.SAFE_METHODS:
        await rate_limits.shared().demand_store()
    return principal, body


async def known_key(signed: Signed) -> key_store.KnownKey:
    """The key that a request or a WebSocket log-on shows. Raises ApiError UNAUTHORIZED."""
    fresh, key = key_store.store.cached(signed.public_key)
    if not fresh:
        key = await _load_key(signed.public_key)
    return usable(key)


async def _load_key(public_key: str) -> key_store.KnownKey | None:
    """Requests that find a key stale at the same moment share one look at the database."""
    loading = _loading.get(public_key)
    if loading is None:
        loading = asyncio.ensure_future(in_db_thread(partial(key_store.store.load, public_key)))
        _loading[public_key] = loading
        loading.add_done_callback(lambda _: _loading.pop(public_key, None))
    return await asyncio.shield(loading)  # One caller that goes away must not take the others along.


async def _of_session(request: Request) -> Principal:
    """Raises ApiError: nobody is logged in, or the request may come from another site."""
    if "cookie" not in request.headers:
        raise ApiError(UNAUTHORIZED)
    django_request = ASGIRequest(dict(request.scope), BytesIO())
    session_key = django_request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        raise ApiError(UNAUTHORIZED)
    principal = proof.cached_session(session_key)
    if principal is None:
        principal = await in_db_thread(partial(proof.load_session, session_key))
    try:
        django_request.get_host()  # A foreign Host header would make the Origin check worthless.
    except DisallowedHost:
        raise ApiError(INVALID_CLIENT_REQUEST, "Unknown Host header") from None
    if request.method not in proof.SAFE_METHODS:
        if principal.only_looks:
            raise ApiError(FORBIDDEN, "You look at the site as somebody else, so nothing can be changed")
        proof.check_csrf(django_request)
    return principal
