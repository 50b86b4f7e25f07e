"""What a fault gets to work with, and how long trading stood still after it."""

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from exchange_site.chaos.installation import Installation, Stuck
from exchange_site.chaos.ledger import Asked
from exchange_site.chaos.program import Exit, Program
from exchange_site.chaos.traffic import CLIENT_TIMEOUT_S, Clients
from exchange_site.chaos.workload import probe_order, with_key
from exchange_site.kernel.redis_client import log_client
from matching.runtime.process import EXIT_FENCED

TRADING_TIMEOUT_S = 90.0
KILLED = -9
WARM_TAKEOVER_S = 5.0  # G14.
COLD_START_S = 15.0  # G15.
# Of two engines that start at once the later may fence the earlier, when that one is slow to begin its replay.
COLD_EXITS = frozenset({KILLED, EXIT_FENCED})


class FaultFailed(Exception):
    """The exchange did not do what the fault matrix promises. The message is a sentence."""


@dataclass(frozen=True)
class Fault:
    """One way to break it. `number` is that of the fault matrix; `exits` are the exit codes that it explains, `lines`
    what the log may say above WARNING; `budget_s` bounds the time until an order is accepted again."""

    number: str
    variant: str
    act: Callable[["Stage"], None]
    budget_s: float
    exits: frozenset[int] = frozenset({KILLED})
    lines: str | None = None
    needs_database: bool = False

    @property
    def name(self) -> str:
        return f"{self.number} {self.variant}"

    def explains_line(self, text: str) -> bool:
        """ERROR is what a fault may cause; CRITICAL and tracebacks only those it names."""
        if text.startswith("ERROR"):
            return True
        return self.lines is not None and re.search(self.lines, text) is not None


@dataclass
class Stage:
    """One injection. `downtimes` are seconds from the moment trading could or should have gone on."""

    place: Installation
    clients: Clients
    rng: random.Random
    serial: int
    tell: Callable[[str], None]
    downtimes: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def leader(self) -> Program:
        """The engine that leads. Raises Stuck."""
        found: Program = self.place.wait(self.place.leader, "a leader", 30)
        return found

    def engines(self) -> tuple[Program, Program]:
        """Leader and standby."""
        leader = self.leader()
        return leader, self.place.other(leader)

    def redis(self) -> Program:
        return self.place.programs["redis"]

    def note(self, text: str) -> None:
        self.notes.append(text)

    def steady(self) -> None:
        self.place.wait_until_steady()

    def rest_until_steady(self) -> None:
        """As `steady`, while no client sends anything."""
        self.clients.going.clear()
        try:
            self.steady()
        finally:
            self.clients.going.set()

    def trading_again(self, began: float) -> float:
        """Wait for the first order that was sent after `began` and accepted; seconds from `began`. Raises Stuck."""
        accepted: float = self.place.wait(
            lambda: self.clients.first_accepted_after(began), "an accepted order", TRADING_TIMEOUT_S
        )
        self.downtimes.append(accepted - began)
        return accepted - began

    def pause(self, least_s: float, most_s: float) -> None:
        """Let time pass, tending the processes."""
        until = time.monotonic() + self.rng.uniform(least_s, most_s)
        self.place.wait(lambda: time.monotonic() >= until, "time to pass", most_s + 60)

    def kill_engines(self) -> None:
        """Both, and they stay dead until `start_engines`."""
        leader, standby = self.engines()
        for engine in (standby, leader):
            engine.wanted = False
            engine.kill()

    def start_engines(self) -> float:
        """Both; returns when. Their first start after this is not late because of earlier deaths."""
        self.place.forgive()
        began = time.monotonic()
        for name in ("engine_a", "engine_b"):
            program = self.place.programs[name]
            if not program.running:
                program.start()
        return began

    def replace_standby(self, command: list[str] | None = None, **environment: str) -> Program:
        """Kill the standby and start another in its place, with that command or environment; wait until it is warm."""
        standby = self.engines()[1]
        standby.wanted = False
        standby.kill()
        standby.start(command, **environment)
        self.steady()
        return standby

    def expect_exit(self, program: Program, since: float, codes: set[int], what: str) -> Exit:
        """Raises FaultFailed for another exit code."""
        end = self.place.wait_for_exit(program, since, what)
        if end.code not in codes:
            raise FaultFailed(f"{end}; one of the exit codes {sorted(codes)} was expected.")
        return end

    def burst(self, commands: int, entries: int = 1) -> None:
        """Entries of many orders, settled in the background like all others."""
        for entry in range(entries):
            orders = [
                with_key(probe_order(9, index), f"burst{self.serial}-{entry}-{index}") for index in range(commands)
            ]
            self.ask(self.clients.ledger.ask(orders))

    def ask(self, asked: list[Asked]) -> None:
        """Settle in a thread of its own."""

        def settle() -> None:
            try:
                self.clients.settle(asked, CLIENT_TIMEOUT_S)
            except Exception as error:  # noqa: BLE001 - the audit reports it.
                self.clients.ledger.surprise(error)

        self.clients.also_wait_for(thread := threading.Thread(target=settle, daemon=True))
        thread.start()

    def call_redis(self, *words: Any) -> Any:
        """One request as its administrator."""
        with log_client() as client:
            return client.execute_command(*words)


__all__ = ["COLD_EXITS", "COLD_START_S", "KILLED", "WARM_TAKEOVER_S", "Fault", "FaultFailed", "Stage", "Stuck"]
