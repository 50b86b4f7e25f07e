"""Every parameter of every route that reads, with every bad value of the catalogue: 400 with a stable code."""

import string
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from exchange_site.kernel import rate_limits
from exchange_site.openapi.operations import OPERATIONS, PUBLIC
from exchange_site.tests.api_rig import Query, Trader, ask, pairs_of
from matching.client import gateway
from trading.api import freshness

BAD_REQUEST, BAD_SYMBOL, BAD_ASSET = "INVALID_CLIENT_REQUEST", "INVALID_SYMBOL", "INVALID_ASSET"
NOT_FOUND = "RESOURCE_NOT_FOUND"

ODD = [
    "\x00",
    "１",
    "1_0",
    " 1",
    "1 ",
    "+1",
    "-1",
    "1.0",
    "1e3",
    "0x1",
    "x",
    "NaN",
    "9" * 5000,
    "\u202e1",
    "1;2",
    "<b>",
]
ODD_WORDS = ["x", "\x00", "spot", "SPOT ", "<script>", "'; --", "../", "x" * 3000, "\u202eSPOT", "=1+1", "{{7*7}}"]
ODD_SYMBOLS = ["sol_usdc", "DOGE_USDC", "SOL/USDC", "SOL_USDC\x00", "..", "x" * 3000, "ＳOL_USDC", "<script>", "'; --"]

KINDS: dict[str, list[str]] = {
    "limit": [*ODD, "0", "1001", "10000000000000000000"],
    "levels": [*ODD, "0", "1", "7", "1001"],
    "offset": [*ODD, "1000000001"],
    "seconds": [*ODD, "1750000000123", "99999999999999999"],
    "ms": [*ODD, "253402300800000", "99999999999999999"],
    "number": [*ODD, "9223372036854775808", "99999999999999999999"],
    "word": ODD_WORDS,
    "flag": [*ODD_WORDS, "1", "0", "yes", "on"],
    "price": [*ODD[:5], "+1", "-1", "1e3", "0", "0.0", "20.155", "NaN", "9" * 5000],
    "symbol": ODD_SYMBOLS,
    "asset": [*ODD_SYMBOLS, "sol"],
    "chain": [*ODD_SYMBOLS, "solana", ""],
    "order id": [*ODD, "007"],
    "own id": [*ODD, "007", "4294967296"],
}
CODES = {"symbol": BAD_SYMBOL, "asset": BAD_ASSET}
_CANDLES = {"symbol": "symbol", "market": "symbol", "interval": "word", "startTime": "seconds", "endTime": "seconds",
            "priceType": "word"}  # fmt: skip
_PAGE = {"limit": "limit", "offset": "offset"}
_WINDOW = {"from": "ms", "to": "ms"}
_CANDLE = "symbol=SOL_USDC&interval=1m&startTime=1769900000"
_LIMIT_ORDER = "symbol=SOL_USDC&side=Ask"
_HISTORY = {"symbol": "symbol", "orderId": "number", "marketType": "word", "sortDirection": "word", **_PAGE}

# Route, a good query, and what each of its parameters is.
ROUTES: list[tuple[str, str, dict[str, str]]] = [
    ("/api/v1/markets", "", {"marketType": "word", "marketType[]": "word"}),
    ("/api/v1/market", "symbol=SOL_USDC", {"symbol": "symbol", "marketType": "word"}),
    ("/api/v1/markets/SOL_USDC", "", {"marketType": "word"}),
    ("/api/v1/depth", "symbol=SOL_USDC", {"limit": "levels"}),
    ("/api/v1/ticker", "symbol=SOL_USDC", {"interval": "word"}),
    ("/api/v1/tickers", "", {"interval": "word"}),
    ("/api/v1/market-data", "", {"interval": "word"}),
    ("/api/v1/trades", "symbol=SOL_USDC", {"limit": "limit"}),
    ("/api/v1/trades/history", "symbol=SOL_USDC", {"symbol": "symbol", **_PAGE}),
    ("/api/v1/klines", _CANDLE, _CANDLES),
    ("/api/v1/kline", _CANDLE, _CANDLES),
    ("/api/v1/order", "symbol=SOL_USDC&orderId=1", {"symbol": "symbol", "orderId": "order id"}),
    ("/api/v1/order", "symbol=SOL_USDC&clientId=1", {"clientId": "own id"}),
    ("/api/v1/order/1", "symbol=SOL_USDC", {"symbol": "symbol", "market": "symbol"}),
    ("/api/v1/orders", "symbol=SOL_USDC", {"symbol": "symbol", "marketType": "word"}),
    ("/api/v1/order/open", "", {"symbol": "symbol", "market": "symbol", "marketType": "word"}),
    ("/api/v1/account/limits/order", _LIMIT_ORDER,
     {"symbol": "symbol", "side": "word", "price": "price", "reduceOnly": "flag", "autoBorrow": "flag",
      "autoBorrowRepay": "flag", "autoLendRedeem": "flag"}),
    ("/api/v1/account/limits/withdrawal", "symbol=SOL",
     {"symbol": "asset", "autoBorrow": "flag", "autoLendRedeem": "flag"}),
    ("/api/v1/account/limits/borrow", "symbol=SOL", {"symbol": "asset"}),
    ("/wapi/v1/history/orders", "", _HISTORY),
    ("/wapi/v1/history/fills", "", {**_HISTORY, **_WINDOW}),
    ("/wapi/v1/history/ledger", "",
     {"symbol": "asset", "kind": "word", "before": "number", "limit": "limit", **_WINDOW}),
    ("/wapi/v1/capital/deposits", "", {**_WINDOW, "endTime": "ms", "excludePlatform": "flag", **_PAGE}),
    ("/wapi/v1/capital/deposit/address", "blockchain=Nowhere", {"blockchain": "chain"}),
    ("/wapi/v1/capital/withdrawals", "", {**_WINDOW, "endTime": "ms", "id": "number", **_PAGE}),
    ("/wapi/v1/history/wallet", "", {"symbol": "asset", "before": "number", "limit": "limit"}),
    ("/wapi/v1/statements", "", {"year": "number"}),
    ("/api/v1/liabilities", "", {"limit": "limit", "before": "number"}),
    ("/wapi/v1/liabilities", "", {"n": "number"}),
]  # fmt: skip
NOTHING_THERE = {
    "/api/v1/order": 404, "/api/v1/order/1": 404, "/wapi/v1/liabilities": 404, "/wapi/v1/capital/deposit/address": 400,
}  # fmt: skip
NEEDS_NOTHING = {"/api/v1/orders", "/api/v1/order/1"}
REPEATABLE = {"marketType", "marketType[]"}
SERVED_BY_THE_FEED = {
    "/api/v1/depth", "/api/v1/ticker", "/api/v1/tickers", "/api/v1/market-data", "/api/v1/trades", "/api/v1/auction",
}  # fmt: skip
HAVE_NO_PARAMETERS = {
    "/api/v1/assets", "/api/v1/status", "/api/v1/ping", "/api/v1/time", "/api/v1/capital", "/api/v1/account",
    "/api/v1/capital/collateral", "/wapi/v1/capital/withdrawals/delay", "/api/schema",
    "/api/v1/reserves", "/api/v1/fees", "/wapi/v1/takeouts", "/wapi/v1/account/feeTier",
}  # fmt: skip

ODD_IDS = [
    "0", "-1", "1.5", "1e3", "x", "１", "9" * 19, "9" * 5000, "%2e%2e", "<b>", "'", "007", string.printable,
]  # fmt: skip


@pytest.fixture
async def site(log: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Without an engine: nothing here may need one."""
    monkeypatch.setattr(freshness, "WAIT_S", 0)
    yield
    await gateway.close_shared()
    await rate_limits.close_shared()


def public(path: str) -> bool:
    key = ("GET", path)
    if path.startswith("/api/v1/markets/"):
        key = ("GET", "/api/v1/markets/{symbol}")
    return key in OPERATIONS and OPERATIONS[key].access == PUBLIC


async def asked(who: Trader, path: str, query: Query) -> Any:
    """As whoever the route is for."""
    if public(path):
        return await ask("GET", path, params=pairs_of(query))
    return await who.ask("GET", path, query=query)


async def test_what_is_spoilt_below_is_good(site: None, alice: Trader) -> None:
    for path, good_text, _ in ROUTES:
        if path not in SERVED_BY_THE_FEED:
            answer = await asked(alice, path, dict(parse_qsl(good_text)))
            assert answer.status_code == NOTHING_THERE.get(path, 200), (path, answer.text)


async def test_parameters(site: None, alice: Trader) -> None:
    """One test, because a database for each row would take most of its time; a failure names every wrong row."""
    wrong = []
    for path, good_text, parameters in ROUTES:
        good = dict(parse_qsl(good_text))
        for name, kind in parameters.items():
            for value in KINDS[kind]:
                query = {**good, name: value}
                if name == "market":
                    query.pop("symbol", None)
                answer = await asked(alice, path, query)
                found = (answer.status_code, answer.json()["code"] if answer.status_code != 200 else "")
                if found != (400, CODES.get(kind, BAD_REQUEST)):
                    wrong.append((path, name, value[:20], *found))
    assert not wrong


async def test_what_every_query_can_get_wrong(site: None, alice: Trader) -> None:
    """A parameter twice, a hundred and one of them, and none where one is needed."""
    wrong = []
    for path, good_text, parameters in ROUTES:
        good = dict(parse_qsl(good_text))
        bad: dict[str, Query] = {"101 parameters": {**good, **{f"a{i}": "1" for i in range(101)}}}
        for name in parameters:
            if name not in REPEATABLE:
                bad[f"{name} twice"] = [*good.items(), *([(name, "1")] * 2)]
        for needed in good if path not in NEEDS_NOTHING else ():
            bad[f"no {needed}"] = {name: value for name, value in good.items() if name != needed}
            bad[f"empty {needed}"] = {**good, needed: ""}
        for what, query in bad.items():
            answer = await asked(alice, path, query)
            if answer.status_code != 400 or answer.json()["code"] not in (BAD_REQUEST, CODES.get(what[-6:])):
                wrong.append((path, what, answer.status_code, answer.text[:80]))
    assert not wrong


@pytest.mark.parametrize("symbol", ODD_SYMBOLS)
async def test_symbols_in_a_path(site: None, market: Any, symbol: str) -> None:
    answer = await ask("GET", f"/api/v1/markets/{quote(symbol, safe='')}")
    allowed = {(400, BAD_SYMBOL), (400, BAD_REQUEST), (404, NOT_FOUND)}
    assert (answer.status_code, answer.json()["code"]) in allowed


async def test_order_ids_in_a_path(site: None, alice: Trader) -> None:
    """No order can have such a number: not found, as every order that is not one's own."""
    for odd in ODD_IDS:
        target = f"/api/v1/order/{quote(odd, safe='%')}"
        answer = await alice.ask("GET", target.replace("%2e%2e", ".."))
        assert answer.status_code in (400, 404), odd
        assert answer.json()["code"] in (BAD_REQUEST, NOT_FOUND)


def test_every_route_that_reads_is_in_the_table() -> None:
    """A new route needs a row, or to be named as one without parameters."""
    reading = {path for (method, path), it in OPERATIONS.items() if method == "GET" and it.tag != "Others"}
    rows = {path for path, _, _ in ROUTES}
    rows |= {"/api/v1/markets/{symbol}", "/api/v1/order/{order_id}", *SERVED_BY_THE_FEED, *HAVE_NO_PARAMETERS}
    assert reading <= rows
    described = {
        (path, parameter["name"])
        for (method, path), it in OPERATIONS.items()
        for parameter in it.parameters
        if method == "GET" and parameter["in"] == "query" and path not in SERVED_BY_THE_FEED
    }
    tried = {(path, name) for path, _, parameters in ROUTES for name in parameters}
    tried |= {("/api/v1/markets/{symbol}", "marketType"), ("/api/v1/order/{order_id}", "symbol")}
    any_text = {("/wapi/v1/history/fills", "fillType"), ("/wapi/v1/capital/withdrawals", "clientId")}
    assert described - tried <= any_text
