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

TOO_MANY = str(10**9)  # No snapshot but the one that is asked for.


class Command(BaseCommand):
    help = "Measure a cold start: newest snapshot, then every command after it. Prints seconds and commands per second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--commands", type=int, default=1_000_000, help="Keyed orders before the kill.")
        parser.add_argument("--resting", type=int, default=200_000, help="Orders open before them.")
        parser.add_argument("--per-entry", type=int, default=50)
        parser.add_argument(
            "--as-set",
            action="store_true",
            help="With the snapshots that the settings ask for; without it there is one, before all commands.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        client: Any = log_client()
        rarely = {"ENGINE_SNAPSHOT_EVERY_S": TOO_MANY, "ENGINE_SNAPSHOT_EVERY_COMMANDS": TOO_MANY}
        environment = {} if options["as_set"] else rarely
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(client, directory)
            try:
                bench.start(**environment)
                bench.send([*listing(), *resting(options["resting"])], 500)
                bench.finish()
                asked = bench.position()
                ask_for_snapshot(client, time.time_ns() // 1_000_000)
                wait_for(lambda: bench.newest_snapshot() >= asked, "a snapshot")
                began = time.perf_counter()
                bench.send(list(trading(options["commands"])), options["per_entry"])
                bench.finish()
                sent_in = time.perf_counter() - began
                bench.kill()
                replayed = bench.position() - bench.newest_snapshot()
                size = sum(file.stat().st_size for file in bench.journal_dir.iterdir())
                began = time.perf_counter()
                bench.start(**environment)
                seconds, busy = time.perf_counter() - began, bench.cpu_seconds()
            finally:
                bench.close()
        self.stdout.write(
            f"{options['commands']} keyed orders in {sent_in:.1f} s on {options['resting']} open ones, kill -9, start: "
            f"takes orders again after {seconds:.1f} s ({busy:.1f} s of processor), {replayed} commands replayed "
            f"({replayed / seconds:.0f}/s, all else included), journal {size // 2**20} MiB."
        )
