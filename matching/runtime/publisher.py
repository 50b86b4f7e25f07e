"""Handing outcomes and answers to Redis, exactly once and in order, also across a lost connection.

The latest batches stay in memory: a Redis that lost its last second gets them again without a replay from disk.
"""

import logging
from collections import deque
from typing import NamedTuple

import redis

from exchange_site.kernel import redis_names
from matching import codec
from matching.runtime.applier import Batch
from matching.runtime.leadership import Leadership
from matching.transport import scripts
from matching.transport.connection import LogConnection
from matching.transport.script import Argument
from matching.transport.streams import EventTop

logger = logging.getLogger(__name__)

RING_BYTES = 32 * 1024 * 1024


class EventsTooShort(Exception):
    """ev ends before the oldest batch in memory: only a replay from a snapshot can fill it."""


class EventsTooLong(Exception):
    """ev holds outcomes this engine never made: journal and Redis belong to different histories, or one lost data."""


class PublishRefused(Exception):
    """The script found another last n than ours. Nothing was written; continuing would tear a hole."""


class _Prepared(NamedTuple):
    first_n: int
    last_n: int
    keys: tuple[str, ...]
    args: tuple[Argument, ...]
    size: int


class Publisher:
    """The only writer of ev and of answers. `published_n` is the last outcome that Redis confirmed."""

    def __init__(self, leadership: Leadership, n: int) -> None:
        self._leadership = leadership
        self._ring: deque[_Prepared] = deque()
        self._ring_bytes = 0
        self.published_n = n

    def publish(self, batch: Batch, log: LogConnection) -> None:
        """Raises ConnectionLost (then nobody knows; `fill_up` settles it), Fenced, Forgotten or PublishRefused."""
        if not batch.outcomes and not batch.answers:
            return
        prepared = self._prepare(batch)
        if batch.outcomes:
            self._remember(prepared)
        self._send(prepared, log)

    def fill_up(self, log: LogConnection, top: EventTop) -> None:
        """After a lost connection: publish again what ev lacks. The caller has anchored `eng` at `top`."""
        missing = [prepared for prepared in self._ring if prepared.last_n > top.n]
        for prepared in missing:
            logger.info("Outcomes %d to %d are published again.", prepared.first_n, prepared.last_n)
            self._send(prepared, log)

    def check_top(self, top: EventTop, n: int, chain: bytes) -> None:
        """Does ev end where this engine can go on? `n` and `chain` are the engine's position."""
        if top.n > n or (top.n == n and top.chain is not None and top.chain != chain):
            raise EventsTooLong(f"The event stream ends at outcome {top.n}; that is not the engine's history (at {n}).")
        if top.n == n:
            return
        missing = next((prepared for prepared in self._ring if prepared.last_n > top.n), None)
        if missing is None or missing.first_n != top.n + 1:
            raise EventsTooShort(f"The event stream ends at outcome {top.n}, the engine is at {n}.")

    def _send(self, prepared: _Prepared, log: LogConnection) -> None:
        try:
            answer = self._leadership.check(log.run(scripts.PUBLISH, prepared.keys, *prepared.args))
        except redis.ResponseError as error:
            raise PublishRefused(f"Redis refused outcomes {prepared.first_n} to {prepared.last_n}: {error}") from error
        if answer[0] == b"gap":
            raise PublishRefused(f"Outcome {prepared.first_n} cannot follow outcome {answer[1].decode('ascii')}.")
        self.published_n = max(self.published_n, prepared.last_n)

    def _prepare(self, batch: Batch) -> _Prepared:
        keys = [redis_names.ENGINE, redis_names.EVENTS]
        answers = []
        for origin, list_ in batch.answers.items():
            if origin:
                keys.append(redis_names.replies(origin))
                answers.append(codec.encode(list_))
        outcomes = codec.join_encoded(batch.outcomes) if batch.outcomes else b""
        args: tuple[Argument, ...] = (
            str(self._leadership.term),
            self._leadership.owner,
            str(batch.first_n - 1),
            str(batch.first_n),
            str(batch.last_n) if batch.outcomes else "",
            str(batch.seq),
            batch.chain,
            batch.chain.hex(),
            str(batch.at_ms),
            str(batch.commands),
            outcomes,
            *answers,
        )
        size = len(outcomes) + sum(map(len, answers))
        return _Prepared(batch.first_n, batch.last_n, tuple(keys), args, size)

    def _remember(self, prepared: _Prepared) -> None:
        self._ring.append(prepared)
        self._ring_bytes += prepared.size
        while self._ring_bytes > RING_BYTES and len(self._ring) > 1:
            self._ring_bytes -= self._ring.popleft().size
