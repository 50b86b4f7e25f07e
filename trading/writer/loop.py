"""Reads outcomes after the database's checkpoint and commits them, for as long as it is wanted.

What arrived while the last transaction was under way makes up the next. The first one after a pause begins at once;
after that none begins within `TURN_S` of the one before. A transaction costs thirty times as much as the rows of an
order, here and in PostgreSQL, so a steady trickle of single orders would take more than a torrent. Nobody waits: orders
are answered by the engine, and reads of one's own orders wait until the rows are there (`trading.api.freshness`).

Two kinds of trouble are kept apart. Servers that are away are waited for, and afterwards the position is read again, so
that a COMMIT without an answer does no harm. Outcomes that do not fit the database stop the program with an error:
going on would lose rows in silence.
"""

import logging
import random
import threading
import time
from collections.abc import Iterator

import psycopg
import redis
from django.conf import settings

from exchange_site.kernel.redis_client import log_client
from matching import order_log
from matching.client.engine_notes import ask_for_republish, note_database_position
from matching.client.errors import nothing_was_done
from matching.client.event_log import Batch, EventGap, EventReader
from trading.writer import metrics
from trading.writer.projector import Projector
from trading.writer.store import Position, WriterStore

OUTCOMES_PER_TRANSACTION = 4_000
MAX_ENTRIES_PER_READ = 512
TURN_S = 0.02  # From the beginning of one transaction to that of the next, at least.
BLOCK_MS = 500  # Also how late a stop signal may be noticed.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
GAP_PAUSE_S = 0.5  # Between two looks while a republish is awaited.
GAP_LOG_EVERY_S = 30.0

TRANSIENT = (psycopg.OperationalError, psycopg.InterfaceError, redis.ConnectionError, redis.TimeoutError, OSError)

log = logging.getLogger(__name__)


class WriterLoop:
    """One writer. Several may run against one database; each portion is committed by exactly one of them."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._entries_per_read = 16
        self._pause_s = FIRST_PAUSE_S
        self._gap_logged_at = 0.0
        self._announced = False

    def run(self) -> None:
        """Returns when `stop` is set. Raises what needs a person: UnknownName, RowMissing, BrokenChain, DataError..."""
        while not self._stop.is_set():
            try:
                self._session()
            except (*TRANSIENT, redis.ResponseError) as error:
                if isinstance(error, redis.ResponseError) and not nothing_was_done(error):
                    raise
                metrics.failures.inc()
                pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                log.warning("PostgreSQL or Redis is away (%s); next try in %.1f s.", _one_line(error), pause_s)
                self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
                self._stop.wait(pause_s)

    def _session(self) -> None:
        """Work on one pair of connections until one of them fails or the end is asked for."""
        client = log_client()
        try:
            client.ping()
            store = WriterStore()
            try:
                store.check_durable(settings.DATABASE_ALLOW_VOLATILE)
                self._follow(store, client)
            finally:
                store.close()
        finally:
            client.close()

    def _follow(self, store: WriterStore, client: redis.Redis) -> None:
        reader, position = EventReader(client), store.position()
        note_database_position(client, position.n)
        metrics.position.set(position.n)
        if not self._announced:
            log.info("The database writer is ready at outcome %d.", position.n)
            self._announced = True
        turn_ends = 0.0
        while not self._stop.is_set():
            self._stop.wait(max(0.0, turn_ends - time.monotonic()))
            try:
                batches = reader.read(position.n, BLOCK_MS, self._entries_per_read)
            except EventGap as gap:
                position = store.position()  # A racing writer may have come further meanwhile.
                if position.n + 1 == gap.expected_n:
                    self._await_republish(gap, client)
                continue
            self._pause_s = FIRST_PAUSE_S
            turn_ends = time.monotonic() + TURN_S if batches else 0.0
            if not batches:
                note_database_position(client, position.n)  # A Redis that was wiped has forgotten it.
            position = self._commit(store, client, position, batches)

    def _commit(self, store: WriterStore, client: redis.Redis, position: Position, batches: list[Batch]) -> Position:
        for portion in portions(batches):
            began, before = time.perf_counter(), position.n
            chain = position.chain
            for batch in portion:
                batch.check_chain(chain)
                chain = batch.chain
            changes = Projector(store.references).project(outcome for batch in portion for outcome in batch.outcomes)
            after = store.write(position, changes, chain)
            if after is None:
                log.info("Another writer committed what follows outcome %d; reading the position again.", position.n)
                return store.position()
            position = after
            note_database_position(client, position.n)
            metrics.committed(position.n - before, position.n, time.perf_counter() - began)
            if settings.LOG_ORDERS_ONE_IN:
                for batch in portion:
                    order_log.told("written", settings.LOG_ORDERS_ONE_IN, batch.outcomes)
        if batches:
            outcomes_per_entry = max(1, (position.n - batches[0].first_n + 1) // len(batches))
            self._entries_per_read = min(MAX_ENTRIES_PER_READ, 1 + 2 * OUTCOMES_PER_TRANSACTION // outcomes_per_entry)
        return position

    def _await_republish(self, gap: EventGap, client: redis.Redis) -> None:
        told = ask_for_republish(client, gap.expected_n)
        if time.monotonic() - self._gap_logged_at > GAP_LOG_EVERY_S:
            self._gap_logged_at = time.monotonic()
            log.error("%s %s", gap, "Asked the engine to republish." if told else "There is no engine to ask yet.")
        self._stop.wait(GAP_PAUSE_S)


def portions(batches: list[Batch]) -> Iterator[list[Batch]]:
    """The batches in groups of at most OUTCOMES_PER_TRANSACTION outcomes (a larger batch stands alone)."""
    portion: list[Batch] = []
    size = 0
    for batch in batches:
        if portion and size + len(batch.outcomes) > OUTCOMES_PER_TRANSACTION:
            yield portion
            portion, size = [], 0
        portion.append(batch)
        size += len(batch.outcomes)
    if portion:
        yield portion


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
