"""One simulated host: processes, disk, Redis, clocks, and the faults that strike them."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from exchange_site.simulation.ablations import without_fence
from exchange_site.simulation.fake_disk import Disk
from exchange_site.simulation.fake_redis import RedisData
from exchange_site.simulation.fake_time import FakeTime
from exchange_site.simulation.faults import Actions, Faults
from exchange_site.simulation.machine_disk import MachineDisk
from exchange_site.simulation.redis_server import RedisServer
from exchange_site.simulation.scheduler import NS_PER_MS, Killed, Process, Scheduler
from exchange_site.simulation.trace import Trace

JOURNAL_DIR = Path("/data/journal")
SNAPSHOT_DIR = Path("/data/snapshots")

LATENCY_NS = {  # Slowest operations of a healthy machine; each takes a tenth of it up to all of it.
    "disk.fdatasync": 400_000,
    "disk.fsync": 400_000,
    "disk.write": 30_000,
    "redis.send": 150_000,
    "redis.read": 150_000,
    "database.commit": 5_000_000,
}
OTHERS_NS = 20_000


class Machine:
    """Everything of one run. All randomness comes from the seed."""

    def __init__(self, seed: int, ablation: str, favoured: tuple[str, ...], whole_trace: bool) -> None:
        self.rng = Random(seed)
        self.ablation = ablation
        self.scheduler = Scheduler(Random(self.rng.random()))
        self.trace = Trace(lambda: self.scheduler.now_ns, whole_trace)
        self.time = FakeTime(self.scheduler)
        self.disk = Disk()
        self.redis_data = RedisData(self.time.wall_ms)
        if ablation == "fence":
            self.redis_data.edit_script = without_fence
        self.redis = RedisServer(self.redis_data, self.scheduler, Random(self.rng.random()))
        self.disk_calls = MachineDisk(self.disk, self.scheduler, self.step, Random(self.rng.random()), ablation)
        self.processes: list[Process] = []
        self.rotten: set[str] = set()  # Snapshots we damaged.
        self.database_n: Callable[[], int] = lambda: 0
        actions = Actions(self.kill, self.lose_power, self.crash_redis, self.jump, self.rot_snapshot)
        self.faults = Faults(Random(self.rng.random()), actions, lambda: self.scheduler.now_ns, favoured)
        self.on_death: Callable[[Process], None] = lambda process: None
        self._latency = Random(self.rng.random())

    # --------------------------------------------------------------------------------------------------------- steps

    def step(self, kind: str, detail: str) -> str:
        """Before every operation on the outside: time passes, others have their turn, and something may go wrong."""
        process = self.scheduler.alive_actor().process
        self.trace.write(process.name, kind, detail)
        self.scheduler.sleep(int(LATENCY_NS.get(kind, OTHERS_NS) * self._latency.uniform(0.1, 1)))
        fault = self.faults.strike(process, kind)
        if fault:
            self.trace.write("fault", fault, "at", process.name, kind)
            if fault == "torn":
                return fault  # The operation does its half first.
            if not process.alive:
                raise Killed
            if fault == "pause":
                self.scheduler.sleep(0)
        return fault

    def name_of_current(self) -> str:
        actor = self.scheduler.current
        return actor.process.name if actor is not None else "machine"

    # -------------------------------------------------------------------------------------------------------- faults

    def kill(self, process: Process) -> None:
        self.scheduler.kill(process)
        self.on_death(process)

    def lose_power(self) -> None:
        """Everything on the host dies at once. Clients are elsewhere."""
        for process in self.processes:
            if process.alive and process.role != "client":
                self.kill(process)
        self.disk.lose_power(self.rng)
        self.redis.crash("tail", self.rng.randrange(100, 3_000) * NS_PER_MS)

    def crash_redis(self, how: str, away_ns: int) -> None:
        self.redis.crash(how, away_ns)

    def jump(self, ns: int) -> None:
        self.time.wall_offset_ns += ns

    def rot_snapshot(self) -> bool:
        """Damage or lose a snapshot, but never the last way back: a good one not ahead of the database stays."""
        good = self._good_snapshots()
        name = self.rng.choice([*good, good[-1]]) if good else ""
        if not name or not self.has_way_back(self.database_n(), without=name):
            return False
        self.rotten.add(name)
        directory = self.disk.directories[SNAPSHOT_DIR]
        inode = directory.seen[name]
        if self.rng.random() < 0.3:
            directory.change([(name, None)])
            directory.sync()
        else:
            place = self.rng.randrange(max(1, len(inode.seen)))
            for content in (inode.seen, inode.kept):
                if place < len(content):
                    content[place] ^= 1 << self.rng.randrange(8)
        self.trace.write("rot", name)
        return True

    def has_way_back(self, n: int, without: str = "") -> bool:
        """Can the state after outcome n, and everything after it, still be made from what is on the disk?"""
        good = [name for name in self._good_snapshots() if name != without and snapshot_n(name) <= n]
        return bool(good) or self._reaches_genesis()

    def _good_snapshots(self) -> list[str]:
        directory = self.disk.directories.get(SNAPSHOT_DIR)
        names = directory.seen if directory is not None else {}
        return sorted(name for name in names if name.endswith(".snap") and name not in self.rotten)

    def _reaches_genesis(self) -> bool:
        journal = self.disk.directories.get(JOURNAL_DIR)
        return journal is not None and any(name.startswith("t0000000001-") for name in journal.kept)


def snapshot_n(name: str) -> int:
    return int(name.removeprefix("snapshot-").removesuffix(".snap"))
