"""The rate limits at the door of the API and of the WebSocket, before anything else is done for a stranger."""

from collections.abc import Awaitable
from typing import Any

from django.conf import settings

from accounts.signing import key_store
from exchange_site import cors
from exchange_site.kernel import rate_limits
from exchange_site.kernel.client_address import address_of
from exchange_site.kernel.errors import TOO_MANY_REQUESTS, ApiError
from exchange_site.kernel.fast_http import Receive, Send, error_response
from exchange_site.kernel.rate_limits import Rate
from exchange_site.kernel.request_limits import COUNT, RequestCount, charge_unproved, count_address
from exchange_site.kernel.weights import weight_of

SOCKETS_WINDOW_S = 300
UNAUTHORIZED = 401
_API_KEY = b"x-api-key"


def admit_request(scope: dict[str, Any]) -> None:
    """Count a request of the API against its address. Raises ApiError."""
    spare = False  # Public routes prove nothing, so there is nothing to be spared for.
    for name, value in scope["headers"]:
        if name == _API_KEY and not cors.is_public(scope["path"]):
            key = key_store.store.last_known(value.decode("latin-1"))
            spare = key is not None and not key.principal.allowance.counts_for_address
            break
    count_address(scope, weight_of(scope["path"]), spare=spare)


def telling(scope: dict[str, Any], send: Send) -> Send:
    """Every answer on the way out says how much is left of what it was counted against."""

    def with_headers(message: dict[str, Any]) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            count: RequestCount | None = scope.get(COUNT)
            if count is not None:
                if count.spared and not count.proved:
                    charge_unproved(count, forged=message["status"] == UNAUTHORIZED)
                message["headers"] = [*message["headers"], *count.headers()]
        return send(message)

    return with_headers


async def admit_socket(scope: dict[str, Any], receive: Receive, send: Send) -> bool:
    """Whether a new WebSocket of this address is still within its limit; if not, it has been told so in HTTP."""
    rate = Rate(settings.SOCKETS_PER_ADDRESS, SOCKETS_WINDOW_S)
    usage = rate_limits.shared().spend(f"s:{address_of(scope)}", rate)
    if not usage.refused:
        return True
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})  # Servers make HTTP 403 of it.
        return False
    message = f"Too many new connections of this address: at most {usage.limit} in {SOCKETS_WINDOW_S} seconds"
    refusal = error_response(ApiError(TOO_MANY_REQUESTS, message, {}, {"Retry-After": str(usage.wait_s)}))
    await refusal.send(_as_refused_upgrade(send))
    return False


def _as_refused_upgrade(send: Send) -> Send:
    async def renamed(message: dict[str, Any]) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    return renamed
