"""`./exchange bench api [--orders N] [--only rest|socket]`: orders to committed rows, nothing left out.

Every process runs but the market maker. Two traders meet at one price: with signed REST orders, singly from many
connections, singly at a fixed rate, and in batches of 50; and over the order socket, single orders pipelined on many
connections, and on one at a fixed rate.

At a fixed rate time counts from when an order was due. One connection takes one REST order after the other, so with
every answer that takes longer than the time between two orders the rest of them come later and later: that says how
much a connection can carry. What a client with a connection to spare waits for is said by the run on several, and what
the server alone takes by the round trips. Afterwards the rows are counted and engine and database
reconciled, so that no figure stands for orders that were lost.
"""

import argparse
import asyncio
import json
import time
from base64 import b64encode
from dataclasses import dataclass, field

from bench_support import Scratch, machine, percentile, scratch_exchange, wait_until
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from socket_orders import as_fast_as_they_go, at_a_rate, connect, frame

CONNECTIONS = 32
BATCH_CONNECTIONS = 3  # An account may have 200 open orders in a market.
BATCH = 50
RATES = ((250, 1), (500, 1), (250, 8), (1000, 8))  # Orders a second in all, connections.
SOCKETS = 8
SOCKET_WINDOW = 20  # Requests under way on each: 160 in all, so an account stays below its 200 open orders.
SOCKET_RATES = (250, 500, 1000)
WINDOW = 60_000
PRICE, QUANTITY = "170", "0.01"


class Trader:
    def __init__(self, scratch: Scratch, email: str, side: str, asset: str, amount: str) -> None:
        self.side = side
        self.key = self._key = Ed25519PrivateKey.generate()
        self.public = b64encode(self._key.public_key().public_bytes_raw()).decode()
        scratch.call("manage", "set_rate_tier", email, "load test")
        scratch.call("manage", "create_api_key", email, "--public-key", self.public, "--scopes", "read,trade")
        scratch.call("manage", "fund", email, asset, amount)

    def request(self, count: int) -> bytes:
        """A signed HTTP request of one order, or of a batch."""
        order = {
            "orderType": "Limit",
            "price": PRICE,
            "quantity": QUANTITY,
            "side": self.side,
            "symbol": "SOL_USDC",
        }
        signed = "instruction=orderExecute&" + "&".join(f"{key}={value}" for key, value in order.items())
        at = str(time.time_ns() // 1_000_000)
        text = "&".join([signed] * count) + f"&timestamp={at}&window={WINDOW}"
        body = json.dumps(order if count == 1 else [order] * count).encode()
        head = (
            f"POST /api/v1/{'order' if count == 1 else 'orders'} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"X-API-Key: {self.public}\r\nX-Signature: {b64encode(self._key.sign(text.encode())).decode()}\r\n"
            f"X-Timestamp: {at}\r\nX-Window: {WINDOW}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass
class Tally:
    seconds: list[float] = field(default_factory=list)
    round_trips: list[float] = field(default_factory=list)
    accepted: int = 0
    others: dict[str, int] = field(default_factory=dict)

    def note(self, status: int, body: bytes, seconds: float) -> None:
        self.seconds.append(seconds)
        answer = json.loads(body)
        for one in answer if isinstance(answer, list) else [answer]:
            if status == 200 and "code" not in one:
                self.accepted += 1
            else:
                self.others[one.get("code", str(status))] = self.others.get(one.get("code", str(status)), 0) + 1


async def drive(port: int, requests: list[bytes], tally: Tally, every_s: float = 0, after_s: float = 0) -> None:
    """One keep-alive connection, one request after the other. With a rate, time counts from when each was due."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.perf_counter() + after_s
    for index, request in enumerate(requests):
        due = time.perf_counter()
        if every_s:
            due = started + index * every_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sent = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        answered = time.perf_counter()
        tally.round_trips.append(answered - sent)
        tally.note(int(head[9:12]), body, answered - due)
    writer.close()


async def measure(
    name: str, scratch: Scratch, traders: list[Trader], orders: int, batch: int, rate: int, connections: int
) -> int:
    """Sell first, then buy, in turns on every connection. Returns how many orders were accepted."""
    per_connection = max(2, orders // batch // connections)
    plans = [[traders[i % 2].request(batch) for i in range(per_connection)] for _ in range(connections)]
    tally = Tally()
    used = scratch.cpu_seconds()
    started = time.perf_counter()
    every_s = connections / rate if rate else 0
    await asyncio.gather(
        *(
            drive(scratch.port, plan, tally, every_s, number * every_s / connections)
            for number, plan in enumerate(plans)
        )
    )
    answered = time.perf_counter() - started
    wait_until(lambda: all_written(scratch), "the database")
    written = time.perf_counter() - started
    report(name, scratch, tally, used, answered, written)
    return tally.accepted


def report(name: str, scratch: Scratch, tally: Tally, used: dict[str, float], answered: float, written: float) -> None:
    """`used` are the processes' CPU seconds before; times are seconds since the start."""
    times = sorted(tally.seconds)
    p50, p99 = (percentile(times, percent) * 1000 for percent in (50, 99))
    print(
        f"{name}: {tally.accepted:,} orders, {tally.accepted / answered:,.0f}/s answered, "
        f"{tally.accepted / written:,.0f}/s to committed rows; p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        + (f"; refused {tally.others}" if tally.others else "")
    )
    if trips := sorted(tally.round_trips):
        p50, p99, longest = (percentile(trips, percent) * 1000 for percent in (50, 99, 100))
        print(f"  round trips: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.1f} ms")
    spent = {name: (seconds - used[name]) * 1e6 / tally.accepted for name, seconds in scratch.cpu_seconds().items()}
    print("  CPU an order, µs: " + ", ".join(f"{name} {micros:.0f}" for name, micros in spent.items() if micros >= 1))


def socket_requests(traders: list[Trader], count: int, first: int) -> list[bytes]:
    """The frames of one trader's connection."""
    order = {"symbol": "SOL_USDC", "side": traders[first].side, "orderType": "Limit", "price": PRICE}
    text = json.dumps({"method": "PLACE", "params": {**order, "quantity": QUANTITY}})[1:]
    return [frame(f'{{"id": {number}, {text}') for number in range(1, count + 1)]


async def measure_sockets(scratch: Scratch, traders: list[Trader], orders: int, rate: int) -> int:
    """Sellers and buyers on connections of their own. Returns how many orders were accepted."""
    connections = 2 if rate else SOCKETS
    each = orders // connections
    plans = [socket_requests(traders, each, number % 2) for number in range(connections)]
    name = f"WebSocket, single orders at {rate}/s" if rate else f"WebSocket, single orders, {connections} connections"
    sockets = [
        await connect(scratch.port, traders[number % 2].key, f"bench-{rate}-{number}") for number in range(connections)
    ]
    used = scratch.cpu_seconds()
    started = time.perf_counter()
    if rate:
        drives = [at_a_rate(socket, plan, rate // 2) for socket, plan in zip(sockets, plans, strict=True)]
    else:
        drives = [as_fast_as_they_go(socket, plan, SOCKET_WINDOW) for socket, plan in zip(sockets, plans, strict=True)]
    await asyncio.gather(*drives)
    answered = time.perf_counter() - started
    tally = Tally()
    for socket in sockets:
        tally.seconds += socket.tally.seconds
        tally.accepted += socket.tally.accepted
        for code, count in socket.tally.others.items():
            tally.others[code] = tally.others.get(code, 0) + count
        socket.close()
    await asyncio.to_thread(wait_until, lambda: all_written(scratch), "the database")
    report(name, scratch, tally, used, answered, time.perf_counter() - started)
    return tally.accepted


def all_written(scratch: Scratch) -> bool:
    status = scratch.status()
    return status["engine"]["n"] == status["projections"]["db_writer"]["n"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=20_000, help="Orders of each run.")
    parser.add_argument("--only", choices=("rest", "socket"), help="Only the runs over one of the two ways.")
    options = parser.parse_args()
    orders = options.orders
    print(machine())
    with scratch_exchange("--without", "market_maker") as scratch:
        traders = [
            Trader(scratch, "alice@example.org", "Ask", "SOL", "1000000"),
            Trader(scratch, "bob@example.org", "Bid", "USDC", "100000000"),
        ]
        accepted = 0
        if options.only != "rest":
            for rate in (*SOCKET_RATES, 0):
                accepted += asyncio.run(measure_sockets(scratch, traders, rate * 10 or orders * 2, rate))
        for name, batch, rate, count, connections in (
            ()
            if options.only == "socket"
            else (
                ("single signed orders", 1, 0, orders, CONNECTIONS),
                *((f"single signed orders at {rate}/s", 1, rate, rate * 10, lines) for rate, lines in RATES),
                (f"batches of {BATCH}", BATCH, 0, orders * 2, BATCH_CONNECTIONS),
            )
        ):
            full_name = f"{name}, {connections} connection{'s' if connections > 1 else ''}"
            accepted += asyncio.run(measure(full_name, scratch, traders, count, batch, rate, connections))
        count = "from trading.models import Order; print(Order.objects.count())"
        rows = int(scratch.call("manage", "shell", "--no-imports", "-c", count).strip().splitlines()[-1])
        print(
            f"accepted {accepted:,}, rows of orders {rows:,}: {'nothing lost' if rows == accepted else 'LOST ORDERS'}"
        )
        print(scratch.call("manage", "reconcile").strip().splitlines()[-1])


if __name__ == "__main__":
    main()
