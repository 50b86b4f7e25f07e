"""What clients of the same wire really send: other spellings, other places, other HTTP. One rule for both lanes."""

import gzip
import json
import logging
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from exchange_site import cors
from exchange_site.openapi.operations import OPERATIONS, PUBLIC
from exchange_site.tests.api_rig import LIMIT_ORDER, Trader, ask, assert_refused
from matching.tests.fake_engine import FakeEngine
from trading.api import freshness

ORDER, ORDERS = "/api/v1/order", "/api/v1/orders"
SYMBOL = {"symbol": "SOL_USDC"}
NOT_MARKET_DATA = {
    "/api/schema",
    "/api/v1/liabilities",
    "/api/v1/reserves",
    "/api/v1/fees",
}  # For everybody, but not for the pages of others.


@pytest.fixture(autouse=True)
def _no_writer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "WAIT_S", 0)


@pytest.fixture(params=[True, False], ids=["fast", "drf"])
def lane(request: pytest.FixtureRequest, settings: Any) -> bool:
    settings.API_FAST_LANE = request.param
    return bool(request.param)


async def test_a_delete_without_a_body_has_its_members_in_the_query(site: None, alice: Trader, lane: bool) -> None:
    await alice.ask("POST", ORDER, {**LIMIT_ORDER, "clientId": 7})
    await alice.ask("POST", ORDER, {**LIMIT_ORDER, "clientId": 8})
    one = await alice.ask("DELETE", ORDER, query={**SYMBOL, "clientId": "7"})
    assert (one.status_code, one.json()["clientId"], one.json()["status"]) == (200, 7, "Cancelled")
    several = await alice.ask("DELETE", ORDERS, query={**SYMBOL, "orderType": "RestingLimitOrder"})
    assert [order["clientId"] for order in several.json()] == [8]


async def test_a_member_in_query_and_body_is_refused(site: None, alice: Trader, engine: FakeEngine, lane: bool) -> None:
    for method, path, body, twice in (
        ("POST", ORDER, LIMIT_ORDER, {"price": "20.15"}),
        ("DELETE", ORDER, {**SYMBOL, "orderId": "1"}, {"orderId": "2"}),
        ("DELETE", ORDERS, SYMBOL, SYMBOL),
        ("PATCH", ORDER, {**SYMBOL, "orderId": "1", "price": "20"}, {"price": "21"}),
        ("POST", "/api/v1/cancelAfter", {"seconds": 9}, {"seconds": "10"}),
    ):
        answer = assert_refused(await alice.ask(method, path, body, query=twice), 400, "INVALID_CLIENT_REQUEST")
        assert "in the query and in the body" in str(answer["message"])
    assert engine.seen == []


async def test_unknown_parameters_beside_a_body_do_not_matter(site: None, alice: Trader, lane: bool) -> None:
    placed = await alice.ask("POST", ORDER, LIMIT_ORDER, query={"source": "bot", "v": "2"})
    assert placed.json()["status"] == "New"


async def test_numbers_as_text_and_text_as_numbers(site: None, alice: Trader, lane: bool) -> None:
    order = {**LIMIT_ORDER, "price": 20.15, "quantity": 1, "clientId": "4294967295"}
    assert (await alice.ask("POST", ORDER, order)).json()["clientId"] == 4294967295
    by_number = await alice.ask("DELETE", ORDER, {**SYMBOL, "clientId": 4294967295})
    assert by_number.json()["status"] == "Cancelled"
    order_id = (await alice.ask("POST", ORDER, {**LIMIT_ORDER, "clientId": 0})).json()["id"]
    assert (await alice.ask("DELETE", ORDER, {**SYMBOL, "orderId": int(order_id)})).json()["clientId"] == 0


async def test_without_a_window_it_is_five_seconds(site: None, alice: Trader, lane: bool) -> None:
    headers = alice.headers("DELETE", ORDERS, {}, json.dumps(SYMBOL).encode())
    del headers["X-Window"]
    answer = await ask("DELETE", ORDERS, content=json.dumps(SYMBOL).encode(), headers=headers)
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=UTF-8"},
        {"X-Broker-Id": "1400", "X-Broker-Key": "k", "Accept": "text/html", "Accept-Encoding": "gzip, br"},
        {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
async def test_headers_that_do_not_matter(site: None, alice: Trader, lane: bool, headers: dict[str, str]) -> None:
    body = json.dumps(SYMBOL).encode()
    answer = await ask("DELETE", ORDERS, content=body, headers={**alice.headers("DELETE", ORDERS, {}, body), **headers})
    assert (answer.status_code, answer.json()) == (200, [])
    assert "content-encoding" not in answer.headers


async def test_a_compressed_body_is_not_json(site: None, alice: Trader, lane: bool) -> None:
    body = gzip.compress(json.dumps(LIMIT_ORDER).encode())
    headers = {**alice.headers("POST", ORDER, {}, b""), "Content-Encoding": "gzip"}
    assert_refused(await ask("POST", ORDER, content=body, headers=headers), 400, "INVALID_CLIENT_REQUEST")


async def test_a_get_with_a_body_is_a_get(site: None, alice: Trader) -> None:
    for body in (b"{}", b"{", b'{"symbol":"SOL_USDC"}'):
        headers = alice.headers("GET", "/api/v1/capital", {}, b"")
        answer = await ask("GET", "/api/v1/capital", content=body, headers=headers)
        assert answer.status_code == 200


async def test_booleans_of_python_clients_in_a_query(site: None, alice: Trader) -> None:
    for word, meant in (("True", True), ("False", False), ("true", True), ("false", False)):
        query = {**SYMBOL, "side": "Ask", "reduceOnly": word}
        answer = await alice.ask("GET", "/api/v1/account/limits/order", query=query)
        assert answer.json()["reduceOnly"] is meant
    odd = await alice.ask("GET", "/wapi/v1/capital/deposits", query={"excludePlatform": "1"})
    assert_refused(odd, 400, "INVALID_CLIENT_REQUEST")


async def test_windows_of_time_end_after_they_begin(site: None, alice: Trader) -> None:
    now_ms = time.time_ns() // 1_000_000
    for path in ("/wapi/v1/history/fills", "/wapi/v1/capital/deposits", "/wapi/v1/capital/withdrawals"):
        query = {"from": str(now_ms), "to": str(now_ms - 1)}
        assert_refused(await alice.ask("GET", path, query=query), 400, "INVALID_CLIENT_REQUEST")
        assert (await alice.ask("GET", path, query={**query, "to": str(now_ms)})).json() == []
    ccxt = {"from": str(now_ms), "endTime": str(now_ms - 1)}  # ccxt says endTime where it means to.
    assert_refused(await alice.ask("GET", "/wapi/v1/capital/deposits", query=ccxt), 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("good", [{}, {"autoLend": True, "leverageLimit": "5"}, {"autoRepayBorrows": None}, {"x": [1]}])
async def test_settings_without_effect(site: None, alice: Trader, good: dict[str, Any]) -> None:
    answer = await alice.ask("PATCH", "/api/v1/account", good)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_settings_that_make_no_sense(site: None, alice: Trader) -> None:
    bad: tuple[Any, ...] = (
        {"autoLend": "true"}, {"autoBorrowSettlements": 1}, {"autoRepayBorrows": []}, {"leverageLimit": True},
        {"leverageLimit": "0"}, {"leverageLimit": "-1"}, {"leverageLimit": "1e3"}, {"leverageLimit": "NaN"},
        {"leverageLimit": {}}, [], [{}], "x",
    )  # fmt: skip
    for body in bad:
        answer = await alice.ask("PATCH", "/api/v1/account", body)
        assert_refused(answer, 400, "INVALID_CLIENT_REQUEST")


async def test_no_withdrawal_delay_is_an_answer_without_content(site: None, alice: Trader) -> None:
    answer = await alice.ask("GET", "/wapi/v1/capital/withdrawals/delay")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize("path", ["//api/v1/time", "///wapi/v1/history/fills", "/api//v1/time", "/api/v1//time"])
async def test_a_slash_too_many_is_refused_in_json(site: None, path: str) -> None:
    """A base address that ends with a slash, before a path that begins with one."""
    for method in ("GET", "POST", "DELETE"):
        assert_refused(await ask(method, f"http://testserver{path}"), 404, "RESOURCE_NOT_FOUND")


async def test_public_reads_can_be_asked_for_by_pages_of_anybody(site: None, market: Any) -> None:
    public = {path.replace("{symbol}", "SOL_USDC") for (_, path), it in OPERATIONS.items() if it.access == PUBLIC}
    assert {path for path in public if not cors.is_public(path)} <= NOT_MARKET_DATA
    private = {path for (_, path), it in OPERATIONS.items() if it.access != PUBLIC}
    assert not {path for path in private if cors.is_public(path)}


async def test_every_public_route_has_a_head(site: None, market: Any) -> None:
    for path in ("/api/v1/markets", "/api/v1/assets", "/api/v1/ping", "/api/v1/status"):
        whole, head = await ask("GET", path), await ask("HEAD", path)
        assert (head.status_code, head.headers["content-type"]) == (200, whole.headers["content-type"])


async def test_repeated_filters_are_one_question(site: None, alice: Trader) -> None:
    pairs = [("marketType", "PERP"), ("marketType", "SPOT")]
    assert [each["symbol"] for each in (await ask("GET", f"/api/v1/markets?{urlencode(pairs)}")).json()] == ["SOL_USDC"]
    assert (await ask("GET", "/api/v1/markets?marketType[]=PERP&marketType[]=IPERP")).json() == []


async def test_a_refusal_is_no_error_in_the_log(site: None, alice: Trader, caplog: pytest.LogCaptureFixture) -> None:
    """Or any client could fill the log, and wake somebody up."""
    for method, path in (("POST", "/api/v1/strategy"), ("POST", "/wapi/v1/capital/withdrawals/delay")):
        assert_refused(await alice.ask(method, path, {}), 501, "NOT_IMPLEMENTED")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
