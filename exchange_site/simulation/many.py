"""Many seeds, on all cores, until one of them breaks a promise."""

import functools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from exchange_site.simulation.run import BATCHES, Result, simulate

SEEDS_AT_ONCE = 2  # Handed to a worker together; more would make the first failure come late.


@dataclass(slots=True)
class Total:
    """What the runs so far came to."""

    runs: int = 0
    steps: int = 0
    outcomes: int = 0
    answers: int = 0
    beyond_repair: int = 0
    seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    broken: Result | None = None

    def add(self, result: Result) -> None:
        self.runs += 1
        self.steps += result.steps
        self.outcomes += result.outcomes
        self.answers += result.answers
        self.beyond_repair += result.beyond_repair
        for kind, count in result.faults.items():
            self.faults[kind] = self.faults.get(kind, 0) + count

    def line(self) -> str:
        faults = sum(self.faults.values())
        return (
            f"{self.runs} runs, {self.steps} steps, {faults} faults, {self.outcomes} outcomes, "
            f"{self.answers} answers in {self.seconds:.1f} s"
        )


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate_many(
    seeds: Iterable[int],
    ablation: str = "",
    batches_each: int = BATCHES,
    jobs: int | None = None,
    favoured: tuple[str, ...] = (),
    progress: Callable[[Total], None] = lambda total: None,
) -> Total:
    """Runs the seeds until one breaks a promise; that one is `broken` in what is returned."""
    one = functools.partial(simulate, ablation=ablation, batches_each=batches_each, favoured=favoured)
    began, total = time.monotonic(), Total()
    for result in _results(seeds, one, jobs or cores()):
        total.add(result)
        total.seconds = time.monotonic() - began
        if result.violations:
            total.broken = result
            break
        progress(total)
    return total


def _results(seeds: Iterable[int], one: Callable[[int], Result], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from map(one, seeds)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(one, seeds, SEEDS_AT_ONCE)
