"""How a web process that ends leaves: its proxy's connections are answered once more, everybody else's end at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from exchange_site import http_protocol

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
DEADLINE_S = 5


async def answers(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[ServerState, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which one request was answered and that was kept."""
    protocol = "exchange_site.http_protocol:JsonRefusingProtocol"
    config = uvicorn.Config(answers, http=protocol, lifespan="off", log_config=None)
    config.load()
    make: Any = config.http_protocol_class
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: make(config, state, {}), "127.0.0.1", 0)
    async with server, asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(REQUEST)
        assert b"connection: close" not in await reader.readuntil(b"ok")
        yield state, reader, writer
        writer.close()


def end(state: ServerState) -> None:
    """What uvicorn does on SIGTERM."""
    for connection in list(state.connections):
        connection.shutdown()


async def test_a_request_that_a_proxy_has_just_sent_is_answered_and_is_the_last(settings):
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    async with connected() as (state, reader, writer):
        end(state)
        writer.write(REQUEST)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        assert answer.endswith(b"ok"), "and then the connection ends"


async def test_a_proxy_that_sends_nothing_more_is_let_go_after_a_while(settings, monkeypatch):
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    monkeypatch.setattr(http_protocol, "LINGER_S", 0.05)
    async with connected() as (state, reader, _):
        end(state)
        assert await reader.read() == b""


async def test_everybody_elses_idle_connection_ends_at_once(settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    async with connected() as (state, reader, _):
        end(state)
        async with asyncio.timeout(http_protocol.LINGER_S / 2):
            assert await reader.read() == b""
