"""Measures, once a minute, what people wait for: the engine's answer, the database's, and our own web server's.

The engine is asked to cancel an order that cannot exist: the command goes the way of every other (log, engine, journal,
answer) and changes nothing.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from accounts.models import HOUSE_ACCOUNT_ID
from exchange_site.news.models import LatencySample
from matching.client import blocking
from matching.messages import CancelOrder

log = logging.getLogger(__name__)

WAIT_S = 5
KEPT = timedelta(days=30)
FAILURES = (blocking.NotAdmitted, blocking.OutcomeUnknown, DatabaseError, URLError, OSError)


def measure() -> LatencySample:
    """One sample, kept; those older than KEPT are removed. A part that does not answer is null and stops nothing."""
    _timed("database", _ask_database)  # A connection that is not there yet is no part of the figure.
    sample = LatencySample.objects.create(
        engine_us=_timed("engine", _ask_engine),
        database_us=_timed("database", _ask_database),
        web_us=_timed("web", _ask_web),
    )
    LatencySample.objects.filter(at__lt=timezone.now() - KEPT).delete()
    return sample


def _timed(name: str, question: Callable[[], None]) -> int | None:
    start_ns = time.perf_counter_ns()
    try:
        question()
    except FAILURES as error:
        log.warning("No latency of the %s: %s", name, error)
        return None
    return (time.perf_counter_ns() - start_ns) // 1_000


def _ask_engine() -> None:
    blocking.send_many([CancelOrder(account_id=HOUSE_ACCOUNT_ID, order_id=0)], WAIT_S)


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def _ask_web() -> None:
    with urlopen(settings.PROBE_URL, timeout=WAIT_S) as answer:  # noqa: S310 - an address of our own settings.
        answer.read(1024)
