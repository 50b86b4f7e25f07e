"""A line between a client and the exchange that loses whole frames, holds them back and breaks in the middle of them.

Only what the server sends is touched. Chances are drawn from a seed; `honest` lets everything through from then on.
"""

import asyncio
import random
from contextlib import suppress


class FrameProxy:
    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self.port = 0
        self.honest = False
        self.lost = self.held = self.cut = 0

    async def __aenter__(self) -> "FrameProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        forward = asyncio.create_task(_copy(reader, up_writer))
        try:
            await self._back(up_reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass  # One of the two ends has gone.
        finally:
            forward.cancel()
            for each in (writer, up_writer):
                each.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readuntil(b"\r\n\r\n"))
        while True:
            frame = await reader.readexactly(2)
            size = frame[1] & 0x7F
            if size >= 126:
                more = await reader.readexactly(2 if size == 126 else 8)
                frame, size = frame + more, int.from_bytes(more, "big")
            frame += await reader.readexactly(size)
            fate = 1.0 if self.honest else self._chance.random()
            if fate < 0.03:
                self.lost += 1
                continue
            if fate < 0.035:
                self.cut += 1
                writer.write(frame[: self._chance.randint(0, len(frame) - 1)])
                await writer.drain()
                return
            if fate < 0.15:
                self.held += 1
                await asyncio.sleep(self._chance.random() * 0.05)
            writer.write(frame)
            await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()
