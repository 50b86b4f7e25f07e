"""Unmodified ccxt clients of a running exchange: nothing but their addresses is changed."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro

from exchange_site.tests.e2e.bots import KeyPair
from exchange_site.tests.e2e.running import RunningExchange

MARKET = "SOL/USDC"
PASSWORD = "correct horse battery staple"
ANSWER_TIMEOUT_S = 60
WHOLE_TIMEOUT_S = 240


def trader(exchange: RunningExchange, email: str, scopes: str = "read,trade", **funds: str) -> KeyPair:
    """A new user with a key and money: `trader(exchange, "a@example.org", USDC="10000")`."""
    pair = KeyPair.make()
    exchange.manage_all(
        ("create_user", email, "--password", PASSWORD),
        *(("fund", email, asset, amount) for asset, amount in funds.items()),
        ("create_api_key", email, "--public-key", pair.public, "--scopes", scopes),
    )
    return pair


def key_of(exchange: RunningExchange, email: str, scopes: str) -> KeyPair:
    pair = KeyPair.make()
    exchange.manage("create_api_key", email, "--public-key", pair.public, "--scopes", scopes)
    return pair


def pointed(client: Any, exchange: RunningExchange) -> Any:
    client.urls["api"]["public"] = client.urls["api"]["private"] = exchange.url
    if "ws" in client.urls["api"]:
        client.urls["api"]["ws"] = {name: exchange.url.replace("http", "ws") for name in ("public", "private")}
    return client


def options(pair: KeyPair | None) -> dict[str, Any]:
    keys = {} if pair is None else {"apiKey": pair.public, "secret": pair.secret}
    return {**keys, "enableRateLimit": False}


def sync_client(exchange: RunningExchange, pair: KeyPair | None = None) -> Any:
    return pointed(ccxt.backpack(options(pair)), exchange)


Session = Callable[[Any], Coroutine[Any, Any, Any]]


def in_session(exchange: RunningExchange, pair: KeyPair | None, session: Session, kind: Any = ccxt.pro.backpack) -> Any:
    """Runs it with an asynchronous client, in a thread: the browser tests keep an event loop in the main one."""

    async def run() -> Any:
        client = pointed(kind(options(pair)), exchange)
        try:
            async with asyncio.timeout(WHOLE_TIMEOUT_S):
                await client.load_markets()
                return await session(client)
        finally:
            await client.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result(WHOLE_TIMEOUT_S + 30)
