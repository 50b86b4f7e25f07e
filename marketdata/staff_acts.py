"""How staff acts on the venue: on record first, then told to the engine, and on record again if that failed.

The engine's answer is what counts; what it changed comes back with its events, written by the db writer.
"""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from msgspec import to_builtins

from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata.engine_calls import EngineRefused, ask
from marketdata.signals import staff_acted
from matching.messages import Command, RefusalReason

ENGINE_ITSELF = "manage.py"  # The actor's name where a command line acts by itself.
MAX_REASON = 256

_REFUSALS = {
    RefusalReason.RULES_NOT_ACTIVE: "The engine's rules in force do not know this yet; activate newer rules first",
    RefusalReason.TRADING_HALTED: "The kill switch is engaged; a crossed book cannot trade until it is released",
    RefusalReason.INVALID_PARAMETER: "The engine does not take these values",
}


@dataclass(frozen=True, slots=True)
class By:
    """Who acts and why. `approver` is the second person, where there was one; None for the actor: a command line."""

    actor: object | None
    reason: str
    ip_address: str | None = None
    approver: object | None = None

    def checked(self) -> "By":
        """With a reason that can be kept. Raises ApiError when there is none."""
        return replace(self, reason=checked_reason(self.reason))

    def names(self) -> dict[str, Any]:
        """What a command carries."""
        return {
            "actor": name_of(self.actor),
            "reason": self.reason,
            "approver": None if self.approver is None else name_of(self.approver),
        }


def name_of(actor: object | None) -> str:
    """How the engine's log names who acted."""
    return ENGINE_ITSELF if actor is None else str(actor)[:128]


def checked_reason(reason: str) -> str:
    """Raises ApiError when nothing is said."""
    reason = " ".join(reason.split())
    if not reason or "\0" in reason:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "A reason must be given")
    return reason[:MAX_REASON]


def new_key() -> str:
    return uuid.uuid4().hex


def note(
    by: By,
    action: str,
    subject: str,
    command_id: str = "",
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Announce an act to whoever keeps the records. `reason` replaces the act's own where there is more to say;
    `details` are what was before and after, where somebody may want to know."""
    approver = {"approver": name_of(by.approver)} if by.approver is not None else {}
    staff_acted.send(
        sender=None,
        actor=by.actor,
        action=action,
        subject=subject,
        reason=checked_reason(by.reason if reason is None else reason),
        command_id=command_id,
        ip_address=by.ip_address,
        details={**approver, **(details or {})},
    )


def decide(command: Any, by: By, action: str, subject: str) -> int:
    """Send one command of the venue; the outcome number of the change. Raises ApiError.

    The wish is on record before it is sent, and so is its failure.
    """
    key = command.idempotency_key or ""
    note(by, action, subject, key, details={"command": to_builtins(command)})
    try:
        return tell(command)
    except ApiError as error:
        note(by, f"{action}.failed", subject, key, f"{error.kind.code}: {error.message or error.kind.message}")
        raise


def tell(command: Command) -> int:
    """Send it without a record of its own; the outcome number. Raises ApiError, in words for staff."""
    try:
        return ask(command).n
    except EngineRefused as refused:
        sentence = _REFUSALS.get(refused.reason)
        if sentence is None:
            raise
        raise ApiError(refused.kind, sentence) from refused


def in_words(error: ApiError) -> str:
    """A refusal as staff reads it."""
    return f"{error.message or error.kind.message} ({error.kind.code})."
