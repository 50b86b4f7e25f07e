"""Records into outcomes: the same steps whether the record was written a moment ago or years before.

The applier owns the engine and the hash chain. It collects what a batch of records produced, encoded once, until the
worker (or the recovery) takes it to publish.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from msgspec import Raw

from matching import codec
from matching.core.engine import Applied
from matching.messages import Answer, Command, CommandEntry, RefusalReason
from matching.runtime.records import Entry, Internal, Poison, Record, Tick
from matching.transport.streams import NO_ENTRY

Key = tuple[int, str]
UNREADABLE = (*codec.MalformedMessage, RecursionError)  # Nesting without end is bad input too.


class Core(Protocol):
    """What the shell needs of the engine (`matching.core.engine.Engine`)."""

    n: int
    seq: int

    @property
    def at_ms(self) -> int: ...
    @property
    def rules_version(self) -> int: ...
    def apply(self, command: Command, command_id: str, at_ms: int) -> Applied: ...
    def refuse(self, command_id: str, at_ms: int, reason: RefusalReason) -> Applied: ...
    def tick(self, at_ms: int) -> Applied | None: ...
    def next_timer_ms(self) -> int | None: ...
    def next_forget_ms(self) -> int | None: ...
    def dump(self) -> dict[str, Any]: ...
    def check_invariants(self) -> None: ...


class Poisoned(Exception):
    """`apply` raised: memory may be half changed, so nothing of this process may be used any more."""

    def __init__(self, command_id: str, at_ms: int, market: str) -> None:
        super().__init__(f"The command {command_id} broke the engine.")
        self.poison = Poison(command_id, at_ms, market)


@dataclass(slots=True)
class Batch:
    """What came out: encoded outcomes `first_n` to `last_n` (last < first: none), answers by the origin they go to.

    `seq`, `chain` and `at_ms` are the position after the batch, `commands` counts what was decided, replays included.
    """

    first_n: int
    last_n: int
    seq: int
    chain: bytes
    at_ms: int
    outcomes: list[bytes] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    commands: int = 0

    def after(self, n: int) -> "Batch":
        """The part that comes after outcome n; the answers to earlier commands are dropped as well."""
        skipped = max(0, n + 1 - self.first_n)
        answers = {
            origin: kept for origin, list_ in self.answers.items() if (kept := [one for one in list_ if one.n > n])
        }
        first = self.first_n + min(skipped, len(self.outcomes))
        return Batch(
            first, self.last_n, self.seq, self.chain, self.at_ms, self.outcomes[skipped:], answers, self.commands
        )


class Applier:
    """Drives one engine. `entry_id` is the last cmd entry it has seen, `chain` the hash over all outcomes so far.

    `poisoned` are the ids of commands that may not be applied, `broken_keys` the keys (account, idempotency key) such
    commands came with, and when: whoever asks again with one of them would only break the engine again. `told_n` is
    the outcome up to which everybody has been told already (in a replay): of what comes before only the chain is kept.
    """

    def __init__(self, engine: Core, chain: bytes, entry_id: str = NO_ENTRY) -> None:
        self.engine = engine
        self.chain = chain
        self.entry_id = entry_id
        self.poisoned: set[str] = set()
        self.broken_keys: dict[Key, int] = {}
        self.told_n = 0
        self._batch = self._empty()

    @property
    def n(self) -> int:
        return self.engine.n

    def take(self) -> Batch:
        """What was produced since the last call."""
        batch = self._batch
        batch.last_n = self.engine.n
        batch.first_n = batch.last_n - len(batch.outcomes) + 1  # What everybody was told before was not gathered.
        batch.seq = self.engine.seq
        batch.chain = self.chain
        batch.at_ms = self.engine.at_ms
        self._batch = self._empty()
        return batch

    def pending(self) -> int:
        """How much `take` would give: commands decided, or outcomes if there are more of them."""
        return max(len(self._batch.outcomes), self._batch.commands)

    def apply_records(self, records: Iterable[Record]) -> None:
        """Raises Poisoned when the engine itself fails; bad input never does that."""
        for record in records:
            if type(record) is Entry:
                self.apply_entry(record, decode_entry(record.payload))
            elif type(record) is Tick:
                self._tick(record.at_ms)
            elif type(record) is Internal:
                self._decide(record.payload, record.command_id, record.at_ms)

    def apply_entry(self, record: Entry, entry: CommandEntry | None) -> None:
        """Decide every command of a cmd entry; an entry that could not be decoded (None) only moves the position."""
        self.entry_id = record.entry_id
        if entry is None or not entry.commands:
            return
        decide, at_ms, entry_id = self._decide, record.at_ms, record.entry_id
        if self.engine.n + len(entry.commands) <= self.told_n:
            for index, raw in enumerate(entry.commands):
                decide(raw, f"{entry_id}/{index}", at_ms)
            self._batch.outcomes.clear()
            return
        correlation = entry.first_correlation
        answers = self._batch.answers.setdefault(entry.origin, [])
        for index, raw in enumerate(entry.commands):
            applied = decide(raw, f"{entry_id}/{index}", at_ms)
            packed = applied.packed_reply
            reply: Any = applied.reply if packed is None else Raw(packed)  # Nothing is encoded twice.
            answers.append(Answer(correlation + index, applied.n, applied.replayed, reply))
        self._batch.commands += entry.counted

    def _tick(self, at_ms: int) -> None:
        """Timers that are due make an outcome as a command does, but nobody waits for an answer to it."""
        engine, command_id = self.engine, tick_id(at_ms)
        applied: Applied | None
        try:
            if command_id in self.poisoned:
                applied = engine.refuse(command_id, at_ms, RefusalReason.INTERNAL)
            else:
                applied = engine.tick(at_ms)
            encoded = None if applied is None or applied.outcome is None else codec.encode(applied.outcome)
        except MemoryError:
            raise
        except Exception as error:
            raise Poisoned(command_id, at_ms, "") from error
        if encoded is not None:
            self.chain = blake2b(self.chain + encoded, digest_size=32).digest()
            self._batch.outcomes.append(encoded)

    def _decide(self, raw: Any, command_id: str, at_ms: int) -> Applied:
        engine = self.engine
        command: Command | None = None
        try:
            if self.poisoned and command_id in self.poisoned:
                key = key_of(raw)
                if key is not None:
                    self.broken_keys[key] = at_ms
                applied = engine.refuse(command_id, at_ms, RefusalReason.INTERNAL)
            else:
                try:
                    command = codec.decode_command(raw)
                except UNREADABLE:
                    applied = engine.refuse(command_id, at_ms, RefusalReason.MALFORMED)
                else:
                    applied = engine.apply(command, command_id, at_ms)
            encoded = None if applied.outcome is None else codec.encode(applied.outcome)
        except MemoryError:
            raise  # The machine's fault, not the command's.
        except Exception as error:
            raise Poisoned(command_id, at_ms, getattr(command, "market", None) or "") from error
        if encoded is not None:
            self.chain = blake2b(self.chain + encoded, digest_size=32).digest()
            self._batch.outcomes.append(encoded)
        return applied

    def _empty(self) -> Batch:
        engine = self.engine
        return Batch(engine.n + 1, engine.n, engine.seq, self.chain, engine.at_ms)


def tick_id(at_ms: int) -> str:
    """The command id under which the outcome of a tick is known. The worker never writes two ticks of one time."""
    return f"tick/{at_ms}"


def key_of(raw: Any) -> Key | None:
    """The account and idempotency key of an encoded command; None when it has none, or is no command."""
    try:
        command = codec.decode_command(raw)
    except UNREADABLE:
        return None
    key = command.idempotency_key
    return None if key is None else (getattr(command, "account_id", 0), key)


def decode_entry(payload: bytes) -> CommandEntry | None:
    """The envelope of a cmd entry; None when it is not one (only a foreign hand can have put it there)."""
    try:
        return codec.decode_entry(payload)
    except UNREADABLE:
        return None
