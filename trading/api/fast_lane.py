"""Order entry on the fast lane: place, cancel, cancel all, batch. Same inputs, services and bytes as everywhere."""

from collections.abc import Mapping
from typing import Any

from accounts.api.fast_auth import authenticated
from accounts.principal import Principal
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from exchange_site.kernel.fast_http import Request, Response, Routes, json_response
from marketdata import live_specs
from trading import inputs
from trading.api.json import error_element, order_object
from trading.services import orders

OUTCOME = "X-Outcome"
REPLAYED = "Idempotency-Replayed"


async def _trader(request: Request) -> tuple[Principal, Any, str | None]:
    """Who trades, the parsed body and the idempotency key. Raises ApiError."""
    principal, body = await authenticated(request)
    principal.demand("trade")
    return principal, body, inputs.idempotency_key(request.headers.get("idempotency-key"))


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(INVALID_CLIENT_REQUEST, "The body must be a JSON object")
    return body


def _headers(n: int, replayed: bool) -> dict[str, str]:
    headers = {OUTCOME: str(n)}
    if replayed:
        headers[REPLAYED] = "true"
    return headers


async def place(request: Request) -> Response:
    principal, body, key = await _trader(request)
    wish = inputs.PlaceOrderInput.from_data(_object(body), await live_specs.specs())
    placed = await orders.place(principal.account_id, wish, key=key)
    return json_response(order_object(placed.order, wish.spec), headers=_headers(placed.n, placed.replayed))


async def cancel(request: Request) -> Response:
    principal, body, key = await _trader(request)
    ref = inputs.OrderRef.from_data(_object(body), await live_specs.specs())
    cancelled = await orders.cancel(principal.account_id, ref, key=key)
    return json_response(order_object(cancelled.order, ref.spec), headers=_headers(cancelled.n, cancelled.replayed))


async def cancel_all(request: Request) -> Response:
    principal, body, key = await _trader(request)
    wish = inputs.CancelAllInput.from_data(_object(body), await live_specs.specs())
    done = await orders.cancel_all(principal.account_id, wish, key=key)
    answer = [order_object(order, wish.spec) for order in done.orders]
    return json_response(answer, headers=_headers(done.n, done.replayed))


async def place_batch(request: Request) -> Response:
    """Malformed elements refuse the batch before anything executes; each order has its own answer after that."""
    principal, body, key = await _trader(request)
    wishes = inputs.batch_from_data(body, await live_specs.specs())
    elements: list[dict[str, Any]] = []
    last_n, replayed = 0, False
    for wish, result in zip(wishes, await orders.place_many(principal.account_id, wishes, key=key), strict=True):
        if isinstance(result, ApiError):
            elements.append(error_element(result.body()))
        else:
            elements.append({**order_object(result.order, wish.spec), "operation": "Ok"})
            last_n, replayed = max(last_n, result.n), replayed or result.replayed
    return json_response(elements, headers=_headers(last_n, replayed))


ROUTES: Routes = {
    "/api/v1/order": {"POST": place, "DELETE": cancel},
    "/api/v1/orders": {"POST": place_batch, "DELETE": cancel_all},
}
