"""Where a feed's batches go: a capped stream on the fan Redis, written by one feed at a time.

The writer holds a lease, and every write is a script that checks it: a feed that was paused and wakes up cannot mix its
batches with those of its successor. A second feed waits as a standby until the lease is free.
"""

from typing import Any

import redis

from exchange_site.kernel.redis_names import PAYLOAD_FIELD, feed_lease
from marketdata.feed.messages import IMAGE_POSITION_FIELD, ImagePosition, encode, last_n_of

LEASE_MS = 2_000  # A killed feed is replaced after at most this; each write renews it.

_PUBLISH = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', ARGV[4], ARGV[5])
"""
_WRITE_IMAGES = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
if ARGV[2] == '1' then redis.call('DEL', KEYS[1]) end
for at = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class LeaseLost(Exception):
    """Another feed of this kind writes now, or the fan Redis has forgotten us."""


class Outlet:
    """`owner` names this process in the lease; `kept` is about how many batches the stream holds."""

    def __init__(self, client: redis.Redis, stream: str, kept: int, owner: str) -> None:
        self._client: Any = client
        self._stream = stream
        self._kept = kept
        self._owner = owner
        self._lease = feed_lease(stream)
        self.last_id = "0-0"

    def acquire(self) -> bool:
        """Take the lease, or keep it. False while another process holds it."""
        if self._client.set(self._lease, self._owner, nx=True, px=LEASE_MS):
            return True
        if self._client.get(self._lease) != self._owner.encode():
            return False
        self._client.pexpire(self._lease, LEASE_MS)
        return True

    def holder(self) -> str:
        return (self._client.get(self._lease) or b"nobody").decode()

    def last_n(self) -> int | None:
        """Where the stream ends: the `n` of its last batch, None when it is empty."""
        entries = self._client.xrevrange(self._stream, count=1)
        if not entries:
            return None
        entry_id, fields = entries[0]
        self.last_id = entry_id.decode()
        return last_n_of(fields[PAYLOAD_FIELD])

    def publish(self, payload: bytes) -> None:
        """Append one batch. Raises LeaseLost, or a Redis error after which nobody knows whether it was written."""
        entry_id = self._client.execute_command(
            "EVAL",
            _PUBLISH,
            2,
            self._stream,
            self._lease,
            self._owner,
            LEASE_MS,
            self._kept,
            PAYLOAD_FIELD,
            payload,
        )
        if entry_id is None:
            raise LeaseLost(f"The lease on {self._stream} is with {self.holder()}.")
        self.last_id = entry_id.decode()

    def write_images(self, key: str, images: dict[str, bytes], n: int, afresh: bool) -> None:
        """Write images that are true after outcome n, at the end of what was published. `afresh`: drop all others.

        Raises LeaseLost.
        """
        parts: list[str | bytes] = [IMAGE_POSITION_FIELD, encode(ImagePosition(self.last_id, n))]
        for symbol, image in images.items():
            parts += [symbol, image]
        written = self._client.execute_command(
            "EVAL", _WRITE_IMAGES, 2, key, self._lease, self._owner, "1" if afresh else "0", *parts
        )
        if written is None:
            raise LeaseLost(f"The lease on {self._stream} is with {self.holder()}.")

    def release(self) -> None:
        self._client.eval(_RELEASE, 1, self._lease, self._owner)
