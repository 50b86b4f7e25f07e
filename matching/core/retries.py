"""Idempotency keys: a request that was answered once gets the same answer again (G2, G3).

A key is remembered with what was asked and what was answered for ten minutes of log time, and when it made an order
that rests, for at least ten minutes after that order ended. Above `MAX_ANSWERS` held the ten minutes shrink, but never
below one; when even that is not enough, keyed commands are refused until keys run out.
"""

from collections import deque
from collections.abc import Container
from typing import Any

import msgspec

from matching.core.digest import pack, unpack
from matching.messages import BatchReply, Reply, reply_as_plain, reply_from_plain

MAX_ANSWERS = 3_000_000  # A batch counts with each of its steps.
KEEP_MS = 600_000
KEEP_AT_LEAST_MS = 60_000

Key = tuple[int, str]
"""Account and idempotency key."""


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """`noted_ms` is since when the key is kept, `digest` the request without what may differ between retries;
    `order_ids` are its orders that may be open."""

    noted_ms: int
    digest: bytes
    n: int
    reply: Reply
    order_ids: tuple[int, ...]


class Retries:
    __slots__ = ("_answers", "_by_key", "_queue")

    def __init__(self) -> None:
        self._answers = 0
        self._by_key: dict[Key, Remembered] = {}
        self._queue: deque[Key] = deque()  # Noted longest ago first.

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: Key) -> Remembered | None:
        return self._by_key.get(key)

    def has_room(self, at_ms: int) -> bool:
        return self._answers < MAX_ANSWERS or self._oldest_ms() + KEEP_AT_LEAST_MS <= at_ms

    def remember(self, key: Key, remembered: Remembered) -> None:
        self._by_key[key] = remembered
        self._answers += _answers(remembered.reply)
        self._queue.append(key)

    def next_expiry_ms(self) -> int | None:
        return self._oldest_ms() + KEEP_MS if self._queue else None

    def _oldest_ms(self) -> int:
        return self._by_key[self._queue[0]].noted_ms

    def are_due(self, at_ms: int) -> bool:
        """Would `forget` do anything now?"""
        if not self._queue:
            return False
        noted_ms = self._oldest_ms()
        return noted_ms + KEEP_MS <= at_ms or (self._answers > MAX_ANSWERS and noted_ms + KEEP_AT_LEAST_MS <= at_ms)

    def forget(self, at_ms: int, open_order_ids: Container[int]) -> None:
        """Drop keys that have run out. Those of open orders are noted anew, and once more when the order has ended:
        all that is known then is that it ended after the key was noted last."""
        queue = self._queue
        for _ in range(len(queue)):
            key = queue[0]
            kept = self._by_key[key]
            noted_ms = kept.noted_ms
            crowded = self._answers > MAX_ANSWERS and noted_ms + KEEP_AT_LEAST_MS <= at_ms
            if noted_ms + KEEP_MS > at_ms and not crowded:
                return
            queue.popleft()
            if any(order_id in open_order_ids for order_id in kept.order_ids):
                self._by_key[key] = msgspec.structs.replace(kept, noted_ms=at_ms)
                queue.append(key)
            elif kept.order_ids and not crowded:
                self._by_key[key] = msgspec.structs.replace(kept, noted_ms=at_ms, order_ids=())
                queue.append(key)
            else:
                del self._by_key[key]
                self._answers -= _answers(kept.reply)

    def dump(self) -> list[object]:
        rows: list[object] = []
        for key in self._queue:
            kept = self._by_key[key]
            rows.append(
                [kept.noted_ms, *key, unpack(kept.digest), kept.n, reply_as_plain(kept.reply), list(kept.order_ids)]
            )
        return rows

    def load(self, rows: list[list[Any]]) -> None:
        for noted_ms, account_id, key, digest, n, reply, order_ids in rows:
            remembered = Remembered(noted_ms, pack(digest), n, reply_from_plain(reply), _ids(order_ids))
            self.remember((account_id, key), remembered)


def _answers(reply: Reply) -> int:
    """How much a stored reply counts."""
    return len(reply.replies) if type(reply) is BatchReply else 1


def _ids(saved: int | list[int]) -> tuple[int, ...]:
    """Snapshots of rules version 1 knew one order a key, 0 for none."""
    if isinstance(saved, int):
        return (saved,) if saved else ()
    return tuple(saved)
