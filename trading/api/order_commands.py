"""What can be asked of orders: a parsed body becomes a command, and the engine's answer the answer to the client.

REST, on both lanes, and the order socket share these functions, so that one wish means the same and reads the same
whichever way it came. Each raises ApiError when the body cannot be taken; so does reading a refusal of the engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from accounts.principal import Principal
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from matching.messages import AmendOrder, Answer, Batch, CancelAllOrders, CancelOrder, Command, PlaceOrder

from matching.messages import OrdersReply, Refused  # isort: skip
from trading import inputs
from trading.api.json import order_object
from trading.input_fields import Specs
from trading.services import orders

OUTCOME = "X-Outcome"
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Entered:
    """What to answer."""

    value: Any
    headers: dict[str, str] = field(default_factory=dict)


class Prepared(NamedTuple):
    """A command that may go to the engine, and how its answer is told."""

    command: Command
    read: Callable[[Answer], Entered]


Prepare = Callable[[Principal, Any, str | None, Specs], Prepared]
Step = PlaceOrder | CancelOrder | AmendOrder | CancelAllOrders


def json_object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(INVALID_CLIENT_REQUEST, "The body must be a JSON object")
    return body


def headers_of(n: int, replayed: bool) -> dict[str, str]:
    headers = {OUTCOME: str(n)}
    if replayed:
        headers[REPLAYED] = "true"
    return headers


def _one_order(spec: Any) -> Callable[[Answer], Entered]:
    def read(answer: Answer) -> Entered:
        placed = orders.placed(answer)
        return Entered(order_object(placed.order, spec), headers_of(placed.n, placed.replayed))

    return read


def _some_orders(spec: Any) -> Callable[[Answer], Entered]:
    def read(answer: Answer) -> Entered:
        done = orders.several(answer)
        return Entered([order_object(order, spec) for order in done.orders], headers_of(done.n, done.replayed))

    return read


def place(who: Principal, body: Any, key: str | None, specs: Specs) -> Prepared:
    wish = inputs.PlaceOrderInput.from_data(json_object(body), specs)
    command = wish.command(who.account_id, key=key, valid_until_ms=orders.valid_until_ms())
    return Prepared(command, _one_order(wish.spec))


def amend(who: Principal, body: Any, key: str | None, specs: Specs) -> Prepared:
    """Our own: the public API can only cancel and place anew."""
    wish = inputs.AmendInput.from_data(json_object(body), specs)
    command = wish.command(who.account_id, key=key, valid_until_ms=orders.valid_until_ms())
    return Prepared(command, _one_order(wish.ref.spec))


def cancel(who: Principal, body: Any, key: str | None, specs: Specs) -> Prepared:
    ref = inputs.OrderRef.from_data(json_object(body), specs)
    return Prepared(ref.command(who.account_id, key=key), _one_order(ref.spec))


def cancel_all(who: Principal, body: Any, key: str | None, specs: Specs) -> Prepared:
    wish = inputs.CancelAllInput.from_data(json_object(body), specs)
    return Prepared(wish.command(who.account_id, key=key), _some_orders(wish.spec))


def place_oco(who: Principal, body: Any, key: str | None, specs: Specs) -> Prepared:
    """Our own: an array of two orders; both are placed or neither."""
    wish = inputs.OcoInput.from_data(body, specs)
    command = wish.command(who.account_id, key=key, valid_until_ms=orders.valid_until_ms())
    return Prepared(command, _some_orders(wish.first.spec))


def cancel_after(who: Principal, body: Any, key: str | None, specs: Specs) -> Prepared:
    """Our own: the account's dead man's switch."""
    wish = inputs.CancelAfterInput.from_data(json_object(body))

    def read(answer: Answer) -> Entered:
        deadline = orders.deadline(answer)
        return Entered({"cancelAt": deadline.at_ms}, headers_of(deadline.n, deadline.replayed))

    return Prepared(wish.command(who.account_id, key=key), read)


STEPS: dict[str, Prepare] = {"PLACE": place, "CANCEL": cancel, "AMEND": amend, "CANCEL_ALL": cancel_all}


def batch(who: Principal, body: Any, key: str | None, specs: Specs) -> Prepared:
    """Steps of several kinds, `{"method", "params"}` each, one after the other with nothing of others in between.

    A malformed step refuses them all before anything executes; after that each has its own answer.
    """
    if not isinstance(body, list):
        raise ApiError(INVALID_CLIENT_REQUEST, "A batch must be a JSON array of steps")
    if not 0 < len(body) <= inputs.MAX_BATCH:
        raise ApiError(INVALID_CLIENT_REQUEST, f"A batch has 1 to {inputs.MAX_BATCH} steps")
    prepared = [_step(who, member, number, specs) for number, member in enumerate(body, 1)]

    def read(answer: Answer) -> Entered:
        elements = [_element(one, answer, how.read) for one, how in zip(orders.steps(answer), prepared, strict=True)]
        return Entered(elements, headers_of(answer.n, answer.replayed))

    steps: list[Any] = [step.command for step in prepared]
    command = Batch(account_id=who.account_id, steps=steps, idempotency_key=key, valid_until_ms=orders.valid_until_ms())
    return Prepared(command, read)


def _step(who: Principal, member: Any, number: int, specs: Specs) -> Prepared:
    try:
        step = json_object(member)
        method = step.get("method")
        prepare = STEPS.get(method) if isinstance(method, str) else None
        if prepare is None:
            raise ApiError(INVALID_CLIENT_REQUEST, f"method must be one of {', '.join(STEPS)}")
        return prepare(who, step.get("params"), None, specs)
    except ApiError as error:
        message = error.message or error.kind.message
        raise ApiError(error.kind, f"Step {number}: {message}") from None


def _element(reply: Any, answer: Answer, read: Callable[[Answer], Entered]) -> dict[str, Any]:
    """The answer of one step: `{"result"}` or `{"error"}`."""
    if isinstance(reply, Refused):
        refusal = orders.refused(reply)
        return {"error": {**refusal.body(), "status": refusal.status}}
    assert isinstance(reply, OrdersReply) or hasattr(reply, "order"), "a step is answered by orders"
    return {"result": read(Answer(answer.correlation, answer.n, answer.replayed, reply)).value}
