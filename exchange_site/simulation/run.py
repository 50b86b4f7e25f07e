"""One seed: a machine, an exchange on it, everything that can go wrong, then peace, and the verdict."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from exchange_site.kernel import redis_names
from exchange_site.simulation.ablations import ABLATIONS
from exchange_site.simulation.auditor import Auditor
from exchange_site.simulation.clients import Client, Operator
from exchange_site.simulation.fake_database import Database
from exchange_site.simulation.machine import Machine
from exchange_site.simulation.scheduler import NS_PER_S, SimulationStuck
from exchange_site.simulation.seams import installed
from exchange_site.simulation.services import Services
from exchange_site.simulation.workload import LOTS, batches, opening
from matching.messages import Command

CLIENTS = 3
BATCHES = 16  # Requests of each client.
CHAOS_S = 120  # Simulated seconds; a bound, a run is over when the clients have said everything.
MAX_FAULTS = 30
PEACE_S = 120  # In which everything must have healed by itself.


@dataclass(slots=True)
class Result:
    """What one run came to. `violations` is empty when every promise was kept."""

    seed: int
    violations: list[str]
    trace_hash: str
    trace: list[str]
    steps: int
    outcomes: int
    answers: int
    faults: dict[str, int]
    exits: dict[int, int]
    simulated_s: float
    beyond_repair: bool  # We damaged more than anything could heal; nothing was compared.


def simulate(
    seed: int,
    ablation: str = "",
    batches_each: int = BATCHES,
    whole_trace: bool = False,
    favoured: tuple[str, ...] = (),
) -> Result:
    """Runs one seed. Never raises for what the exchange did wrong: that is in `violations`.

    `favoured` are kinds of faults that strike more often than the seed says; an ablation has its own.
    """
    if ablation:
        favoured = ABLATIONS[ablation].favoured
    collecting = gc.isenabled()
    gc.disable()  # A run is short, and frees nearly everything when it ends.
    try:
        run = Run(seed, Machine(seed, ablation, favoured, whole_trace), batches_each)
        with installed(run.machine, run.services.store, whole_trace):
            run.play()
        return run.result()
    finally:
        if collecting:
            gc.enable()


class Run:
    """The pieces of one run, put together."""

    def __init__(self, seed: int, machine: Machine, batches_each: int) -> None:
        self.seed = seed
        self.machine = machine
        self.auditor = Auditor(self.machine)
        self.database = Database()
        self.services = Services(self.machine, self.auditor, self.database)
        self.beyond_repair = False
        self._clients: list[Client] = []
        self._batches_each = batches_each

    def play(self) -> None:
        scheduler = self.machine.scheduler
        try:
            self.services.start_all()
            self._open_the_exchange()
            self.machine.faults.enabled = True
            self._add_clients()
            self._until(lambda: self._all_said() or self._enough_went_wrong(), 2 * CHAOS_S)
            self._make_peace()
            if not self.auditor.violations:
                self._audit()
        except SimulationStuck as error:
            # Snapshots rot one by one; when the last one the database needs has gone, a person must help.
            self.beyond_repair = not self.machine.has_way_back(self.database.position.n)
            if not self.beyond_repair:
                self.auditor.violated(f"G9: {error} {self._position()}")
        finally:
            scheduler.end()

    def result(self) -> Result:
        machine = self.machine
        return Result(
            seed=self.seed,
            violations=self.auditor.violations,
            trace_hash=machine.trace.digest(),
            trace=list(machine.trace.lines),
            steps=machine.trace.events,
            outcomes=len(self.auditor.published),
            answers=len(self.auditor.received),
            faults=machine.faults.counts,
            exits=self.services.exits,
            beyond_repair=self.beyond_repair,
            simulated_s=machine.scheduler.now_ns / NS_PER_S,
        )

    # -------------------------------------------------------------------------------------------------------- phases

    def _open_the_exchange(self) -> None:
        self._client("staff", iter([opening()]))
        self._until(self._all_said, PEACE_S)

    def _add_clients(self) -> None:
        for number in range(CLIENTS):
            name = f"client-{number}"
            rng = Random(self.machine.rng.random())
            self._client(name, batches(rng, name, self._batches_each, self.machine.time.wall_ms))
        operator = Operator(self.machine, self.auditor, Random(self.machine.rng.random()))
        self.machine.scheduler.spawn(self.services.new_process("operator", "client"), operator.run)

    def _client(self, name: str, requests: Iterator[list[Command]]) -> None:
        process = self.services.new_process(name, "client")
        client = Client(self.machine, self.auditor, process, Random(self.machine.rng.random()), requests)
        self._clients.append(client)
        self.machine.scheduler.spawn(process, client.run)

    def _make_peace(self) -> None:
        """No more faults: now everything must heal by itself, and one more order must be answered."""
        self.machine.faults.enabled = False
        self.machine.trace.write("machine", "peace")
        rng = Random(self.machine.rng.random())
        self._client("last", batches(rng, "last", 1, self.machine.time.wall_ms))
        self._until(self._at_rest, PEACE_S)

    def _all_said(self) -> bool:
        return all(client.idle for client in self._clients)

    def _enough_went_wrong(self) -> bool:
        machine = self.machine
        return sum(machine.faults.counts.values()) >= MAX_FAULTS or machine.scheduler.now_ns > CHAOS_S * NS_PER_S

    def _at_rest(self) -> bool:
        written = self.database.position.n >= len(self.auditor.published)
        return written and self._all_said() and self._known().get(b"status") == b"open"

    def _known(self) -> dict[bytes, bytes]:
        """What Redis knows of the leading engine."""
        known = self.machine.redis_data.data.get(redis_names.ENGINE.encode(), {})
        assert isinstance(known, dict)
        return known

    def _until(self, done: Callable[[], bool], seconds: int) -> None:
        scheduler = self.machine.scheduler
        scheduler.run(lambda: bool(self.auditor.violations) or done(), scheduler.now_ns + seconds * NS_PER_S)

    def _audit(self) -> None:
        expected = self.auditor.expected()
        if self.auditor.violations:
            return
        leader = self.services.leader(self._known().get(b"owner", b"").decode())
        self.auditor.compare(expected, leader, self.database, LOTS)

    def _position(self) -> str:
        return f"Published: {len(self.auditor.published)}, in the database: {self.database.position.n}."
