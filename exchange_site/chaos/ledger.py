"""What the clients know, and only that: every command with its key, every answer, every time nobody knew."""

import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from matching.messages import Answer, Command, RefusalReason, Refused, Reply

# Refused without being remembered: the same key may be asked again, and be executed then.
NOT_KEPT = frozenset(
    {
        RefusalReason.EXPIRED_IN_QUEUE,
        RefusalReason.OVERLOADED,
        RefusalReason.INTERNAL,
        RefusalReason.IDEMPOTENCY_KEY_REUSED,
    }
)


class Told(NamedTuple):
    """One answer: its outcome number, whether it was a stored one, and when it came (monotonic s)."""

    n: int
    replayed: bool
    reply: Reply
    at: float


@dataclass(slots=True)
class Asked:
    """One command under one key. `unknown` counts the sends of which nobody could say what became of them."""

    key: str
    command: Command
    first_sent_at: float
    sends: int = 0
    unknown: int = 0
    not_admitted: int = 0
    answers: list[Told] = field(default_factory=list)

    def final(self) -> list[Told]:
        """The answers that a key must give for ever once it gave one."""
        return [told for told in self.answers if not not_kept(told.reply)]


def not_kept(reply: Reply) -> bool:
    return isinstance(reply, Refused) and reply.reason in NOT_KEPT


class Trouble(NamedTuple):
    """Something a client met that was no answer: a refusal to take the command, silence, or an exception."""

    at: float
    what: str


class Ledger:
    """Shared by all clients of a campaign."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked: dict[str, Asked] = {}
        self.refused_entry: list[Trouble] = []  # Not admitted: certain to have done nothing.
        self.silent: list[Trouble] = []  # Outcome unknown.
        self.surprises: list[Trouble] = []  # Any other exception.
        self.changed: list[tuple[str, Reply]] = []  # Answers to another command under a key that was used.

    def ask(self, commands: list[Command]) -> list[Asked]:
        """Note that these are about to be sent for the first time."""
        now = time.monotonic()
        with self._lock:
            found = [Asked(_key(command), command, now) for command in commands]
            for asked in found:
                assert asked.key not in self.asked, f"the key {asked.key} was used already"
                self.asked[asked.key] = asked
        return found

    def answered(self, asked: list[Asked], answers: list[Answer]) -> None:
        now = time.monotonic()
        with self._lock:
            for one, answer in zip(asked, answers, strict=True):
                one.answers.append(Told(answer.n, answer.replayed, answer.reply, now))

    def sent(self, asked: list[Asked]) -> None:
        with self._lock:
            for one in asked:
                one.sends += 1

    def not_admitted(self, asked: list[Asked], reason: str) -> None:
        with self._lock:
            self.refused_entry.append(Trouble(time.monotonic(), reason))
            for one in asked:
                one.not_admitted += 1

    def unknown(self, asked: list[Asked]) -> None:
        with self._lock:
            self.silent.append(Trouble(time.monotonic(), f"no answer to {asked[0].key}"))
            for one in asked:
                one.unknown += 1

    def surprise(self, error: BaseException) -> None:
        with self._lock:
            self.surprises.append(Trouble(time.monotonic(), repr(error)))

    def changed_content(self, key: str, reply: Reply) -> None:
        with self._lock:
            self.changed.append((key, reply))

    def copy_asked(self) -> dict[str, Asked]:
        with self._lock:
            return dict(self.asked)


def _key(command: Command) -> str:
    assert command.idempotency_key is not None, "every command of the campaign has a key"
    return command.idempotency_key
