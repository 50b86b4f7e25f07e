"""One connection of the engine to the log: it lives once, and every break of it is seen.

A restarted Redis may have forgotten who leads, so "a new connection is a new life": the engine must fence again before
it writes. Pooled clients reconnect in silence; this one dies with its socket and says so.
"""

from typing import Any

import hiredis
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from exchange_site.kernel.redis_client import CONNECT_TIMEOUT_S
from matching.transport.script import Argument, Script

SOCKET_TIMEOUT_S = 10  # Longer than any blocking read of the engine; a Redis stalled for longer counts as gone.


class ConnectionLost(Exception):
    """The connection broke or timed out. What was sent last may or may not have happened."""


# Redis cannot write now but may soon: full disk, no memory, turned into a replica, still loading.
_NOT_NOW = ("MISCONF", "OOM", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "NOAUTH", "UNKILLABLE", "BUSY")


class _Packer:
    """How requests become bytes. What redis-py does before it asks the same library (it splits words and looks for
    buffers among the arguments) takes longer than the packing, and nobody here needs it."""

    def pack(self, *args: Argument) -> list[bytes]:
        return [hiredis.pack_command(args)]  # type: ignore[arg-type]  # Its stub knows tuples of one only.


class LogConnection:
    """Send one request, get one answer. After ConnectionLost the object is of no more use: open another.

    A Redis that cannot write at the moment counts as lost too.
    """

    def __init__(self, url: str | None = None) -> None:
        client: Any = redis.Redis.from_url(
            url or settings.REDIS_LOG_URL,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            command_packer=_Packer(),
        )
        self._connection = client.connection_pool.make_connection()
        self._alive = True
        try:
            self._connection.connect()
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            self._lost(error)

    def call(self, *args: Argument) -> Any:
        """One request. Raises ConnectionLost, or redis.ResponseError when Redis refused it (it did nothing)."""
        self.send(*args)
        return self.receive()

    def send(self, *args: Argument) -> None:
        """Send without waiting; every `send` needs exactly one `receive`, in the same order."""
        if not self._alive:
            raise ConnectionLost("The connection to the log is closed.")
        try:
            self._connection.send_command(*args)
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            self._lost(error)

    def receive(self) -> Any:
        if not self._alive:
            raise ConnectionLost("The connection to the log is closed.")
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            if isinstance(error, redis.ReadOnlyError | redis.OutOfMemoryError) or str(error).startswith(_NOT_NOW):
                self._lost(error)
            raise
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            self._lost(error)

    def run(self, script: Script, keys: tuple[str, ...], *args: Argument) -> Any:
        """Run a script once. After NOSCRIPT it did not start, so sending it in full repeats nothing."""
        try:
            return self.call(*script.by_sha(keys, args))
        except NoScriptError:
            return self.call(*script.in_full(keys, args))

    def close(self) -> None:
        self._alive = False
        self._connection.disconnect()

    def _lost(self, error: Exception) -> None:
        self.close()
        raise ConnectionLost(f"The connection to the log is lost: {error}") from error
