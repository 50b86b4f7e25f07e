"""Clients of the exchange: they send, wait, ask again while they do not know, and remember every answer."""

from collections.abc import Iterator
from random import Random

from redis import Redis
from redis.exceptions import RedisError

from exchange_site.kernel.redis_client import log_client
from exchange_site.simulation.auditor import Auditor, Received
from exchange_site.simulation.machine import Machine
from exchange_site.simulation.scheduler import NS_PER_MS, Process
from exchange_site.simulation.workload import POISON
from matching.client import blocking, engine_notes
from matching.client.errors import NotAdmitted, OutcomeUnknown
from matching.messages import Answer, Command

REPLY_TIMEOUT_S = 5
RETRY_WAIT_MS = (50, 1_500)


class Client:
    """Sends one batch after the other. `idle` when it has nothing more to say and knows all it can know."""

    def __init__(
        self, machine: Machine, auditor: Auditor, process: Process, rng: Random, requests: Iterator[list[Command]]
    ) -> None:
        self.idle = False
        self.sent = 0
        self._machine = machine
        self._auditor = auditor
        self._process = process
        self._rng = rng
        self._requests = requests
        self._settled: list[list[Command]] = []

    def run(self) -> None:
        for batch in self._requests:
            self._settle(batch)
            if self._rng.random() < 0.1 and self._settled:
                self._settle(self._rng.choice(self._settled))  # A repetition nobody needed, as clients send them.
            self._machine.scheduler.sleep(int(10 ** self._rng.uniform(0, 3) * NS_PER_MS))
        self.idle = True

    def _settle(self, batch: list[Command]) -> None:
        """Send until the outcome is known. What has no key is sent once: asking again could act twice."""
        again = batch
        while again:
            answers = self._send(again)
            if answers is not None:
                self._machine.trace.write(self._process.name, f"answered {[answer.n for answer in answers]}")
                for command, answer in zip(again, answers, strict=True):
                    self._auditor.received.append(Received(self._process.name, command, answer))
                if all(is_repeatable(command) for command in batch):
                    self._settled.append(batch)
                return
            again = [command for command in again if is_repeatable(command)]
            self._machine.scheduler.sleep(self._rng.randrange(*RETRY_WAIT_MS) * NS_PER_MS)

    def _send(self, commands: list[Command]) -> list[Answer] | None:
        """None when they may have to be sent again."""
        self.sent += len(commands)
        try:
            return blocking.send_many(commands, timeout_s=REPLY_TIMEOUT_S)
        except NotAdmitted as refusal:
            self._machine.trace.write(self._process.name, f"not admitted: {refusal}")
        except OutcomeUnknown as unknown:
            self._machine.trace.write(self._process.name, f"outcome unknown: {unknown}")
        return None


class Operator:
    """Leaves wishes for the engine, as `manage.py` does: a snapshot, another leader, outcomes once more."""

    def __init__(self, machine: Machine, auditor: Auditor, rng: Random) -> None:
        self._machine = machine
        self._auditor = auditor
        self._rng = rng

    def run(self) -> None:
        client = log_client()
        while self._machine.faults.enabled:
            self._machine.scheduler.sleep(int(10 ** self._rng.uniform(2.5, 4.5) * NS_PER_MS))
            try:
                self._wish(client)
            except RedisError as error:
                self._machine.trace.write("operator", f"no wish: {error}")

    def _wish(self, client: Redis) -> None:
        kind = self._rng.randrange(4)
        if kind == 0:
            engine_notes.ask_to_step_down(client, "the operator wants to see it")
        elif kind == 1:
            engine_notes.ask_for_republish(client, self._rng.randrange(1, len(self._auditor.published) + 3))
        else:
            engine_notes.ask_for_snapshot(client, self._machine.time.wall_ms())


def is_repeatable(command: Command) -> bool:
    key = command.idempotency_key
    return key is not None and not key.startswith(POISON)
