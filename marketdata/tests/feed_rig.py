"""A market feed as it runs, in a thread of the test: engine core -> ev -> FeedLoop -> md; hubs read that."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import fan_client, log_client
from marketdata.feed.loop import FeedLoop, FeedState
from marketdata.feed.outlet import Outlet
from marketdata.feed.state import FeedStart, MarketFeedState
from matching.messages import CreditAccount, FundHouse, ListAsset, ListMarket, OrderType, PlaceOrder, Side
from matching.tests.published import PublishedEngine
from matching.tests.venue import SOL, SPEC, STAFF, USDC

ALICE, BOB = 1001, 1002
DEADLINE_S = 10
FAN_KEYS = [
    redis_names.MARKET_FEED,
    redis_names.MARKET_BOOKS,
    redis_names.USER_FEED,
    redis_names.feed_lease(redis_names.MARKET_FEED),
    redis_names.feed_lease(redis_names.USER_FEED),
]


def genesis() -> MarketFeedState:
    """The state before the first outcome, as an empty database gives it."""
    return MarketFeedState(FeedStart(0, 0, {}, []))


def wait_until(condition: Callable[[], Any]) -> Any:
    """The condition's first true value; for threads. Fails after a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        threading.Event().wait(0.005)
    return value


async def eventually(condition: Callable[[], Any]) -> Any:
    """The condition's first true value; for event loops. Fails after a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not (value := condition()):
            await asyncio.sleep(0.002)
    return value


def order(account_id: int, side: Side, lots: int, price_ticks: int | None, **more: Any) -> PlaceOrder:
    order_type = OrderType.MARKET if price_ticks is None else OrderType.LIMIT
    return PlaceOrder(
        account_id=account_id,
        market=SPEC.symbol,
        side=side,
        order_type=order_type,
        price_ticks=price_ticks,
        quantity_lots=lots,
        **more,
    )


def buy(lots: int, price_ticks: int | None, account_id: int = ALICE, **more: Any) -> PlaceOrder:
    return order(account_id, Side.BID, lots, price_ticks, **more)


def sell(lots: int, price_ticks: int | None, account_id: int = BOB, **more: Any) -> PlaceOrder:
    return order(account_id, Side.ASK, lots, price_ticks, **more)


def opening() -> list[Any]:
    """Assets, the market, and money for alice and bob."""
    commands: list[Any] = []
    for asset in (SOL, USDC):
        commands.append(ListAsset(symbol=asset.symbol, decimals=asset.decimals, **STAFF))
        commands.append(FundHouse(asset=asset.symbol, units=10**17, reference="test", **STAFF))
        for person in (ALICE, BOB):
            units = 10**15
            commands.append(
                CreditAccount(account_id=person, asset=asset.symbol, units=units, reference="test", **STAFF)
            )
    commands.append(
        ListMarket(
            symbol=SPEC.symbol,
            base="SOL",
            quote="USDC",
            base_units_per_lot=SPEC.base_units_per_lot,
            quote_units_per_tick_lot=SPEC.quote_units_per_tick_lot,
            min_quantity_lots=SPEC.min_quantity_lots,
            max_open_orders=100_000,
            maker_fee_ppm=800,
            taker_fee_ppm=1000,
            **STAFF,
        )
    )
    return commands


@pytest.fixture
def venue() -> Iterator[PublishedEngine]:
    """An engine core with one funded market, publishing to an empty log; the fan is empty, too."""
    log, fan = log_client(), fan_client()
    log.delete(redis_names.EVENTS, redis_names.ENGINE)
    fan.delete(*FAN_KEYS)
    engine = PublishedEngine(log)
    engine.at_ms = time.time_ns() // 1_000_000
    engine.run(opening())
    yield engine
    log.delete(redis_names.EVENTS, redis_names.ENGINE)
    fan.delete(*FAN_KEYS)
    log.close()
    fan.close()


class RunningFeed:
    """A feed loop in a thread. `kill` ends it like kill -9: the lease stays."""

    def __init__(self, load: Callable[[], FeedState], stream: str, images_key: str | None, owner: str) -> None:
        self.stop = threading.Event()
        self.outlet = Outlet(fan_client(), stream, 2000, owner)
        self._loop = FeedLoop(
            name=owner,
            outlet=self.outlet,
            log_client=log_client(),
            load=load,
            stop=self.stop,
            images_key=images_key,
        )
        self.thread = threading.Thread(target=self._loop.run, daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()


@contextmanager
def market_feed(load: Callable[[], FeedState] = genesis, owner: str = "market feed") -> Iterator[RunningFeed]:
    feed = RunningFeed(load, redis_names.MARKET_FEED, redis_names.MARKET_BOOKS, owner)
    try:
        yield feed
    finally:
        feed.end()
