"""The processes of the exchange on the simulated machine, started again whenever they end, as a supervisor would."""

import threading
import traceback
from collections.abc import Callable
from random import Random
from typing import Any

from exchange_site.simulation.auditor import Auditor
from exchange_site.simulation.fake_database import Database, DoubledRow, SimulatedStore
from exchange_site.simulation.machine import JOURNAL_DIR, SNAPSHOT_DIR, Machine
from exchange_site.simulation.scheduler import NS_PER_MS, NS_PER_S, Process
from exchange_site.simulation.workload import LOTS, Brittle
from matching.client.event_log import BrokenChain
from matching.core.engine import Engine
from matching.runtime import process as engine_process
from matching.runtime.config import EngineConfig
from matching.runtime.recovery import Makers
from trading.writer.changes import UnknownName
from trading.writer.loop import WriterLoop
from trading.writer.store import RowMissing

ENGINES = ("engine-a", "engine-b")
WRITERS = ("writer-a", "writer-b")
NEEDS_A_PERSON = (UnknownName, RowMissing, BrokenChain, DoubledRow, AssertionError, KeyError, ValueError)


class SimulatedStop(threading.Event):
    """What the writer waits with between two tries."""

    def __init__(self, machine: Machine, process: Process) -> None:
        super().__init__()
        self._machine = machine
        self._process = process

    def is_set(self) -> bool:
        return self._process.stopping

    def wait(self, timeout: float | None = None) -> bool:
        self._machine.scheduler.sleep(int((timeout or 0) * NS_PER_S))
        return self._process.stopping


class Services:
    """Two engines and one or two writers. `engines` holds the latest state object of each engine process."""

    def __init__(self, machine: Machine, auditor: Auditor, database: Database) -> None:
        rng = Random(machine.rng.random())
        self.engines: dict[Process, Engine] = {}
        self.exits: dict[int, int] = {}
        self._machine = machine
        self._auditor = auditor
        self._database = database
        self._rng = rng
        self._next_pid = 100
        self._mains: dict[str, Callable[[Process], None]] = {
            **dict.fromkeys(ENGINES, self._run_engine),
            **dict.fromkeys(WRITERS[: rng.choice((1, 1, 2))], self._run_writer),
        }
        self.config = EngineConfig(
            journal_dir=JOURNAL_DIR,
            snapshot_dir=SNAPSHOT_DIR,
            redis_url="redis://simulated/0",
            segment_bytes=rng.choice((4, 8, 16, 64)) * 1024,
            snapshot_every_commands=rng.choice((20, 60, 200, 1_000)),
            snapshot_every_s=rng.choice((2, 5, 20)),
            kept_behind=rng.choice((10, 40, 1_000)),
            fork_snapshots=False,
        )
        machine.on_death = self._start_again
        machine.database_n = lambda: database.position.n

    def start_all(self) -> None:
        for name in self._mains:
            self._start(name)

    def new_process(self, name: str, role: str) -> Process:
        self._next_pid += 1
        process = Process(name, role, self._next_pid)
        self._machine.processes.append(process)
        return process

    def store(self) -> SimulatedStore:
        return SimulatedStore(self._database, LOTS, self._machine.step)

    def _start(self, name: str) -> None:
        main = self._mains[name]
        process = self.new_process(name, name.partition("-")[0])

        def run() -> None:
            try:
                main(process)
            except OSError as error:
                if not process.disk_failed:
                    self._auditor.violated(f"G9: {name} met {error!r} on a healthy disk")
            except Exception as error:  # noqa: BLE001 - whatever a process dies of must become a finding.
                lines = traceback.format_exception(error)
                self._auditor.violated(f"G9: {name} died of {error!r}\n{''.join(lines)}")
            self._machine.trace.write(name, "ended")
            process.alive = False
            self._start_again(process)

        self._machine.scheduler.spawn(process, run)

    def _start_again(self, process: Process) -> None:
        self.engines.pop(process, None)
        if process.name in self._mains:
            wait_ns = int(10 ** self._rng.uniform(1.3, 3.3) * NS_PER_MS)
            self._machine.scheduler.after(wait_ns, lambda: self._start(process.name))

    # ------------------------------------------------------------------------------------------------------- engines

    def _run_engine(self, process: Process) -> None:
        def new() -> Engine:
            return self._known(process, Brittle())

        def load(dumped: dict[str, Any]) -> Engine:
            engine = Brittle.load(dumped)
            assert isinstance(engine, Brittle)
            return self._known(process, engine)

        code = engine_process.EngineProcess(self.config, lambda: process.stopping, Makers(new, load)).run()
        self._machine.trace.write(process.name, f"exit code {code}")
        self.exits[code] = self.exits.get(code, 0) + 1
        if code == engine_process.EXIT_REFUSED and self._machine.has_way_back(len(self._auditor.published)):
            self._auditor.violated(f"G9: {process.name} refuses to start or to go on, and nothing is damaged")
        if code == engine_process.EXIT_JOURNAL and not process.disk_failed:
            self._auditor.violated(f"G9: {process.name} says that the disk failed, but it did not")

    def _known(self, process: Process, engine: Brittle) -> Brittle:
        engine.idempotent = self._machine.ablation != "idempotency"
        self.engines[process] = engine
        return engine

    def leader(self, owner: str) -> Engine | None:
        """The state of the engine whose name stands in Redis (`host:pid:random`)."""
        for process, engine in self.engines.items():
            if process.alive and f":{process.pid}:" in owner:
                return engine
        return None

    # ------------------------------------------------------------------------------------------------------- writers

    def _run_writer(self, process: Process) -> None:
        try:
            WriterLoop(SimulatedStop(self._machine, process)).run()
        except NEEDS_A_PERSON as error:
            self._auditor.violated(f"G6: {process.name} cannot go on: {error!r}\n{traceback.format_exc()}")
