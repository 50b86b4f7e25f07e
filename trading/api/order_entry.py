"""Order entry: place, amend, cancel, batch, pairs, dead man's switch. One function each, behind both lanes alike.

Who asks has been proved and may trade. Each function gets the parsed body and the idempotency key, and returns a JSON
value with headers, or raises ApiError.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from accounts.principal import Principal
from exchange_site.kernel.errors import ApiError
from marketdata import live_specs
from trading import inputs
from trading.api import order_commands
from trading.api.json import error_element, order_object
from trading.api.order_commands import Entered, Prepare, headers_of
from trading.services import orders

SCOPE = "trade"

Entry = Callable[[Principal, Any, str | None], Coroutine[Any, Any, Entered]]


def _asking(prepare: Prepare) -> Entry:
    """One command, and its answer when it is there."""

    async def enter(who: Principal, body: Any, key: str | None) -> Entered:
        prepared = prepare(who, body, key, await live_specs.specs())
        return prepared.read(await orders.ask(prepared.command))

    return enter


place = _asking(order_commands.place)
amend = _asking(order_commands.amend)
place_oco = _asking(order_commands.place_oco)
cancel_after = _asking(order_commands.cancel_after)
cancel = _asking(order_commands.cancel)
cancel_all = _asking(order_commands.cancel_all)


async def place_batch(who: Principal, body: Any, key: str | None) -> Entered:
    """Malformed elements refuse the batch before anything executes; each order has its own answer after that."""
    wishes = inputs.batch_from_data(body, await live_specs.specs())
    elements: list[dict[str, Any]] = []
    last_n, replayed = 0, False
    for wish, result in zip(wishes, await orders.place_many(who.account_id, wishes, key=key), strict=True):
        if isinstance(result, ApiError):
            elements.append(error_element(result.body()))
        else:
            order = order_object(result.order, wish.spec)
            order["operation"] = "Ok"
            elements.append(order)
            last_n, replayed = max(last_n, result.n), replayed or result.replayed
    return Entered(elements, headers_of(last_n, replayed))


ENTRIES: dict[str, dict[str, Entry]] = {  # Path -> method -> what to do. Both lanes take their routes from here.
    "/api/v1/order": {"POST": place, "PATCH": amend, "DELETE": cancel},
    "/api/v1/order/oco": {"POST": place_oco},
    "/api/v1/orders": {"POST": place_batch, "DELETE": cancel_all},
    "/api/v1/cancelAfter": {"POST": cancel_after},
}
