"""Refusals reach an unmodified ccxt as the exceptions that its users catch; and the asynchronous client does the same
as the other one."""

import asyncio
from collections.abc import Iterator
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from exchange_site.tests.e2e.bots import KeyPair
from exchange_site.tests.e2e.ccxt_clients import MARKET, in_session, key_of, sync_client, trader
from exchange_site.tests.e2e.running import RunningExchange

EMAIL = "errors@example.org"
MOST_OPEN_ORDERS = 200


@pytest.fixture(scope="module")
def pair(exchange: RunningExchange) -> KeyPair:
    return trader(exchange, EMAIL, USDC="10000", SOL="5")


@pytest.fixture(scope="module")
def client(exchange: RunningExchange, pair: KeyPair) -> Iterator[Any]:
    made = sync_client(exchange, pair)
    made.load_markets()
    yield made
    made.cancel_all_orders(MARKET)
    made.close()


def limit_order(client: Any, **changes: Any) -> Any:
    return client.create_order(MARKET, "limit", "buy", changes.pop("amount", 0.1), changes.pop("price", 50), changes)


def test_insufficient_funds(client):
    for side, amount in (("buy", 1_000_000), ("sell", 6)):
        with pytest.raises(ccxt.InsufficientFunds):
            client.create_order(MARKET, "limit", side, amount, 100)
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(MARKET, "market", "buy", 0, None, {"cost": 1_000_000})


def test_invalid_order(client):
    with pytest.raises(ccxt.InvalidOrder, match="immediately match"):
        limit_order(client, price=client.fetch_ticker(MARKET)["last"] * 2, postOnly=True)


def test_bad_symbol(client):
    with pytest.raises(ccxt.BadSymbol):
        client.fetch_ticker("DOGE/USDC")  # Its own list says so.
    with pytest.raises(ccxt.BadSymbol):
        client.public_get_api_v1_ticker({"symbol": "DOGE_USDC"})  # And so does the exchange.
    order = {"symbol": "DOGE_USDC", "side": "Bid", "orderType": "Limit", "price": "1", "quantity": "1"}
    with pytest.raises(ccxt.BadSymbol):
        client.private_post_api_v1_order(order)


def test_bad_requests(client):
    limit_order(client, clientOrderId=77)
    with pytest.raises(ccxt.BadRequest, match="clientId"):
        limit_order(client, clientOrderId=77)
    with pytest.raises(ccxt.BadRequest):
        client.public_get_api_v1_depth({"symbol": "SOL_USDC", "limit": 7})
    with pytest.raises(ccxt.BadRequest):
        client.fetch_my_trades(MARKET, None, 1001)
    with pytest.raises(ccxt.BadRequest):
        limit_order(client, timeInForce="GTX")
    client.cancel_all_orders(MARKET)


def test_an_order_that_is_not_open(client):
    """ccxt knows the code of a 404 as ExchangeNotAvailable only: its table has no OrderNotFound for this exchange."""
    order = limit_order(client)
    client.cancel_order(order["id"], MARKET)
    for ask in (client.cancel_order, client.fetch_open_order):
        with pytest.raises(ccxt.ExchangeNotAvailable, match="RESOURCE_NOT_FOUND"):
            ask(order["id"], MARKET)


def test_authentication(exchange, client):
    stranger = sync_client(exchange, KeyPair.make())
    with pytest.raises(ccxt.AuthenticationError, match="UNAUTHORIZED"):
        stranger.fetch_balance()
    forger = sync_client(exchange, KeyPair(client.apiKey, KeyPair.make().secret))
    with pytest.raises(ccxt.AuthenticationError, match="INVALID_SIGNATURE"):
        forger.fetch_balance()


def test_a_key_without_the_permission(exchange):
    reader = sync_client(exchange, key_of(exchange, EMAIL, "read"))
    assert reader.fetch_balance()["USDC"]["total"] == 10000
    with pytest.raises(ccxt.OperationRejected, match="FORBIDDEN"):
        limit_order(reader)
    with pytest.raises(ccxt.OperationRejected, match="FORBIDDEN"):
        reader.withdraw("SOL", 1, "x", params={"network": "Solana"})


def test_a_withdrawal_is_refused_as_what_it_lacks(exchange):
    spender = sync_client(exchange, key_of(exchange, EMAIL, "read,withdraw"))
    spender.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        spender.withdraw("SOL", 1000, "x", params={"network": "Solana"})
    with pytest.raises(ccxt.BadRequest):
        spender.withdraw("SOL", 1, "not an address", params={"network": "Solana"})


def test_too_many_open_orders(client):
    wish = {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 0.01, "price": 50}
    for _ in range(MOST_OPEN_ORDERS // 50):
        client.create_orders([wish] * 50)
    with pytest.raises(ccxt.OperationRejected, match="ORDER_LIMIT"):
        limit_order(client)
    assert len(client.cancel_all_orders(MARKET)) == MOST_OPEN_ORDERS


def test_too_many_requests(exchange):
    pair = key_of(exchange, EMAIL, "read")
    slow = f"ApiKey.objects.filter(public_key='{pair.public}').update(requests_per_minute=5)"
    exchange.manage("shell", "-c", f"from accounts.models import ApiKey; {slow}")
    limited = sync_client(exchange, pair)
    for _ in range(5):
        limited.fetch_balance()
    with pytest.raises(ccxt.RateLimitExceeded):
        limited.fetch_balance()
    assert int(limited.last_response_headers["Retry-After"]) > 0


def test_the_asynchronous_client(exchange, pair):
    """Many requests at once over its connections, and the same exceptions."""

    async def session(client: Any) -> Any:
        orders = await asyncio.gather(*(client.create_order(MARKET, "limit", "buy", 0.1, 40 + i) for i in range(20)))
        found = await client.fetch_open_orders(MARKET)
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order(MARKET, "limit", "buy", 1_000_000, 100)
        with pytest.raises(ccxt.BadSymbol):
            await client.public_get_api_v1_ticker({"symbol": "DOGE_USDC"})
        ended = await client.cancel_all_orders(MARKET)
        history, trades = await asyncio.gather(client.fetch_orders(MARKET), client.fetch_my_trades(MARKET))
        return orders, found, ended, history, trades

    orders, found, ended, history, _ = in_session(exchange, pair, session, ccxt.async_support.backpack)
    placed = {order["id"] for order in orders}
    assert len(placed) == 20
    assert {order["id"] for order in found} == {order["id"] for order in ended} == placed
    assert placed <= {order["id"] for order in history if order["status"] == "canceled"}
