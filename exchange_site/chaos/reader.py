"""A reader that follows the outcomes from the first to the last, as the database writer does, whatever happens."""

import threading
from collections import deque
from typing import NamedTuple

import redis

from exchange_site.kernel.redis_client import log_client
from matching.client.engine_notes import ask_for_republish
from matching.client.event_log import GENESIS_CHAIN, Batch, BrokenChain, EventGap, EventReader
from matching.messages import BookChanged, Event, OrderAccepted, OrderChanged, OrderEnded, Outcome, RefusalReason

BLOCK_MS = 200
PAUSE_S = 0.3
AWAY = (redis.RedisError, OSError)


class Seen(NamedTuple):
    """What matters of one outcome: which command it decided, and which orders it speaks of."""

    command_id: str
    refusal: RefusalReason | None
    order_ids: tuple[int, ...]


class Reader(threading.Thread):
    """Keeps `n` and `chain` of what it has read; `problems` are sentences, and the first one ends it."""

    def __init__(self, inboxes: list[deque[Event]]) -> None:
        """Every event also goes into the `inboxes`, so that clients know what they may wish for."""
        super().__init__(name="reader", daemon=True)
        self._inboxes = inboxes
        self.n = 0
        self.seq = 0
        self.chain = GENESIS_CHAIN
        self.seen: dict[int, Seen] = {}
        self.problems: list[str] = []
        self.gaps = 0  # How often it had to ask for a republish.
        self._update_ids: dict[str, int] = {}
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.is_set() and not self.problems:
            client = log_client()
            try:
                self._follow(client)
            except AWAY:
                self._stop_asked.wait(PAUSE_S)
            except BrokenChain as error:
                self.problems.append(str(error))
            finally:
                client.close()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(10)

    def _follow(self, client: redis.Redis) -> None:
        reader = EventReader(client)
        while not self._stop_asked.is_set() and not self.problems:
            try:
                batches = reader.read(self.n, BLOCK_MS)
            except EventGap:
                self.gaps += 1
                ask_for_republish(client, self.n + 1)
                self._stop_asked.wait(PAUSE_S)
                continue
            for batch in batches:
                self._take(batch)

    def _take(self, batch: Batch) -> None:
        batch.check_chain(self.chain)
        for outcome in batch.outcomes:
            self._check(outcome)
            self.seen[outcome.n] = Seen(outcome.command_id, outcome.refusal, orders_of(outcome))
            self.n = outcome.n
            self.seq = outcome.seq + len(outcome.events) - 1
            for inbox in self._inboxes:
                inbox.extend(outcome.events)
        self.chain = batch.chain

    def _check(self, outcome: Outcome) -> None:
        if outcome.n != self.n + 1:
            self.problems.append(f"Outcome {outcome.n} follows outcome {self.n}.")
        if outcome.seq != self.seq + 1:
            self.problems.append(f"The events of outcome {outcome.n} begin at {outcome.seq}, not at {self.seq + 1}.")
        for event in outcome.events:
            if type(event) is BookChanged:
                before = self._update_ids.get(event.market, event.update_id - 1)
                if event.update_id != before + 1:
                    self.problems.append(
                        f"Outcome {outcome.n}: update {event.update_id} of {event.market} follows {before}."
                    )
                self._update_ids[event.market] = event.update_id


def orders_of(outcome: Outcome) -> tuple[int, ...]:
    """Every order an outcome says something about by itself, trades left out."""
    found = []
    for event in outcome.events:
        if type(event) is OrderAccepted or type(event) is OrderEnded:
            found.append(event.order_id)
        elif type(event) is OrderChanged:
            found.append(event.order.order_id)
    return tuple(found)
