"""The web process's figures, and `/metrics` for whoever shows the token. A request costs two additions."""

import hmac
import time
from collections.abc import Awaitable
from typing import Any

from django.conf import settings

from exchange_site.kernel import log_context, metrics
from exchange_site.kernel.errors import RESOURCE_NOT_FOUND, ApiError
from exchange_site.kernel.fast_http import TEXT_TYPE, Request, Response, Routes, Send
from exchange_site.kernel.metrics import FAST_SECONDS, Counter, Gauge, Histogram

requests = Counter("exchange_web_requests", "Requests answered", ["lane", "status"])
request_seconds = Histogram(
    "exchange_web_request_seconds", "From the first byte to the answer's head", ["lane"], buckets=FAST_SECONDS
)
sockets = Gauge("exchange_web_sockets_open", "WebSockets open")
socket_connections = Counter("exchange_web_socket_connections", "WebSockets opened")

FAST, DJANGO = "fast", "django"
REQUEST_ID_HEADER = b"x-request-id"
_seconds = {lane: request_seconds.labels(lane) for lane in (FAST, DJANGO)}
_counters: dict[tuple[str, int], Any] = {}


def begin(scope: dict[str, Any]) -> str:
    """Give the request its id: on its answer, in its log lines, in the audit log."""
    request_id = log_context.new_request_id()
    scope["request_id"] = request_id
    log_context.set_request_id(request_id)
    return request_id


def counting(lane: str, request_id: str, send: Send) -> Send:
    """Counts the answer and puts the request's id on it."""
    began = time.perf_counter()
    header = (REQUEST_ID_HEADER, request_id.encode())

    def counted(message: dict[str, Any]) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], header]
            _seconds[lane].observe(time.perf_counter() - began)
            _counter(lane, message["status"]).inc()
        return send(message)

    return counted


def _counter(lane: str, status: int) -> Any:
    counter = _counters.get((lane, status))
    if counter is None:
        counter = _counters[lane, status] = requests.labels(lane, str(status))
    return counter


async def page(request: Request) -> Response:
    """404 without the token, as if there were nothing: who scrapes knows where to look."""
    token = settings.METRICS_TOKEN
    shown = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(shown.encode(), token.encode()):
        raise ApiError(RESOURCE_NOT_FOUND)
    return Response(metrics.page(), 200, TEXT_TYPE)


ROUTES: Routes = {"/metrics": {"GET": page}}
