"""bpx-py and backpack-exchange-sdk, the other Python libraries for this wire: only their addresses are changed."""

import asyncio
import threading
from typing import Any

import backpack_exchange_sdk.websocket
import pytest
from backpack_exchange_sdk.authenticated import AuthenticationClient
from backpack_exchange_sdk.public import PublicClient
from backpack_exchange_sdk.websocket import WebSocketClient
from bpx.account import Account
from bpx.async_.account import Account as AsyncAccount
from bpx.base.base_account import BaseAccount
from bpx.base.base_public import BasePublic
from bpx.public import Public

from exchange_site.tests.e2e.bots import KeyPair
from exchange_site.tests.e2e.ccxt_clients import ANSWER_TIMEOUT_S, trader
from exchange_site.tests.e2e.running import RunningExchange

SYMBOL = "SOL_USDC"


@pytest.fixture(scope="module")
def pair(exchange: RunningExchange) -> KeyPair:
    return trader(exchange, "sdks@example.org", USDC="20000", SOL="20")


@pytest.fixture
def bpx(exchange: RunningExchange, pair: KeyPair, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(BaseAccount, "BPX_API_URL", f"{exchange.url}/")
    monkeypatch.setattr(BasePublic, "BASE_URL", f"{exchange.url}/")
    return Account(pair.public, pair.secret)


@pytest.fixture
def sdk(exchange: RunningExchange, pair: KeyPair) -> AuthenticationClient:
    return AuthenticationClient(pair.public, pair.secret, base_url=f"{exchange.url}/")


def test_bpx_reads_the_market(bpx):
    public = Public()
    assert {market["symbol"] for market in public.get_markets()} >= {SYMBOL}
    depth = public.get_depth(SYMBOL)
    assert float(depth["bids"][-1][0]) < float(depth["asks"][0][0])
    assert public.get_ticker(SYMBOL)["symbol"] == SYMBOL
    assert public.get_recent_trades(SYMBOL, 5)
    assert public.get_ping() == "pong"
    nothing = (public.get_collateral, public.get_borrow_lend_markets, public.get_open_interest)
    assert [ask() for ask in nothing] == [[], [], []]


def test_bpx_places_finds_and_cancels_an_order(bpx):
    placed = bpx.execute_order(
        SYMBOL, "Bid", "Limit", quantity="0.5", price="100", time_in_force="GTC", post_only=True, client_id=77,
        self_trade_prevention="RejectTaker", auto_lend=True,
    )  # fmt: skip
    assert (placed["status"], placed["clientId"]) == ("New", 77)
    assert bpx.get_open_order(SYMBOL, client_id=77)["id"] == placed["id"]
    assert [order["id"] for order in bpx.get_open_orders("SPOT", SYMBOL)] == [placed["id"]]
    assert bpx.get_balances()["USDC"]["locked"] == "50"
    assert bpx.cancel_order(SYMBOL, order_id=placed["id"])["status"] == "Cancelled"
    assert bpx.get_order_history(symbol=SYMBOL, limit=1)[0]["id"] == placed["id"]
    assert bpx.get_balances()["USDC"]["locked"] == "0"


def test_bpx_trades_and_gets_refusals_as_bodies(bpx):
    bought = bpx.execute_order(SYMBOL, "Bid", "Market", quantity="0.1")
    assert bought["status"] == "Filled"
    sold = bpx.execute_order(SYMBOL, "Ask", "Market", quote_quantity="20")
    assert float(sold["executedQuoteQuantity"]) <= 20
    assert {fill["orderId"] for fill in bpx.get_fill_history(symbol=SYMBOL, limit=50)} >= {bought["id"], sold["id"]}
    refused = bpx.execute_order(SYMBOL, "Bid", "Limit", quantity="0.5", price="100.123456")
    assert refused["code"] == "INVALID_CLIENT_REQUEST"
    assert bpx.cancel_all_orders(SYMBOL) == []


def test_bpx_works_asynchronously_too(bpx, pair):
    async def session() -> tuple[Any, Any]:
        account = AsyncAccount(pair.public, pair.secret)
        placed = await account.execute_order(SYMBOL, "Bid", "Limit", quantity="0.5", price="100")
        return placed, await account.cancel_all_orders(SYMBOL)

    loop = asyncio.new_event_loop()
    done: list[tuple[Any, Any]] = []
    thread = threading.Thread(target=lambda: done.append(loop.run_until_complete(session())))
    thread.start()  # The browser tests keep an event loop in the main thread.
    thread.join(ANSWER_TIMEOUT_S)
    loop.close()
    [(placed, cancelled)] = done
    assert [order["id"] for order in cancelled] == [placed["id"]]


def test_the_other_sdk_trades_in_batches(exchange, sdk):
    assert PublicClient(base_url=f"{exchange.url}/").get_market(SYMBOL)["symbol"] == SYMBOL
    wish = {"symbol": SYMBOL, "side": "Bid", "orderType": "Limit", "quantity": "0.1"}
    placed = sdk.execute_batch_orders([{**wish, "price": "51"}, {**wish, "price": "52"}])
    assert [order["operation"] for order in placed] == ["Ok", "Ok"]
    assert sdk.get_users_open_orders(SYMBOL, orderId=placed[0]["id"])["price"] == "51"
    cancelled = sdk.cancel_open_orders(SYMBOL, "RestingLimitOrder")
    assert {order["id"] for order in cancelled} == {order["id"] for order in placed}
    assert sdk.get_withdrawal_delay() is None


def test_the_other_sdk_hears_the_market_and_its_own_orders(exchange, pair, sdk, monkeypatch):
    """Its socket knows one address only, so its library's class is given ours."""
    real = backpack_exchange_sdk.websocket.websocket.WebSocketApp
    address = exchange.url.replace("http", "ws")
    monkeypatch.setattr(
        backpack_exchange_sdk.websocket.websocket, "WebSocketApp", lambda _url, **more: real(address, **more)
    )
    client = WebSocketClient(pair.public, pair.secret)
    depth, own = threading.Event(), threading.Event()
    heard: list[Any] = []
    client.subscribe([f"depth.{SYMBOL}"], lambda _data: depth.set())
    client.subscribe(["account.orderUpdate"], lambda data: (heard.append(data), own.set()), is_private=True)
    assert depth.wait(ANSWER_TIMEOUT_S)
    placed = sdk.execute_order("Limit", "Bid", SYMBOL, price="53", quantity="0.1")
    assert own.wait(ANSWER_TIMEOUT_S)
    assert heard[0]["i"] == placed["id"]
    sdk.cancel_open_orders(SYMBOL)
    client.ws.keep_running = False
    client.ws.on_close = None  # It would connect again.
    client.close()
