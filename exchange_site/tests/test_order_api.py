"""Order entry over the fast lane: shapes, refusals, signatures, sessions, retries."""

import base64
import json
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils import timezone

from accounts.models import ApiKey
from accounts.signing import key_store
from exchange_site.tests.api_rig import LIMIT_ORDER, Trader, ask, assert_refused
from matching.tests.fake_engine import FakeEngine

pytestmark = [pytest.mark.usefixtures("site")]

ORDER_KEYS = {
    "id", "clientId", "symbol", "side", "orderType", "status", "price", "quantity", "executedQuantity",
    "executedQuoteQuantity", "timeInForce", "postOnly", "selfTradePrevention", "createdAt", "reduceOnly",
    "relatedOrderId", "strategyId", "triggerBy", "triggerPrice", "triggerQuantity", "triggeredAt", "stopLossLimitPrice",
    "stopLossTriggerBy", "stopLossTriggerPrice", "takeProfitLimitPrice", "takeProfitTriggerBy",
    "takeProfitTriggerPrice",
}  # fmt: skip


async def test_place_and_cancel(alice: Trader) -> None:
    placed = await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, "clientId": 7})
    assert placed.status_code == 200
    order = placed.json()
    assert set(order) == ORDER_KEYS
    assert isinstance(order["createdAt"], int)
    assert (order["id"], order["clientId"], order["status"]) == ("1", 7, "New")
    assert (order["price"], order["quantity"], order["executedQuantity"]) == ("20.15", "0.5", "0")
    assert int(placed.headers["X-Outcome"]) > 0
    cancelled = await alice.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", "clientId": "7"})
    assert (cancelled.json()["id"], cancelled.json()["status"]) == ("1", "Cancelled")
    again = await alice.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", "orderId": "1"})
    assert_refused(again, 404, "RESOURCE_NOT_FOUND")


async def test_a_market_order_has_its_own_members(alice: Trader, bob: Trader) -> None:
    await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, "quantity": 1})
    sell = {"symbol": "SOL_USDC", "side": "Ask", "orderType": "Market", "quoteQuantity": "10.1"}
    order = (await bob.ask("POST", "/api/v1/order", sell)).json()
    assert (order["status"], order["executedQuantity"], order["quoteQuantity"]) == ("Filled", "0.5", "10.1")
    assert order["executedQuoteQuantity"] == "10.075"
    assert "price" not in order


async def test_cancel_all(alice: Trader) -> None:
    for i in range(3):
        await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, "clientId": i})
    none = await alice.ask("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC", "orderType": "ConditionalOrder"})
    assert none.json() == []
    done = await alice.ask("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC", "orderType": "RestingLimitOrder"})
    assert [(order["clientId"], order["status"]) for order in done.json()] == [(i, "Cancelled") for i in range(3)]


async def test_a_foreign_order_is_an_unknown_one(alice: Trader, bob: Trader) -> None:
    await alice.ask("POST", "/api/v1/order", LIMIT_ORDER)
    assert_refused(
        await bob.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", "orderId": "1"}), 404, "RESOURCE_NOT_FOUND"
    )


async def test_a_batch_answers_element_by_element(alice: Trader) -> None:
    orders = [LIMIT_ORDER, {**LIMIT_ORDER, "quantity": "9999999"}, {**LIMIT_ORDER, "price": "20.14"}]
    answer = (await alice.ask("POST", "/api/v1/orders", orders)).json()
    assert [element["operation"] for element in answer] == ["Ok", "Err", "Ok"]
    assert answer[1]["code"] == "INSUFFICIENT_FUNDS"
    assert set(answer[0]) == ORDER_KEYS | {"operation"}


@pytest.mark.parametrize(
    "batch",
    [[], [LIMIT_ORDER] * 51, [LIMIT_ORDER, 7], [LIMIT_ORDER, {**LIMIT_ORDER, "side": "Buy"}], LIMIT_ORDER, None],
)
async def test_a_malformed_batch_is_refused_whole(alice: Trader, engine: FakeEngine, batch: Any) -> None:
    assert_refused(await alice.ask("POST", "/api/v1/orders", batch), 400, "INVALID_CLIENT_REQUEST")
    assert engine.seen == []


@pytest.mark.parametrize("signed", ["", "&timestamp=1&window=5000", "instruction=orderExecute"])
async def test_an_empty_batch_is_refused_for_its_shape_however_it_was_signed(alice: Trader, signed: str) -> None:
    signature = base64.b64encode(alice.secret.sign(signed.encode())).decode()
    response = await alice.ask("POST", "/api/v1/orders", [], headers={"X-Signature": signature})
    assert_refused(response, 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"postOnly": True, "side": "Ask", "price": "19"}, 400, "INVALID_ORDER"),
        ({"quantity": "9999999"}, 400, "INSUFFICIENT_FUNDS"),
        ({"clientId": 5}, 400, "INVALID_CLIENT_REQUEST"),
        ({"symbol": "DOGE_USDC"}, 400, "INVALID_SYMBOL"),
        ({"price": "20.155"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"quantity": "0.005"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"triggerPrice": "21"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"postOnly": True, "timeInForce": "IOC"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"selfTradePrevention": "Allow"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"quoteQuantity": "5"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderType": "Market"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderType": "Market", "price": None, "quoteQuantity": "5"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"price": None}, 400, "INVALID_CLIENT_REQUEST"),
        ({"quantity": None}, 400, "INVALID_CLIENT_REQUEST"),
    ],
)
async def test_refusals(alice: Trader, change: dict[str, Any], status: int, code: str) -> None:
    await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, "clientId": 5})
    assert_refused(await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, **change}), status, code)


async def test_members_without_effect_are_accepted(alice: Trader) -> None:
    sloppy = {"reduceOnly": False, "autoLend": True, "brokerId": 1, "triggeredBy": "x", "clientId": None, "a": [1, {}]}
    order = {**LIMIT_ORDER, **sloppy, "price": 20.15, "quantity": 1, "postOnly": False}
    assert (await alice.ask("POST", "/api/v1/order", order)).json()["status"] == "New"


# ------------------------------------------------------------------------------------------------ retries and G13


async def test_g2_a_retry_with_the_same_key_gets_the_same_order(alice: Trader, engine: FakeEngine) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = await alice.ask("POST", "/api/v1/order", LIMIT_ORDER, headers=key)
    again = await alice.ask("POST", "/api/v1/order", LIMIT_ORDER, headers=key)
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, "price": "20.14"}, headers=key)
    assert_refused(other, 409, "PRECONDITION_FAILED")


async def test_g13_a_closed_engine_executes_nothing(alice: Trader, engine: FakeEngine) -> None:
    engine.close()
    response = await alice.ask("POST", "/api/v1/order", LIMIT_ORDER)
    assert assert_refused(response, 503, "MAINTENANCE")["executed"] is False
    assert response.headers["Retry-After"] == "1"


async def test_g13_without_an_answer_nobody_knows(alice: Trader, engine: FakeEngine, settings: Any) -> None:
    settings.API_REPLY_TIMEOUT_S = 0.2
    engine.silent = True
    response = await alice.ask("POST", "/api/v1/order", LIMIT_ORDER)
    assert assert_refused(response, 504, "TIMEOUT")["executed"] == "unknown"


# --------------------------------------------------------------------------------------------------- who is asking


async def test_nobody(alice: Trader) -> None:
    assert_refused(await ask("POST", "/api/v1/order", json=LIMIT_ORDER), 401, "UNAUTHORIZED")


async def test_a_signature_over_another_body(alice: Trader) -> None:
    body = json.dumps(LIMIT_ORDER).encode()
    headers = alice.headers("POST", "/api/v1/order", {}, body)
    other = body.replace(b"20.15", b"20.16")
    response = await ask("POST", "/api/v1/order", content=other, headers=headers)
    assert_refused(response, 401, "INVALID_SIGNATURE")


async def test_the_signature_is_checked_before_the_order(alice: Trader) -> None:
    response = await alice.ask("POST", "/api/v1/order", {"symbol": "NO_SUCH"}, headers={"X-Signature": "AAAA"})
    assert_refused(response, 401, "INVALID_SIGNATURE")


async def test_an_unknown_key_comes_before_an_old_timestamp(alice: Trader) -> None:
    wrong = {"X-API-Key": "AAAA", "X-Timestamp": "1"}
    assert_refused(await alice.ask("POST", "/api/v1/order", LIMIT_ORDER, headers=wrong), 401, "UNAUTHORIZED")
    old = {"X-Timestamp": "1"}
    response = await alice.ask("POST", "/api/v1/order", LIMIT_ORDER, headers=old)
    assert assert_refused(response, 400, "INVALID_CLIENT_REQUEST")["message"] == "Request has expired"


async def test_two_keys_at_once_are_no_key(alice: Trader, bob: Trader) -> None:
    headers = alice.headers("POST", "/api/v1/order", {}, json.dumps(LIMIT_ORDER).encode())
    both = [*headers.items(), ("X-API-Key", bob.public_key)]
    assert_refused(await ask("POST", "/api/v1/order", json=LIMIT_ORDER, headers=both), 401, "UNAUTHORIZED")


@pytest.fixture
def disabled(alice: Trader, request: pytest.FixtureRequest) -> None:
    ApiKey.objects.filter(pk=alice.key.pk).update(**request.param)


@pytest.mark.parametrize(
    "disabled",
    [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}],
    indirect=True,
    ids=["revoked", "expired"],
)
@pytest.mark.usefixtures("disabled")
async def test_a_disabled_key(alice: Trader) -> None:
    assert_refused(await alice.ask("POST", "/api/v1/order", LIMIT_ORDER), 401, "UNAUTHORIZED")


@pytest.fixture
def reader(market: Any) -> Trader:
    return Trader("reader@example.org", 3, can_trade=False)


async def test_a_reading_key_cannot_trade(reader: Trader) -> None:
    assert_refused(await reader.ask("POST", "/api/v1/order", LIMIT_ORDER), 403, "FORBIDDEN")


async def test_a_key_is_read_again_after_a_moment(alice: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    await alice.ask("POST", "/api/v1/order", LIMIT_ORDER)
    assert key_store.store.cached(alice.public_key)[0]
    monkeypatch.setattr(key_store, "FRESH_S", -1)
    assert not key_store.store.cached(alice.public_key)[0]


@pytest.fixture
def logged_in(alice: Trader) -> tuple[dict[str, str], str]:
    """Cookies of a logged-in browser, and the token its pages carry."""
    session = SessionStore()
    session[SESSION_KEY] = str(alice.user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = alice.user.get_session_auth_hash()
    session.save()
    request = HttpRequest()
    token = get_token(request)
    cookies = {
        settings.SESSION_COOKIE_NAME: str(session.session_key),
        settings.CSRF_COOKIE_NAME: request.META["CSRF_COOKIE"],
    }
    return cookies, token


Browser = tuple[dict[str, str], str]


async def test_a_browser_trades_with_session_and_token(logged_in: Browser) -> None:
    cookies, token = logged_in
    headers = {"X-CSRFToken": token, "Origin": "http://testserver"}
    response = await ask("POST", "/api/v1/order", json=LIMIT_ORDER, cookies=cookies, headers=headers)
    assert response.json()["status"] == "New"


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-CSRFToken": "a" * 32}, {"X-CSRFToken": "b" * 64}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
async def test_s9_another_site_cannot_use_the_session(logged_in: Browser, headers: dict[str, str]) -> None:
    cookies, token = logged_in
    if "Origin" in headers:
        headers = {**headers, "X-CSRFToken": token}
    response = await ask("POST", "/api/v1/order", json=LIMIT_ORDER, cookies=cookies, headers=headers)
    assert_refused(response, 403, "FORBIDDEN")


async def test_s9_a_foreign_host_header_is_refused(logged_in: Browser) -> None:
    cookies, token = logged_in
    headers = {"X-CSRFToken": token, "Origin": "http://evil.example", "Host": "evil.example"}
    response = await ask("POST", "/api/v1/order", json=LIMIT_ORDER, cookies=cookies, headers=headers)
    assert_refused(response, 400, "INVALID_CLIENT_REQUEST")


async def test_s9_an_api_request_does_not_use_cookies(logged_in: Browser) -> None:
    cookies, token = logged_in
    headers = {"X-CSRFToken": token, "X-API-Key": "AAAA"}
    response = await ask("POST", "/api/v1/order", json=LIMIT_ORDER, cookies=cookies, headers=headers)
    assert_refused(response, 401, "UNAUTHORIZED")


async def test_a_made_up_session_is_nobody(logged_in: Browser) -> None:
    cookies, token = logged_in
    cookies = {**cookies, settings.SESSION_COOKIE_NAME: "x" * 32}
    headers = {"X-CSRFToken": token}
    response = await ask("POST", "/api/v1/order", json=LIMIT_ORDER, cookies=cookies, headers=headers)
    assert_refused(response, 401, "UNAUTHORIZED")
