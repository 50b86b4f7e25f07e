"""From the engine's outcomes to what REST answers and sockets hear, over a real Redis."""

import asyncio
import json
import random

import pytest

from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import fan_client
from marketdata.fanout import CLOSE_RESTART, Outbox
from marketdata.feed.state import MarketFeedState
from marketdata.hub import FeedNotReady, MarketHub, UnknownMarket
from marketdata.stream_names import parse_stream
from marketdata.tests.feed_rig import (
    ALICE,
    BOB,
    RunningFeed,
    buy,
    eventually,
    genesis,
    market_feed,
    sell,
    wait_until,
)
from matching.messages import BookChanged, CancelAllOrders
from matching.tests.venue import SPEC


class Listener:
    """A socket that reads everything at once."""

    def __init__(self, hub: MarketHub, *names: str) -> None:
        self.texts: list[bytes] = []
        self.closed: list[int] = []
        self.outbox = Outbox(self._take, self._end)
        for name in names:
            hub.subscribe(self.outbox, parse_stream(name), name)

    async def _take(self, texts: list[bytes]) -> None:
        self.texts += texts

    async def _end(self, code: int) -> None:
        self.closed.append(code)

    def data(self, name: str) -> list[dict]:
        frames = [json.loads(text) for text in self.texts]
        return [frame["data"] for frame in frames if frame["stream"] == name]


@pytest.fixture
async def hub():
    hub = MarketHub()
    hub.start()
    yield hub
    await hub.stop()


def engine_book(venue) -> tuple[dict[str, str], dict[str, str]]:
    market = venue.engine.markets[SPEC.symbol]
    bids, asks = (
        {SPEC.format_price(level.price_ticks): SPEC.format_quantity(level.lots) for level in side.best_first()}
        for side in (market.bids, market.asks)
    )
    return bids, asks


def last_update_id(venue) -> int:
    events = [event for outcome in venue.outcomes for event in outcome.events]
    return [event.update_id for event in events if isinstance(event, BookChanged)][-1]


def hub_book(hub: MarketHub) -> tuple[dict[str, str], dict[str, str]]:
    answer = hub.depth(SPEC.symbol)
    return dict(answer["bids"]), dict(answer["asks"])


def known_asks(hub: MarketHub) -> int:
    """Ask levels the hub knows; none while its image is older than the market, or missing."""
    try:
        return len(hub_book(hub)[1])
    except (UnknownMarket, FeedNotReady):
        return 0


async def test_before_the_first_image_nothing_is_known(venue, hub):
    with pytest.raises(FeedNotReady):
        hub.depth(SPEC.symbol)
    assert not await hub.wait_ready(0.01)
    assert not await hub.wait_for(1, 0.01)


async def test_rest_answers_follow_the_engine(venue, hub):
    with market_feed():
        venue.run([sell(300, 2041), sell(150, 2043), buy(100, 2038), buy(50, 2041), buy(25, None)])
        assert await hub.wait_for(venue.engine.n, 5)
        depth = hub.depth(SPEC.symbol)
        assert depth["asks"] == [["20.41", "2.25"], ["20.43", "1.5"]]
        assert depth["bids"] == [["20.38", "1"]]
        assert depth["lastUpdateId"] == "5"
        assert depth["timestamp"] == venue.at_ms * 1000
        assert hub.depth(SPEC.symbol, 1)["asks"] == [["20.41", "2.25"]]
        trades = hub.trades(SPEC.symbol, 1)
        assert [(trade["id"], trade["price"], trade["quantity"], trade["isBuyerMaker"]) for trade in trades] == [
            (2, "20.41", "0.25", False)
        ]
        ticker = await eventually(lambda: (t := hub.ticker(SPEC.symbol))["trades"] == "2" and t)
        assert (ticker["lastPrice"], ticker["volume"], ticker["quoteVolume"]) == ("20.41", "0.75", "15.3075")
        assert hub.tickers("1w")[0]["trades"] == "2"
        with pytest.raises(UnknownMarket):
            hub.depth("NO_SUCH")


async def test_sockets_hear_each_stream(venue, hub):
    names = [
        "trade.SOL_USDC",
        "depth@SOL_USDC",
        "depth.200ms.SOL_USDC",
        "bookTicker.SOL_USDC",
        "ticker.SOL_USDC",
        "kline.1m.SOL_USDC",
        "trade.NO_SUCH",
    ]
    with market_feed():
        await hub.wait_for(venue.engine.n, 5)
        listener = Listener(hub, *names)
        venue.run([sell(300, 2041), buy(50, 2041)], per_entry=1)
        await eventually(lambda: all(listener.data(name) for name in names[:-1]))
    [trade] = listener.data("trade.SOL_USDC")
    assert (trade["p"], trade["q"], trade["t"], trade["m"]) == ("20.41", "0.50", 1, False)
    assert (trade["a"], trade["b"]) == ("1", "2")
    real_time = listener.data("depth@SOL_USDC")
    assert [frame["U"] for frame in real_time] == [1, *(frame["u"] + 1 for frame in real_time[:-1])]
    assert real_time[-1]["u"] == 2
    assert real_time[-1]["a"] == [["20.41", "2.50"]]
    assert listener.data("depth.200ms.SOL_USDC")[0]["U"] == 1
    assert listener.data("bookTicker.SOL_USDC")[-1]["A"] == "2.50"
    assert listener.data("kline.1m.SOL_USDC")[0]["n"] == 1
    assert not listener.data("trade.NO_SUCH")
    assert not listener.closed


def follow(book: dict, frames: list[dict]) -> tuple[dict, dict, int]:
    """The client's procedure: a REST snapshot and the frames behind it. Asserts that there is no gap."""
    last = int(book["lastUpdateId"])
    sides = {"b": dict(book["bids"]), "a": dict(book["asks"])}
    for frame in frames:
        if frame["u"] <= last:
            continue
        assert frame["U"] <= last + 1, f"gap between {last} and {frame['U']}"
        for side, levels in sides.items():
            for price, quantity in frame[side]:
                levels[SPEC.format_price(SPEC.parse_price(price))] = quantity
        last = frame["u"]
    for side, levels in sides.items():
        trimmed = {price: quantity.rstrip("0").rstrip(".") for price, quantity in levels.items() if "." in quantity}
        levels |= trimmed
        sides[side] = {price: quantity for price, quantity in levels.items() if quantity != "0"}
    return sides["b"], sides["a"], last


def busy(dice: random.Random, count: int) -> list:
    commands: list = []
    for _ in range(count):
        account, price = dice.choice([ALICE, BOB]), dice.randrange(1990, 2010)
        side = dice.choice([buy, sell])
        commands.append(side(dice.randrange(1, 500), price, account))
        if dice.random() < 0.02:
            commands.append(CancelAllOrders(account_id=account))
    return commands


@pytest.mark.parametrize("stream", ["depth.SOL_USDC", "depth.200ms.SOL_USDC"])
async def test_g17_a_snapshot_and_the_stream_give_the_true_book(venue, hub, stream):
    dice = random.Random(5)
    with market_feed():
        await hub.wait_for(venue.engine.n, 5)
        venue.run(busy(dice, 200), per_entry=3)
        await hub.wait_for(venue.engine.n, 5)
        listener = Listener(hub, stream)
        for _ in range(10):
            venue.run(busy(dice, 30), per_entry=3)
            await asyncio.sleep(0)
        snapshot = hub.depth(SPEC.symbol)  # Somewhere in the middle, while frames wait to be told.
        venue.run(busy(dice, 100), per_entry=3)
        final = last_update_id(venue)
        await eventually(lambda: listener.data(stream) and listener.data(stream)[-1]["u"] == final)
        await hub.wait_for(venue.engine.n, 5)
    bids, asks, last = follow(snapshot, listener.data(stream))
    assert last == final
    assert (bids, asks) == engine_book(venue) == hub_book(hub)


async def test_a_hub_that_starts_late_has_the_same_book(venue, hub):
    with market_feed():
        venue.run(busy(random.Random(1), 300), per_entry=7)
        await hub.wait_for(venue.engine.n, 5)
        late = MarketHub()
        late.start()
        assert await late.wait_for(venue.engine.n, 5)
        assert late.depth(SPEC.symbol) == hub.depth(SPEC.symbol)
        assert late.trades(SPEC.symbol, 1000) == hub.trades(SPEC.symbol, 1000)
        await late.stop()


async def test_a_restarted_feed_goes_on_without_a_gap(venue, hub):
    """Started from a state that is behind what was published, and from one that is ahead of it."""
    dice, stream = random.Random(3), "depth.SOL_USDC"
    with market_feed():
        venue.run(busy(dice, 100), per_entry=3)
        await hub.wait_for(venue.engine.n, 5)
        listener, snapshot = Listener(hub, stream, "trade.SOL_USDC"), hub.depth(SPEC.symbol)
        trades_before = hub.trades(SPEC.symbol, 1)[0]["id"]
    venue.run(busy(dice, 100), per_entry=3)
    with market_feed():  # Behind: an empty database.
        await hub.wait_for(venue.engine.n, 5)
    venue.run(busy(dice, 100), per_entry=3)

    def ahead() -> MarketFeedState:
        state = genesis()
        state.apply(venue.outcomes)
        state.forget()
        return state

    with market_feed(ahead):
        await hub.wait_for(venue.engine.n, 5)
        venue.run(busy(dice, 100), per_entry=3)
        await hub.wait_for(venue.engine.n, 5)
        final = last_update_id(venue)
        await eventually(lambda: listener.data(stream)[-1]["u"] == final)
    assert not listener.closed
    assert follow(snapshot, listener.data(stream))[:2] == engine_book(venue)
    ids = [trade["t"] for trade in listener.data("trade.SOL_USDC")]
    assert ids == list(range(trades_before + 1, hub.trades(SPEC.symbol, 1)[0]["id"] + 1))


async def test_when_batches_are_lost_sockets_are_closed_and_the_book_is_right_again(venue, hub):
    with market_feed() as feed:
        venue.run([sell(300, 2041)])
        await hub.wait_for(venue.engine.n, 5)
        listener = Listener(hub, "depth.SOL_USDC")
        bystander = Listener(hub)
        fan_client().delete(redis_names.MARKET_FEED, redis_names.MARKET_BOOKS, redis_names.feed_lease("md"))
        wait_until(lambda: feed.outlet.holder() == "market feed")  # It noticed, and began afresh.
        venue.run([sell(300, 2042)])
        await eventually(lambda: known_asks(hub) == 2)
        await eventually(lambda: listener.closed == [CLOSE_RESTART] or int(hub.depth(SPEC.symbol)["lastUpdateId"]) == 2)
    assert hub_book(hub) == engine_book(venue)
    assert not bystander.closed


async def test_a_batch_that_does_not_continue_closes_every_listener(venue, hub):
    with market_feed():
        venue.run([sell(300, 2041)])
        await hub.wait_for(venue.engine.n, 5)
    listener = Listener(hub, "depth.SOL_USDC")
    bystander = Listener(hub)
    hub.n -= 1  # As if one batch had never come.
    with market_feed():
        await eventually(lambda: listener.closed == [CLOSE_RESTART])
        await eventually(lambda: hub.n == venue.engine.n)
        assert hub_book(hub) == engine_book(venue)
    assert not bystander.closed


async def test_a_second_feed_waits_and_takes_over(venue, hub):
    with market_feed(owner="first") as first:
        wait_until(lambda: first.outlet.holder() == "first")
        await hub.wait_for(venue.engine.n, 5)
        with market_feed(owner="second") as second:
            venue.run([sell(300, 2041)])
            assert await hub.wait_for(venue.engine.n, 5)
            assert second.outlet.holder() == "first"
            first.end()
            wait_until(lambda: second.outlet.holder() == "second")
            venue.run([sell(300, 2042)])
            assert await hub.wait_for(venue.engine.n, 5)
    assert hub_book(hub) == engine_book(venue)


async def test_a_feed_that_lost_its_lease_publishes_nothing(venue):
    fan = fan_client()
    with market_feed(owner="first") as feed:
        wait_until(lambda: fan.exists(redis_names.MARKET_BOOKS))
        fan.set(redis_names.feed_lease("md"), "usurper")
        wait_until(lambda: feed.outlet.holder() == "usurper")
        wait_until(lambda: feed.outlet.acquire() is False)
        length = fan.xlen(redis_names.MARKET_FEED)
        venue.run([sell(300, 2041)])
        assert fan.xlen(redis_names.MARKET_FEED) == length


async def test_a_start_that_takes_longer_than_the_lease_is_a_start_all_the_same(venue, hub):
    """Reading many open orders takes its time; a feed that began again because of that would never come up."""
    fan = fan_client()
    lease = redis_names.feed_lease(redis_names.MARKET_FEED)
    loads = []

    def load_slowly() -> MarketFeedState:
        loads.append(wait_until(lambda: fan.exists(lease)))
        fan.pexpire(lease, 1)
        wait_until(lambda: not fan.exists(lease))
        return genesis()

    with market_feed(load_slowly):
        assert await hub.wait_for(venue.engine.n, 5)
    assert len(loads) == 1


async def test_a_gap_in_the_events_makes_the_feed_start_again(venue, hub):
    loads = []

    def load() -> MarketFeedState:
        state = genesis()
        state.apply(outcome for outcome in venue.outcomes if outcome.n <= (venue.engine.n if loads else 1))
        state.forget()
        loads.append(state.n)
        return state

    venue.run([sell(300, 2041)], per_entry=1)
    venue.client.xtrim(redis_names.EVENTS, maxlen=1, approximate=False)
    feed = RunningFeed(load, redis_names.MARKET_FEED, redis_names.MARKET_BOOKS, "feed")
    try:
        await eventually(lambda: hub.ready and hub.n == venue.engine.n)
    finally:
        feed.end()
    assert loads == [1, venue.engine.n]
    assert hub_book(hub) == engine_book(venue)
