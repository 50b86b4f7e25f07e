"""Updates of accounts, live, for the sockets of one web process: follows the `ud` stream of the user feed.

Only updates of accounts that somebody here listens for are decoded and made into text.
"""

import asyncio
import logging
import weakref
from collections import Counter
from collections.abc import Hashable
from typing import Any

import django.db

from exchange_site.kernel.clock import now_us
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.kernel.redis_names import USER_FEED
from marketdata.fan_reader import ANY_N, FanReader
from marketdata.fanout import CLOSE_RESTART, Fanout, Outbox
from marketdata.feed.messages import UserBatch, decode_user_batch, last_n_of
from marketdata.selectors import market_specs
from marketdata.stream_names import Stream
from matching.symbols import MarketSpec
from trading.user_feed import frames
from trading.user_feed.messages import OrderUpdate, Update, decode_update

log = logging.getLogger(__name__)

ORDERS, BALANCES = "account.orderUpdate", "account.balanceUpdate"
SPEC_TRIES, SPEC_RETRY_S = 10, 0.3  # A market's row is committed by the writer, which may be a moment behind.


def key_of(account_id: int, stream: Stream) -> tuple[str, int, str]:
    return stream.kind, account_id, stream.symbol


class UserHub(FanReader):
    stream = USER_FEED

    def __init__(self, client: Any = None) -> None:
        super().__init__(client)
        self.fanout = Fanout()
        self._accounts: Counter[int] = Counter()  # How many subscriptions each has.
        self._specs: dict[str, MarketSpec] = {}

    def subscribe(self, socket: Outbox, account_id: int, stream: Stream, name: str) -> None:
        """Once for each socket, account and name: the caller remembers what it has."""
        self._accounts[account_id] += 1
        self.fanout.subscribe(socket, key_of(account_id, stream), name)

    def unsubscribe(self, socket: Outbox, account_id: int, stream: Stream, name: str) -> None:
        self._release(account_id)
        self.fanout.unsubscribe(socket, key_of(account_id, stream), name)

    def drop(self, socket: Outbox) -> None:
        """The socket is gone."""
        for key in self.fanout.drop(socket):
            self._release(_account_of(key))

    def _release(self, account_id: int) -> None:
        self._accounts[account_id] -= 1
        if not self._accounts[account_id]:
            del self._accounts[account_id]

    # ------------------------------------------------------------------------------------------------------ reading

    async def load(self) -> tuple[str, int] | None:
        """Nothing to load: begin at the end of the stream."""
        entries = await self._client.xrevrange(self.stream, count=1)
        if not entries:
            return "0-0", ANY_N
        entry_id, fields = entries[0]
        return entry_id.decode(), last_n_of(fields[b"b"])

    def decode(self, payload: bytes) -> UserBatch:
        return decode_user_batch(payload)

    def lost(self) -> None:
        closed = self.fanout.close_everybody(CLOSE_RESTART)
        if closed:
            log.warning("User hub: %d sockets were closed, their streams cannot be continued.", closed)

    async def handle(self, batch: UserBatch) -> None:
        sent = 0
        for account_id, raw in batch.updates:
            if account_id not in self._accounts:
                continue
            await self._deliver(account_id, decode_update(raw))
            sent += 1
            if sent % 64 == 0:
                await asyncio.sleep(0)  # Sockets empty their queues in between.

    async def _deliver(self, account_id: int, update: Update) -> None:
        if not isinstance(update, OrderUpdate):
            self.fanout.send((BALANCES, account_id, ""), frames.balance_update(update, now_us()))
            return
        market = update.terms.market
        everything, of_market = (ORDERS, account_id, ""), (ORDERS, account_id, market)
        if everything in self.fanout or of_market in self.fanout:
            data = frames.order_update(await self._spec(market), update, now_us())
            self.fanout.send(everything, data)
            self.fanout.send(of_market, data)

    async def _spec(self, symbol: str) -> MarketSpec:
        """Raises LookupError when the market cannot be found, which makes every listener start afresh."""
        for _ in range(SPEC_TRIES):
            spec = self._specs.get(symbol)
            if spec is not None:
                return spec
            try:
                self._specs |= await in_db_thread(market_specs)
            except django.db.Error as problem:
                log.warning("User hub: the markets cannot be read: %s", problem)
            if symbol not in self._specs:
                await asyncio.sleep(SPEC_RETRY_S)
        raise LookupError(f"The market {symbol} is not in the database.")


def _account_of(key: Hashable) -> int:
    assert isinstance(key, tuple)
    return int(key[1])


_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, UserHub]" = weakref.WeakKeyDictionary()


def user_hub() -> UserHub:
    """The hub of this process (strictly: of the running event loop), started at the first call."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = UserHub()
    hub.start()
    return hub


async def close_user_hub() -> None:
    """Stop the hub of the running event loop, if it has one; the next `user_hub` makes a new one."""
    hub = _hubs.pop(asyncio.get_running_loop(), None)
    if hub is not None:
        await hub.stop()
