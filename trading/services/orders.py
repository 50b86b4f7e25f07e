"""Placing and cancelling: the one way orders go to the engine, whoever asks (REST, WebSocket, pages, admin).

Every function returns what the engine decided, or raises ApiError: with `executed: false` when certainly nothing
happened, with `executed: "unknown"` when nobody can say (`reliability`: the answer tells whether it is safe to retry).
"""

from dataclasses import dataclass

from django.conf import settings

from exchange_site.kernel import errors
from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.errors import ApiError
from matching.client import blocking, gateway
from matching.client.gateway import NotAdmitted, OutcomeUnknown
from matching.messages import (
    Answer,
    BatchReply,
    Command,
    DeadlineReply,
    OrderReply,
    OrdersReply,
    OrderView,
    RefusalReason,
    Refused,
    Reply,
)
from trading.inputs import (
    AmendInput,
    CancelAllInput,
    OcoInput,
    OrderRef,
    PlaceOrderInput,
    batch_command,
)
from trading.services.refusals import RETRY_AFTER_S, refused

__all__ = [
    "Deadline", "Placed", "Several", "amend_sync", "as_api_error", "ask", "cancel_all_sync", "cancel_sync", "deadline",
    "element", "not_admitted", "place_many", "place_oco_sync", "place_sync", "placed", "refused", "several", "steps",
    "unknown_outcome", "valid_until_ms",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placed:
    """An order after its command: placed, changed or cancelled. `n` is the outcome that any later read has to
    reflect."""

    order: OrderView
    n: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Several:
    """Orders after their command, with the outcome that any later read has to reflect."""

    orders: list[OrderView]
    n: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the account's orders will be cancelled (engine time); None: the switch is off."""

    at_ms: int | None
    n: int
    replayed: bool


def not_admitted(error: NotAdmitted) -> ApiError:
    """Nothing was enqueued: safe to send again, later."""
    message = "Too many orders are waiting; nothing was executed" if error.reason == gateway.FULL else ""
    return ApiError(errors.MAINTENANCE, message, {"executed": False}, {"Retry-After": str(RETRY_AFTER_S)})


def unknown_outcome() -> ApiError:
    """Nobody knows: the caller has to look before sending again, or send the same Idempotency-Key."""
    return ApiError(errors.TIMEOUT, "", {"executed": "unknown"})


def as_api_error(error: Exception) -> ApiError:
    """What a client is told of a command that the gateway brought no answer to. Raises what it does not know."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, NotAdmitted):
        return not_admitted(error)
    if isinstance(error, OutcomeUnknown):
        return unknown_outcome()
    raise error


def valid_until_ms() -> int:
    """After its caller has been told that the outcome is unknown, an order must not come to life.

    The engine compares with the log's time, which a wrong clock may have carried away from the wall's.
    """
    shared = gateway.current()
    ahead_ms = 0 if shared is None else shared.ahead_ms
    return now_ms() + ahead_ms + int(settings.API_REPLY_TIMEOUT_S * 1000)


async def ask(command: Command) -> Answer:
    """The engine's answer, a refusal too. Raises ApiError when there is none."""
    try:
        return await gateway.shared().send(command)
    except (NotAdmitted, OutcomeUnknown) as error:
        raise as_api_error(error) from error


def _ask_sync(command: Command) -> Answer:
    """Through the gateway of this process where it serves on an event loop, else on a connection of this thread."""
    try:
        shared = gateway.current()
        if shared is not None:
            return _accepted(shared.send_threadsafe(command))
        return _accepted(blocking.send(command, timeout_s=settings.API_REPLY_TIMEOUT_S))
    except (NotAdmitted, OutcomeUnknown) as error:
        raise as_api_error(error) from error


def _accepted(answer: Answer) -> Answer:
    if isinstance(answer.reply, Refused):
        raise refused(answer.reply)
    return answer


def placed(answer: Answer) -> Placed:
    """Raises ApiError when the engine has refused; so do the other readers of answers."""
    reply = _accepted(answer).reply
    assert isinstance(reply, OrderReply), f"the engine answered {type(reply).__name__} to an order"
    return Placed(reply.order, answer.n, answer.replayed)


def several(answer: Answer) -> Several:
    reply = _accepted(answer).reply
    assert isinstance(reply, OrdersReply), f"the engine answered {type(reply).__name__} to a wish about several"
    return Several(reply.orders, answer.n, answer.replayed)


def deadline(answer: Answer) -> Deadline:
    reply = _accepted(answer).reply
    assert isinstance(reply, DeadlineReply), f"the engine answered {type(reply).__name__} to a deadline"
    return Deadline(reply.deadline_ms, answer.n, answer.replayed)


def steps(answer: Answer) -> list[OrderReply | OrdersReply | Refused]:
    """The answers of a batch's steps, in their order."""
    reply = _accepted(answer).reply
    assert isinstance(reply, BatchReply), f"the engine answered {type(reply).__name__} to a batch"
    return reply.replies


async def place_many(
    account_id: int, wishes: list[PlaceOrderInput], *, key: str | None = None
) -> list[Placed | ApiError]:
    """One command, executed one order after the other with nothing of others in between; each has its own answer."""
    answer = await ask(batch_command(wishes, account_id, key=key, valid_until_ms=valid_until_ms()))
    if isinstance(answer.reply, Refused) and answer.reply.reason is RefusalReason.RULES_NOT_ACTIVE:
        return await _place_singly(account_id, wishes, key)
    return [element(one, answer) for one in steps(answer)]


async def _place_singly(account_id: int, wishes: list[PlaceOrderInput], key: str | None) -> list[Placed | ApiError]:
    """Under the engine's first rules there are no batches. Element i of a keyed batch has the key `<key>.<i>`."""
    deadline = valid_until_ms()
    commands: list[Command] = [
        wish.command(account_id, key=None if key is None else f"{key}.{i}", valid_until_ms=deadline)
        for i, wish in enumerate(wishes)
    ]
    results: list[Placed | ApiError] = []
    for answer in await gateway.shared().send_many(commands):
        results.append(as_api_error(answer) if isinstance(answer, Exception) else element(answer.reply, answer))
    return results


def element(reply: Reply, answer: Answer) -> Placed | ApiError:
    """One order of a batch."""
    if isinstance(reply, Refused):
        return refused(reply)
    assert isinstance(reply, OrderReply), f"the engine answered {type(reply).__name__} to an order of a batch"
    return Placed(reply.order, answer.n, answer.replayed)


def place_sync(account_id: int, wish: PlaceOrderInput, *, key: str | None = None) -> Placed:
    return placed(_ask_sync(wish.command(account_id, key=key, valid_until_ms=valid_until_ms())))


def cancel_sync(account_id: int, ref: OrderRef, *, key: str | None = None) -> Placed:
    return placed(_ask_sync(ref.command(account_id, key=key)))


def cancel_all_sync(account_id: int, wish: CancelAllInput, *, key: str | None = None) -> Several:
    return several(_ask_sync(wish.command(account_id, key=key)))


def place_oco_sync(account_id: int, wish: OcoInput, *, key: str | None = None) -> Several:
    return several(_ask_sync(wish.command(account_id, key=key, valid_until_ms=valid_until_ms())))


def amend_sync(account_id: int, wish: AmendInput, *, key: str | None = None) -> Placed:
    return placed(_ask_sync(wish.command(account_id, key=key, valid_until_ms=valid_until_ms())))
