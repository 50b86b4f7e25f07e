"""`manage.py bench_engine`: commands per second through admit, journal, engine and publish, everything switched on.

Needs an empty log (a Redis database of its own) and leaves it empty again; the journal goes to a temporary directory.
"""

import tempfile
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchange_site.kernel.redis_client import log_client
from matching.management.bench import Bench, listing, resting, trading


class Command(BaseCommand):
    help = "Measure the engine on an empty log. Prints commands per second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--commands", type=int, default=100_000)
        parser.add_argument("--per-entry", type=int, default=20, help="Commands sent together, as a web process does.")
        parser.add_argument("--resting", type=int, default=0, help="Orders that rest in the book meanwhile.")

    def handle(self, *args: Any, **options: Any) -> None:
        count, per_entry = options["commands"], options["per_entry"]
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(log_client(), directory)
            try:
                bench.start()
                bench.send(list(listing()), 200)
                bench.send(list(resting(options["resting"])), 500)
                bench.finish()
                commands = list(trading(count))
                began, busy = time.perf_counter(), bench.cpu_seconds()
                bench.send(commands, per_entry)
                bench.finish()
                seconds, busy = time.perf_counter() - began, bench.cpu_seconds() - busy
            finally:
                bench.close()
        self.stdout.write(
            f"{count} orders in {seconds:.2f} s: {count / seconds:.0f} commands/s "
            f"({per_entry} an entry, {options['resting']} resting), "
            f"{busy / count * 1e6:.1f} µs of processor in the engine for each."
        )
