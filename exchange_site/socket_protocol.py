"""The server's WebSocket, with an end for those who do not read.

Uvicorn closes a connection by writing: the close frame waits behind what the client has not taken, and so does the
end of the connection itself. Whoever never reads would keep both for ever. Here that wait has a limit, then the
connection is cut.
"""

import asyncio
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from exchange_site.kernel.asgi_extensions import SEVERAL_TEXTS

FAREWELL_S = 5.0  # How long a close frame may wait to be written, and what is written to be taken.
JOINED_AT_MOST_BYTES = 32 * 1024


class _JoinedWrites:
    """A transport that writes at the end of the loop's turn what it was given during it.

    Answers to a burst of frames are one system call and one packet then, not one each.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= JOINED_AT_MOST_BYTES:  # The transport has to see it, or it could not say that it is too much.
            self._flush()

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts, self._size = self._parts, [], 0
            if not self._transport.is_closing():
                self._transport.write(b"".join(parts))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._parts, self._size = [], 0
        self._transport.abort()


def _head(size: int) -> bytes:
    """What stands before a server's text frame of so many bytes (RFC 6455, 5.2): FIN and text, then the length."""
    if size < 126:
        return bytes((0x81, size))
    return b"\x81\x7e" + size.to_bytes(2, "big") if size < 65_536 else b"\x81\x7f" + size.to_bytes(8, "big")


class CuttingProtocol(WebSocketsSansIOProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport = _JoinedWrites(transport, self.loop)  # type: ignore[assignment]

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101 and not self.conn.extensions:  # Nothing compresses the frames.
            self.scope["extensions"][SEVERAL_TEXTS] = {}  # type: ignore[typeddict-unknown-key]

    async def _send_texts(self, texts: list[bytes]) -> None:
        """Text frames, unmasked and whole, for which the connection's state machine has nothing to add."""
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        parts: list[bytes] = []
        for text in texts:
            parts += (_head(len(text)), text)
        self.transport.write(b"".join(parts))

    async def send(self, message: Any) -> None:
        texts = message.get("texts")
        if texts is not None and self.handshake_complete:
            await self._send_texts(texts)
            return
        if message["type"] != "websocket.close" or not self.handshake_complete:
            await super().send(message)
            return
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self.writable.wait()
        except TimeoutError:
            self.transport.abort()
            return
        await super().send(message)
        if self.close_timer is not None:  # The client has to answer; if it does not even read, closing would wait.
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(FAREWELL_S, self.transport.abort)
