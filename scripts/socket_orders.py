"""The load that `bench api` puts on the order socket: frames made beforehand, a client that costs next to nothing.

The load generator shares the cores with the exchange, so it is kept small: a log-on, then ready bytes, and of an answer
only its id and whether it is a result. Frames of a client are masked; with a mask of zeros that is a copy.
"""

import asyncio
import json
import os
import time
from base64 import b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PATH = "/ws/orders"
WINDOW = 60_000


def frame(text: str) -> bytes:
    """One text frame of a client."""
    data = text.encode()
    head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2, "big")
    return head + bytes(4) + data


def whole_texts(data: bytes) -> tuple[list[bytes], bytes]:
    """The text frames of a server that have come whole, and what has come of the next."""
    texts: list[bytes] = []
    at = 0
    while len(data) - at >= 4:
        length, start = data[at + 1], at + 2
        if length == 126:
            length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            if len(data) - at < 10:
                break
            length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if len(data) < start + length:
            break
        if data[at] == 0x81:
            texts.append(data[start : start + length])
        at = start + length
    return texts, data[at:]


@dataclass
class SocketTally:
    seconds: list[float] = field(default_factory=list)
    accepted: int = 0
    others: dict[str, int] = field(default_factory=dict)


class OrderSocket(asyncio.Protocol):
    """One connection. `due` is when each request under way was to be sent; `on_answer` is called for every answer."""

    def __init__(self, tally: SocketTally) -> None:
        self.tally = tally
        self.due: dict[int, float] = {}
        self.answers = 0
        self.transport: asyncio.Transport | None = None
        self.upgraded = asyncio.get_running_loop().create_future()
        self.answered = asyncio.Event()
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.upgraded.done():
            self.upgraded.set_exception(ConnectionError("The server closed the connection."))
        self.answered.set()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self.upgraded.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self.upgraded.set_result(head)
        texts, self._rest = whole_texts(data)
        for text in texts:
            self._answer(text)
        self.answered.set()

    def _answer(self, text: bytes) -> None:
        """`{"id":7,"result":...` or `{"id":7,"error":...`."""
        self.answers += 1
        id_, _, rest = text[6:40].partition(b",")
        sent = self.due.pop(int(id_), None)
        if sent is not None:
            self.tally.seconds.append(time.perf_counter() - sent)
        if rest.startswith(b'"result"'):
            self.tally.accepted += 1
        else:
            code = json.loads(text)["error"]["code"]
            self.tally.others[code] = self.tally.others.get(code, 0) + 1

    async def until(self, answers: int) -> None:
        """Until so many answers have come. Raises ConnectionError."""
        while self.answers < answers:
            self.answered.clear()
            await self.answered.wait()
            if self.transport is None or self.transport.is_closing():
                raise ConnectionError(f"The connection ended after {self.answers} answers.")

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    async def log_on(self, key: Ed25519PrivateKey, session: str) -> None:
        await self.upgraded
        at = str(time.time_ns() // 1_000_000)
        signed = key.sign(f"instruction=logon&session={session}&timestamp={at}&window={WINDOW}".encode())
        public = b64encode(key.public_key().public_bytes_raw()).decode()
        proof = [public, b64encode(signed).decode(), at, str(WINDOW)]
        request = {"id": 0, "method": "LOGON", "params": {"session": session}, "signature": proof}
        assert self.transport is not None
        self.transport.write(frame(json.dumps(request)))
        await self.until(1)
        if not self.tally.accepted:
            raise SystemExit(f"Log-on failed: {self.tally.others}")


async def connect(port: int, key: Ed25519PrivateKey, session: str) -> OrderSocket:
    tally = SocketTally()
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: OrderSocket(tally), "127.0.0.1", port)
    await socket.log_on(key, session)
    tally.accepted = 0
    socket.answers = 0
    return socket


async def as_fast_as_they_go(socket: OrderSocket, requests: list[bytes], window: int) -> None:
    """At most `window` requests under way; what has been answered makes room for as many at once."""
    assert socket.transport is not None
    sent = 0
    while sent < len(requests):
        room = min(window - (sent - socket.answers), len(requests) - sent)
        if room >= max(1, min(window // 2, len(requests) - sent)):
            now = time.perf_counter()
            for id_ in range(sent + 1, sent + room + 1):
                socket.due[id_] = now
            socket.transport.write(b"".join(requests[sent : sent + room]))
            sent += room
        else:
            await socket.until(socket.answers + 1)
    await socket.until(sent)


async def at_a_rate(socket: OrderSocket, requests: list[bytes], rate: float) -> None:
    """Each when it is due, whether or not the last one was answered; time counts from when it was due."""
    assert socket.transport is not None
    started = time.perf_counter()
    for id_, request in enumerate(requests, 1):
        due = started + id_ / rate
        wait_s = due - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        socket.due[id_] = due
        socket.transport.write(request)
    await socket.until(len(requests))
