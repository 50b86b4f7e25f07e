"""What the server cannot parse is refused in JSON too. A real server, raw bytes on a socket."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml
from uvicorn.server import ServerState

from exchange_site.launcher.processes import application_processes

ROOT = Path(__file__).resolve().parents[2]
HOST = b"Host: 127.0.0.1\r\n"
GET, POST = b"GET /api/v1/time HTTP/1.1\r\n" + HOST, b"POST /api/v1/order HTTP/1.1\r\n" + HOST
UNPARSABLE = {
    "unknown method": b"FOO /api/v1/depth HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw bytes in the path": "GET /api/v1/märkets HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "raw bytes in the query": b"GET /api/v1/depth?symbol=\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the path": b"GET /api/v1/\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "negative length": POST + b"Content-Length: -3\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "NUL in a header": GET + b"X-Window: \0\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


def _flags_of_the_launcher() -> list[str]:
    processes = application_processes(8000, lambda: True, "127.0.0.1", 1)
    return next(process.command for process in processes if process.name == "web")


def _flags_of_compose() -> list[str]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    found: list[str] = services["web"]["command"]
    return found


async def _body_is_read(_scope: Any, receive: Any, _send: Any) -> None:
    while (await receive()).get("more_body"):
        pass


@pytest.mark.parametrize("flags", [_flags_of_the_launcher, _flags_of_compose], ids=["launcher", "compose"])
@pytest.mark.parametrize("sent", UNPARSABLE.values(), ids=UNPARSABLE.keys())
async def test_what_cannot_be_parsed(flags: Any, sent: bytes) -> None:
    words = flags()
    assert "--no-server-header" in words
    protocol = words[words.index("--http") + 1]
    config = uvicorn.Config(_body_is_read, http=protocol, lifespan="off", log_config=None, server_header=False)
    config.load()
    make: Any = config.http_protocol_class
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: make(config, state, {}), "127.0.0.1", 0)
    async with server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"http/1.1 400 bad request"
    assert b"content-type: application/json; charset=utf-8" in lines
    assert b"content-length: %d" % len(body) in lines
    assert json.loads(body) == {"code": "INVALID_CLIENT_REQUEST", "message": "This is not a valid HTTP request"}


TOO_LONG = {
    "too many headers": GET + b"".join(b"X-H%d: 1\r\n" % i for i in range(1000)) + b"\r\n",
    "one long header": GET + b"X-Long: " + b"a" * 40_000 + b"\r\n\r\n",
    "a header without end": GET + b"X-Long: " + b"a" * 300_000,
    "headers without end": GET + b"".join(b"X-H%d: %s\r\n" % (i, b"b" * 500) for i in range(99)),
    "a path without end": b"GET /" + b"a" * 300_000,
}


async def _answer_of(sent: bytes) -> bytes:
    config = uvicorn.Config(
        _body_is_read, http="exchange_site.http_protocol:JsonRefusingProtocol", lifespan="off", log_config=None
    )
    config.load()
    make: Any = config.http_protocol_class
    server = await asyncio.get_running_loop().create_server(lambda: make(config, ServerState(), {}), "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.mark.parametrize("sent", TOO_LONG.values(), ids=TOO_LONG.keys())
async def test_a_head_that_is_too_long(sent: bytes) -> None:
    answer = await _answer_of(sent)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    if answer:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "INVALID_CLIENT_REQUEST"


@pytest.mark.parametrize("sent", [b"", b"GET /api/v1/time HTTP/1.1\r\nHost:", GET + b"X-Slow: "])
async def test_a_head_that_does_not_come(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange_site.http_protocol.HEAD_TIMEOUT_S", 0.2)
    assert await _answer_of(sent) == b""
