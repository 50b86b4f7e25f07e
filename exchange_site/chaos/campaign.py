"""Fault after fault under load, each judged by itself; then the verdict about everything together."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from exchange_site.chaos import faults_database, faults_disk, faults_engine, faults_redis, workload
from exchange_site.chaos.installation import AWAY, Installation, Stuck
from exchange_site.chaos.ledger import Ledger, Trouble
from exchange_site.chaos.program import Line
from exchange_site.chaos.reader import Reader
from exchange_site.chaos.stage import Fault, FaultFailed, Stage
from exchange_site.chaos.traffic import Clients
from exchange_site.chaos.verdict import Verdict

FAULTS: tuple[Fault, ...] = (
    *faults_engine.FAULTS,
    *faults_redis.FAULTS,
    *faults_disk.FAULTS,
    *faults_database.FAULTS,
)
WATCHED = ("engine_a", "engine_b", "db_writer")  # Redis and PostgreSQL are victims; what they say is kept, not judged.
WINDOW_SLACK_S = 3.5  # An answer may be missing for as long as a client waits for one.
OPENING_TIMEOUT_S = 30.0


@dataclass
class Injected:
    """One fault that was injected, from `began` to `ended` (monotonic s)."""

    fault: Fault
    began: float
    ended: float = 0.0
    downtimes: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    broken: bool = False  # It did not come back, or did what it must not; a missed budget alone is not that.


def schedule(seed: int, faults: list[Fault], count: int | None) -> list[Fault]:
    """Every fault once in each round, in an order of the round's own; `count` None: as many rounds as anybody needs."""
    rng = random.Random(seed)
    found: list[Fault] = []
    while len(found) < (count or 100_000):
        one_round = list(faults)
        rng.shuffle(one_round)
        found += one_round
    return found[: count or 100_000]


class Campaign:
    """`injected` and `findings` say what happened. Use `run` once; the caller stops the installation."""

    def __init__(self, place: Installation, seed: int, tell: Callable[[str], None], budget_factor: float = 1.0) -> None:
        self.place, self.seed, self.tell, self.budget_factor = place, seed, tell, budget_factor
        self.ledger = Ledger()
        self.clients = Clients(seed, self.ledger)
        self.reader = Reader([wishes.events for wishes in self.clients.wishes])
        self.injected: list[Injected] = []
        self.findings: list[str] = []
        self.facts: list[str] = []
        self._quiet_since = 0.0

    def run(self, faults: list[Fault], until: float, sabotage: Callable[[Stage], None] | None = None) -> None:
        """Inject until the list or the time (monotonic) is up, then judge. What goes wrong becomes findings."""
        self.place.start()
        self.reader.start()
        self._open()
        self.clients.start()
        try:
            self.place.wait_until_steady()
            self._quiet_since = time.monotonic()
            for serial, fault in enumerate(faults):
                if time.monotonic() >= until:
                    break
                self._inject(serial, len(faults), fault)
                if self.injected[-1].broken:
                    break  # What follows would only be its consequence.
            if sabotage is not None:
                sabotage(self._stage(len(self.injected), "sabotage"))
                self.place.wait_until_steady()
                self._quiet_since = time.monotonic()  # Only the audit has to notice it.
            self.tell("waiting for the last answers")
            self.place.wait_until_steady()
            self._finish()
            self._judge_quiet_times()
            verdict = Verdict(self.place, self.ledger, self.reader, self.tell)
            verdict.reach()
            self.findings += verdict.findings
            self.facts += verdict.facts
        except (Stuck, FaultFailed) as error:
            self.findings.append(f"stuck: {error}")
        finally:
            self.clients.give_up_at = 0.0
            self.clients.stopping.set()

    def _open(self) -> None:
        asked = self.ledger.ask(workload.opening())
        until = time.monotonic() + OPENING_TIMEOUT_S
        self.clients.give_up_at = until
        self.clients.settle(asked, OPENING_TIMEOUT_S)
        self.clients.give_up_at = float("inf")

    def _finish(self) -> None:
        self.clients.finish(self.place.tend)

    # ---------------------------------------------------------------------------------------------------- one fault
    def _stage(self, serial: int, name: str) -> Stage:
        rng = random.Random(f"{self.seed}-{serial}-{name}")
        return Stage(self.place, self.clients, rng, serial, self.tell)

    def _inject(self, serial: int, of: int, fault: Fault) -> None:
        stage = self._stage(serial, fault.name)
        self.place.forgive()
        stage.pause(0.2, 0.8)
        self._judge_quiet_times()
        injected = Injected(fault, time.monotonic(), downtimes=stage.downtimes, notes=stage.notes)
        self.injected.append(injected)
        try:
            fault.act(stage)
            stage.steady()
        except (Stuck, FaultFailed, *AWAY) as error:
            injected.findings.append(f"{fault.name}: {error}")
            injected.broken = True
        injected.ended = self._quiet_since = time.monotonic()
        self._judge(injected)
        self.findings += injected.findings
        waits = ", ".join(f"{seconds:.2f} s" for seconds in injected.downtimes) or "never"
        notes = f" ({'; '.join(injected.notes)})" if injected.notes else ""
        verdict = "" if not injected.findings else "  FAILED: " + " ".join(injected.findings)
        count = f"{serial + 1}" if of >= 100_000 else f"{serial + 1}/{of}"
        self.tell(f"{count} {fault.name}: trading again after {waits}{notes}{verdict}")

    def _judge(self, injected: Injected) -> None:
        fault = injected.fault
        budget = fault.budget_s * self.budget_factor
        for seconds in injected.downtimes:
            if seconds > budget:
                injected.findings.append(
                    f"{fault.name}: trading again after {seconds:.2f} s, the budget is {budget:g} s."
                )
        for end in self.place.exits_since(injected.began):
            if end.name.startswith("engine") and end.code not in fault.exits:
                injected.findings.append(f"{fault.name}: {end}, which this fault does not explain.")
        for line in self._complaints(injected.began, injected.ended):
            if not fault.explains_line(line.text):
                injected.findings.append(f"{fault.name}: {line.name} said: {line.text}")

    # --------------------------------------------------------------------------------------------- between the faults
    def _complaints(self, since: float, until: float) -> list[Line]:
        return [
            line
            for line in self.place.lines_since(since)
            if line.at <= until and line.name in WATCHED and line.text.startswith(("ERROR", "CRITICAL", "Traceback"))
        ]

    def _judge_quiet_times(self) -> None:
        """Where no fault strikes, every command is taken and answered, nobody complains and nothing ends."""
        since, until = self._quiet_since, time.monotonic()
        self._quiet_since = until
        for line in self._complaints(since, until):
            self.findings.append(f"unexplained: {line.name} said: {line.text}")
        for end in self.place.exits_since(since):
            if end.at <= until:
                self.findings.append(f"unexplained: {end}.")
        for trouble in self._troubles(since + WINDOW_SLACK_S, until):
            self.findings.append(f"unexplained: a client met: {trouble.what}.")
        for trouble in self.ledger.surprises:
            self.findings.append(f"unexplained: a client met: {trouble.what}.")
        self.ledger.surprises.clear()

    def _troubles(self, since: float, until: float) -> list[Trouble]:
        return [one for one in (*self.ledger.refused_entry, *self.ledger.silent) if since <= one.at <= until]
