"""An unmodified ccxt trades here by changing nothing but the address."""

from collections.abc import Iterator
from decimal import Decimal

import ccxt
import pytest

from exchange_site.tests.e2e.bots import KeyPair
from exchange_site.tests.e2e.running import RunningExchange

MARKET = "SOL/USDC"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def client(exchange: RunningExchange) -> Iterator[ccxt.backpack]:
    pair = KeyPair.make()
    exchange.manage_all(
        ("create_user", "ccxt@example.org", "--password", PASSWORD),
        ("fund", "ccxt@example.org", "USDC", "10000"),
        ("create_api_key", "ccxt@example.org", "--public-key", pair.public, "--scopes", "read,trade"),
    )
    made = ccxt.backpack({"apiKey": pair.public, "secret": pair.secret, "enableRateLimit": False})
    made.urls["api"] = {"public": exchange.url, "private": exchange.url}
    yield made
    made.close()


def test_markets_and_currencies(client):
    markets = client.load_markets()
    assert set(markets) == {"SOL/USDC", "BTC/USDC", "ETH/USDC", "ETH/BTC"}
    assert all(market["active"] and market["spot"] for market in markets.values())
    assert {"SOL", "USDC"} <= set(client.fetch_currencies())


def test_order_book_has_both_sides_in_order(client):
    book = client.fetch_order_book(MARKET)
    bids, asks = [level[0] for level in book["bids"]], [level[0] for level in book["asks"]]
    assert len(bids) >= 11
    assert len(asks) >= 11
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def test_public_figures(client):
    assert client.fetch_status()["status"] == "ok"
    assert client.fetch_ticker(MARKET)["last"] > 0
    assert set(client.fetch_tickers()) >= {MARKET}
    assert client.fetch_trades(MARKET, limit=5)
    assert client.fetch_ohlcv(MARKET, "1m")


def test_a_limit_order_rests_is_found_and_cancelled(client):
    order = client.create_order(MARKET, "limit", "buy", 1.5, 100, {"clientOrderId": 7, "postOnly": True})
    assert order["status"] == "open"
    assert order["clientOrderId"] in (7, "7")
    open_orders = client.fetch_open_orders(MARKET)
    assert [each["id"] for each in open_orders] == [order["id"]]
    assert client.fetch_open_order(order["id"], MARKET)["price"] == 100
    assert Decimal(str(client.fetch_balance()["USDC"]["used"])) == 150
    assert client.cancel_order(order["id"], MARKET)["status"] == "canceled"
    assert client.fetch_open_orders(MARKET) == []
    assert client.fetch_balance()["USDC"]["used"] == 0


def test_one_order_is_found_while_it_rests_and_when_it_has_ended(client):
    resting = client.create_order(MARKET, "limit", "buy", 0.1, 52)
    assert client.fetch_order(resting["id"], MARKET)["status"] == "open"
    client.cancel_order(resting["id"], MARKET)
    ended = client.fetch_order(resting["id"], MARKET)
    assert (ended["id"], ended["status"]) == (resting["id"], "canceled")
    with pytest.raises(ccxt.ExchangeNotAvailable, match="RESOURCE_NOT_FOUND"):  # ccxt's own name for this code.
        client.fetch_order("999999999", MARKET)


def test_a_market_order_fills_and_shows_in_trades_and_balance(client):
    before = client.fetch_balance()
    order = client.create_order(MARKET, "market", "buy", 0.5)
    assert order["status"] == "closed"
    assert order["filled"] == 0.5
    fills = [fill for fill in client.fetch_my_trades(MARKET) if fill["order"] == order["id"]]
    assert sum(Decimal(str(fill["amount"])) for fill in fills) == Decimal("0.5")
    assert {fill["fee"]["currency"] for fill in fills} == {"SOL"}
    after = client.fetch_balance()
    bought = Decimal(str(after["SOL"]["total"])) - Decimal(str(before.get("SOL", {}).get("total") or 0))
    assert bought == Decimal("0.5") - sum(Decimal(str(fill["fee"]["cost"])) for fill in fills)


def test_refusals_arrive_as_the_errors_users_know(client):
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(MARKET, "limit", "buy", 1_000_000, 100)
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(MARKET, "limit", "buy", 1, client.fetch_ticker(MARKET)["last"] * 2, {"postOnly": True})
    stranger = ccxt.backpack({"apiKey": KeyPair.make().public, "secret": KeyPair.make().secret})
    stranger.urls["api"] = client.urls["api"]
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_balance()


def test_cancel_all(client):
    for price in (90, 91, 92):
        client.create_order(MARKET, "limit", "buy", 1, price)
    assert len(client.cancel_all_orders(MARKET)) == 3
    assert client.fetch_open_orders(MARKET) == []
