"""The fast lane's dispatcher: exact path, method, handler; and every failure as the JSON body of the public API."""

import logging
from typing import Any

from django.db import Error as DatabaseError

from exchange_site import health, web_metrics
from exchange_site.kernel.errors import MAINTENANCE, METHOD_NOT_ALLOWED, SERVER_ERROR, ApiError
from exchange_site.kernel.fast_http import (
    ClientGone,
    Handler,
    Receive,
    Request,
    Response,
    Routes,
    Send,
    error_response,
)
from marketdata.api.fast_lane import ROUTES as MARKET_ROUTES
from trading.api.fast_lane import ROUTES as ORDER_ROUTES

log = logging.getLogger(__name__)

ROUTES: Routes = {**health.ROUTES, **web_metrics.ROUTES, **MARKET_ROUTES, **ORDER_ROUTES}
DJANGO_METHODS = {"/api/v1/order": ("GET",), "/api/v1/orders": ("GET",)}  # Reads of the database share these paths.


def handler_of(method: str, path: str) -> Handler | None:
    """The handler, or None when the request is Django's."""
    methods = ROUTES.get(path)
    if methods is None:
        return None
    wanted = "GET" if method == "HEAD" else method
    others = DJANGO_METHODS.get(path, ())
    if wanted in others:
        return None
    return methods.get(wanted) or _not_allowed({*methods, *others})


def _not_allowed(allowed: set[str]) -> Handler:
    if "GET" in allowed:
        allowed = {*allowed, "HEAD"}

    async def refuse(_request: Request) -> Response:
        raise ApiError(METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(allowed))})

    return refuse


async def serve(handler: Handler, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one request. Nothing escapes but the end of the connection."""
    request = Request(scope, receive)
    try:
        response = await handler(request)
    except ApiError as error:
        response = error_response(error)
    except ClientGone:
        return
    except DatabaseError:
        log.exception("%s %s: the database is away.", request.method, request.path)
        message = "The database is not reachable; nothing was executed"
        response = error_response(ApiError(MAINTENANCE, message, {"executed": False}, {"Retry-After": "1"}))
    except Exception:
        log.exception("%s %s failed.", request.method, request.path)
        response = error_response(ApiError(SERVER_ERROR))
    await response.send(send, request.extensions)
