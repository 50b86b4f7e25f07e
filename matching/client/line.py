"""One raw connection to a Redis: no pool, no retry, no task, commands issued as ready bytes.

redis-py opens the connection (address, TLS, password, database); then its stream makes way for a protocol of a few
lines. What redis-py does for each command and answer beyond that cost several times as much as the command.
"""

import asyncio
from typing import Any, NamedTuple

import hiredis
import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from exchange_site.kernel.redis_client import async_log_client
from exchange_site.kernel.redis_names import ENGINE
from matching.transport import admit

CONNECTION_ERRORS = (RedisError, OSError, TimeoutError)
ANSWER_WITHIN_S = 10  # Longer than any blocking read here; a Redis stalled for longer counts as gone.
_NOTHING_YET = object()


class Position(NamedTuple):
    """The last published outcome, the engine's status ("" when none ever ran) and when its lease ends (Redis time)."""

    n: int
    status: str
    lease_until_ms: int

    def takes_commands(self, at_ms: int) -> bool:
        """As admit sees it, apart from the difference between the two clocks. Cancels at least are taken."""
        return self.status in ("open", "cancel_only") and at_ms <= self.lease_until_ms + admit.LEASE_GRACE_MS


class Line:
    """One connection to the log, or to the Redis that `client` is for, without the pool and without any retry."""

    def __init__(self, client: "redis.asyncio.Redis | None" = None) -> None:
        self._pool: Any = (client or async_log_client()).connection_pool
        self._connection: Any = None
        self._wire: _Wire | None = None

    async def open(self) -> None:
        if self._wire is None:
            connection = self._pool.make_connection()
            await connection.connect()
            self._connection, self._wire = connection, _Wire(connection)

    def call(self, *arguments: Any) -> "asyncio.Future[Any]":
        """Send one command; the answer to await. One at a time. The future raises CONNECTION_ERRORS."""
        assert self._wire is not None, "the line is open"
        return self._wire.call(arguments)

    async def close(self) -> None:
        connection, self._connection, self._wire = self._connection, None, None
        if connection is not None:
            await connection.disconnect(nowait=True)


class _Wire(asyncio.Protocol):
    """The protocol of an open connection, from when redis-py has done with it."""

    def __init__(self, connection: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = connection._writer.transport
        self._answers = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=connection._parser.parse_error,
            notEnoughData=_NOTHING_YET,
        )
        self._waiting: asyncio.Future[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    def call(self, arguments: tuple[Any, ...]) -> "asyncio.Future[Any]":
        assert self._waiting is None, "one command at a time"
        future = self._waiting = self._loop.create_future()
        if self._transport.is_closing():
            self._end(RedisConnectionError("The connection is closed."))
        else:
            self._timer = self._loop.call_later(ANSWER_WITHIN_S, self._too_late)
            self._transport.write(hiredis.pack_command(arguments))
        return future

    def data_received(self, data: bytes) -> None:
        self._answers.feed(data)
        try:
            while (answer := self._answers.gets()) is not _NOTHING_YET:
                if not isinstance(answer, hiredis.PushNotification):
                    self._end(answer)
        except RedisError as error:  # Not Redis' protocol: nobody can say what comes next.
            self._transport.abort()
            self._end(RedisConnectionError(f"The answer cannot be read: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(RedisConnectionError(f"The connection was closed: {exc or 'by the server'}"))

    def _too_late(self) -> None:
        self._transport.abort()
        self._end(RedisTimeoutError("Redis did not answer in time."))

    def _end(self, answer: Any) -> None:
        """The answer to the command under way, if there is one; an error is raised where it is awaited."""
        future, self._waiting = self._waiting, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if future is None or future.done():
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


async def ask_position(line: Line) -> Position:
    """A question changes nothing, so unlike a command it may be asked again when an old connection turns out dead."""
    for attempt in (1, 2):
        try:
            await line.open()
            n, status, lease = await line.call("HMGET", ENGINE, "n", "status", "lease_until_ms")
            return Position(int(n or 0), (status or b"").decode(), int(lease or 0))
        except CONNECTION_ERRORS:
            await line.close()
            if attempt == 2:
                raise
    raise AssertionError("unreachable")
