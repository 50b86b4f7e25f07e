"""What is looked after for all order sockets of a process at once: rights that end, clients that are silent or slow."""

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from django.db import Error as DatabaseError

from accounts.signing import key_store
from accounts.signing.key_store import STALE_S
from accounts.signing.verify import usable
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.kernel.errors import ApiError
from marketdata.fanout import CLOSE_GOING_AWAY, CLOSE_POLICY, CLOSE_TOO_SLOW
from trading.order_socket.connection import OrderConnection
from trading.order_socket.logon import LogOn, demand_rights

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
RECHECK_S = 2.0  # With what log-on remembers of a key this stays below the five seconds in which a revocation works.
SLOW_S = 10.0  # So long an answer may wait to be taken.
LIFE_S = 24 * 3600
CLOSE_SILENT = 4009


class OrderSockets:
    """The order sockets of one event loop."""

    def __init__(self) -> None:
        self._connections: dict[OrderConnection, float] = {}  # With the time they came.
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._checked_at = self._loop.time()

    async def serve(self, connection: OrderConnection) -> None:
        self._connections[connection] = self._loop.time()
        if self._task is None or self._task.done():
            self._checked_at = self._loop.time()
            self._task = self._loop.create_task(self._run())
        try:
            await connection.serve()
        finally:
            del self._connections[connection]

    def close_all(self, code: int = CLOSE_GOING_AWAY) -> None:
        for connection in self._connections:
            connection.close(code)

    async def _run(self) -> None:
        while self._connections:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()
            if self._loop.time() - self._checked_at >= RECHECK_S:
                try:
                    await self.check_rights()
                except DatabaseError as problem:
                    log.warning("The rights of order sockets could not be checked again: %s", problem)

    def look(self) -> None:
        """Close those that are too slow, too silent for what they asked for, or too old."""
        now = self._loop.time()
        blind = now - self._checked_at > STALE_S
        for connection, since in self._connections.items():
            writing_since, switch = connection.writing_since, connection.switch
            if writing_since is not None and now - writing_since > SLOW_S:
                connection.close(CLOSE_TOO_SLOW)
            elif switch is not None and now - connection.heard_at > switch.silent_s and not connection.holds_back:
                connection.close(CLOSE_SILENT)
            elif now - since > LIFE_S:
                connection.close(CLOSE_GOING_AWAY)
            elif blind:
                connection.close(CLOSE_POLICY)

    async def check_rights(self) -> int:
        """Close those whose key has ended, and take over what staff changed. Returns how many were closed."""
        keys = {who.public_key for connection in self._connections if (who := connection.logged_on) is not None}
        known = await in_db_thread(lambda: key_store.store.load_many(keys)) if keys else {}
        self._checked_at = self._loop.time()
        lost = 0
        for connection in self._connections:
            who = connection.logged_on
            if who is None or who.public_key not in keys:
                continue
            try:
                renewed = _renewed(who, connection, known)
                if renewed is not who:
                    connection.renew(renewed)
            except ApiError as refusal:
                log.info("An order socket is closed: %s.", refusal.message or refusal.kind.message)
                connection.close(CLOSE_POLICY)
                lost += 1
        return lost


def _renewed(who: LogOn, connection: OrderConnection, known: Mapping[str, key_store.KnownKey]) -> LogOn:
    """Raises ApiError when the key may not do any more what it logged on for."""
    key = usable(known.get(who.public_key))
    demand_rights(key, connection.scope)
    return who if key.principal == who.principal else replace(who, principal=key.principal)


_sockets: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, OrderSockets]" = weakref.WeakKeyDictionary()


def order_sockets() -> OrderSockets:
    """Those of the running event loop."""
    loop = asyncio.get_running_loop()
    sockets = _sockets.get(loop)
    if sockets is None:
        sockets = _sockets[loop] = OrderSockets()
    return sockets


async def order_socket_application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """The ASGI application of `/ws/orders`. Not a Channels consumer: those make a task of every frame."""
    await order_sockets().serve(OrderConnection(scope, receive, send))
