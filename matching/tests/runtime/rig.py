"""Engines in the test's own process: lead, feed commands, die at any moment, lead again."""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgpack
from django.conf import settings

from exchange_site.kernel import redis_names
from matching import codec
from matching.client.event_log import EventReader
from matching.core.engine import Engine
from matching.messages import Answer, Command, Outcome
from matching.runtime.config import EngineConfig
from matching.runtime.follower import Follower
from matching.runtime.leadership import Leadership
from matching.runtime.recovery import Makers
from matching.runtime.takeover import Led, take_over
from matching.runtime.worker import Worker
from matching.tests.flows import random_commands
from matching.transport import admit
from matching.transport.connection import LogConnection

ORIGIN = "rig"


class Brittle(Engine):
    """An engine that breaks, half way through its changes, on a command whose key begins with `poison`."""

    def apply(self, command: Command, command_id: str, at_ms: int) -> Any:
        applied = super().apply(command, command_id, at_ms)
        if (command.idempotency_key or "").startswith("poison"):
            raise ZeroDivisionError("a bug that only this command meets")
        return applied


BRITTLE = Makers(Brittle, Brittle.load)


def state_hash(engine: Any, chain: bytes) -> str:
    """Equal hashes mean equal engines: every number they hold, and every outcome they ever made."""
    return hashlib.sha256(msgpack.packb(engine.dump()) + chain).hexdigest()


def parts(seed: int, count: int, pieces: int) -> list[list[Command]]:
    """A random flow with its listing, cut into pieces of equal size."""
    commands = list(random_commands(seed, count))
    size = len(commands) // pieces + 1
    return [commands[first : first + size] for first in range(0, len(commands), size)]


class Rig:
    """One exchange on disk and in Redis; engines come and go."""

    def __init__(self, directory: Path, client: Any) -> None:
        self.client = client
        self.config = EngineConfig(
            journal_dir=directory / "journal",
            snapshot_dir=directory / "snapshots",
            redis_url=settings.REDIS_LOG_URL,
            segment_bytes=64 * 1024,
            fork_snapshots=False,
        )
        self.config.journal_dir.mkdir()
        self.config.snapshot_dir.mkdir()
        self.correlation = 1
        self._led: list[tuple[Led, LogConnection]] = []

    def configure(self, **changes: Any) -> None:
        self.config = dataclasses.replace(self.config, **changes)

    def lead(
        self, makers: Makers | None = None, log: LogConnection | None = None, follower: Follower | None = None
    ) -> Worker:
        """Take over. The loop of the returned worker ends when there is nothing left to read."""
        log = log or LogConnection(self.config.redis_url)
        led = take_over(self.config, log, makers or Makers(), lambda: False, follower)
        self._led.append((led, log))
        return Worker(self.config, led, log, lambda: False, idle=True)

    def follow(self, makers: Makers | None = None) -> Follower:
        return Follower(self.config.journal_dir, self.config.snapshot_dir, makers or Makers())

    def led(self) -> Led:
        return self._led[-1][0]

    def die(self) -> None:
        """As kill -9 would leave it: nothing is tidied up."""
        led, log = self._led.pop()
        led.journal.close(tidy=False)
        log.close()

    def send(self, commands: Iterable[Command], per_entry: int = 7) -> int:
        """Admit; returns how many."""
        raw = [codec.encode(command) for command in commands]
        for first in range(0, len(raw), per_entry):
            self.send_raw(raw[first : first + per_entry])
        return len(raw)

    def send_raw(self, raw: list[bytes]) -> None:
        payload = codec.encode_entry(ORIGIN, self.correlation, raw)
        self.correlation += len(raw)
        admit.admit(self.client, admit.Kind.ADMIN, len(raw), 1_000_000, payload)

    def run(self, commands: Iterable[Command], worker: Worker, per_entry: int = 7) -> str:
        """Send, let the worker finish, and return the hash of its state."""
        self.send(commands, per_entry)
        worker.run()
        return self.hash()

    def hash(self) -> str:
        applier = self.led().applier
        return state_hash(applier.engine, applier.chain)

    def outcomes(self) -> list[Outcome]:
        """All of ev, read as a reader does: the numbers have no gap, and the chain leads from each to the next."""
        reader, found, chain = EventReader(self.client), [], bytes(32)
        while batches := reader.read(found[-1].n if found else 0, block_ms=0):
            for batch in batches:
                batch.check_chain(chain)
                chain = batch.chain
                found.extend(batch.outcomes)
        for before, outcome in itertools.pairwise(found):
            assert outcome.seq == before.seq + len(before.events)
        return found

    def answers(self) -> dict[int, list[Answer]]:
        """Everything sent to the rig, by correlation."""
        found: dict[int, list[Answer]] = {}
        for _, fields in self.client.xrange(redis_names.replies(ORIGIN)):
            for answer in codec.decode_answers(fields[redis_names.PAYLOAD_FIELD]):
                found.setdefault(answer.correlation, []).append(answer)
        return found

    def leadership(self) -> Leadership:
        return self.led().leadership

    def close(self) -> None:
        while self._led:
            self.die()
