"""The server's WebSocket, with an end for those who do not read.

Uvicorn closes a connection by writing: the close frame waits behind what the client has not taken, and so does the
end of the connection itself. Whoever never reads would keep both for ever. Here that wait has a limit, then the
connection is cut.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

FAREWELL_S = 5.0  # How long a close frame may wait to be written, and what is written to be taken.


class CuttingProtocol(WebSocketsSansIOProtocol):
    async def send(self, message: Any) -> None:
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
