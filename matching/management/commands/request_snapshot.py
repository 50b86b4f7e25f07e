"""`manage.py request_snapshot`: have the engine write a snapshot now, and wait until it is safe on disk."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_site.kernel import clock, redis_names
from exchange_site.kernel.redis_client import log_client
from matching.client import engine_notes

LOOK_EVERY_S = 0.1


class Command(BaseCommand):
    help = "Ask the engine for a snapshot and wait for it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--timeout", type=int, default=30, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        client: Any = log_client()
        wish = clock.now_ms()
        if not engine_notes.ask_for_snapshot(client, wish):
            raise CommandError("There is no engine to ask.")
        until = time.monotonic() + options["timeout"]
        while time.monotonic() < until:
            open_wish, n = client.hmget(redis_names.ENGINE, engine_notes.SNAPSHOT_REQUESTED, "snapshot_n")
            if open_wish is None or int(open_wish) != wish:
                self.stdout.write(f"Snapshot of outcome {int(n or 0)} is on disk.")
                return
            time.sleep(LOOK_EVERY_S)
        raise CommandError(f"No snapshot within {options['timeout']} seconds; the engine's log says why.")
