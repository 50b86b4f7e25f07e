"""One task in every web process that follows a feed's stream on the fan Redis, whatever happens to the connection.

Continuity is checked by the batches themselves: each says behind which outcome it begins. When one is missing, or the
feed could not go on where it had stopped, the reader says so to `lost`, and starts from what `load` finds.
"""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from typing import Any

import msgspec
import redis.asyncio

from exchange_site.kernel.redis_client import async_fan_client
from marketdata.feed.book import BookMismatch
from matching.client.line import CONNECTION_ERRORS, Line
from matching.client.replies import payloads_in

log = logging.getLogger(__name__)

READ_BLOCK_MS = 1_000
READ_ENTRIES = 64
RETRY_S = 0.2
ANY_N = -1  # The stream is still empty: whatever comes first is the beginning.
SILENT_AFTER_S = 3.0  # A living feed says something at least every half second.


class FanReader(ABC):
    """`n` is the last outcome that is known here."""

    stream: str

    def __init__(self, client: "redis.asyncio.Redis | None" = None) -> None:
        self._client: Any = client or async_fan_client()
        self._line = Line(self._client)  # For the many reads; redis-py needs ten times as long for each.
        self._stream_id = "0-0"
        self._heard_at = 0.0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._ready = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.n = 0

    # ------------------------------------------------------------------------------------------------ for subclasses

    @abstractmethod
    async def load(self) -> tuple[str, int] | None:
        """Read the present state. Returns the stream id it is true for and its n; None when there is none yet."""

    @abstractmethod
    def decode(self, payload: bytes) -> Any:
        """A batch with `n` and `after_n`."""

    @abstractmethod
    async def handle(self, batch: Any) -> None:
        """Take one batch that continues what is known."""

    @abstractmethod
    def lost(self) -> None:
        """What comes next does not continue what was handled before."""

    # ---------------------------------------------------------------------------------------------------- for users

    def start(self) -> None:
        """Begin to read, on the running event loop. Harmless when begun already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.critical("The reader of %s failed; the next user starts it again.", self.stream, exc_info=problem)

    async def stop(self) -> None:
        self._stopping = True  # A cancellation may get lost inside the Redis client.
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._line.close()
        await self._client.aclose()

    @property
    def ready(self) -> bool:
        """Has anything been read at all?"""
        return self._ready.is_set()

    @property
    def live(self) -> bool:
        """Has the feed been heard within the last seconds?"""
        return self.ready and time.monotonic() - self._heard_at < SILENT_AFTER_S

    async def wait_ready(self, timeout_s: float) -> bool:
        try:
            await asyncio.wait_for(self._ready.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def wait_for(self, n: int, timeout_s: float) -> bool:
        """Until outcome n is known here. False when that did not happen in time."""
        if self.ready and self.n >= n:
            return True
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (n, arrived)
        self._waiting.append(entry)
        try:
            await asyncio.wait_for(arrived, timeout_s)
        except TimeoutError:
            return False
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        return True

    # ------------------------------------------------------------------------------------------------------ reading

    async def _run(self) -> None:
        loaded = False
        if self.ready:
            self.lost()
        while not self._stopping:
            try:
                loaded = loaded or await self._load()
                if not loaded:
                    await asyncio.sleep(RETRY_S)
                    continue
                loaded = await self._read()
            except CONNECTION_ERRORS as problem:
                log.warning("Reading %s failed, trying again: %s: %s", self.stream, type(problem).__name__, problem)
                await self._line.close()
                await asyncio.sleep(RETRY_S)
            except (msgspec.DecodeError, BookMismatch, LookupError) as problem:
                log.exception("A batch of %s does not fit what is known, starting afresh: %s", self.stream, problem)
                self.lost()
                loaded = False
                await asyncio.sleep(RETRY_S)

    async def _load(self) -> bool:
        found = await self.load()
        if found is None:
            return False
        self._stream_id, n = found
        self._advance(n)
        self._ready.set()
        return True

    async def _read(self) -> bool:
        """One read. False when the batches do not continue, so that `load` is needed."""
        await self._line.open()
        answer = await self._line.call(
            "XREAD", "COUNT", READ_ENTRIES, "BLOCK", READ_BLOCK_MS, "STREAMS", self.stream, self._stream_id
        )
        for entry_id, payload in payloads_in(answer):
            batch = self.decode(payload)
            if self.n not in (batch.after_n, ANY_N):
                log.warning("%s goes on behind %d, not %d: starting afresh.", self.stream, batch.after_n, self.n)
                self.lost()
                return False
            self._stream_id = entry_id.decode()
            self._heard_at = time.monotonic()
            await self.handle(batch)
            self._advance(batch.n)
        return True

    def _advance(self, n: int) -> None:
        self.n = n
        if self._waiting:
            for wanted, arrived in self._waiting:
                if wanted <= n and not arrived.done():
                    arrived.set_result(None)
            self._waiting = [entry for entry in self._waiting if not entry[1].done()]
