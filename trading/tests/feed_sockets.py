"""The whole way in one test process: engine core -> ev -> both feeds -> fan -> hubs -> consumer -> a client."""

import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections

from accounts.models import Account, ApiKey, User
from exchange_site.kernel import db_threads, redis_names
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.routing import websocket_application
from marketdata.hub import MarketHub, close_market_hub, market_hub
from marketdata.models import Asset, Market
from marketdata.tests.feed_rig import ALICE, BOB, RunningFeed, market_feed
from trading.user_feed.state import UserFeedStart, UserFeedState
from trading.user_hub import close_user_hub

NOTHING_FOR_S = 0.1  # How long a silent success is listened to.


class Client:
    """One connection; `names` is what it can be asked for."""

    def __init__(self, headers: dict[str, str] | None = None, path: str = "/") -> None:
        pairs = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.wire = WebsocketCommunicator(websocket_application, path, headers=pairs)

    async def __aenter__(self) -> "Client":
        connected, _ = await self.wire.connect(timeout=5)
        assert connected
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.wire.disconnect()

    async def say(self, method: str, *params: str, **more: Any) -> None:
        await self.wire.send_to(text_data=json.dumps({"method": method, "params": params, **more}))

    async def subscribe(self, *params: str, **more: Any) -> None:
        await self.say("SUBSCRIBE", *params, **more)
        assert await self.wire.receive_nothing(NOTHING_FOR_S)

    async def hear(self) -> dict[str, Any]:
        return json.loads(await self.wire.receive_from(timeout=5))

    async def hear_error(self) -> int:
        frame = await self.hear()
        assert set(frame) == {"id", "error"}
        assert frame["id"] is None
        assert set(frame["error"]) == {"code", "message"}
        return frame["error"]["code"]

    async def silent(self) -> bool:
        return await self.wire.receive_nothing(NOTHING_FOR_S)

    async def closed_with(self) -> int:
        message = await self.wire.receive_output(timeout=5)
        while message["type"] == "websocket.send":
            message = await self.wire.receive_output(timeout=5)
        assert message["type"] == "websocket.close"
        return message["code"]


class Signer:
    """A bot's key."""

    def __init__(self) -> None:
        self._secret = Ed25519PrivateKey.generate()
        self.public_key = base64.b64encode(self._secret.public_key().public_bytes_raw()).decode()

    def signature(self, instruction: str = "subscribe", window: str = "5000", age_ms: int = 0) -> list[str]:
        timestamp = str(time.time_ns() // 1_000_000 - age_ms)
        text = f"instruction={instruction}&timestamp={timestamp}&window={window}"
        signed = base64.b64encode(self._secret.sign(text.encode())).decode()
        return [self.public_key, signed, timestamp, window]


@pytest.fixture
async def hub(venue: Any) -> AsyncIterator[MarketHub]:
    """A running market feed and the hub of this test's event loop."""
    with market_feed():
        hub = market_hub()
        assert await hub.wait_for(venue.engine.n, 5)
        yield hub
        await close_market_hub()
        await close_user_hub()


def user_genesis() -> UserFeedState:
    return UserFeedState(UserFeedStart(0, 0, {}, []))


@pytest.fixture
def user_feed(venue: Any) -> Iterator[RunningFeed]:
    feed = RunningFeed(user_genesis, redis_names.USER_FEED, None, "user feed")
    yield feed
    feed.end()


def close_thread_connections() -> None:
    """The database threads keep their connections, but the test database cannot be dropped while somebody uses it."""
    everybody = threading.Barrier(db_threads.THREADS)

    def close() -> None:
        everybody.wait(5)
        connections.close_all()

    for done in [db_threads._pool.submit(close) for _ in range(db_threads.THREADS)]:
        done.result()


@pytest.fixture
def people(transactional_db: None) -> Iterator[dict[str, User]]:
    """alice and bob with the accounts the rig's orders name, and the market's rows."""
    users = {}
    for name, account_id in (("alice", ALICE), ("bob", BOB)):
        user = users[name] = User.objects.create_user(f"{name}@example.org", "a long enough password")
        Account.objects.filter(user=user).delete()
        Account.objects.create(pk=account_id, user=user)
    sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    usdc = Asset.objects.create(symbol="USDC", name="USD Coin", decimals=6, blockchain="Solana")
    cent = Decimal("0.01")
    Market.objects.create(
        symbol="SOL_USDC", base=sol, quote=usdc, tick_size=cent, step_size=cent, min_quantity=cent, listed=True
    )
    yield users
    close_thread_connections()


@pytest.fixture
def alice_key(people: dict[str, User]) -> Signer:
    signer = Signer()
    ApiKey.objects.create(account_id=ALICE, public_key=signer.public_key)
    return signer


async def in_database(work: Any) -> Any:
    return await in_db_thread(work)
