"""What goes wrong, when, and how badly. Each seed has its own mixture, so that rare combinations get their turn."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from exchange_site.simulation.scheduler import NS_PER_MS, NS_PER_S, Process

DAY_MS = 86_400_000
JUMPS_MS = (50, 900, 5_000, 60_000, 3_600_000, DAY_MS)

# Where a kind of fault can strike: the kind of step begins with one of these. An empty text is any step.
STRIKES_AT: dict[str, tuple[str, ...]] = {
    "crash": ("",),
    "torn": ("disk.write",),
    "unsynced": ("disk.fdatasync",),  # A crash between writing and syncing.
    "power": ("",),
    "pause": ("",),
    "sigterm": ("",),
    "redis_restart": ("",),
    "redis_tail": ("",),
    "redis_stale": ("",),
    "redis_empty": ("",),
    "cut_before": ("redis.send",),
    "cut_after": ("redis.send",),
    "stall": ("redis.send",),
    "clock": ("",),
    "disk": ("disk.write", "disk.fdatasync", "disk.fsync", "disk.reserve", "disk.create"),
    "dropped": ("disk.fdatasync",),  # The sync fails, and with it go the pages.
    "rot": ("",),
    "database_before": ("database.commit",),
    "database_after": ("database.commit",),
}
OF_ENGINES_ONLY = frozenset({"torn", "unsynced", "disk", "dropped", "sigterm"})
NOT_OF_CLIENTS = frozenset({"crash", "pause"})  # A client that is gone has nothing to complain about.


@dataclass(slots=True)
class Actions:
    """What a fault does to the machine; `Machine` provides it."""

    kill: Callable[[Process], None]
    lose_power: Callable[[], None]
    crash_redis: Callable[[str, int], None]
    jump: Callable[[int], None]
    rot: Callable[[], bool]


@dataclass(slots=True)
class Faults:
    """`strike` is asked at every step. What it returns concerns the operation itself; the rest it does at once."""

    rng: Random
    actions: Actions
    now_ns: Callable[[], int]
    favoured: tuple[str, ...] = ()  # Kinds that strike more often than the seed says.
    enabled: bool = False
    weights: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    _next: str = ""
    _steps_left: int = 0
    _mean_steps: float = 0

    def __post_init__(self) -> None:
        rng = self.rng
        self._mean_steps = 10 ** rng.uniform(1.4, 2.5)
        for kind in STRIKES_AT:
            self.weights[kind] = rng.random() ** 2 if rng.random() < 0.6 else 0.0
        self.weights["crash"] += 0.3
        self.weights["power"] *= 0.5
        for kind in self.favoured:
            self.weights[kind] += 2
        self._draw()

    def _draw(self) -> None:
        self._next = self.rng.choices(list(self.weights), list(self.weights.values()))[0]
        self._steps_left = int(self.rng.expovariate(1 / self._mean_steps))

    def strike(self, process: Process, kind: str) -> str:
        """Called right before an operation of `process`. Raises nothing; may kill the caller, or everybody."""
        if not self.enabled:
            return ""
        self._steps_left -= 1
        if self._steps_left > 0 or not self._fits(process, kind):
            return ""
        fault = self._next
        self._draw()
        return fault if self._do(fault, process) else ""

    def _fits(self, process: Process, kind: str) -> bool:
        fault = self._next
        if process.role == "client" and fault in NOT_OF_CLIENTS:
            return False
        if process.role != "engine" and fault in OF_ENGINES_ONLY:
            return False
        return kind.startswith(STRIKES_AT[fault])

    def _do(self, fault: str, process: Process) -> bool:
        rng, actions = self.rng, self.actions
        if fault == "rot" and not actions.rot():
            return False
        self.counts[fault] = self.counts.get(fault, 0) + 1
        if fault in {"crash", "torn", "unsynced"}:
            actions.kill(process)
        elif fault == "power":
            actions.lose_power()
        elif fault == "pause":
            process.frozen_until_ns = self.now_ns() + int(10 ** rng.uniform(-1.5, 1.05) * NS_PER_S)
        elif fault == "sigterm":
            process.stopping = True
        elif fault.startswith("redis_"):
            how = {"redis_restart": "whole"}.get(fault, fault.removeprefix("redis_"))
            actions.crash_redis(how, int(10 ** rng.uniform(-1.5, 0.8) * NS_PER_S))
        elif fault == "clock":
            actions.jump(rng.choice((-1, 1)) * int(rng.choice(JUMPS_MS) * rng.uniform(0.3, 1)) * NS_PER_MS)
        elif fault in {"disk", "dropped"}:
            process.disk_failed = True
        return True
