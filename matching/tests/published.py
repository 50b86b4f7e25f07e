"""A real engine core whose outcomes go to a real `ev` stream, without journal or process: for tests of its readers."""

import hashlib
from collections.abc import Iterable
from typing import Any

from exchange_site.kernel.redis_names import ENGINE, EVENTS
from matching import codec
from matching.client.event_log import CHAIN_BYTES, GENESIS_CHAIN
from matching.core.engine import Engine
from matching.messages import Answer, Command, Outcome

START_MS = 1_767_225_600_000  # 2026-01-01.


def run_core(commands: Iterable[Command]) -> tuple[Engine, list[Outcome]]:
    """A new engine after the commands, and what it decided."""
    engine, outcomes = Engine(), []
    for index, command in enumerate(commands):
        applied = engine.apply(command, f"1-{index}/0", START_MS + index)
        if applied.outcome is not None:
            outcomes.append(applied.outcome)
    return engine, outcomes


class PublishedEngine:
    def __init__(self, client: Any) -> None:
        self.client = client
        self.engine = Engine()
        self.chain = GENESIS_CHAIN
        self.outcomes: list[Outcome] = []
        self.at_ms = START_MS
        self.answers: list[Answer] = []  # To the commands of the last `run`.
        self.entries: list[tuple[str, dict[str, Any]]] = []

    def run(self, commands: Iterable[Command], per_entry: int = 50, ms_per_command: int = 7) -> list[Outcome]:
        """Apply and publish; every `per_entry` outcomes make one entry of the stream."""
        made: list[Outcome] = []
        self.answers = []
        for index, command in enumerate(commands):
            self.at_ms += ms_per_command
            applied = self.engine.apply(command, f"1-{len(self.outcomes) + len(made)}/{index}", self.at_ms)
            self.answers.append(Answer(index, applied.n, applied.replayed, applied.reply))
            if applied.outcome is not None:
                made.append(applied.outcome)
        for start in range(0, len(made), per_entry):
            self._publish(made[start : start + per_entry])
        self.outcomes += made
        return made

    def _publish(self, outcomes: list[Outcome]) -> None:
        parts = [codec.encode(outcome) for outcome in outcomes]
        for part in parts:
            self.chain = hashlib.blake2b(self.chain + part, digest_size=CHAIN_BYTES).digest()
        last_n = outcomes[-1].n
        fields = {"f": outcomes[0].n, "t": 1, "c": self.chain, "b": codec.join_encoded(parts)}
        self.entries.append((f"{last_n}-0", fields))
        self.client.xadd(EVENTS, fields, id=f"{last_n}-0")
        position = {"term": 1, "n": last_n, "seq": self.engine.seq, "chain": self.chain.hex(), "at_ms": self.at_ms}
        self.client.hset(ENGINE, mapping=position)

    def republish(self) -> None:
        """Everything again from outcome 1 on, as an engine does for a reader that asked."""
        self.client.delete(EVENTS)
        for entry_id, fields in self.entries:
            self.client.xadd(EVENTS, fields, id=entry_id)
