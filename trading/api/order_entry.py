"""Order entry: place, amend, cancel, batch, pairs, dead man's switch. One function each, behind both lanes alike.

Who asks has been proved and may trade. Each function gets the parsed body and the idempotency key, and returns a JSON
value with headers, or raises ApiError.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.principal import Principal
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from marketdata import live_specs
from trading import inputs
from trading.api.json import error_element, order_object
from trading.services import orders

OUTCOME = "X-Outcome"
REPLAYED = "Idempotency-Replayed"
SCOPE = "trade"


@dataclass(frozen=True, slots=True)
class Entered:
    """What to answer."""

    value: Any
    headers: dict[str, str] = field(default_factory=dict)


Entry = Callable[[Principal, Any, str | None], Coroutine[Any, Any, Entered]]


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(INVALID_CLIENT_REQUEST, "The body must be a JSON object")
    return body


def _headers(n: int, replayed: bool) -> dict[str, str]:
    headers = {OUTCOME: str(n)}
    if replayed:
        headers[REPLAYED] = "true"
    return headers


async def place(who: Principal, body: Any, key: str | None) -> Entered:
    wish = inputs.PlaceOrderInput.from_data(_object(body), await live_specs.specs())
    placed = await orders.place(who.account_id, wish, key=key)
    return Entered(order_object(placed.order, wish.spec), _headers(placed.n, placed.replayed))


async def amend(who: Principal, body: Any, key: str | None) -> Entered:
    """Our own: the public API can only cancel and place anew."""
    wish = inputs.AmendInput.from_data(_object(body), await live_specs.specs())
    amended = await orders.amend(who.account_id, wish, key=key)
    return Entered(order_object(amended.order, wish.ref.spec), _headers(amended.n, amended.replayed))


async def place_oco(who: Principal, body: Any, key: str | None) -> Entered:
    """Our own: an array of two orders, signed like a batch; both are placed or neither."""
    wish = inputs.OcoInput.from_data(body, await live_specs.specs())
    placed = await orders.place_oco(who.account_id, wish, key=key)
    value = [order_object(order, wish.first.spec) for order in placed.orders]
    return Entered(value, _headers(placed.n, placed.replayed))


async def cancel_after(who: Principal, body: Any, key: str | None) -> Entered:
    """Our own: the account's dead man's switch."""
    deadline = await orders.cancel_after(who.account_id, inputs.CancelAfterInput.from_data(_object(body)), key=key)
    return Entered({"cancelAt": deadline.at_ms}, _headers(deadline.n, deadline.replayed))


async def cancel(who: Principal, body: Any, key: str | None) -> Entered:
    ref = inputs.OrderRef.from_data(_object(body), await live_specs.specs())
    cancelled = await orders.cancel(who.account_id, ref, key=key)
    return Entered(order_object(cancelled.order, ref.spec), _headers(cancelled.n, cancelled.replayed))


async def cancel_all(who: Principal, body: Any, key: str | None) -> Entered:
    wish = inputs.CancelAllInput.from_data(_object(body), await live_specs.specs())
    done = await orders.cancel_all(who.account_id, wish, key=key)
    return Entered([order_object(order, wish.spec) for order in done.orders], _headers(done.n, done.replayed))


async def place_batch(who: Principal, body: Any, key: str | None) -> Entered:
    """Malformed elements refuse the batch before anything executes; each order has its own answer after that."""
    wishes = inputs.batch_from_data(body, await live_specs.specs())
    elements: list[dict[str, Any]] = []
    last_n, replayed = 0, False
    for wish, result in zip(wishes, await orders.place_many(who.account_id, wishes, key=key), strict=True):
        if isinstance(result, ApiError):
            elements.append(error_element(result.body()))
        else:
            elements.append({**order_object(result.order, wish.spec), "operation": "Ok"})
            last_n, replayed = max(last_n, result.n), replayed or result.replayed
    return Entered(elements, _headers(last_n, replayed))


ENTRIES: dict[str, dict[str, Entry]] = {  # Path -> method -> what to do. Both lanes take their routes from here.
    "/api/v1/order": {"POST": place, "PATCH": amend, "DELETE": cancel},
    "/api/v1/order/oco": {"POST": place_oco},
    "/api/v1/orders": {"POST": place_batch, "DELETE": cancel_all},
    "/api/v1/cancelAfter": {"POST": cancel_after},
}
