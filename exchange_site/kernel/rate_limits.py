"""How often somebody may ask: buckets of allowance, counted in each process and levelled between all of them.

A request never waits for Redis. Each process decides by its own view of a bucket and tells Redis a moment later what it
has spent; the answer is the bucket as all processes have emptied it together. One call carries every bucket that
was touched since the last, so the cost of a request falls as there are more of them. The price: within that moment each
process may let through what another one has just spent. That overdraft is not forgiven, the bucket has to refill first.

A bucket is one number, the time at which it will be full again (GCRA): spending moves it into the future, and
what would move it further than the bucket is deep is refused.
"""

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from exchange_site.kernel.errors import MAINTENANCE, ApiError
from exchange_site.kernel.event_loop import runs_here
from exchange_site.kernel.redis_client import limits_client
from exchange_site.kernel.redis_names import rate_bucket
from exchange_site.kernel.script import Script

log = logging.getLogger(__name__)

LEVEL_EVERY_S = 0.2  # Between two calls to Redis; what several processes can overdraw is spent in this time.
HEARTBEAT_S = 1.0  # A quiet process asks this often, to know whether the store is there.
SILENT_AFTER_S = 3.0
CALL_TIMEOUT_S = 1.0
MAX_BUCKETS = 50_000  # Buckets remembered here; full ones are forgotten first.
BUCKETS_A_CALL = 500
FAILURES = (RedisError, OSError, TimeoutError)

# KEYS buckets. ARGV what each has been charged, in µs of its time. Returns how far each is from being full, in µs.
_LEVEL = Script("""
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local behind = {}
for i, key in ipairs(KEYS) do
  local full_at = tonumber(redis.call('GET', key) or '0')
  if full_at < now then full_at = now end
  full_at = full_at + tonumber(ARGV[i])
  local left = full_at - now
  if left > 0 then redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.ceil(left / 1000) + 1000) end
  behind[i] = string.format('%.0f', left)
end
return behind
""")


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` units in `window_s` seconds, all of them at once if one likes, then as they come back."""

    count: int
    window_s: int

    def __post_init__(self) -> None:
        if not 0 < self.count <= self.window_s * 1_000_000:
            raise ValueError("A rate is at least one unit and at most a million a second.")

    @property
    def window_us(self) -> int:
        return self.count * self.unit_us

    @property
    def unit_us(self) -> int:
        """Time in which one unit comes back."""
        return self.window_s * 1_000_000 // self.count


@lru_cache(maxsize=64)
def per_minute(count: int) -> Rate:
    return Rate(count, 60)


@dataclass(slots=True)
class Usage:
    """What a bucket said: how deep it is, how much is left, when it is full again; seconds to wait where refused."""

    limit: int
    remaining: int
    full_in_s: int
    wait_s: int = 0

    @property
    def refused(self) -> bool:
        return self.wait_s > 0


class _Bucket:
    __slots__ = ("full_at_us", "unsaid_us")

    def __init__(self) -> None:
        self.full_at_us = 0  # On this process' monotonic clock.
        self.unsaid_us = 0  # Spent here and not yet told to Redis.


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1_000


def _seconds(us: int) -> int:
    """Rounded up: whoever comes back after so long finds what was promised."""
    return -(-us // 1_000_000)


class StoreGone(ApiError):
    """Redis does not keep the buckets now. What changes something is refused until it does."""

    def __init__(self) -> None:
        message = "Limits cannot be counted at the moment; nothing was executed"
        super().__init__(MAINTENANCE, message, {"executed": False}, {"Retry-After": "1"})


class RateLimiter:
    """The buckets of one process. `spend`, `charge` and `overdrawn` may be called from any thread."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self._buckets: dict[str, _Bucket] = {}
        self._unsaid: set[str] = set()
        self._lock = threading.Lock()
        self._wake = asyncio.Event()
        self._heard_at = 0.0
        self._askers: list[asyncio.Future[bool]] = []
        self._line = _Line()
        self._task = self.loop.create_task(self._run(), name="rate-limits")

    # -------------------------------------------------------------------------------------------------- for requests

    def spend(self, name: str, rate: Rate, units: int = 1) -> Usage:
        """Take `units` from a bucket, or nothing when it does not hold them."""
        window_us, unit_us = rate.window_us, rate.unit_us
        cost_us = min(units * unit_us, window_us)
        with self._lock:
            bucket = self._buckets.get(name) or self._new(name)
            now_us = _monotonic_us()
            behind_us = max(0, bucket.full_at_us - now_us)
            wait_us = behind_us + cost_us - window_us
            if wait_us <= 0:
                behind_us += cost_us
                self._put(name, bucket, now_us + behind_us, cost_us)
        left = max(0, (window_us - behind_us) // unit_us)
        return Usage(rate.count, left, _seconds(behind_us), max(0, _seconds(wait_us)))

    def look(self, name: str, rate: Rate) -> Usage:
        """How a bucket stands, as far as this process knows."""
        bucket = self._buckets.get(name)
        behind_us = max(0, bucket.full_at_us - _monotonic_us()) if bucket is not None else 0
        return Usage(rate.count, max(0, (rate.window_us - behind_us) // rate.unit_us), _seconds(behind_us))

    def charge(self, name: str, rate: Rate, units: int) -> None:
        """Take `units` whether they are there or not, down to an empty bucket's depth below empty."""
        with self._lock:
            bucket = self._buckets.get(name) or self._new(name)
            now_us = _monotonic_us()
            behind_us = max(0, bucket.full_at_us - now_us)
            cost_us = max(0, min(units * rate.unit_us, 2 * rate.window_us - behind_us))
            self._put(name, bucket, now_us + behind_us + cost_us, cost_us)

    def overdrawn(self, name: str, rate: Rate) -> bool:
        """Whether a bucket is below empty by half its depth or more; only `charge` brings it there."""
        bucket = self._buckets.get(name)
        return bucket is not None and 2 * (bucket.full_at_us - _monotonic_us()) > 3 * rate.window_us

    def _new(self, name: str) -> _Bucket:
        if len(self._buckets) >= MAX_BUCKETS:
            self._forget_full_ones()
        bucket = self._buckets[name] = _Bucket()
        return bucket

    def _put(self, name: str, bucket: _Bucket, full_at_us: int, cost_us: int) -> None:
        bucket.full_at_us = full_at_us
        bucket.unsaid_us += cost_us
        if not self._unsaid and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._wake.set)
        self._unsaid.add(name)

    def _forget_full_ones(self) -> None:
        """Redis remembers those that are not full; should there be too many of them, all are read from there again."""
        now_us = _monotonic_us()
        self._buckets = {
            name: bucket for name, bucket in self._buckets.items() if bucket.full_at_us > now_us or name in self._unsaid
        }
        if len(self._buckets) >= MAX_BUCKETS:
            log.warning("More than %d buckets are in use; they start afresh in this process.", MAX_BUCKETS)
            self._buckets.clear()
            self._unsaid.clear()

    # --------------------------------------------------------------------------------------------------- the store

    @property
    def store_is_there(self) -> bool:
        """Whether Redis answered in the last moments."""
        return time.monotonic() - self._heard_at < SILENT_AFTER_S

    async def demand_store(self) -> None:
        """For what changes something. Raises StoreGone while the buckets of all processes cannot be levelled."""
        if not self.store_is_there and not await self._ask():
            raise StoreGone

    def demand_store_threadsafe(self) -> None:
        """As `demand_store`, from a thread that is not the event loop's."""
        if self.store_is_there:
            return
        try:
            there = asyncio.run_coroutine_threadsafe(self._ask(), self.loop).result(2 * CALL_TIMEOUT_S)
        except TimeoutError:
            there = False
        if not there:
            raise StoreGone

    async def _ask(self) -> bool:
        """Those who ask together share one call."""
        future: asyncio.Future[bool] = self.loop.create_future()
        self._askers.append(future)
        self._wake.set()
        return await future

    async def _run(self) -> None:
        me = asyncio.current_task()
        assert me is not None, "this runs as a task"
        try:
            while not me.cancelling():  # redis-py swallows a cancellation that comes while it connects.
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._wake.wait()
                except TimeoutError:
                    pass  # Nobody came; the store is asked nevertheless.
                self._wake.clear()
                await self._level()
                await asyncio.sleep(LEVEL_EVERY_S)
        finally:
            await self._line.close()

    async def _level(self) -> None:
        askers, self._askers = self._askers, []
        there = False
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await self._exchange()
            there = True
        except FAILURES as error:
            if self.store_is_there:
                log.warning("The store of the rate limits does not answer: %s", error or type(error).__name__)
            self._heard_at = 0.0
            await self._line.close()
        finally:
            for future in askers:
                if not future.done():
                    future.set_result(there)

    async def _exchange(self) -> None:
        """Tell what was spent and hear how things stand. What a broken call carried is not told again."""
        with self._lock:
            names, self._unsaid = list(self._unsaid), set()
            spent = {name: self._take_unsaid(name) for name in names}
        for start in range(0, max(1, len(names)), BUCKETS_A_CALL):
            some = names[start : start + BUCKETS_A_CALL]
            behind = await self._line.call([rate_bucket(name) for name in some], [spent[name] for name in some])
            self._heard_at = time.monotonic()
            with self._lock:
                now_us = _monotonic_us()
                for name, behind_us in zip(some, behind, strict=True):
                    if (bucket := self._buckets.get(name)) is not None:
                        bucket.full_at_us = now_us + int(behind_us) + bucket.unsaid_us

    def _take_unsaid(self, name: str) -> int:
        bucket = self._buckets.get(name)
        if bucket is None:
            return 0
        unsaid_us, bucket.unsaid_us = bucket.unsaid_us, 0
        return unsaid_us

    @property
    def alive(self) -> bool:
        return not self._task.done()

    async def close(self) -> None:
        while not self._task.done():  # redis-py swallows a cancellation that comes while it connects.
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.1)
        for future in self._askers:
            if not future.done():
                future.set_result(False)


class _Line:
    """One raw connection to the fan Redis, opened when it is needed."""

    def __init__(self) -> None:
        self._connection: Any = None

    async def call(self, keys: list[str], charges: list[int]) -> list[bytes]:
        if self._connection is None:
            connection = limits_client().connection_pool.make_connection()  # type: ignore[no-untyped-call]
            await connection.connect()
            self._connection = connection
        try:
            return await self._say(_LEVEL.by_sha(keys, charges))
        except NoScriptError:  # The script did not start, so this is no repetition.
            return await self._say(_LEVEL.in_full(keys, charges))

    async def _say(self, command: tuple[Any, ...]) -> list[bytes]:
        await self._connection.send_command(*command)
        answer: list[bytes] = await self._connection.read_response()
        return answer

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


_shared: RateLimiter | None = None


def shared() -> RateLimiter:
    """The limiter of the running event loop, made on first use. A process serves its site on one loop."""
    global _shared
    if _shared is None or not runs_here(_shared.loop, _shared.thread) or not _shared.alive:
        _shared = RateLimiter()
    return _shared


def current() -> RateLimiter | None:
    """The limiter of this process for other threads; None where no event loop serves."""
    return _shared if _shared is not None and _shared.loop.is_running() else None


async def close_shared() -> None:
    """Give up the limiter of this loop: at shutdown, and between tests."""
    global _shared
    limiter, _shared = _shared, None
    if limiter is not None:
        await limiter.close()
