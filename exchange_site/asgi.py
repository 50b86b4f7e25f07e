"""The whole site as one ASGI application: fast lane, WebSockets, and Django behind one shared thread pool.

Django's own ASGI handler makes a thread and several hops for each request; its WSGI handler in a pool serves three
times as many. Works under uvicorn and granian: everything starts at the first request that needs it.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange_site.settings.local")

from exchange_site.wsgi import application as django_application  # isort: skip  # Django must be set up before the rest.

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.urls import get_resolver

from exchange_site import api_limits, cors, fast_lane, web_metrics
from exchange_site.kernel import event_loop, garbage, loop_lag, metrics, rate_limits
from exchange_site.kernel.client_address import believed
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, PAYLOAD_TOO_LARGE, ApiError
from exchange_site.kernel.fast_http import REQUEST_TIMEOUT, Receive, Send, check_declared_length, error_response
from exchange_site.routing import say_goodbye_on_sigterm, websocket_application
from exchange_site.telemetry import traces
from marketdata.hub import close_market_hub
from matching.client import gateway
from trading.user_hub import close_user_hub

DJANGO_THREADS = 10
MAX_FORM_BYTES = 2_621_440  # Django's own bound for a form.
BODY_TIMEOUT_S = 20

_django: Any = WSGIMiddleware(django_application, workers=DJANGO_THREADS)


async def _application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await _http(believed(scope), receive, send)
    elif scope["type"] == "websocket":
        gateway.shared()
        scope = believed(scope)
        if await api_limits.admit_socket(scope, receive, send):
            web_metrics.begin(scope)
            web_metrics.socket_connections.inc()
            with web_metrics.sockets.track_inprogress():
                await websocket_application(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


async def _http(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    event_loop.serve_here()
    gateway.shared()  # Views in threads use it too, so it has to exist on this loop before they run.
    path: str = scope["path"]
    handler = fast_lane.handler_of(scope["method"], path)
    if not settings.API_FAST_LANE and is_api(path):
        handler = None
    send = web_metrics.counting(
        web_metrics.DJANGO if handler is None else web_metrics.FAST, web_metrics.begin(scope), send
    )
    if cors.is_public(path):
        send = cors.open_to_everybody(send)
        if scope["method"] == "OPTIONS":
            await cors.preflight(send)
            return
    if is_api(path):
        send = api_limits.telling(scope, send)
        try:
            api_limits.admit_request(scope)
            check_declared_length(scope, settings.API_MAX_BODY_BYTES)
        except ApiError as error:
            await error_response(error).send(send)
            return
    if handler is not None:
        await fast_lane.serve(handler, scope, receive, send)
        return
    try:
        scope, body = await _ready_for_django(scope, receive)
    except ApiError as error:
        await error_response(error).send(send)
        return
    if body is not None:
        await _django(scope, _one_message(body, receive), send)


async def _ready_for_django(scope: dict[str, Any], receive: Receive) -> tuple[dict[str, Any], bytes | None]:
    """The request with its whole body read: a slow sender must not hold one of the few threads. None: it went away."""
    limit = settings.API_MAX_BODY_BYTES if is_api(scope["path"]) else MAX_FORM_BYTES
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message: Mapping[str, Any] = await receive()
                if message["type"] == "http.disconnect":
                    return scope, None
                body += message.get("body", b"")
                if len(body) > limit:
                    raise ApiError(PAYLOAD_TOO_LARGE)
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise ApiError(REQUEST_TIMEOUT) from None
    if b"\0" in scope.get("raw_path", b"") or "\0" in scope["path"]:
        raise ApiError(INVALID_CLIENT_REQUEST, "The path contains a NUL")
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-length", b"transfer-encoding") and b"_" not in name  # X_API_KEY is not X-API-Key.
    ]
    headers.append((b"content-length", b"%d" % len(body)))
    query = quote(scope["query_string"], safe="%&=+;:@/?!$'()*,~-._[]").encode()  # WSGI takes ASCII only.
    return {**scope, "headers": headers, "query_string": query}, bytes(body)


def _one_message(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def once() -> Mapping[str, Any]:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def is_api(path: str) -> bool:
    return path.startswith(("/api/", "/wapi/"))


async def _lifespan(receive: Receive, send: Send) -> None:
    """A server that has no lifespan never call this; it only makes the end tidier."""
    watch: loop_lag.LoopWatch | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            say_goodbye_on_sigterm()
            metrics.serve("web")
            get_resolver().url_patterns  # noqa: B018 - imports every view, which the first request would do.
            garbage.settle()
            watch = loop_lag.LoopWatch()
            await send({"type": "lifespan.startup.complete"})
        else:
            if watch is not None:
                watch.stop()
            await gateway.close_shared()
            await rate_limits.close_shared()
            await close_market_hub()
            await close_user_hub()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = traces.around(_application)
