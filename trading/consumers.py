"""The WebSocket of the exchange, whole: public streams, and the private ones of whoever proves who they are."""

import asyncio
import logging
import weakref
from typing import Any

import django.db

from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.kernel.errors import ApiError
from marketdata.consumers import MarketConsumer
from marketdata.fanout import CLOSE_POLICY
from marketdata.stream_names import INVALID_SIGNATURE, Stream, StreamRefused
from trading.socket_rights import RECHECK_S, Right, lost_rights, right_of_session, right_of_signature, session_key_of
from trading.user_hub import BALANCES, ORDERS, UserHub, user_hub

log = logging.getLogger(__name__)

READY_WITHIN_S = 2.0
SPOKEN = frozenset({ORDERS, BALANCES})  # Other private streams are accepted and silent.


class ExchangeConsumer(MarketConsumer):
    """One socket; it may listen for several accounts, each with its own proof."""

    users: UserHub

    async def connect(self) -> None:
        await super().connect()
        self.users = user_hub()
        self._private: dict[tuple[int, str], Stream] = {}
        self.rights: set[Right] = set()

    async def disconnect(self, code: int) -> None:
        await super().disconnect(code)
        if hasattr(self, "users"):
            self.users.drop(self.outbox)
            self.rights.clear()

    def streams_held(self) -> int:
        return super().streams_held() + len(self._private)

    async def subscribe_private(self, streams: dict[str, Stream], signature: Any) -> None:
        right = await self._right(signature)
        await self.users.wait_ready(READY_WITHIN_S)
        if self.outbox.closed_with is not None:
            return
        self.rights.add(right)
        _watch(self)
        for name, stream in streams.items():
            if (right.account_id, name) in self._private:
                continue
            self.demand_room(1)
            self._private[right.account_id, name] = stream
            if stream.kind in SPOKEN:
                self.users.subscribe(self.outbox, right.account_id, stream, name)

    async def _right(self, signature: Any) -> Right:
        """A signature counts before a session. Raises StreamRefused."""
        session_key = session_key_of(self.scope) if signature is None else ""
        if signature is None and not session_key:
            raise StreamRefused(INVALID_SIGNATURE)
        try:
            return await (right_of_session(session_key) if session_key else right_of_signature(signature, self.scope))
        except (ApiError, ValueError) as refusal:
            log.info("A private subscription was refused: %s", refusal)
        except django.db.Error as problem:
            log.warning("A private subscription was refused, the database does not answer: %s", problem)
        raise StreamRefused(INVALID_SIGNATURE)

    def unsubscribe_private(self, name: str) -> None:
        for account_id, held in [key for key in self._private if key[1] == name]:
            stream = self._private.pop((account_id, held))
            if stream.kind in SPOKEN:
                self.users.unsubscribe(self.outbox, account_id, stream, held)


# ---------------------------------------------------------------------------------------------- rights over time


class RightsWatch:
    """Asks every few seconds, for all sockets of the process at once, whether their rights still hold."""

    def __init__(self) -> None:
        self._consumers: weakref.WeakSet[ExchangeConsumer] = weakref.WeakSet()
        self._task: asyncio.Task[None] | None = None

    def add(self, consumer: ExchangeConsumer) -> None:
        self._consumers.add(consumer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._consumers:
            await asyncio.sleep(RECHECK_S)
            try:
                await self.check()
            except django.db.Error as problem:
                log.warning("The rights of sockets could not be checked again: %s", problem)

    async def check(self) -> int:
        """Close the sockets whose rights are gone. Returns how many."""
        rights = {right for consumer in self._consumers for right in consumer.rights}
        if not rights:
            return 0
        lost = await in_db_thread(lambda: lost_rights(rights))
        losers = [consumer for consumer in self._consumers if consumer.rights & lost]
        for consumer in losers:
            log.info("A socket loses its private streams: a key was revoked or a session has ended.")
            consumer.outbox.close(CLOSE_POLICY)
        return len(losers)


_watches: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, RightsWatch]" = weakref.WeakKeyDictionary()


def rights_watch() -> RightsWatch:
    """The watch of the running event loop."""
    return _watches.setdefault(asyncio.get_running_loop(), RightsWatch())


def _watch(consumer: ExchangeConsumer) -> None:
    rights_watch().add(consumer)
