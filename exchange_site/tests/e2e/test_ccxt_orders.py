"""Orders of every kind from an unmodified ccxt: triggers, exits, batches, time in force, and its streams of orders."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.pro
import pytest

from exchange_site.tests.e2e.bots import KeyPair
from exchange_site.tests.e2e.running import RunningExchange, wait_until

MARKET = "SOL/USDC"
PASSWORD = "correct horse battery staple"
STREAM_TIMEOUT_S = 20
TRIES = 20  # The market maker walks about: the ask that was seen may be gone.


@pytest.fixture(scope="module")
def pair(exchange: RunningExchange) -> KeyPair:
    pair = KeyPair.make()
    exchange.manage("create_user", "orders@example.org", "--password", PASSWORD)
    exchange.manage("fund", "orders@example.org", "USDC", "10000")
    exchange.manage("fund", "orders@example.org", "SOL", "20")
    exchange.manage("create_api_key", "orders@example.org", "--public-key", pair.public, "--scopes", "read,trade")
    return pair


@pytest.fixture(scope="module")
def client(exchange: RunningExchange, pair: KeyPair) -> Iterator[ccxt.backpack]:
    made = ccxt.backpack({"apiKey": pair.public, "secret": pair.secret, "enableRateLimit": False})
    made.urls["api"] = {"public": exchange.url, "private": exchange.url}
    made.load_markets()
    yield made
    made.cancel_all_orders(MARKET)
    made.close()


@pytest.fixture(autouse=True)
def _nothing_left_over(client: ccxt.backpack) -> Iterator[None]:
    yield
    client.cancel_all_orders(MARKET)


def test_a_trigger_order_is_open_until_it_is_cancelled(client):
    last = client.fetch_ticker(MARKET)["last"]
    order = client.create_order(MARKET, "limit", "sell", 0.5, last * 0.4, {"triggerPrice": last * 0.5})
    assert order["status"] == "open"
    assert order["info"]["status"] == "TriggerPending"
    [found] = client.fetch_open_orders(MARKET)
    assert (found["id"], found["amount"], found["triggerPrice"]) == (order["id"], 0.5, order["triggerPrice"])
    assert client.fetch_balance()["SOL"]["used"] == 0
    assert client.cancel_order(order["id"], MARKET)["status"] == "canceled"
    assert client.fetch_open_orders(MARKET) == []


def test_a_trigger_order_fires_at_the_next_trade_beyond_it(client):
    for _ in range(TRIES):
        client.create_order(MARKET, "market", "sell", 0.1)  # The last trade was at the bid, and the trigger is the ask.
        ask = client.fetch_order_book(MARKET)["asks"][0][0]
        order = client.create_order(MARKET, "market", "buy", 0.2, None, {"triggerPrice": ask})
        client.create_order(MARKET, "market", "buy", 0.3)
        if order["id"] not in {each["id"] for each in client.fetch_open_orders(MARKET)}:
            break
        client.cancel_order(order["id"], MARKET)
    fills = wait_until(
        lambda: [fill for fill in client.fetch_my_trades(MARKET) if fill["order"] == order["id"]],
        30,
        "the trigger fires",
    )
    assert sum(Decimal(str(fill["amount"])) for fill in fills) == Decimal("0.2")
    [closed] = [each for each in client.fetch_orders(MARKET) if each["id"] == order["id"]]
    assert closed["status"] == "closed"


def test_exits_follow_their_parent(client):
    last = client.fetch_ticker(MARKET)["last"]
    exits = {"stopLoss": {"triggerPrice": last * 0.5}, "takeProfit": {"triggerPrice": last * 2, "price": last * 1.9}}
    order = client.create_order(MARKET, "market", "buy", 0.5, None, exits)
    assert order["status"] == "closed"
    waiting = client.fetch_open_orders(MARKET)
    assert {each["side"] for each in waiting} == {"sell"}
    assert {each["info"]["relatedOrderId"] for each in waiting} == {order["id"]}
    assert sorted(each["triggerPrice"] / last for each in waiting) == pytest.approx([0.5, 2], rel=0.01)


def test_a_batch_has_an_answer_for_each(client):
    wishes = [
        {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 1, "price": 50 + i, "params": {"postOnly": True}}
        for i in range(3)
    ]
    orders = client.create_orders(wishes)
    assert [order["status"] for order in orders] == ["open"] * 3
    assert {order["id"] for order in client.fetch_open_orders(MARKET)} == {order["id"] for order in orders}
    client.cancel_order(orders[0]["id"], MARKET)
    assert len(client.cancel_all_orders(MARKET)) == 2


def test_time_in_force(client):
    book = client.fetch_order_book(MARKET)
    ask = book["asks"][0][0]
    ioc = client.create_order(MARKET, "limit", "buy", 0.1, ask * 1.01, {"timeInForce": "IOC"})
    assert (ioc["status"], ioc["filled"]) == ("closed", 0.1)
    nothing = client.create_order(MARKET, "limit", "buy", 0.1, 50, {"timeInForce": "IOC"})
    assert (nothing["status"], nothing["filled"]) == ("canceled", 0)
    fok = client.create_order(MARKET, "limit", "buy", 0.1, 50, {"timeInForce": "FOK"})
    assert (fok["status"], fok["filled"]) == ("canceled", 0)
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(MARKET, "limit", "buy", 0.1, ask * 1.05, {"postOnly": True})


def test_a_market_order_by_cost_spends_no_more(client):
    order = client.create_order(MARKET, "market", "buy", 0, None, {"cost": 25})
    assert order["status"] == "closed"
    assert Decimal("20") < Decimal(str(order["cost"])) <= Decimal("25")


def test_self_trade_prevention_is_the_callers_choice(client):
    rests = client.create_order(MARKET, "limit", "buy", 1, 60)
    crossing = client.create_order(MARKET, "limit", "buy", 1, 61, {"selfTradePrevention": "EXPIRE_MAKER"})
    assert {rests["status"], crossing["status"]} == {"open"}
    assert crossing["info"]["selfTradePrevention"] == "RejectMaker"


def test_refusals_of_terms_are_bad_requests(client):
    with pytest.raises(ccxt.BadRequest):
        client.create_order(MARKET, "limit", "buy", 0.1, 50, {"triggerPrice": 49, "triggerBy": "MarkPrice"})
    with pytest.raises(ccxt.BadRequest):
        client.create_order(MARKET, "limit", "buy", 0.1, 50, {"timeInForce": "GTD", "expireTime": 5})


# ----------------------------------------------------------------------------------------------------------- streams


async def watched(exchange: RunningExchange, pair: KeyPair) -> tuple[list[str], list[tuple[str, str]]]:
    """Orders that were placed and then cancelled, and how ccxt first and at last heard of one: (id, status)."""
    pro = ccxt.pro.backpack({"apiKey": pair.public, "secret": pair.secret, "enableRateLimit": False})
    pro.urls["api"]["public"] = pro.urls["api"]["private"] = exchange.url
    pro.urls["api"]["ws"] = {name: exchange.url.replace("http", "ws") for name in ("public", "private")}
    placed: list[str] = []
    try:
        await pro.load_markets()
        watching = asyncio.ensure_future(pro.watch_orders(MARKET))
        while not watching.done():  # A subscription is silent until something happens.
            assert len(placed) < STREAM_TIMEOUT_S, "no order was heard of"
            placed.append((await pro.create_order(MARKET, "limit", "buy", 0.1, 55))["id"])
            await asyncio.wait({watching}, timeout=1)
        first = [(order["id"], order["status"]) for order in await watching]
        await pro.cancel_all_orders(MARKET)
        async with asyncio.timeout(STREAM_TIMEOUT_S):  # ccxt keeps what it hears, also between two calls.
            while (last := (placed[-1], "canceled")) not in [(each["id"], each["status"]) for each in pro.orders]:
                await asyncio.sleep(0.05)
        return placed, [first[0], last]
    finally:
        await pro.close()


def test_ccxt_pro_hears_of_orders(exchange, pair):
    """In a thread: the browser tests keep an event loop in the main one."""
    with ThreadPoolExecutor(1) as thread:
        placed, (first, _) = thread.submit(lambda: asyncio.run(watched(exchange, pair))).result(120)
    assert first in [(order_id, "open") for order_id in placed]


async def watched_book(exchange: RunningExchange) -> tuple[Any, Any, Any]:
    pro = ccxt.pro.backpack({"enableRateLimit": False})
    pro.urls["api"]["public"] = pro.urls["api"]["private"] = exchange.url
    pro.urls["api"]["ws"] = {name: exchange.url.replace("http", "ws") for name in ("public", "private")}
    try:
        await pro.load_markets()
        book = await asyncio.wait_for(pro.watch_order_book(MARKET), 60)
        trades = await asyncio.wait_for(pro.watch_trades(MARKET), 60)
        ticker = await asyncio.wait_for(pro.watch_ticker(MARKET), 60)
        return book, trades, ticker
    finally:
        await pro.close()


def test_ccxt_pro_hears_of_the_market(exchange):
    with ThreadPoolExecutor(1) as thread:
        book, trades, ticker = thread.submit(lambda: asyncio.run(watched_book(exchange))).result(240)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert trades[0]["price"] > 0
    assert ticker["last"] > 0
