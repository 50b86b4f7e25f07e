"""`manage.py bench_recovery`: how long a killed engine takes to start again, from a snapshot and a long journal (G15).

Needs an empty log (a Redis database of its own) and leaves it empty again; the journal goes to a temporary directory.
"""

import tempfile
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchange_site.kernel.redis_client import log_client
from matching.client.engine_notes import ask_for_snapshot
from matching.management.bench import Bench, listing, resting, trading, wait_for
from matching.runtime import snapshots

TOO_MANY_RECORDS = str(10**9)  # No snapshot but the one that is asked for.


class Command(BaseCommand):
    help = "Measure a cold start: newest snapshot, then every command after it. Prints seconds and commands per second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--commands", type=int, default=1_000_000, help="Commands to replay.")
        parser.add_argument("--resting", type=int, default=200_000, help="Orders open in the snapshot.")
        parser.add_argument("--per-entry", type=int, default=50)

    def handle(self, *args: Any, **options: Any) -> None:
        client: Any = log_client()
        quiet = {"ENGINE_SNAPSHOT_EVERY_S": TOO_MANY_RECORDS, "ENGINE_SNAPSHOT_EVERY_RECORDS": TOO_MANY_RECORDS}
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(client, directory)
            try:
                bench.start(**quiet)
                bench.send([*listing(), *resting(options["resting"])], 500)
                bench.finish()
                asked = bench.position()
                ask_for_snapshot(client, time.time_ns() // 1_000_000)
                wait_for(lambda: any(n >= asked for n, _ in snapshots.list_snapshots(bench.snapshot_dir)), "a snapshot")
                bench.send(list(trading(options["commands"])), options["per_entry"])
                bench.finish()
                bench.kill()
                size = sum(file.stat().st_size for file in bench.journal_dir.iterdir())
                began = time.perf_counter()
                bench.start(**quiet)
                seconds, busy = time.perf_counter() - began, bench.cpu_seconds()
            finally:
                bench.close()
        count = options["commands"]
        self.stdout.write(
            f"Cold start in {seconds:.1f} s: {options['resting']} open orders, {count} commands replayed "
            f"({count / seconds:.0f}/s, process start included; {busy:.1f} s of processor), "
            f"journal {size // 2**20} MiB."
        )
