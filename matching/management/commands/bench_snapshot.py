"""`manage.py bench_snapshot`: what a snapshot costs those who trade meanwhile (G16), and what a large book weighs.

Needs an empty log (a Redis database of its own) and leaves it empty again; the journal goes to a temporary directory.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import log_client
from matching.client.engine_notes import ask_for_snapshot
from matching.management.bench import ORIGIN, Bench, listing, resting, trading, wait_for

EVERY_S = 0.002


class Command(BaseCommand):
    help = "Measure single orders at 500/s without and while snapshots are written, on a large book."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--resting", type=int, default=200_000)
        parser.add_argument("--orders", type=int, default=3_000, help="In each of the two halves.")

    def handle(self, *args: Any, **options: Any) -> None:
        client: Any = log_client()
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(client, directory)
            try:
                bench.start()
                bench.send(list(listing()), 200)
                bench.finish()
                before = _memory_mib(bench)
                bench.send(list(resting(options["resting"])), 500)
                bench.finish()
                weight = _memory_mib(bench) - before
                quiet = self._times(bench, options["orders"], snapshotting=False)
                busy = self._times(bench, options["orders"], snapshotting=True)
            finally:
                bench.close()
        self.stdout.write(
            f"{options['resting']} resting orders: {weight} MiB. Order to answer at 500/s: quiet {_figures(quiet)}; "
            f"while snapshotting {_figures(busy)}."
        )

    def _times(self, bench: Bench, count: int, snapshotting: bool) -> list[float]:
        """Milliseconds from admit to answer, sorted. While snapshotting, the next snapshot is asked for at once."""
        times, last, due = [], b"$", time.monotonic()
        commands = list(trading(count, with_keys=False))
        newest = -1
        client = bench.client
        entries = client.xrevrange(redis_names.replies(ORIGIN), count=1)
        last = entries[0][0] if entries else b"0-0"
        for command in commands:
            due += EVERY_S
            time.sleep(max(0.0, due - time.monotonic()))
            if snapshotting and (found := bench.newest_snapshot()) != newest:
                newest = found
                ask_for_snapshot(client, time.time_ns() // 1_000_000)
            began = time.perf_counter()
            bench.send([command], 1)
            answer = client.xread({redis_names.replies(ORIGIN): last}, count=1, block=5_000)
            times.append((time.perf_counter() - began) * 1_000)
            last = answer[0][1][-1][0]
        wait_for(lambda: bench.position() == bench.sent, "the last answer")
        return sorted(times)


def _figures(times: list[float]) -> str:
    return f"p50 {times[len(times) // 2]:.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms, max {times[-1]:.1f} ms"


def _memory_mib(bench: Bench) -> int:
    assert bench.process is not None
    for line in Path(f"/proc/{bench.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0
