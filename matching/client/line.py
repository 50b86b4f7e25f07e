"""One raw connection of the gateway to the log: no pool, no retry, commands issued as ready bytes."""

from typing import Any, NamedTuple

from redis.exceptions import RedisError

from exchange_site.kernel.redis_client import async_log_client
from exchange_site.kernel.redis_names import ENGINE
from matching.transport import admit

CONNECTION_ERRORS = (RedisError, OSError, TimeoutError)


class Position(NamedTuple):
    """The last published outcome, the engine's status ("" when none ever ran) and when its lease ends (Redis time)."""

    n: int
    status: str
    lease_until_ms: int

    def takes_commands(self, at_ms: int) -> bool:
        """As admit sees it, apart from the difference between the two clocks. Cancels at least are taken."""
        return self.status in ("open", "cancel_only") and at_ms <= self.lease_until_ms + admit.LEASE_GRACE_MS


class Line:
    """One connection to the log, without the pool and without any retry."""

    def __init__(self) -> None:
        self._pool: Any = async_log_client().connection_pool
        self._connection: Any = None

    async def open(self) -> None:
        if self._connection is None:
            connection = self._pool.make_connection()
            await connection.connect()
            self._connection = connection

    async def call(self, *arguments: Any) -> Any:
        await self._connection.send_command(*arguments)
        return await self._connection.read_response()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


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
