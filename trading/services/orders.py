"""Placing and cancelling: the one way orders go to the engine, whoever asks (REST, WebSocket, pages, admin).

Every function returns what the engine decided, or raises ApiError: with `executed: false` when certainly nothing
happened, with `executed: "unknown"` when nobody can say (`reliability`: the answer tells whether it is safe to retry).
"""

from dataclasses import dataclass

from django.conf import settings

from exchange_site.kernel import errors
from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.errors import ApiError, ErrorKind
from matching.client import blocking, gateway
from matching.client.gateway import NotAdmitted, OutcomeUnknown
from matching.messages import Answer, Command, OrderReply, OrdersReply, OrderView, RefusalReason, Refused
from trading.inputs import CancelAllInput, CancelOrderType, OrderRef, PlaceOrderInput

RETRY_AFTER_S = 1

_KINDS: dict[RefusalReason, tuple[ErrorKind, str]] = {
    RefusalReason.MALFORMED: (errors.INVALID_CLIENT_REQUEST, ""),
    RefusalReason.INTERNAL: (errors.SERVER_ERROR, ""),
    RefusalReason.EXPIRED_IN_QUEUE: (errors.MAINTENANCE, "The order waited too long and was not executed"),
    RefusalReason.IDEMPOTENCY_KEY_REUSED: (errors.PRECONDITION_FAILED, ""),
    RefusalReason.UNKNOWN_MARKET: (errors.INVALID_SYMBOL, ""),
    RefusalReason.UNKNOWN_ASSET: (errors.INVALID_ASSET, ""),
    RefusalReason.ALREADY_LISTED: (errors.PRECONDITION_FAILED, "It is listed already"),
    RefusalReason.MARKET_NOT_OPEN: (errors.INVALID_ORDER, "The market does not take this order in its present state"),
    RefusalReason.MARKET_CLOSED: (errors.INVALID_ORDER, "The market is closed"),
    RefusalReason.DUPLICATE_CLIENT_ID: (errors.INVALID_CLIENT_REQUEST, "An open order has this clientId already"),
    RefusalReason.INVALID_PRICE: (errors.INVALID_PRICE, ""),
    RefusalReason.INVALID_QUANTITY: (errors.INVALID_QUANTITY, ""),
    RefusalReason.QUANTITY_TOO_SMALL: (
        errors.INVALID_CLIENT_REQUEST,
        "Quantity is below the minimum allowed value",
    ),
    RefusalReason.NOTIONAL_TOO_LARGE: (errors.INVALID_QUANTITY, "Price times quantity is too large"),
    RefusalReason.POST_ONLY_WOULD_TAKE: (errors.INVALID_ORDER, "Order would immediately match and take"),
    RefusalReason.TOO_MANY_OPEN_ORDERS: (errors.ORDER_LIMIT, ""),
    RefusalReason.INSUFFICIENT_FUNDS: (errors.INSUFFICIENT_FUNDS, ""),
    RefusalReason.HOUSE_FUNDS_TOO_SMALL: (errors.INSUFFICIENT_FUNDS, "The house does not have that much"),
    RefusalReason.SUPPLY_TOO_LARGE: (errors.INVALID_QUANTITY, "The amount is too large"),
    RefusalReason.UNKNOWN_ORDER: (errors.RESOURCE_NOT_FOUND, ""),
    RefusalReason.INVALID_PARAMETER: (errors.INVALID_CLIENT_REQUEST, ""),
    RefusalReason.OVERLOADED: (errors.MAINTENANCE, "Too many requests are remembered; nothing was executed"),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """An order after its command: placed or cancelled. `n` is the outcome that any later read has to reflect."""

    order: OrderView
    n: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Cancelled:
    orders: list[OrderView]
    n: int
    replayed: bool


def refused(refusal: Refused) -> ApiError:
    """The engine's refusal as an error of the public API."""
    kind, message = _KINDS[refusal.reason]
    extra: dict[str, object] = {}
    if refusal.order_id is not None:
        extra["orderId"] = str(refusal.order_id)
        message = f"{message}: order {refusal.order_id}"
    if kind is errors.MAINTENANCE:
        return ApiError(kind, message, {"executed": False, **extra}, {"Retry-After": str(RETRY_AFTER_S)})
    return ApiError(kind, message, extra)


def not_admitted(error: NotAdmitted) -> ApiError:
    """Nothing was enqueued: safe to send again, later."""
    message = "Too many orders are waiting; nothing was executed" if error.reason == gateway.FULL else ""
    return ApiError(errors.MAINTENANCE, message, {"executed": False}, {"Retry-After": str(RETRY_AFTER_S)})


def unknown_outcome() -> ApiError:
    """Nobody knows: the caller has to look before sending again, or send the same Idempotency-Key."""
    return ApiError(errors.TIMEOUT, "", {"executed": "unknown"})


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, NotAdmitted):
        return not_admitted(error)
    if isinstance(error, OutcomeUnknown):
        return unknown_outcome()
    raise error


def valid_until_ms() -> int:
    """After its caller has been told that the outcome is unknown, an order must not come to life."""
    return now_ms() + int(settings.API_REPLY_TIMEOUT_S * 1000)


async def _ask(command: Command) -> Answer:
    try:
        answer = await gateway.shared().send(command)
    except (NotAdmitted, OutcomeUnknown) as error:
        raise _as_api_error(error) from error
    return _accepted(answer)


def _ask_sync(command: Command) -> Answer:
    """Through the gateway of this process where it serves on an event loop, else on a connection of this thread."""
    try:
        shared = gateway.current()
        if shared is not None:
            return _accepted(shared.send_threadsafe(command))
        return _accepted(blocking.send(command, timeout_s=settings.API_REPLY_TIMEOUT_S))
    except (NotAdmitted, OutcomeUnknown) as error:
        raise _as_api_error(error) from error


def _accepted(answer: Answer) -> Answer:
    if isinstance(answer.reply, Refused):
        raise refused(answer.reply)
    return answer


def _placed(answer: Answer) -> Placed:
    assert isinstance(answer.reply, OrderReply), f"the engine answered {type(answer.reply).__name__} to an order"
    return Placed(answer.reply.order, answer.n, answer.replayed)


def _cancelled(answer: Answer) -> Cancelled:
    assert isinstance(answer.reply, OrdersReply), f"the engine answered {type(answer.reply).__name__} to cancel all"
    return Cancelled(answer.reply.orders, answer.n, answer.replayed)


async def place(account_id: int, wish: PlaceOrderInput, *, key: str | None = None) -> Placed:
    return _placed(await _ask(wish.command(account_id, key=key, valid_until_ms=valid_until_ms())))


async def place_many(
    account_id: int, wishes: list[PlaceOrderInput], *, key: str | None = None
) -> list[Placed | ApiError]:
    """Executed one after the other; each has its own answer. Element i of a keyed batch has the key `<key>.<i>`."""
    deadline = valid_until_ms()
    commands: list[Command] = [
        wish.command(account_id, key=None if key is None else f"{key}.{i}", valid_until_ms=deadline)
        for i, wish in enumerate(wishes)
    ]
    results: list[Placed | ApiError] = []
    for answer in await gateway.shared().send_many(commands):
        if isinstance(answer, Exception):
            results.append(_as_api_error(answer))
        elif isinstance(answer.reply, Refused):
            results.append(refused(answer.reply))
        else:
            results.append(_placed(answer))
    return results


async def cancel(account_id: int, ref: OrderRef, *, key: str | None = None) -> Placed:
    return _placed(await _ask(ref.command(account_id, key=key)))


async def cancel_all(account_id: int, wish: CancelAllInput, *, key: str | None = None) -> Cancelled:
    if wish.order_type is CancelOrderType.CONDITIONAL:
        return Cancelled([], 0, False)  # There are no conditional orders yet, so there is nothing to cancel.
    return _cancelled(await _ask(wish.command(account_id, key=key)))


def place_sync(account_id: int, wish: PlaceOrderInput, *, key: str | None = None) -> Placed:
    return _placed(_ask_sync(wish.command(account_id, key=key, valid_until_ms=valid_until_ms())))


def cancel_sync(account_id: int, ref: OrderRef, *, key: str | None = None) -> Placed:
    return _placed(_ask_sync(ref.command(account_id, key=key)))


def cancel_all_sync(account_id: int, wish: CancelAllInput, *, key: str | None = None) -> Cancelled:
    if wish.order_type is CancelOrderType.CONDITIONAL:
        return Cancelled([], 0, False)
    return _cancelled(_ask_sync(wish.command(account_id, key=key)))
