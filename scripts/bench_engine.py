"""`./exchange bench engine`: the engine core on the oracle's flow, then the whole engine through Redis and journal."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time

from bench_support import ROOT, machine, percentile

sys.path.insert(0, str(ROOT))

from exchange_site.launcher.testing import scratch_services
from matching import oracle

RUNS = 3


def core() -> None:
    path = ROOT / "matching/tests/data/normal-seed7.bin.gz"
    best = max(oracle.run(path, with_fees=True).messages_per_second for _ in range(RUNS))
    print(f"core, oracle flow, balances and fees on: {best:,} messages/s (best of {RUNS})")


def disk() -> None:
    """The journal's sync, in the folder where temporary files go."""
    times = []
    with tempfile.TemporaryFile() as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
        for index in range(300):
            os.pwrite(file.fileno(), b"x" * 300, index * 300)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    times.sort()
    print(f"fdatasync: p50 {percentile(times, 50) * 1000:.2f} ms, p99 {percentile(times, 99) * 1000:.2f} ms")


async def through_redis() -> None:
    """The engine process on a scratch Redis: throughput, throughput with a large book, what snapshots cost."""
    runs = (
        ("bench_engine", "--commands", "100000", "--per-entry", "1"),
        ("bench_engine", "--commands", "100000", "--per-entry", "50"),
        ("bench_engine", "--commands", "100000", "--per-entry", "50", "--resting", "100000"),
        ("bench_snapshot",),
    )
    async with scratch_services() as environment:
        for run in runs:
            print(f"through Redis and journal: {await asyncio.to_thread(manage, environment, *run)}", flush=True)


def manage(environment: dict[str, str], *words: str) -> str:
    """The last line of a benchmark among the management commands."""
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip().splitlines()[-1]


def main() -> None:
    print(machine())
    disk()
    core()
    asyncio.run(through_redis())


if __name__ == "__main__":
    main()
