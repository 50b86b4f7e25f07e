"""The WebSocket as clients meet it: success is silent, mistakes have codes, limits close only who breaks them."""

import json

import pytest

from marketdata.consumers import MAX_FRAME_BYTES, MAX_STREAMS, MESSAGES_BURST
from marketdata.fanout import CLOSE_GOING_AWAY, close_all
from marketdata.tests.feed_rig import buy, sell
from trading.tests.feed_sockets import Client


async def test_success_is_silent_and_two_spellings_are_two_subscriptions(venue, hub):
    async with Client() as client:
        await client.subscribe("trade.SOL_USDC", "trade@SOL_USDC")
        await client.subscribe("trade.SOL_USDC")
        venue.run([sell(100, 2041), buy(50, 2041)])
        heard = [await client.hear(), await client.hear()]
        assert {frame["stream"] for frame in heard} == {"trade.SOL_USDC", "trade@SOL_USDC"}
        assert all(set(frame) == {"stream", "data"} for frame in heard)
        assert heard[0]["data"] == heard[1]["data"]
        assert await client.silent()


async def test_unsubscribing_ends_a_stream_and_never_complains(venue, hub):
    async with Client(path="/ws") as client:
        await client.subscribe("trade.SOL_USDC", "trade@SOL_USDC")
        await client.say("UNSUBSCRIBE", "trade.SOL_USDC", "depth.SOL_USDC", "no such stream", "account.orderUpdate")
        assert await client.silent()
        venue.run([sell(100, 2041), buy(50, 2041)])
        assert (await client.hear())["stream"] == "trade@SOL_USDC"
        assert await client.silent()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 4002),
        ("{", 4002),
        ("[]", 4002),
        ("null", 4002),
        ('"SUBSCRIBE"', 4002),
        ('{"method":"SUBSCRIBE"}', 4002),
        ('{"method":"SUBSCRIBE","params":"trade.SOL_USDC"}', 4002),
        ('{"method":"SUBSCRIBE","params":[1]}', 4002),
        ('{"method":"SUBSCRIBE","params":[["trade.SOL_USDC"]]}', 4002),
        ('{"method":"subscribe","params":["trade.SOL_USDC"]}', 4002),
        ('{"method":{},"params":["trade.SOL_USDC"]}', 4002),
        ('{"params":["trade.SOL_USDC"]}', 4002),
        ('{"method":"SUBSCRIBE","params":["\\ud800"]}', 4002),
        ("[" * 5000, 4002),
        ('{"method":"SUBSCRIBE","params":[NaN]}', 4002),
        ('{"method":"SUBSCRIBE","params":["tradeX.SOL_USDC"]}', 4006),
        ('{"method":"SUBSCRIBE","params":["kline.7m.SOL_USDC"]}', 4006),
        ('{"method":"SUBSCRIBE","params":["depth.5ms.SOL_USDC"]}', 4008),
        ('{"method":"SUBSCRIBE","params":["account.orderUpdate"]}', 4003),
        ('{"method":"SUBSCRIBE","params":["account.orderUpdate"],"signature":"x"}', 4003),
        ('{"method":"SUBSCRIBE","params":["account.orderUpdate"],"signature":[1,2,3,4]}', 4003),
        ('{"method":"SUBSCRIBE","params":["account.orderUpdate"],"signature":["a","b","c","d"]}', 4003),
    ],
)
async def test_mistakes_have_codes_and_the_connection_goes_on(venue, hub, text, code):
    async with Client() as client:
        await client.wire.send_input({"type": "websocket.receive", "text": text})
        assert await client.hear_error() == code
        await client.subscribe("trade.SOL_USDC", id=7)
        venue.run([sell(100, 2041), buy(50, 2041)])
        assert (await client.hear())["stream"] == "trade.SOL_USDC"


async def test_what_is_valid_in_a_mixed_command_is_subscribed(venue, hub):
    async with Client() as client:
        await client.say("SUBSCRIBE", "nonsense", "trade.SOL_USDC", "depth.1ms.A_B", "more nonsense", "liquidation")
        assert [await client.hear_error(), await client.hear_error()] == [4006, 4008]
        venue.run([sell(100, 2041), buy(50, 2041)])
        assert (await client.hear())["stream"] == "trade.SOL_USDC"


async def test_a_binary_frame_is_a_parse_error(hub):
    async with Client() as client:
        await client.wire.send_to(bytes_data=b"\x00\x01")
        assert await client.hear_error() == 4002


async def test_s21_too_many_streams_are_refused(hub):
    async with Client() as client:
        names = [f"trade.M{number}_USDC" for number in range(MAX_STREAMS)]
        await client.subscribe(*names)
        await client.subscribe(names[0])
        await client.say("SUBSCRIBE", "trade.SOL_USDC")
        assert await client.hear_error() == 4006
        await client.say("UNSUBSCRIBE", names[0])
        await client.subscribe("trade.SOL_USDC")


async def test_s21_a_frame_that_is_too_large_closes_the_socket(hub):
    client = Client()
    async with client:
        await client.wire.send_to(text_data=json.dumps({"method": "SUBSCRIBE", "params": ["x" * MAX_FRAME_BYTES]}))
        assert await client.closed_with() == 1009


async def test_s21_a_storm_of_messages_closes_the_socket(hub):
    async with Client() as client, Client() as bystander:
        for _ in range(MESSAGES_BURST + 5):
            await client.say("UNSUBSCRIBE")
        assert await client.closed_with() == 1008
        assert await bystander.silent()


async def test_before_a_shutdown_sockets_are_closed_with_1001(hub):
    async with Client() as client:
        close_all()
        assert await client.closed_with() == CLOSE_GOING_AWAY


async def test_other_paths_are_no_sockets(hub):
    connected, _ = await Client(path="/elsewhere").wire.connect()
    assert not connected


async def test_a_closed_socket_leaves_nothing_behind(venue, hub):
    async with Client() as client:
        await client.subscribe("depth.SOL_USDC", "bookTicker.SOL_USDC", "depth.200ms.SOL_USDC")
        assert hub.market("SOL_USDC").depths
    assert not hub.market("SOL_USDC").depths
    assert hub.market("SOL_USDC").top is None
    assert ("depth", "SOL_USDC", 0) not in hub.fanout


async def test_a_connection_that_asks_for_nothing_is_closed_one_that_did_is_not(hub, monkeypatch):
    monkeypatch.setattr("marketdata.consumers.FIRST_COMMAND_S", 0.3)
    async with Client() as busy, Client() as idle:
        await busy.subscribe("trade.SOL_USDC")
        assert await idle.closed_with() == 1008
        await busy.say("UNSUBSCRIBE", "trade.SOL_USDC")
        assert await busy.silent()
