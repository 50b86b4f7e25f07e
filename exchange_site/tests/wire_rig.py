"""The site behind the server it runs behind, with that server's own options, in a test's event loop; raw sockets."""

import asyncio
import base64
import os
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from uvicorn.main import main as uvicorn_command

from exchange_site.asgi import application
from exchange_site.launcher.home import free_port
from exchange_site.launcher.processes import application_processes

SERVER_OPTIONS = ("http", "ws", "ws_max_size", "ws_ping_interval", "ws_ping_timeout", "ws_per_message_deflate")
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
DEADLINE_S = 10


def server_options() -> dict[str, Any]:
    """What the launcher starts the web server with, as far as it is about sockets."""
    processes = application_processes(1, lambda: True, "127.0.0.1", 1)
    [web] = [process for process in processes if process.name == "web"]
    words = web.command[web.command.index("uvicorn") + 1 :]
    params = uvicorn_command.make_context("uvicorn", list(words)).params
    return {name: params[name] for name in SERVER_OPTIONS}


@asynccontextmanager
async def served(send_buffer: int | None = None, app: Any = application, **changes: Any) -> AsyncIterator[int]:
    """The port; `changes` are other options of the server. `send_buffer` is what the kernel keeps for a slow reader."""
    options = {**server_options(), **changes}
    config = uvicorn.Config(
        app, port=free_port(), loop="none", lifespan="off", log_level="critical", access_log=False, **options
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not server.started:
                await asyncio.sleep(0.01)
        if send_buffer is not None:
            for listener in (listener for each in server.servers for listener in each.sockets):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)  # Inherited by connections.
        yield config.port
    finally:
        server.should_exit = server.force_exit = True
        with suppress(asyncio.CancelledError):
            await task


def frame(
    data: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
    length: int | None = None,
) -> bytes:
    """One frame; `length` is what it claims to hold."""
    size = len(data) if length is None else length
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + data
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


class RawSocket:
    """A client that does what it is told, not what the protocol says."""

    def __init__(self, port: int, path: str, after: str | None = None) -> None:
        """`after` is the path of an ordinary request whose answer is read first, on the same connection."""
        self._port, self._path, self._after = port, path, after
        self.response = b""

    async def __aenter__(self) -> "RawSocket":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        if self._after is not None:
            self.writer.write(f"GET {self._after} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode())
            async with asyncio.timeout(DEADLINE_S):
                head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
                [length] = re.findall(rb"content-length: (\d+)", head)
                await self.reader.readexactly(int(length))
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
        )
        async with asyncio.timeout(DEADLINE_S):
            self.response = await self.reader.readuntil(b"\r\n\r\n")
        assert self.response.startswith(b"HTTP/1.1 101"), self.response
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def hear(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. Raises IncompleteReadError at the end of the connection."""
        async with asyncio.timeout(DEADLINE_S):
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            return first & 0x0F, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """Read until the server closes; 1006 when it just ended the connection."""
        try:
            while True:
                opcode, data = await self.hear()
                if opcode == CLOSE:
                    return int.from_bytes(data[:2], "big") if data else 1005
        except (asyncio.IncompleteReadError, ConnectionError):
            return 1006
