"""Idempotency keys: a request that was answered once gets the same answer again (G2, G3).

A key is remembered with what was asked and what was answered for ten minutes of log time, and when it made an order
that rests, for at least ten minutes after that order ended. Above `MAX_ANSWERS` held the ten minutes shrink, but never
below one; when even that is not enough, keyed commands are refused until keys run out.
"""

from collections import deque
from collections.abc import Container
from typing import Any

import msgspec

from matching.core.digest import pack
from matching.messages import BatchReply, Reply, reply_from_plain

MAX_ANSWERS = 3_000_000  # A batch counts with each of its steps.
KEEP_MS = 600_000
KEEP_AT_LEAST_MS = 60_000
_NEVER_MS = 1 << 62

Key = tuple[int, str]
"""Account and idempotency key."""

pack_reply = msgspec.msgpack.Encoder().encode
_astuple = msgspec.structs.astuple
_unpack_reply = msgspec.msgpack.Decoder(Reply).decode


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """`noted_ms` is since when the key is kept, `digest` the request without what may differ between retries;
    `order_ids` are its orders that may be open. Its fields are the row of a snapshot.

    The reply is kept packed: it has been packed for its first answer, and of a million stored ones a few are ever asked
    for again.
    """

    noted_ms: int
    account_id: int
    key: str
    digest: bytes
    n: int
    packed_reply: bytes
    order_ids: tuple[int, ...]
    answers: int  # How many the reply counts as.

    @property
    def reply(self) -> Reply:
        return _unpack_reply(self.packed_reply)  # type: ignore[no-any-return]


class Retries:
    __slots__ = ("_answers", "_by_key", "_oldest_ms", "_queue")

    def __init__(self) -> None:
        self._answers = 0
        self._by_key: dict[Key, Remembered] = {}
        self._queue: deque[Key] = deque()  # Noted longest ago first.
        self._oldest_ms = _NEVER_MS  # When the first of the queue was noted.

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: Key, at_ms: int, open_order_ids: Container[int]) -> Remembered | None:
        """What is still remembered of it at that time."""
        if self._oldest_ms + KEEP_MS <= at_ms or self._answers > MAX_ANSWERS:
            self.forget(at_ms, open_order_ids)
        return self._by_key.get(key)

    def has_room(self, at_ms: int) -> bool:
        return self._answers < MAX_ANSWERS or self._oldest_ms + KEEP_AT_LEAST_MS <= at_ms

    def remember(self, key: Key, remembered: Remembered) -> None:
        if not self._queue:
            self._oldest_ms = remembered.noted_ms
        self._by_key[key] = remembered
        self._answers += remembered.answers
        self._queue.append(key)

    def next_expiry_ms(self) -> int | None:
        return self._oldest_ms + KEEP_MS if self._queue else None

    def forget(self, at_ms: int, open_order_ids: Container[int]) -> None:
        """Drop keys that have run out. Those of open orders are noted anew, and once more when the order has ended:
        all that is known then is that it ended after the key was noted last."""
        if self._oldest_ms + KEEP_MS > at_ms and self._answers <= MAX_ANSWERS:
            return
        self._forget(at_ms, open_order_ids)
        self._oldest_ms = self._by_key[self._queue[0]].noted_ms if self._queue else _NEVER_MS

    def _forget(self, at_ms: int, open_order_ids: Container[int]) -> None:
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
                self._answers -= kept.answers

    def dump(self) -> list[tuple[object, ...]]:
        """A row a key, noted longest ago first."""
        by_key = self._by_key
        return [_astuple(by_key[key]) for key in self._queue]

    def load(self, rows: list[list[Any]]) -> None:
        for row in rows:
            noted_ms, account_id, key, digest, n, reply, order_ids, answers = (
                row if len(row) == _ROW_LENGTH else _from_format_1(row)
            )
            remembered = Remembered(noted_ms, account_id, key, digest, n, reply, tuple(order_ids), answers)
            self.remember((account_id, key), remembered)


def answers_of(reply: Reply) -> int:
    """How much a stored reply counts."""
    return len(reply.replies) if type(reply) is BatchReply else 1


_ROW_LENGTH = 8


def _from_format_1(row: list[Any]) -> list[Any]:
    """A row of the first format of snapshots: nothing in it is packed, and (rules version 1) it may know one order a
    key, 0 for none."""
    noted_ms, account_id, key, digest, n, plain, saved_ids = row
    order_ids = saved_ids if isinstance(saved_ids, list) else [saved_ids] if saved_ids else []
    reply = reply_from_plain(plain)
    return [noted_ms, account_id, key, pack(digest), n, pack_reply(reply), order_ids, answers_of(reply)]
