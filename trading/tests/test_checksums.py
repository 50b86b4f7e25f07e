"""`checksum` and `heartbeat`: with them a client knows that its book is the book, on every message."""

import random

import pytest

from marketdata.tests.feed_rig import buy, sell
from marketdata.tests.mirror import BookCopy, OutOfStep
from trading.tests.feed_sockets import Client

WINDOWS = ["", "200ms."]


def some_orders(seed: int, count: int) -> list:
    """A book that grows, shrinks and trades."""
    chance = random.Random(seed)
    orders = []
    for _ in range(count):
        make = chance.choice((buy, sell))
        orders.append(make(chance.randint(1, 300), 2000 + chance.randint(-15, 15)))
    return orders


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("seed", range(3))
async def test_g17_every_message_agrees_with_its_checksum(venue, hub, seed, window):
    async with Client() as client:
        await client.subscribe(f"depth.{window}SOL_USDC", f"checksum.{window}SOL_USDC")
        copy = BookCopy()
        copy.snapshot(hub.depth("SOL_USDC"), 2, 2)
        for orders in (some_orders(seed * 100 + part, 40) for part in range(6)):
            venue.run(orders)
            while (copy.u or 0) < hub.market("SOL_USDC").book.update_id or hub.n < venue.engine.n:
                depth = await client.hear()
                assert depth["stream"] == f"depth.{window}SOL_USDC", "each checksum comes right after its change"
                copy.depth(depth["data"])
                checksum = await client.hear()
                assert checksum["stream"] == f"checksum.{window}SOL_USDC"
                assert checksum["data"]["u"] == copy.u
                copy.check(checksum["data"])
        assert copy.checked, f"seed {seed}"


async def test_a_checksum_without_depth(venue, hub):
    async with Client() as client:
        await client.subscribe("checksum.SOL_USDC")
        venue.run([sell(100, 2041)])
        frame = await client.hear()
        assert set(frame["data"]) == {"e", "E", "s", "u", "c", "T"}
        await client.say("UNSUBSCRIBE", "checksum.SOL_USDC")
        venue.run([sell(100, 2042)])
        assert await client.silent()
        assert not hub.market("SOL_USDC").depths


async def test_a_copy_that_is_wrong_is_found_out(venue, hub):
    async with Client() as client:
        await client.subscribe("depth.SOL_USDC", "checksum.SOL_USDC")
        copy = BookCopy()
        copy.snapshot(hub.depth("SOL_USDC"), 2, 2)
        venue.run([sell(100, 2041)])
        first = await client.hear()
        copy.depth({**first["data"], "a": [["20.41", "1.01"]]})
        with pytest.raises(OutOfStep, match="checksum"):
            copy.check((await client.hear())["data"])


async def test_a_heartbeat_tells_the_last_ids(venue, hub):
    async with Client() as client:
        await client.subscribe("heartbeat.SOL_USDC", "depth.SOL_USDC")
        venue.run([sell(100, 2041), buy(40, 2041)])
        heard = [await client.hear()]
        while heard[-1]["data"]["e"] != "heartbeat" or heard[-1]["data"]["t"] is None:
            heard.append(await client.hear())
        beat = heard[-1]["data"]
        assert set(beat) == {"e", "E", "s", "u", "t", "c", "T"}
        told = [frame["data"]["u"] for frame in heard if frame["data"]["e"] == "depth"]
        assert beat["u"] == told[-1], "what a heartbeat speaks of has been told before"
        assert (await client.hear())["data"]["e"] == "heartbeat"
        await client.say("UNSUBSCRIBE", "heartbeat.SOL_USDC", "depth.SOL_USDC")
        assert await client.silent()
        assert hub.market("SOL_USDC").heartbeat is None


async def test_no_heartbeat_while_the_feed_is_not_heard(venue, hub, monkeypatch):
    monkeypatch.setattr("marketdata.live_streams.HEARTBEAT_S", 0.02)
    monkeypatch.setattr("marketdata.fan_reader.SILENT_AFTER_S", -1.0)
    async with Client() as client:
        await client.subscribe("heartbeat.SOL_USDC")
        assert await client.silent()
        monkeypatch.setattr("marketdata.fan_reader.SILENT_AFTER_S", 10.0)
        assert (await client.hear())["data"]["e"] == "heartbeat"
