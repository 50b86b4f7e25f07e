"""`./exchange bench market [--sockets N] [--seconds N] [--only reads|sockets]`: what everybody may read, and hear.

Reads: depth, ticker and trades of a market over HTTP, from keep-alive connections, each asking again as soon as it is
answered. Sockets: very many of them on depth, trades and ticker of a market that trades at a steady rate; the time from
the engine's outcome (the frame's `T`, to the millisecond) to the arrival of the frame, of every frame on every socket.

The load generator shares the processors with the exchange, and its part grows with the frames: it is printed too.
"""

import argparse
import asyncio
import base64
import os
import time
from dataclasses import dataclass, field

from bench_api import Trader, socket_requests
from bench_support import Scratch, machine, percentile, scratch_exchange, wait_until
from socket_orders import OrderSocket, at_a_rate, connect, frame, whole_texts

READERS = 16
PATHS = ("depth", "ticker", "trades")
RATES = (5, 20, 50)  # Orders a second; every second one trades.
STREAMS = ("depth", "trade", "ticker")
OPENED_AT_ONCE = 50
LIMITS = {"RATE_LIMIT_ADDRESS_PER_MINUTE": "6000000", "SOCKETS_PER_ADDRESS": "100000"}


# -------------------------------------------------------------------------------------------------------------- reads
@dataclass
class Reads:
    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    bytes: int = 0


async def read(port: int, path: str, until: float, reads: Reads) -> None:
    """One connection, one request after the other until the clock (`perf_counter`) says `until`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    while (asked := time.perf_counter()) < until:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        reads.seconds.append(time.perf_counter() - asked)
        reads.refused += not head.startswith(b"http/1.1 200")
        reads.bytes += len(body)
    writer.close()


async def measure_reads(scratch: Scratch, name: str, seconds: float) -> None:
    path, reads, used = f"/api/v1/{name}?symbol=SOL_USDC", Reads(), scratch.cpu_seconds()
    started = time.perf_counter()
    await asyncio.gather(*(read(scratch.port, path, started + seconds, reads) for _ in range(READERS)))
    took, count, times = time.perf_counter() - started, len(reads.seconds), sorted(reads.seconds)
    web = (scratch.cpu_seconds()["web"] - used["web"]) * 1e6 / count
    print(
        f"{name}, {READERS} connections: {count / took:,.0f}/s; p50 {percentile(times, 50) * 1000:.1f} ms, "
        f"p99 {percentile(times, 99) * 1000:.1f} ms; {reads.bytes // count:,} bytes each; web {web:.0f} µs a request"
        + (f"; REFUSED {reads.refused:,}" if reads.refused else "")
    )


# ------------------------------------------------------------------------------------------------------------ sockets
@dataclass
class Heard:
    """What all sockets heard: delays in microseconds of frames that tell of a moment of the engine."""

    frames: int = 0
    bytes: int = 0
    delays_us: list[int] = field(default_factory=list)
    lost: int = 0


class Listener(asyncio.Protocol):
    """One socket on the three streams. Frames are looked at as bytes; nothing else is affordable a thousandfold."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ours = True
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.lost += self.ours
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("The server closed the connection."))

    def data_received(self, data: bytes) -> None:
        now_us = time.time_ns() // 1000
        data = self._rest + data
        if not self.ready.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise SystemExit(f"The server refused a socket: {head[:200]!r}")
            streams = ",".join(f'"{name}.SOL_USDC"' for name in STREAMS)
            self.transport.write(frame(f'{{"method":"SUBSCRIBE","params":[{streams}],"id":1}}'))
            self.ready.set_result(None)
        texts, self._rest = whole_texts(data)
        for text in texts:
            self._hear(text, now_us)

    def _hear(self, text: bytes, now_us: int) -> None:
        self.heard.frames += 1
        self.heard.bytes += len(text)
        if text.startswith((b'{"stream":"depth.', b'{"stream":"trade.')):
            moment = text.find(b'"T":', len(text) - 60)
            self.heard.delays_us.append(now_us - int(text[moment + 4 :].partition(b"}")[0].partition(b",")[0]))

    def leave(self) -> None:
        self.ours = False
        self.transport.close()


async def listen(port: int, count: int, heard: Heard) -> list[Listener]:
    loop = asyncio.get_running_loop()
    listeners: list[Listener] = []
    while len(listeners) < count:
        some = min(OPENED_AT_ONCE, count - len(listeners))
        made = [loop.create_connection(lambda: Listener(heard), "127.0.0.1", port) for _ in range(some)]
        fresh = [listener for _, listener in await asyncio.gather(*made)]
        await asyncio.gather(*(listener.ready for listener in fresh))
        listeners += fresh
    return listeners


async def measure_sockets(scratch: Scratch, traders: list[Trader], count: int, seconds: int) -> None:
    heard = Heard()
    listeners = await listen(scratch.port, count, heard)
    for rate in RATES:
        sockets = [await connect(scratch.port, one.key, f"market-{rate}-{one.side}") for one in traders]
        heard.frames = heard.bytes = 0
        heard.delays_us.clear()
        used, mine, started = scratch.cpu_seconds(), time.process_time(), time.perf_counter()
        await asyncio.gather(*(trade(one, traders, side, rate, seconds) for side, one in enumerate(sockets)))
        took = time.perf_counter() - started
        spent = {name: value - used[name] for name, value in scratch.cpu_seconds().items()}
        times = sorted(each / 1000 for each in heard.delays_us)
        if not times:
            raise SystemExit(f"Nothing was heard on {count:,} sockets.")
        print(
            f"{count:,} sockets, {rate} orders/s: {heard.frames / took:,.0f} frames/s, "
            f"{heard.bytes / took / 1e6:.1f} MB/s; depth and trades from outcome to socket p50 "
            f"{percentile(times, 50):.1f} ms, p99 {percentile(times, 99):.1f} ms, max {times[-1]:.0f} ms; "
            f"of a processor: web {spent['web'] / took:.0%}, market feed {spent['market_feed'] / took:.0%}, "
            f"this load generator {(time.process_time() - mine) / took:.0%}"
            + (f"; LOST {heard.lost:,} sockets" if heard.lost else "")
        )
        for one in sockets:
            one.close()
    for listener in listeners:
        listener.leave()


async def trade(socket: OrderSocket, traders: list[Trader], side: int, rate: int, seconds: int) -> None:
    """Sellers and buyers of one price at the same pace: every order moves the book, every second one trades."""
    await at_a_rate(socket, socket_requests(traders, rate * seconds // 2, side), rate / 2)
    if socket.tally.others:
        raise SystemExit(f"Orders were refused: {socket.tally.others}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=10, help="Of each run.")
    parser.add_argument("--only", choices=("reads", "sockets"), help="Only one of the two parts.")
    options = parser.parse_args()
    print(machine())
    os.environ.update(LIMITS)
    with scratch_exchange("--without", "market_maker") as scratch:
        traders = [
            Trader(scratch, "alice@example.org", "Ask", "SOL", "1000000"),
            Trader(scratch, "bob@example.org", "Bid", "USDC", "100000000"),
        ]
        wait_until(lambda: scratch.status()["ready"], "the exchange")
        if options.only != "sockets":
            for name in PATHS:
                asyncio.run(measure_reads(scratch, name, options.seconds))
        if options.only != "reads":
            asyncio.run(measure_sockets(scratch, traders, options.sockets, options.seconds))


if __name__ == "__main__":
    main()
