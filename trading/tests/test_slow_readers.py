"""G18 over real sockets: who does not read is closed, and who does gets every frame, in order."""

import asyncio
import json
import socket
from typing import Any

import pytest
import websockets

from exchange_site import socket_protocol
from exchange_site.kernel import rate_limits
from exchange_site.tests.wire_rig import frame, served
from marketdata.tests.feed_rig import buy, eventually, sell

SLOW = 40
TRADES = 1_500
NAMES = ["trade.SOL_USDC", "trade@SOL_USDC", "depth.SOL_USDC", "bookTicker.SOL_USDC"]


async def never_reads(port: int) -> socket.socket:
    """A client with the smallest buffer there is, which subscribes and then sleeps."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(
        client,
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    await loop.sock_recv(client, 1000)
    await loop.sock_sendall(client, frame(json.dumps({"method": "SUBSCRIBE", "params": NAMES}).encode()))
    return client


async def test_g18_a_slow_reader_hurts_only_itself(venue: Any, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_protocol, "FAREWELL_S", 1.0)
    async with served(send_buffer=4096) as port:
        slow = [await never_reads(port) for _ in range(SLOW)]
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws") as good:
            await good.send(json.dumps({"method": "SUBSCRIBE", "params": ["trade.SOL_USDC"]}))
            key = ("trade", "SOL_USDC")
            await eventually(lambda: hub.fanout.count(key) == 2 * SLOW + 1)
            heard: list[int] = []

            async def listen() -> None:
                while len(heard) < TRADES:
                    heard.append(json.loads(await asyncio.wait_for(good.recv(), 30))["data"]["t"])

            listener = asyncio.create_task(listen())
            for _ in range(TRADES // 50):
                await asyncio.to_thread(venue.run, [sell(50, 2041), *[buy(1, 2041) for _ in range(50)]])
                await asyncio.sleep(0)
            await listener
            assert heard == list(range(heard[0], heard[0] + TRADES)), "nothing is missing and nothing out of order"
            # They are cut off, not only given up: nothing of them may stay for as long as they like.
            await eventually(lambda: hub.fanout.count(key) == 1)
        for client in slow:
            client.close()
    await rate_limits.close_shared()


@pytest.mark.parametrize("path", ["/ws", "/ws/orders"])
async def test_a_connection_does_not_live_for_ever(
    venue: Any, hub: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("marketdata.consumers.LIFE_S", 0.3)
    monkeypatch.setattr("trading.order_socket.watch.LIFE_S", 0.3)
    async with served() as port, websockets.connect(f"ws://127.0.0.1:{port}{path}") as client:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(client.recv(), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    await rate_limits.close_shared()
