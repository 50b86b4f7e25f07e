"""Triggers, exits, pairs, amending, dead man's switch and the rest of what few orders have, over the fast lane."""

import threading
import time
from typing import Any

import pytest

from exchange_site.tests.api_rig import LIMIT_ORDER, Trader, assert_refused
from exchange_site.tests.test_order_api import ORDER_KEYS
from matching import codec
from matching import messages as m
from matching.tests.fake_engine import STAFF, FakeEngine
from matching.transport import admit

pytestmark = [pytest.mark.usefixtures("site")]
SELL = {**LIMIT_ORDER, "side": "Ask"}
STOP = {"symbol": "SOL_USDC", "side": "Ask", "orderType": "Market", "triggerPrice": "19", "triggerQuantity": "0.5"}


async def place(trader: Trader, order: Any, **changes: Any) -> dict[str, Any]:
    response = await trader.ask("POST", "/api/v1/order", {**order, **changes})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def trade_at(price: str, alice: Trader, bob: Trader) -> None:
    """Alice sells the least there is to Bob."""
    await place(alice, SELL, price=price, quantity="0.01")
    assert (await place(bob, LIMIT_ORDER, price=price, quantity="0.01"))["status"] == "Filled"


def staff(engine: FakeEngine, command: Any) -> None:
    """The engine applies commands in its own thread, so staff goes through its stream like everybody."""
    payload = codec.encode_entry("staff", 1, [codec.encode(command)])
    before = engine.engine.n
    admit.admit(engine.client, admit.Kind.ADMIN, 1, 10_000, payload)
    deadline = time.monotonic() + 10
    while engine.engine.n == before:
        assert time.monotonic() < deadline, "the engine did not take the command"
        threading.Event().wait(0.005)


# ---------------------------------------------------------------------------------------------------------- triggers


async def test_a_trigger_order_waits_and_fires(alice: Trader, bob: Trader) -> None:
    await trade_at("20", alice, bob)
    pending = await place(alice, STOP, clientId=9)
    assert set(pending) == ORDER_KEYS - {"price", "postOnly"} | {"quoteQuantity"}
    assert (pending["status"], pending["triggerPrice"], pending["triggerQuantity"]) == ("TriggerPending", "19", "0.5")
    assert (pending["quantity"], pending["triggerBy"], pending["triggeredAt"]) == ("0.5", "LastPrice", None)
    await place(bob, LIMIT_ORDER, price="19", quantity="1")
    await place(alice, SELL, price="19", quantity="0.01")
    cancel = await alice.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", "clientId": 9})
    assert_refused(cancel, 404, "RESOURCE_NOT_FOUND")


async def test_triggers_are_cancelled_alone_by_kind_and_by_side(alice: Trader, bob: Trader) -> None:
    await trade_at("20", alice, bob)
    await place(alice, LIMIT_ORDER, price="18")
    sell, buy = await place(alice, STOP), await place(alice, STOP, side="Bid", triggerPrice="21")
    body = {"symbol": "SOL_USDC", "orderType": "ConditionalOrder", "side": "Bid"}
    [gone] = (await alice.ask("DELETE", "/api/v1/orders", body)).json()
    assert (gone["id"], gone["status"]) == (buy["id"], "Cancelled")
    one = await alice.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", "orderId": sell["id"]})
    assert one.json()["status"] == "Cancelled"
    [rest] = (await alice.ask("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC"})).json()
    assert rest["price"] == "18"


async def test_both_quantities_may_say_the_same(alice: Trader, bob: Trader) -> None:
    await trade_at("20", alice, bob)
    limit = {**SELL, "price": "18.5", "quantity": "0.50", "triggerPrice": "19", "triggerQuantity": "0.5"}
    assert (await place(alice, limit))["quantity"] == "0.5"


async def test_a_trailing_order_keeps_its_distance(alice: Trader, bob: Trader) -> None:
    await trade_at("20", alice, bob)
    order = {key: value for key, value in STOP.items() if key != "triggerPrice"}
    placed = await place(alice, order, trailingDelta="0.5")
    assert (placed["status"], placed["trailingDelta"], placed["triggerPrice"]) == ("TriggerPending", "0.5", None)


# ------------------------------------------------------------------------------------------------- exits and pairs


async def test_exits_are_placed_when_their_parent_is_filled(alice: Trader, bob: Trader, engine: FakeEngine) -> None:
    await place(bob, SELL, price="20", quantity="1")
    exits = {"stopLossTriggerPrice": "18", "takeProfitTriggerPrice": "25", "takeProfitLimitPrice": "24.9"}
    bought = await place(alice, LIMIT_ORDER, price="20", quantity="1", **exits)
    assert (bought["status"], bought["stopLossTriggerPrice"], bought["takeProfitLimitPrice"]) == (
        "Filled",
        "18",
        "24.9",
    )
    assert (bought["stopLossTriggerBy"], bought["stopLossLimitPrice"]) == ("LastPrice", None)
    gone = (await alice.ask("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC", "orderType": "ConditionalOrder"})).json()
    assert [(each["triggerPrice"], each["side"], each["relatedOrderId"]) for each in gone] == [
        ("18", "Ask", bought["id"]), ("25", "Ask", bought["id"])
    ]  # fmt: skip


async def test_one_cancels_the_other(alice: Trader, bob: Trader) -> None:
    await trade_at("20", alice, bob)
    pair = [{**SELL, "price": "22"}, STOP]
    first, second = (await alice.ask("POST", "/api/v1/order/oco", pair)).json()
    assert (first["status"], second["status"]) == ("New", "TriggerPending")
    assert (first["relatedOrderId"], second["relatedOrderId"]) == (second["id"], first["id"])
    await alice.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", "orderId": first["id"]})
    again = await alice.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", "orderId": second["id"]})
    assert_refused(again, 404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [[], [SELL], [SELL, STOP, STOP], SELL, [SELL, 7], [SELL, SELL], [SELL, {**STOP, "symbol": "DOGE_USDC"}]],
)
async def test_pairs_that_are_none(alice: Trader, engine: FakeEngine, body: Any) -> None:
    response = await alice.ask("POST", "/api/v1/order/oco", body)
    code = "INVALID_SYMBOL" if "DOGE" in str(body) else "INVALID_CLIENT_REQUEST"
    assert_refused(response, 400, code)
    assert engine.seen == []


# ---------------------------------------------------------------------------------------- expiry, icebergs, slippage


async def test_good_till_date_and_icebergs(alice: Trader) -> None:
    soon = time.time_ns() // 1_000_000 + 60_000
    order = await place(alice, LIMIT_ORDER, timeInForce="GTD", expireTime=soon, displayQuantity="0.1", postOnly=True)
    assert (order["timeInForce"], order["expireTime"], order["displayQuantity"]) == ("GTD", soon, "0.1")
    late = {**LIMIT_ORDER, "timeInForce": "GTD", "expireTime": 5}
    assert_refused(await alice.ask("POST", "/api/v1/order", late), 400, "INVALID_CLIENT_REQUEST")


async def test_a_market_order_stops_at_its_slippage(alice: Trader, bob: Trader) -> None:
    for price in ("20", "21"):
        await place(bob, SELL, price=price, quantity="1")
    order = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Market", "quantity": "2", "slippageTolerance": "4.9999"}
    bought = await place(alice, order, slippageToleranceType="Percent")
    assert (bought["status"], bought["executedQuantity"]) == ("Expired", "1")
    assert (bought["slippageTolerance"], bought["slippageToleranceType"]) == ("4.9999", "Percent")
    more = await place(alice, order, slippageTolerance=3, slippageToleranceType="TickSize", quantity="0.5")
    assert (more["status"], more["slippageTolerance"]) == ("Filled", "3")


async def test_decrement(alice: Trader) -> None:
    await place(alice, SELL, quantity="1", price="20")
    order = await place(alice, LIMIT_ORDER, quantity="0.4", price="20", selfTradePrevention="Decrement")
    assert (order["status"], order["selfTradePrevention"]) == ("Expired", "Decrement")
    [rest] = (await alice.ask("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC"})).json()
    assert rest["quantity"] == "0.6"


BAD_TERMS: list[dict[str, Any]] = [
    {"triggerPrice": "21", "triggerQuantity": "0.6"},
    {"triggerPrice": "21", "triggerQuantity": "50%", "quantity": None},
    {"triggerPrice": "21", "triggerQuantity": "0.5", "triggerBy": "MarkPrice"},
    {"triggerPrice": "21", "triggerQuantity": "0.5", "triggerBy": "lastPrice"},
    {"triggerPrice": "21.001", "triggerQuantity": "0.5"},
    {"triggerPrice": "-21", "triggerQuantity": "0.5"},
    {"triggerPrice": "0", "triggerQuantity": "0.5"},
    {"triggerPrice": True, "triggerQuantity": "0.5"},
    {"triggerPrice": {}, "triggerQuantity": "0.5"},
    {"triggerQuantity": "0.5"},
    {"triggerPrice": "21", "trailingDelta": "1", "triggerQuantity": "0.5"},
    {"trailingDelta": "0"},
    {"trailingDelta": "1e1"},
    {"stopLossTriggerPrice": "19", "stopLossTriggerBy": "IndexPrice"},
    {"stopLossLimitPrice": "19"},
    {"takeProfitLimitPrice": "19"},
    {"takeProfitTriggerPrice": "19"},
    {"takeProfitTriggerPrice": "NaN"},
    {"stopLossTriggerPrice": "21"},
    {"expireTime": 1_999_999_999_999},
    {"timeInForce": "GTD"},
    {"timeInForce": "GTD", "expireTime": "soon"},
    {"timeInForce": "GTD", "expireTime": -1},
    {"timeInForce": "GTD", "expireTime": 10**19},
    {"timeInForce": "GTD", "expireTime": 9_999_999_999_999},
    {"displayQuantity": "0.5"},
    {"displayQuantity": "0"},
    {"displayQuantity": "0.1", "timeInForce": "IOC"},
    {"displayQuantity": "x"},
    {"slippageTolerance": "1"},
    {"slippageTolerance": "1", "slippageToleranceType": "TickSize"},
    {"slippageToleranceType": "Percent"},
]


@pytest.mark.parametrize("change", BAD_TERMS, ids=str)
async def test_bad_terms_are_refused(alice: Trader, change: dict[str, Any]) -> None:
    response = await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, **change})
    assert_refused(response, 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("tolerance", ["0", "-1", "1.5", "x", "1e3", True, "100.00001"])
@pytest.mark.parametrize("kind", ["TickSize", "Percent", "percent"])
async def test_bad_slippage(alice: Trader, tolerance: Any, kind: str) -> None:
    if (tolerance, kind) == ("1.5", "Percent"):
        pytest.skip("That is a percentage.")
    order = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Market", "quantity": "1"}
    body = {**order, "slippageTolerance": tolerance, "slippageToleranceType": kind}
    assert_refused(await alice.ask("POST", "/api/v1/order", body), 400, "INVALID_CLIENT_REQUEST")


# ------------------------------------------------------------------------------------------------------------- amend


async def test_an_order_is_amended_in_place(alice: Trader) -> None:
    await place(alice, LIMIT_ORDER, clientId=7)
    change = {"symbol": "SOL_USDC", "clientId": 7, "quantity": "0.4", "price": "20.1"}
    amended = await alice.ask("PATCH", "/api/v1/order", change)
    order = amended.json()
    assert (order["id"], order["price"], order["quantity"], order["status"]) == ("1", "20.1", "0.4", "New")
    assert int(amended.headers["X-Outcome"]) > 0
    same = await alice.ask("PATCH", "/api/v1/order", change)
    assert_refused(same, 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"orderId": "1"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "99", "price": "20"}, 404, "RESOURCE_NOT_FOUND"),
        ({"price": "20"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "1", "price": "20.001"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "1", "quantity": "0"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "1", "quantity": "9999999"}, 400, "INSUFFICIENT_FUNDS"),
        ({"orderId": "1", "triggerPrice": "25"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "1", "price": "20", "symbol": "DOGE_USDC"}, 400, "INVALID_SYMBOL"),
    ],
)
async def test_amends_that_are_refused(alice: Trader, change: dict[str, Any], status: int, code: str) -> None:
    await place(alice, LIMIT_ORDER)
    response = await alice.ask("PATCH", "/api/v1/order", {"symbol": "SOL_USDC", **change})
    assert_refused(response, status, code)


async def test_a_foreign_order_cannot_be_amended(alice: Trader, bob: Trader) -> None:
    await place(alice, LIMIT_ORDER)
    change = {"symbol": "SOL_USDC", "orderId": "1", "price": "1"}
    assert_refused(await bob.ask("PATCH", "/api/v1/order", change), 404, "RESOURCE_NOT_FOUND")


async def test_g2_a_repeated_amend_gives_the_same_answer(alice: Trader) -> None:
    await place(alice, LIMIT_ORDER)
    key, change = {"Idempotency-Key": "a-1"}, {"symbol": "SOL_USDC", "orderId": "1", "price": "20"}
    first = await alice.ask("PATCH", "/api/v1/order", change, headers=key)
    again = await alice.ask("PATCH", "/api/v1/order", change, headers=key)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")


# --------------------------------------------------------------------------------------------- batches, dead man, halt


async def test_a_batch_is_one_command_with_an_answer_each(alice: Trader, engine: FakeEngine) -> None:
    orders = [LIMIT_ORDER, {**LIMIT_ORDER, "quantity": "9999999"}, {**STOP, "side": "Bid"}]
    key = {"Idempotency-Key": "b-1"}
    first = await alice.ask("POST", "/api/v1/orders", orders, headers=key)
    again = await alice.ask("POST", "/api/v1/orders", orders, headers=key)
    assert [each["operation"] for each in first.json()] == ["Ok", "Err", "Ok"]
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert [type(command) for command in engine.seen] == [m.Batch, m.Batch]
    other = await alice.ask("POST", "/api/v1/orders", orders[:2], headers=key)
    assert_refused(other, 409, "PRECONDITION_FAILED")


async def test_under_the_first_rules_a_batch_goes_order_by_order(alice: Trader, engine: FakeEngine) -> None:
    engine.engine.venue.rules_version = 1
    answer = await alice.ask("POST", "/api/v1/orders", [LIMIT_ORDER, {**LIMIT_ORDER, "price": "20"}])
    assert [each["operation"] for each in answer.json()] == ["Ok", "Ok"]
    stop = await alice.ask("POST", "/api/v1/order", STOP)
    assert_refused(stop, 501, "NOT_IMPLEMENTED")


async def test_a_dead_mans_switch_is_set_and_taken_off(alice: Trader) -> None:
    before = time.time_ns() // 1_000_000
    on = (await alice.ask("POST", "/api/v1/cancelAfter", {"seconds": 60})).json()
    assert before + 60_000 <= on["cancelAt"] <= time.time_ns() // 1_000_000 + 60_000
    assert (await alice.ask("POST", "/api/v1/cancelAfter", {"seconds": 0})).json() == {"cancelAt": None}


@pytest.mark.parametrize("seconds", [None, -1, 86_401, "x", 1.5, True, [], "1e3"])
async def test_seconds_that_are_none(alice: Trader, seconds: Any) -> None:
    response = await alice.ask("POST", "/api/v1/cancelAfter", {"seconds": seconds})
    assert_refused(response, 400, "INVALID_CLIENT_REQUEST")


async def test_the_kill_switch_lets_cancels_through(alice: Trader, engine: FakeEngine) -> None:
    await place(alice, LIMIT_ORDER)
    staff(engine, m.SetKillSwitch(engaged=True, **STAFF))
    refused = assert_refused(await alice.ask("POST", "/api/v1/order", LIMIT_ORDER), 503, "TRADING_PAUSED")
    assert refused["executed"] is False
    [gone] = (await alice.ask("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC"})).json()
    assert gone["status"] == "Cancelled"


async def test_what_the_market_and_the_account_forbid(alice: Trader, bob: Trader, engine: FakeEngine) -> None:
    await trade_at("20", alice, bob)
    limits = {"min_quantity_lots": 1, "max_open_orders": 200, "max_price_ppm": 1_100_000, "max_quantity_lots": 500}
    staff(engine, m.SetMarketLimits(market="SOL_USDC", **limits, **STAFF))
    assert_refused(await alice.ask("POST", "/api/v1/order", {**SELL, "price": "22.01"}), 400, "INVALID_PRICE")
    assert_refused(await alice.ask("POST", "/api/v1/order", {**SELL, "quantity": "5.01"}), 400, "INVALID_QUANTITY")
    staff(engine, m.SetAccountBlock(account_id=alice.account.pk, blocked=True, **STAFF))
    assert_refused(await alice.ask("POST", "/api/v1/order", LIMIT_ORDER), 403, "FORBIDDEN")
    staff(engine, m.SetMarketState(market="SOL_USDC", state=m.MarketState.CANCEL_ONLY, **STAFF))
    assert_refused(await bob.ask("POST", "/api/v1/order", LIMIT_ORDER), 400, "INVALID_ORDER")
