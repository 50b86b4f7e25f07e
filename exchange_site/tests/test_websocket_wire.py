"""Below the frames: what no WebSocket client would send, on a real server with the options it really has."""

import asyncio
import json
import zlib
from typing import Any

import pytest
import websockets

from exchange_site.tests.api_rig import Trader
from exchange_site.tests.test_bad_input_websocket import trader
from exchange_site.tests.wire_rig import (
    BINARY,
    CLOSE,
    DEADLINE_S,
    PING,
    PONG,
    TEXT,
    RawSocket,
    frame,
    served,
    server_options,
)
from marketdata.fanout import CLOSE_TOO_SLOW
from marketdata.hub import close_market_hub
from marketdata.tests.feed_rig import eventually
from trading.order_socket import watch
from trading.order_socket.connection import MAX_IN_FLIGHT, OrderConnection
from trading.tests.order_sockets import ORDER, signature
from trading.user_hub import close_user_hub

__all__ = ["trader"]

ENDPOINTS = ("/ws", "/ws/orders")


@pytest.fixture
async def port(trader: Any) -> Any:
    async with served() as port:
        yield port
    await close_market_hub()
    await close_user_hub()


@pytest.fixture(params=ENDPOINTS)
def path(request: pytest.FixtureRequest) -> str:
    endpoint: str = request.param
    return endpoint


async def alive(socket: RawSocket, path: str) -> bool:
    """Whether a connection still answers."""
    socket.send(frame(b"{"))
    while True:
        opcode, data = await socket.hear()
        if opcode != PONG:
            return "error" in json.loads(data)


def test_the_options_are_those_of_production() -> None:
    options = server_options()
    assert options["ws_max_size"] == 16_384
    assert options["ws_per_message_deflate"] is False
    assert (options["ws_ping_interval"], options["ws_ping_timeout"]) == (60, 60)


ENDLESS = frame(b"[", fin=False) + b"".join(frame(b"[" * 1000, 0, fin=False) for _ in range(20))
WIRE = {
    "bad UTF-8": (frame(b'{"id":1,"method":"\xff"}'), {1007}),
    "bad UTF-8 in a fragment": (frame(b"\xc3", fin=False) + frame(b"(", 0), {1007}),
    "unmasked": (frame(b"{}", masked=False), {1002}),
    "reserved bit, as a compressed frame has": (frame(zlib.compress(b"x" * 10**6)[2:-4], reserved=4), {1002}),
    "unknown opcode": (frame(b"", 0x3), {1002}),
    "unknown control frame": (frame(b"", 0xB), {1002}),
    "continuation of nothing": (frame(b"{}", 0), {1002}),
    "a message inside another": (frame(b"{", fin=False) + frame(b"}"), {1002}),
    "a ping that is too long": (frame(b"x" * 126, PING), {1002}),
    "a ping in fragments": (frame(b"x", PING, fin=False), {1002}),
    "one byte too long": (frame(b" " * 16_385), {1009}),
    "claims a gigabyte": (frame(b"x", length=2**30), {1009}),
    "claims 2^63": (frame(b"x", length=2**63 + 1), {1002, 1009}),
    "fragments without end": (ENDLESS, {1009}),
    "a close without reason": (frame(b"", CLOSE), {1005, 1000}),
    "a close of one byte": (frame(b"\x03", CLOSE), {1002}),
    "a close with a code nobody may send": (frame((1005).to_bytes(2, "big"), CLOSE), {1002}),
}  # fmt: skip


@pytest.mark.parametrize("name", WIRE)
async def test_what_breaks_the_protocol_closes_only_who_did_it(port: int, path: str, name: str) -> None:
    raw, codes = WIRE[name]
    async with RawSocket(port, path) as bystander, RawSocket(port, path) as socket:
        socket.send(raw)
        assert await socket.close_code() in codes
        assert await alive(bystander, path)


@pytest.mark.parametrize(
    "raw", [frame(b"\x00\xff", BINARY), frame(b'{"id"', fin=False) + frame(b"x", PING) + frame(b":1}", 0), frame(b"")]
)
async def test_what_is_no_request_is_answered(port: int, path: str, raw: bytes) -> None:
    async with RawSocket(port, path) as socket:
        socket.send(raw)
        assert await alive(socket, path)


async def test_there_is_no_compression(port: int, path: str) -> None:
    async with RawSocket(port, path) as socket:
        assert b"sec-websocket-extensions" not in socket.response.lower()


async def test_pings_are_answered_with_what_they_carried(port: int, path: str) -> None:
    async with RawSocket(port, path) as socket:
        socket.send(frame(b"x", PONG) + frame(b"ccxt", PING) + frame(b"x", PONG) * 2)
        assert await socket.hear() == (PONG, b"ccxt")
        assert await alive(socket, path)


async def test_a_flood_of_pings_harms_nobody(port: int, path: str) -> None:
    async with RawSocket(port, path) as bystander, RawSocket(port, path) as socket:
        socket.send(frame(b"x" * 100, PING) * 5_000)
        assert await alive(bystander, path)
        for _ in range(5_000):
            assert (await socket.hear())[0] == PONG


@pytest.mark.parametrize("cut", [1, 3, 6, 9])
async def test_who_leaves_in_the_middle_of_a_frame(port: int, path: str, cut: int) -> None:
    async with RawSocket(port, path) as bystander:
        async with RawSocket(port, path) as socket:
            socket.send(frame(b'{"id":1,"method":"PING"}')[:cut])
        assert await alive(bystander, path)


async def test_who_never_answers_a_ping_is_closed(trader: Any, path: str) -> None:
    async with served(ws_ping_interval=0.1, ws_ping_timeout=0.2) as port, RawSocket(port, path) as socket:
        opcode, payload = await socket.hear()
        assert (opcode, len(payload)) == (PING, 4)
        assert await socket.close_code() in (1011, 1006)
    await close_market_hub()
    await close_user_hub()


async def test_a_connection_that_answered_before_is_not_cut_as_an_idle_one() -> None:
    """The answer has all its bytes, its end comes after the upgrade: nobody may wait for a next request then."""
    upgraded, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok", "more_body": True})
            await upgraded.wait()
            await send({"type": "http.response.body", "body": b""})
            ended.set()
        else:
            await send({"type": "websocket.accept"})
            upgraded.set()
            await ended.wait()
            await receive()  # The connection itself.
            message = await receive()
            await send({"type": "websocket.send", "text": message["text"]})

    async with served(app=app, timeout_keep_alive=0) as port, RawSocket(port, "/ws", after="/any") as socket:
        async with asyncio.timeout(DEADLINE_S):
            await ended.wait()
        async with served(app=app) as another, RawSocket(another, "/ws"):  # Time for the cut, without a clock.
            socket.send(frame(b"still here"))
            assert await socket.hear() == (TEXT, b"still here")


@pytest.mark.parametrize(
    "other", ["/ws/", "/ws/orders/", "/ws/nothing", "/WS", "/wsx", "/ws/orders%00", "/ws/%2e%2e/x"]
)
async def test_other_paths(port: int, other: str) -> None:
    if other == "/ws/":
        async with RawSocket(port, other) as socket:
            assert await alive(socket, "/ws")
        return
    with pytest.raises(AssertionError, match="403"):
        async with RawSocket(port, other):
            pass


async def test_g18_a_client_that_sends_and_never_reads_is_held_back_then_closed(
    trader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers cannot be written: no more of it is read than may be under way, and after a while it is closed."""
    monkeypatch.setattr(watch, "SLOW_S", 0.3)
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: list[dict[str, Any]] = []
    stuck = asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        outbox.append(message)
        if len(outbox) > 20:
            await stuck.wait()

    scope = {"type": "websocket", "path": "/ws/orders", "headers": [], "client": ("127.0.0.1", 1)}
    inbox.put_nowait({"type": "websocket.connect"})
    log_on = {"id": 0, "method": "LOGON", "params": {}, "signature": signature(trader)}
    inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(log_on)})
    for number in range(5_000):
        inbox.put_nowait({"type": "websocket.receive", "text": f'{{"id":{number},"method":"PING"}}'})
    connection = OrderConnection(scope, inbox.get, send)
    serving = asyncio.create_task(watch.order_sockets().serve(connection))
    await eventually(lambda: connection.ended_with is not None)
    assert connection.ended_with == CLOSE_TOO_SLOW
    assert 5_000 - inbox.qsize() <= MAX_IN_FLIGHT + 30
    stuck.set()
    await asyncio.wait_for(serving, DEADLINE_S)


async def test_an_order_over_a_real_socket(site: None, alice: Trader) -> None:
    """The same server with an engine behind it, by a client that thousands use."""
    async with served() as port, websockets.connect(f"ws://127.0.0.1:{port}/ws/orders") as socket:
        await socket.send(json.dumps({"id": 1, "method": "LOGON", "params": {}, "signature": signature(alice)}))
        assert "result" in json.loads(await socket.recv())
        for number in range(300):
            await socket.send(json.dumps({"id": number, "method": "PLACE", "params": {**ORDER, "timeInForce": "IOC"}}))
        answers = [json.loads(await socket.recv()) for _ in range(300)]
        assert [answer["id"] for answer in answers] == list(range(300))
        assert {answer["result"]["status"] for answer in answers} == {"Expired"}
