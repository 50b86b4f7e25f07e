"""Every `watch*` and `un_watch*` that an unmodified ccxt.pro has for this exchange, and its other private reads."""

import asyncio
from typing import Any

import ccxt.pro
import pytest

from exchange_site.tests.e2e.bots import KeyPair
from exchange_site.tests.e2e.ccxt_clients import ANSWER_TIMEOUT_S, MARKET, in_session, sync_client, trader
from exchange_site.tests.e2e.running import RunningExchange

OTHER = "BTC/USDC"
BOTH = [MARKET, OTHER]
SILENT_S = 2
TRIES = 20


@pytest.fixture(scope="module")
def pair(exchange: RunningExchange) -> KeyPair:
    return trader(exchange, "streams@example.org", USDC="20000", SOL="20")


async def soon(awaitable: Any) -> Any:
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        return await awaitable


WATCHED: dict[str, Any] = {
    "ticker": lambda pro: pro.watch_ticker(MARKET),
    "tickers": lambda pro: pro.watch_tickers(BOTH),
    "bids and asks": lambda pro: pro.watch_bids_asks(BOTH),
    "candles": lambda pro: pro.watch_ohlcv(MARKET, "1m"),
    "candles of several": lambda pro: pro.watch_ohlcv_for_symbols([[MARKET, "1m"], [OTHER, "5m"]]),
    "trades": lambda pro: pro.watch_trades(MARKET),
    "trades of several": lambda pro: pro.watch_trades_for_symbols(BOTH),
    "book": lambda pro: pro.watch_order_book(MARKET),
    "book of several": lambda pro: pro.watch_order_book_for_symbols(BOTH),
}


def test_everything_public_is_watched(exchange):
    async def session(pro: Any) -> dict[str, Any]:
        answers = await asyncio.gather(*(soon(watch(pro)) for watch in WATCHED.values()))
        return dict(zip(WATCHED, answers, strict=True))

    heard = in_session(exchange, None, session)
    assert heard["ticker"]["last"] > 0
    assert set(heard["tickers"]) <= set(BOTH)
    for quote in heard["bids and asks"].values():
        assert 0 < quote["bid"] < quote["ask"]
    [*_, candle] = heard["candles"]
    assert candle[3] <= candle[4] <= candle[2]
    [(symbol, frames)] = heard["candles of several"].items()
    assert symbol in BOTH
    assert set(frames) <= {"1m", "5m"}
    assert heard["trades"][0]["price"] > 0
    assert heard["trades of several"][0]["symbol"] in BOTH
    for book in (heard["book"], heard["book of several"]):
        assert book["bids"][0][0] < book["asks"][0][0]
        assert book["nonce"] > 0


def test_what_ccxt_has_is_what_is_tried():
    """A newer ccxt that watches more makes this fail, and then that is to be tried too."""
    has = {name for name, it in ccxt.pro.backpack().has.items() if it and name.lower().startswith(("watch", "unwatch"))}
    watches = {
        "watchBalance", "watchBidsAsks", "watchOHLCV", "watchOHLCVForSymbols", "watchOrderBook",
        "watchOrderBookForSymbols", "watchOrders", "watchPositions", "watchTicker", "watchTickers", "watchTrades",
        "watchTradesForSymbols",
    }  # fmt: skip
    assert {name for name in has if name.startswith("watch")} == watches


def test_a_watch_ends_and_begins_again(exchange):
    async def session(pro: Any) -> Any:
        await soon(pro.watch_ticker(MARKET))
        await soon(pro.watch_tickers([OTHER]))
        await soon(pro.watch_trades(MARKET))
        await soon(pro.watch_ohlcv(MARKET, "1m"))
        await soon(pro.watch_order_book(MARKET))
        await soon(pro.watch_bids_asks([MARKET]))
        for ended in (
            pro.un_watch_ticker(MARKET), pro.un_watch_trades(MARKET), pro.un_watch_ohlcv(MARKET, "1m"),
            pro.un_watch_order_book(MARKET), pro.un_watch_bids_asks([MARKET]), pro.un_watch_tickers([OTHER]),
            pro.un_watch_trades_for_symbols([MARKET]), pro.un_watch_ohlcv_for_symbols([[MARKET, "1m"]]),
        ):  # fmt: skip
            await soon(ended)
        return await soon(pro.watch_ticker(MARKET)), await soon(pro.watch_order_book(MARKET))

    ticker, book = in_session(exchange, None, session)
    assert ticker["last"] > 0
    assert book["bids"]


async def heard_of(pro: Any, order_id: str, status: str) -> Any:
    """What ccxt knows of an order once it has heard that of it; it keeps what it hears, also between two calls."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while True:
            for order in pro.orders or ():
                if (order["id"], order["status"]) == (order_id, status):
                    return order
            await asyncio.sleep(0.05)


async def listening(pro: Any) -> "asyncio.Task[Any]":
    """Subscribed for sure: the subscription is silent, so orders are placed until one is heard of."""

    async def follow() -> None:
        while True:
            await pro.watch_orders(MARKET)

    task = asyncio.create_task(follow())
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while not pro.orders:
            await pro.create_order(MARKET, "limit", "buy", 0.01, 50)
            await asyncio.sleep(0.2)
    return task


def test_orders_are_followed_from_placing_to_their_end(exchange, pair):
    """A resting order, a batch, a trade of its own making, a cancel."""

    async def session(pro: Any) -> Any:
        task = await listening(pro)
        resting = await pro.create_order(MARKET, "limit", "buy", 0.1, 55, {"clientOrderId": 9})
        opened = await heard_of(pro, resting["id"], "open")
        await pro.cancel_order(resting["id"], MARKET)
        ended = await heard_of(pro, resting["id"], "canceled")
        bought = await pro.create_order(MARKET, "market", "buy", 0.1)
        filled = await heard_of(pro, bought["id"], "closed")
        wish = {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 0.1, "price": 51}
        for order in await pro.create_orders([wish, {**wish, "price": 52}]):
            await heard_of(pro, order["id"], "open")
        await pro.cancel_all_orders(MARKET)
        task.cancel()
        return opened, ended, filled

    opened, ended, filled = in_session(exchange, pair, session)
    assert (opened["price"], opened["amount"], opened["symbol"]) == (55, 0.1, MARKET)
    assert (opened["id"], opened["side"]) == (ended["id"], "buy")
    assert (filled["status"], filled["type"]) == ("closed", "market")


def test_a_trigger_order_is_followed_until_it_has_traded(exchange, pair):
    """Placed over ccxt.pro: it waits in silence, fires at the next trade beyond its price, and is heard of then."""

    async def session(pro: Any) -> Any:
        task = await listening(pro)
        for _ in range(TRIES):
            await pro.create_order(
                MARKET, "market", "sell", 0.1
            )  # The last trade was at the bid, the trigger is the ask.
            ask = (await pro.fetch_order_book(MARKET))["asks"][0][0]
            order = await pro.create_order(MARKET, "market", "buy", 0.2, None, {"triggerPrice": ask})
            waited = order["info"]["status"]
            following = asyncio.create_task(heard_of(pro, order["id"], "closed"))
            await pro.create_order(MARKET, "market", "buy", 0.3)
            if order["id"] not in {each["id"] for each in await pro.fetch_open_orders(MARKET)}:
                break
            following.cancel()  # The ask that was seen is gone: the market maker walks about.
            await pro.cancel_order(order["id"], MARKET)
        await following
        await pro.cancel_all_orders(MARKET)
        task.cancel()
        return order, waited, await following, await pro.fetch_my_trades(MARKET)

    order, waited, heard, fills = in_session(exchange, pair, session)
    assert waited == "TriggerPending"
    assert heard["id"] == order["id"]
    assert sum(fill["amount"] for fill in fills if fill["order"] == order["id"]) == pytest.approx(0.2)


def test_balances_are_followed_without_asking(exchange, pair):
    """Each change of an asset comes with its new absolute amounts; together they are what REST says."""

    async def session(pro: Any) -> Any:
        async def follow() -> None:
            while True:
                await pro.watch_balance()

        task = asyncio.create_task(follow())
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while not pro.balance:
                await pro.create_order(MARKET, "limit", "buy", 0.01, 50)
                await asyncio.sleep(0.2)
            await pro.cancel_all_orders(MARKET)
            while pro.balance["USDC"]["used"]:
                await asyncio.sleep(0.05)
        heard = pro.balance["USDC"]
        task.cancel()
        return heard, (await pro.fetch_balance())["USDC"]

    heard, asked = in_session(exchange, pair, session)
    assert heard == asked


def test_positions_are_silent_on_a_spot_market(exchange, pair):
    async def session(pro: Any) -> bool:
        watching = asyncio.create_task(pro.watch_positions())
        await asyncio.wait({watching}, timeout=SILENT_S)
        silent = not watching.done()
        watching.cancel()
        return silent

    assert in_session(exchange, pair, session)


def test_what_came_and_what_left(exchange, pair):
    client = sync_client(exchange, pair)
    client.load_markets()
    came = client.fetch_deposits()
    assert {(each["currency"], each["amount"], each["status"]) for each in came} == {
        ("USDC", 20000, "ok"),
        ("SOL", 20, "ok"),
    }
    assert client.fetch_withdrawals() == []
    address = client.fetch_deposit_address("SOL", {"networkCode": "Solana"})
    assert address["address"]
    assert address == client.fetch_deposit_address("SOL", {"networkCode": "Solana"})
    assert client.fetch_positions() == []
