"""The life of a feed process: wait for the lease, start from the database, follow `ev`, publish after every read.

The stream of batches never has a hole that nobody can see. A feed that starts finds out where the last batch of its
predecessor ended, follows the outcomes silently up to there and goes on publishing behind it, so that readers notice
nothing. Where that is impossible (the database is further already, or the fan lost its data) its first batch does not
continue the old ones, and readers begin afresh.

Anything that goes wrong (a gap in `ev`, a book that does not fit, a lost connection) ends in the same place: forget
everything and start again from the database.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import django.db
import redis
from django.conf import settings

from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.redis_names import ENGINE
from marketdata.feed import metrics
from marketdata.feed.book import BookMismatch
from marketdata.feed.messages import encode
from marketdata.feed.outlet import LeaseLost, Outlet
from matching import order_log
from matching.client.event_log import EventGap, EventReader
from matching.messages import Outcome

log = logging.getLogger(__name__)

READ_BLOCK_MS = 100  # Also how punctual candles and tickers are.
READ_ENTRIES = 64
HEARTBEAT_MS = 500
IMAGES_EVERY_MS = 1_000
STANDBY_POLL_S = 0.2
RESTART_AFTER_S = 0.5
RECALL_OUTCOMES = 200_000  # More than this is not told again; readers begin afresh instead.


class FeedState(Protocol):
    """What a feed knows after outcome `n`; `MarketFeedState` and `UserFeedState` are such."""

    n: int

    def apply(self, outcomes: Iterable[Outcome]) -> None: ...

    def flush(self, now_ms: int) -> Any | None:
        """One batch of everything since the last flush, None when there is nothing to say."""

    def heartbeat(self) -> Any: ...

    def forget(self) -> None:
        """Drop what would be flushed: it has been published before."""

    def recall(self, outcomes: Iterable[Outcome], after_n: int) -> bool:
        """Prepare to tell these again, all outcomes behind `after_n` that this state has already. False: cannot."""

    def images(self, again: bool = False) -> dict[str, bytes]: ...


class FeedLoop:
    """`load` reads the database and returns the state at its checkpoint; `images_key` the hash for images, if any."""

    def __init__(
        self,
        *,
        name: str,
        outlet: Outlet,
        log_client: redis.Redis,
        load: Callable[[], FeedState],
        stop: threading.Event,
        images_key: str | None = None,
    ) -> None:
        self._name = name
        self._outlet = outlet
        self._log_client: Any = log_client
        self._reader = EventReader(log_client)
        self._load = load
        self._stop = stop
        self._images_key = images_key
        self._heartbeat_ms = 0
        self._images_ms = 0

    def run(self) -> None:
        """Until `stop` is set."""
        while not self._stop.is_set():
            try:
                if self._wait_for_lease():
                    self._lead()
            except (redis.RedisError, django.db.Error, EventGap, BookMismatch, LeaseLost) as problem:
                log.warning("%s starts again: %s: %s", self._name, type(problem).__name__, problem)
                metrics.restarts.labels(self._name).inc()
                self._stop.wait(RESTART_AFTER_S)
        try:
            self._outlet.release()
        except redis.RedisError as problem:
            log.warning("%s could not give up its lease (%s); it runs out by itself.", self._name, problem)

    def _wait_for_lease(self) -> bool:
        said = False
        while not self._stop.is_set():
            if self._outlet.acquire():
                return True
            if not said:
                log.info("%s is a standby: %s holds the lease.", self._name, self._outlet.holder())
                said = True
            self._stop.wait(STANDBY_POLL_S)
        return False

    def _lead(self) -> None:
        state = self._load()
        if not self._catch_up(state):
            return
        self._publish(state.flush(now_ms()) or state.heartbeat())
        self._write_images(state, afresh=True)
        log.info("%s is ready at outcome %d.", self._name, state.n)
        while not self._stop.is_set():
            batches = self._reader.read(state.n, READ_BLOCK_MS, READ_ENTRIES)
            began, before = time.perf_counter(), state.n
            for batch in batches:
                state.apply(batch.outcomes)
                if settings.LOG_ORDERS_ONE_IN:
                    order_log.told("told", settings.LOG_ORDERS_ONE_IN, batch.outcomes)
            if batches:
                metrics.outcomes.labels(self._name).inc(state.n - before)
                metrics.apply_seconds.labels(self._name).observe(time.perf_counter() - began)
            metrics.position.labels(self._name).set(state.n)
            self._tell(state)

    def _catch_up(self, state: FeedState) -> bool:
        """Follow the outcomes in silence up to where the last published batch ended. False when asked to stop."""
        self._keep_lease()  # Loading may have taken longer than a lease lasts.
        published_n = self._outlet.last_n()
        engine_n = self._log_client.hget(ENGINE, "n")
        if published_n is not None and engine_n is not None and published_n > int(engine_n):
            log.warning("%s: batches end at %d, ahead of the engine; readers begin afresh.", self._name, published_n)
            published_n = None
        if published_n is None:
            return True
        if published_n < state.n:
            self._recall(state, published_n)
            return True
        while state.n < published_n:
            if self._stop.is_set():
                return False
            self._keep_lease()
            for batch in self._reader.read(state.n, READ_BLOCK_MS, READ_ENTRIES):
                state.apply(outcome for outcome in batch.outcomes if outcome.n <= published_n)
                state.forget()  # Here and not at the end: there may be more of it than fits into memory.
                if state.n >= published_n:
                    break
        state.forget()
        return True

    def _keep_lease(self) -> None:
        if not self._outlet.acquire():
            raise LeaseLost("The lease ran out during the start.")

    def _recall(self, state: FeedState, published_n: int) -> None:
        """The database is ahead of what was published: tell what lies between, if `ev` still has it."""
        between: list[Outcome] = []
        after_n = published_n
        try:
            while after_n < state.n:
                self._keep_lease()
                batches = self._reader.read(after_n, READ_BLOCK_MS, READ_ENTRIES)
                for batch in batches:
                    between += [outcome for outcome in batch.outcomes if outcome.n <= state.n]
                    after_n = batch.last_n
                if not batches or len(between) > RECALL_OUTCOMES:
                    break
        except EventGap as gap:
            log.info("%s: %s", self._name, gap)
        if after_n < state.n or not state.recall(between, published_n):
            log.warning("%s: nobody was told of %d to %d; readers begin afresh.", self._name, published_n + 1, state.n)

    def _tell(self, state: FeedState) -> None:
        now = now_ms()
        batch = state.flush(now)
        if batch is not None:
            self._publish(batch)
        elif now >= self._heartbeat_ms + HEARTBEAT_MS:
            self._publish(state.heartbeat())
        if now >= self._images_ms + IMAGES_EVERY_MS:
            self._write_images(state)

    def _publish(self, batch: Any) -> None:
        payload = encode(batch)
        self._outlet.publish(payload)
        metrics.batches.labels(self._name).inc()
        metrics.batch_bytes.labels(self._name).inc(len(payload))
        self._heartbeat_ms = now_ms()

    def _write_images(self, state: FeedState, afresh: bool = False) -> None:
        self._images_ms = now_ms()
        if self._images_key is not None:
            self._outlet.write_images(self._images_key, state.images(again=afresh), state.n, afresh)


def owner_name() -> str:
    """Names this process in a lease: unique, and a person can find it."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
