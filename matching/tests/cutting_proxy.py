"""A TCP proxy before Redis that cuts at the worst moment: before a command arrives, or before its answer does."""

import asyncio
from enum import Enum
from urllib.parse import urlsplit, urlunsplit


class Cut(Enum):
    NEVER = "never"
    BEFORE_COMMAND = "before"  # The command never reaches Redis.
    BEFORE_ANSWER = "after"  # Redis executes it, the answer is lost.


class CuttingProxy:
    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self.cut = Cut.NEVER
        self.word = b"EVAL"  # Cuts only a request with this word in it.
        self.cuts = 0
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        login, at, _address = self._target.netloc.rpartition("@")
        self.url = urlunsplit(self._target._replace(netloc=f"{login}{at}127.0.0.1:{port}"))

    async def stop(self) -> None:
        """No new connections, and the present ones end."""
        assert self._server is not None
        self._server.close()
        self.drop_all()

    def drop_all(self) -> None:
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._target.hostname, self._target.port or 6379)
        self._writers |= {writer, up_writer}
        lost = asyncio.Event()
        back = asyncio.create_task(self._copy_back(up_reader, writer, lost))
        try:
            while data := await reader.read(1 << 20):
                if self.word in data and self.cut is not Cut.NEVER:
                    how, self.cut = self.cut, Cut.NEVER
                    self.cuts += 1
                    if how is Cut.BEFORE_ANSWER:
                        lost.set()
                        up_writer.write(data)
                        await up_writer.drain()
                        await back
                    break
                up_writer.write(data)
                await up_writer.drain()
        except OSError:
            pass  # The other end was quicker.
        finally:
            for each in (writer, up_writer):
                each.close()
                self._writers.discard(each)
            back.cancel()

    async def _copy_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        try:
            while data := await reader.read(1 << 20):
                if lost.is_set():
                    return  # Redis has executed it, which is all that was waited for.
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
