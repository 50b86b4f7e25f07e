"""`manage.py run_db_writer`: the database as a projection of the engine's outcomes."""

import gc
import logging
import signal
import threading
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError

from exchange_site.kernel import metrics
from matching.client.event_log import BrokenChain
from matching.client.lag import LagCollector
from trading.writer import metrics as writer_metrics
from trading.writer.loop import WriterLoop
from trading.writer.projector import UnknownName
from trading.writer.store import NotDurable, RowMissing

log = logging.getLogger(__name__)

NEEDS_A_PERSON = (NotDurable, UnknownName, RowMissing, BrokenChain, psycopg.IntegrityError, psycopg.DataError)


class Command(BaseCommand):
    help = (
        "Writes orders, fills, trades, balances, postings and candles of the engine's outcomes to PostgreSQL, exactly "
        "once. Several may run; each portion is committed by one. Ends with code 1 when outcomes and rows do not fit."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not __debug__:
            raise CommandError("Python runs without asserts (-O or PYTHONOPTIMIZE); checks of money need them.")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        # Rows are many, short-lived and free of cycles: looking for cycles among them took a third of the work.
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)
        position = writer_metrics.position
        metrics.serve("db_writer", LagCollector("db_writer", lambda: int(metrics.samples(position)[0].value)))
        try:
            WriterLoop(stop).run()
        except NEEDS_A_PERSON as error:
            log.critical("The database cannot follow the engine and writing has stopped: %s", error)
            raise CommandError(str(error)) from error
        log.info("The database writer has stopped.")
