"""`manage.py republish --from N`: have the engine publish its outcomes from N on once more."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import log_client
from matching.client import engine_notes
from matching.transport import streams
from matching.transport.connection import ConnectionLost, LogConnection

LOOK_EVERY_S = 0.1
TELL_EVERY_S = 1.0


class Command(BaseCommand):
    help = (
        "Ask the engine to publish its outcomes from N on again, when the event stream has lost them. New commands "
        "wait meanwhile. Readers ask by themselves; this is for people."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", type=int, required=True, dest="first_n", metavar="N")
        parser.add_argument("--timeout", type=int, default=300, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["first_n"] < 1:
            raise CommandError("Outcomes are counted from 1.")
        try:
            log = LogConnection()
            try:
                self._republish(log, options["first_n"], time.monotonic() + options["timeout"])
            finally:
                log.close()
        except ConnectionLost as error:
            raise CommandError(str(error)) from error

    def _republish(self, log: LogConnection, first_n: int, until: float) -> None:
        before = int(log.call("HGET", redis_names.ENGINE, "n") or 0)
        if first_n > before:
            raise CommandError(f"The engine has only made {before} outcomes.")
        held = streams.first_event_n(log)
        if held is not None and held <= first_n:
            self.stdout.write(f"The event stream holds outcome {first_n} already; it begins with {held}.")
            return
        client: Any = log_client()
        if not engine_notes.ask_for_republish(client, first_n):
            raise CommandError("There is no engine to ask.")
        client.close()
        self._await(log, first_n, before, until)

    def _await(self, log: LogConnection, first_n: int, before: int, until: float) -> None:
        told = time.monotonic()
        while time.monotonic() < until:
            wish, status = log.call("HMGET", redis_names.ENGINE, engine_notes.REPUBLISH_FROM, "status")
            top = streams.event_top(log).n
            if wish is None and status != b"closed":
                first = streams.first_event_n(log)
                if first is None or first > first_n:
                    raise CommandError(f"The engine cannot: neither snapshots nor journal reach back to {first_n}.")
                if top >= before:
                    self.stdout.write(f"Done: the event stream holds outcomes {first} to {top}.")
                    return
            if time.monotonic() - told >= TELL_EVERY_S:
                told = time.monotonic()
                self.stdout.write(f"published up to outcome {top} of {before}")
            time.sleep(LOOK_EVERY_S)
        raise CommandError("Not done in time; the engine's log says how far it is.")
