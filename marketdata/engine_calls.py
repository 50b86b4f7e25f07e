"""Wishes of staff and of the treasury, sent to the engine from code without an event loop; refusals become ApiError."""

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from matching.client import blocking
from matching.client.blocking import NotAdmitted, OutcomeUnknown
from matching.messages import Answer, Command, RefusalReason, Refused

RETRY_AFTER_S = 1

_KINDS = {
    RefusalReason.UNKNOWN_MARKET: (errors.INVALID_SYMBOL, "The engine does not know this market"),
    RefusalReason.UNKNOWN_ASSET: (errors.INVALID_ASSET, "The engine does not know this asset"),
    RefusalReason.ALREADY_LISTED: (errors.PRECONDITION_FAILED, "It is listed already"),
    RefusalReason.IDEMPOTENCY_KEY_REUSED: (errors.PRECONDITION_FAILED, ""),
    RefusalReason.HOUSE_FUNDS_TOO_SMALL: (errors.INSUFFICIENT_FUNDS, "The house does not have that much"),
    RefusalReason.SUPPLY_TOO_LARGE: (errors.INVALID_QUANTITY, "The engine cannot hold that much of one asset"),
    RefusalReason.INVALID_QUANTITY: (errors.INVALID_QUANTITY, "The amount must be above zero and below 2^62 units"),
    RefusalReason.INTERNAL: (errors.SERVER_ERROR, ""),
}


class EngineRefused(ApiError):
    """The engine said no: final, nothing changed. `reason` is the engine's own."""

    def __init__(self, reason: RefusalReason) -> None:
        kind, message = _KINDS.get(reason, (errors.INVALID_CLIENT_REQUEST, f"The engine refused it: {reason}"))
        super().__init__(kind, message)
        self.reason = reason


def ask_all(commands: list[Command], timeout_s: float = 10) -> list[Answer]:
    """Send the commands as one entry and wait for every answer; each may be a refusal.

    Raises ApiError with `executed` False (nothing was enqueued) or "unknown" (ask before sending again).
    """
    try:
        return blocking.send_many(commands, timeout_s)
    except NotAdmitted as error:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise ApiError(errors.MAINTENANCE, "", {"executed": False}, headers) from error
    except OutcomeUnknown as error:
        raise ApiError(errors.TIMEOUT, "", {"executed": "unknown"}) from error


def accepted(answer: Answer) -> Answer:
    """The answer, unless it is a refusal. Raises EngineRefused."""
    if isinstance(answer.reply, Refused):
        raise EngineRefused(answer.reply.reason)
    return answer


def ask(command: Command, timeout_s: float = 10) -> Answer:
    """Send one command and wait for its answer. Raises EngineRefused, or ApiError as `ask_all` does."""
    return accepted(ask_all([command], timeout_s)[0])
