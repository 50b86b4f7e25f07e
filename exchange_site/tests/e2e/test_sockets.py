"""Streams and the order socket of a real exchange, by the client library that bots use."""

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange_site.tests.e2e.bots import Bot, KeyPair
from exchange_site.tests.e2e.frame_proxy import FrameProxy
from exchange_site.tests.e2e.running import RunningExchange
from marketdata.tests.mirror import BookCopy, OutOfStep

ROOT = Path(__file__).parents[3]
SYMBOL = "SOL_USDC"
FAULTS_FOR_S = 8
DEADLINE_S = 60
FAR = {"symbol": SYMBOL, "side": "Bid", "orderType": "Limit", "quantity": "0.1"}


@pytest.fixture(scope="module")
def key(exchange: RunningExchange) -> KeyPair:
    pair = KeyPair.make()
    exchange.manage("create_api_key", "alice@example.org", "--public-key", pair.public, "--scopes", "read,trade")
    return pair


def outside(story: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: Playwright keeps an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, story).result()


def read(exchange: RunningExchange, path: str) -> Any:
    with urllib.request.urlopen(exchange.url + path, timeout=10) as response:  # noqa: S310  # An address of our own.
        return json.loads(response.read())


# ------------------------------------------------------------------------------------------------------------ the book


class Mirror:
    """A book kept over a bad line: whatever goes wrong, it begins again from a snapshot."""

    def __init__(self, exchange: RunningExchange, port: int) -> None:
        self._exchange = exchange
        self._url = f"ws://127.0.0.1:{port}/ws"
        self.copy = BookCopy()
        self.checked = self.restarts = 0
        self.seen: dict[int, tuple[Any, Any]] = {}

    async def run(self) -> None:
        while True:
            self.copy = BookCopy()
            try:
                async with websockets.connect(self._url, open_timeout=10) as socket:
                    await self._follow(socket)
            except (OutOfStep, websockets.ConnectionClosed, websockets.InvalidMessage, OSError, TimeoutError):
                self.restarts += 1

    async def _follow(self, socket: Any) -> None:
        names = [f"{kind}.{SYMBOL}" for kind in ("depth", "checksum", "heartbeat")]
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": names}))
        snapshot = asyncio.create_task(asyncio.to_thread(read, self._exchange, f"/api/v1/depth?symbol={SYMBOL}"))
        async for text in socket:
            frame = json.loads(text)
            if frame["data"]["e"] == "depth":
                self.copy.depth(frame["data"])
            elif self.copy.u is not None:
                before = self.copy.checked
                self.copy.check(frame["data"])
                self.checked += self.copy.checked - before
            if snapshot is not None and snapshot.done():
                self.copy.snapshot(snapshot.result(), 2, 2)
                snapshot = None
            if self.copy.u is not None:
                self.seen[self.copy.u] = (trimmed(self.copy.bids), trimmed(self.copy.asks))


def trimmed(side: dict[Any, tuple[str, str]]) -> list[list[str]]:
    """As GET /api/v1/depth writes it."""
    levels = sorted(side.items())
    return [[part.rstrip("0").rstrip(".") for part in text] for _, text in levels]


@pytest.mark.parametrize("seed", [1, 2])
def test_g17_a_mirror_over_a_bad_line_ends_equal_to_the_book(exchange: RunningExchange, seed: int) -> None:
    async def story() -> None:
        async with FrameProxy(exchange.port, seed) as proxy, asyncio.timeout(DEADLINE_S + FAULTS_FOR_S):
            mirror = Mirror(exchange, proxy.port)
            task = asyncio.create_task(mirror.run())
            until = time.monotonic() + FAULTS_FOR_S
            while time.monotonic() < until or not (proxy.lost and proxy.cut and mirror.restarts):
                await asyncio.sleep(0.05)
                assert not task.done(), task
            proxy.honest = True
            mirror.checked = 0
            while True:
                true = await asyncio.to_thread(read, exchange, f"/api/v1/depth?symbol={SYMBOL}")
                u = int(true["lastUpdateId"])
                for _ in range(100):
                    if (mirror.copy.u or 0) >= u and mirror.checked >= 10:
                        break
                    await asyncio.sleep(0.02)
                if u in mirror.seen and mirror.checked >= 10:
                    break
            bids, asks = mirror.seen[u]
            assert (bids, asks) == (true["bids"], true["asks"]), f"seed {seed}"
            task.cancel()

    outside(story())


# --------------------------------------------------------------------------------------------------------- order entry


class Orders:
    def __init__(self, socket: Any, key: KeyPair) -> None:
        self._socket = socket
        self._key = key
        self._id = 0

    async def ask(self, method: str, params: Any = None, **more: Any) -> dict[str, Any]:
        self._id += 1
        await self._socket.send(json.dumps({"id": self._id, "method": method, "params": params, **more}))
        answer: dict[str, Any] = json.loads(await self._socket.recv())
        assert answer["id"] == self._id
        return answer

    async def log_on(self, **params: Any) -> None:
        stamp = str(time.time_ns() // 1_000_000)
        pairs = "".join(f"&{name}={value}" for name, value in sorted(params.items()))
        secret = Ed25519PrivateKey.from_private_bytes(base64.b64decode(self._key.secret))
        signed = secret.sign(f"instruction=logon{pairs}&timestamp={stamp}&window=5000".encode())
        proof = [self._key.public, base64.b64encode(signed).decode(), stamp, "5000"]
        answer = await self.ask("LOGON", params, signature=proof)
        assert "result" in answer, answer


def far_price(exchange: RunningExchange) -> str:
    """A price nobody else trades at."""
    best = read(exchange, f"/api/v1/depth?symbol={SYMBOL}&limit=5")["bids"][-1][0]
    return f"{float(best) * 0.7:.2f}"


def open_orders(exchange: RunningExchange, key: KeyPair) -> list[Any]:
    bot = Bot(exchange.url, key.public, Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.secret)))
    found: list[Any] = bot.final("GET", "/api/v1/orders", {"symbol": SYMBOL}).body
    return found


def test_orders_over_the_socket(exchange: RunningExchange, key: KeyPair) -> None:
    order = {**FAR, "price": far_price(exchange)}

    async def story() -> None:
        async with websockets.connect(f"ws://127.0.0.1:{exchange.port}/ws/orders") as socket:
            orders = Orders(socket, key)
            await orders.log_on()
            placed = await orders.ask("PLACE", {**order, "clientId": 7})
            assert placed["result"]["status"] == "New"
            found = await asyncio.to_thread(open_orders, exchange, key)
            assert placed["result"]["id"] in [each["id"] for each in found]
            again = [
                {"method": "CANCEL", "params": {"symbol": SYMBOL, "clientId": 7}},
                {"method": "PLACE", "params": order},
            ]
            steps = (await orders.ask("BATCH", again))["result"]
            assert [step["result"]["status"] for step in steps] == ["Cancelled", "New"]
            gone = (await orders.ask("CANCEL_ALL", {"symbol": SYMBOL}))["result"]
            assert [each["id"] for each in gone] == [steps[1]["result"]["id"]]

    outside(story())
    assert open_orders(exchange, key) == []


def test_g19_orders_go_although_the_web_process_was_killed(exchange: RunningExchange, key: KeyPair) -> None:
    """Nobody is left who could cancel them but the engine."""
    order = {**FAR, "price": far_price(exchange)}

    async def story() -> float:
        async with websockets.connect(f"ws://127.0.0.1:{exchange.port}/ws/orders") as socket:
            orders = Orders(socket, key)
            await orders.log_on(cancelOnDisconnect=3)
            assert (await orders.ask("PLACE", order))["result"]["status"] == "New"
            exchange.kill("web")
            with pytest.raises((websockets.ConnectionClosed, OSError)):
                await asyncio.wait_for(socket.recv(), 10)
            return time.monotonic()

    killed_at = outside(story())
    deadline = killed_at + DEADLINE_S
    while open_orders(exchange, key):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_bot_of_the_documentation_runs(exchange: RunningExchange, key: KeyPair, tmp_path: Path) -> None:
    [text] = re.findall(r"```python\n# bot\.py\n(.*?)```", (ROOT / "docs/websocket.md").read_text(), re.S)
    bot = tmp_path / "bot.py"
    bot.write_text(text)
    done = subprocess.run(
        [sys.executable, str(bot), f"ws://127.0.0.1:{exchange.port}", key.secret, "6"],
        env={name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "logged on" in done.stdout, done.stdout
    assert "bid" in done.stdout, done.stdout
    assert "logged off" in done.stdout, done.stdout
    assert open_orders(exchange, key) == []
