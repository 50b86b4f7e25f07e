"""One order through all processes: each writes a line with the order's id, the command's and the outcome's number.

Off unless LOG_ORDERS_ONE_IN says otherwise: 1 logs every order, 100 those whose id a hundred divides, in every process
the same ones. The web process knows the request, the engine the command, everybody behind it the outcome.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from matching.messages import Answer, Outcome

log = logging.getLogger("exchange.orders")

_ORDER_IDS = ("order_id", "maker_order_id", "taker_order_id")


def command_id(origin: str, correlation: int) -> str:
    """Names a command in the logs of the process that sent it and of the engine."""
    return f"{origin}/{correlation}"


def answered(where: str, one_in: int, origin: str, answers: Iterable[Answer], request_id: str = "") -> None:
    """The engine's answers to the commands of one origin; `where` is what this process did with them."""
    for answer in answers:
        for order_id in _orders_of(answer.reply):
            if order_id % one_in == 0:
                fields = {
                    "order_id": order_id,
                    "command_id": command_id(origin, answer.correlation),
                    "n": answer.n,
                    "replayed": answer.replayed,
                }
                if request_id:
                    fields["request_id"] = request_id
                log.info("order %d %s", order_id, where, extra={"fields": fields})


def told(where: str, one_in: int, outcomes: Iterable[Outcome]) -> None:
    """Outcomes on their way through a projection."""
    for outcome in outcomes:
        for order_id in sorted(set(_orders_in(outcome))):
            if order_id % one_in == 0:
                fields = {"order_id": order_id, "n": outcome.n}
                log.info("order %d %s", order_id, where, extra={"fields": fields})


def _orders_of(reply: Any) -> Iterator[int]:
    if hasattr(reply, "order"):
        yield reply.order.order_id
    for order in getattr(reply, "orders", ()):
        yield order.order_id
    for one in getattr(reply, "replies", ()):
        yield from _orders_of(one)


def _orders_in(outcome: Outcome) -> Iterator[int]:
    for event in outcome.events:
        for name in _ORDER_IDS:
            order_id = getattr(event, name, None)
            if isinstance(order_id, int):
                yield order_id
