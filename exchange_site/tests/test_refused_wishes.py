"""Well-formed wishes that the engine refuses: stable code, right status, and the account is what it was before."""

from typing import Any

import pytest

from exchange_site.tests.api_rig import LIMIT_ORDER, Trader, assert_refused
from exchange_site.tests.test_order_terms_api import STAFF, staff, trade_at
from matching import messages as m
from matching.tests.fake_engine import FakeEngine

ORDER, ORDERS = "/api/v1/order", "/api/v1/orders"
SYMBOL = {"symbol": "SOL_USDC"}
SELL = {**LIMIT_ORDER, "side": "Ask"}
MARKET = {**SYMBOL, "side": "Bid", "orderType": "Market"}
YEAR_9999_MS = 253_402_300_799_000
FOREIGN, FILLED, CANCELLED, UNKNOWN = "foreign", "filled", "cancelled", "unknown"  # Become their orders' numbers.
BAD, NOT_FOUND = (400, "INVALID_CLIENT_REQUEST"), (404, "RESOURCE_NOT_FOUND")
POOR, TAKES = (400, "INSUFFICIENT_FUNDS"), (400, "INVALID_ORDER")

Wish = tuple[str, str, Any]
WISHES: dict[str, tuple[Wish, tuple[int, str]]] = {
    "client id of an open order": (("POST", ORDER, {**LIMIT_ORDER, "clientId": 7}), BAD),
    "post-only that would take": (("POST", ORDER, {**LIMIT_ORDER, "price": "21", "postOnly": True}), TAKES),
    "more than there is": (("POST", ORDER, {**LIMIT_ORDER, "quantity": "9999999"}), POOR),
    "a little more than there is": (("POST", ORDER, {**SELL, "price": "30", "quantity": "10001"}), POOR),
    "market order for more than there is": (("POST", ORDER, {**MARKET, "quoteQuantity": "99999999"}), POOR),
    "an end in the past": (("POST", ORDER, {**LIMIT_ORDER, "timeInForce": "GTD", "expireTime": 1}), BAD),
    "an end in the year 9999": (
        ("POST", ORDER, {**LIMIT_ORDER, "timeInForce": "GTD", "expireTime": YEAR_9999_MS}), BAD,
    ),
    "a stop loss above the price": (("POST", ORDER, {**LIMIT_ORDER, "stopLossTriggerPrice": "21"}), BAD),
    "a take profit below the price": (("POST", ORDER, {**LIMIT_ORDER, "takeProfitTriggerPrice": "19"}), BAD),
    "cancel a foreign order": (("DELETE", ORDER, {**SYMBOL, "orderId": FOREIGN}), NOT_FOUND),
    "cancel a filled order": (("DELETE", ORDER, {**SYMBOL, "orderId": FILLED}), NOT_FOUND),
    "cancel a cancelled order": (("DELETE", ORDER, {**SYMBOL, "orderId": CANCELLED}), NOT_FOUND),
    "cancel an unknown order": (("DELETE", ORDER, {**SYMBOL, "orderId": UNKNOWN}), NOT_FOUND),
    "cancel a foreign client id": (("DELETE", ORDER, {**SYMBOL, "clientId": 8}), NOT_FOUND),
    "amend a foreign order": (("PATCH", ORDER, {**SYMBOL, "orderId": FOREIGN, "price": "1"}), NOT_FOUND),
    "amend a filled order": (("PATCH", ORDER, {**SYMBOL, "orderId": FILLED, "price": "1"}), NOT_FOUND),
    "amend below what is filled": (("PATCH", ORDER, {**SYMBOL, "clientId": 9, "quantity": "0.3"}), BAD),
    "amend to what is filled": (("PATCH", ORDER, {**SYMBOL, "clientId": 9, "quantity": "0.4"}), BAD),
    "amend to more than there is": (("PATCH", ORDER, {**SYMBOL, "clientId": 7, "quantity": "9999999"}), POOR),
    "amend the trigger of an order without": (("PATCH", ORDER, {**SYMBOL, "clientId": 7, "triggerPrice": "25"}), BAD),
    "a pair of which one is too dear": (
        ("POST", f"{ORDER}/oco",
         [{**LIMIT_ORDER, "quantity": "9999999"},
          {**LIMIT_ORDER, "price": "30", "triggerPrice": "29", "triggerQuantity": "0.5"}]), POOR,
    ),
    "a batch with a malformed one": (("POST", ORDERS, [LIMIT_ORDER, {**LIMIT_ORDER, "side": "Buy"}]), BAD),
    "a batch for a market that is none": (
        ("POST", ORDERS, [LIMIT_ORDER, {**LIMIT_ORDER, "symbol": "X_Y"}]), (400, "INVALID_SYMBOL"),
    ),
}  # fmt: skip


@pytest.fixture(params=[True, False], ids=["fast", "drf"])
def lane(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.API_FAST_LANE = request.param


def money_and_orders(engine: FakeEngine) -> tuple[Any, Any]:
    """Everything that any account has, and every open order, as the engine knows them."""
    return list(engine.engine.balance_rows()), list(engine.engine.open_order_views())


async def numbers(alice: Trader, bob: Trader) -> dict[str, str]:
    """Orders of each kind that the wishes name. The last trade is at 20."""

    async def placed(who: Trader, order: dict[str, Any], **more: Any) -> str:
        return str((await who.ask("POST", ORDER, {**order, **more})).json()["id"])

    await trade_at("20", alice, bob)
    filled = await placed(alice, LIMIT_ORDER, price="20")
    await placed(bob, SELL, price="20")
    await placed(alice, LIMIT_ORDER, price="19.5", quantity="1", clientId=9)
    await placed(bob, SELL, price="19.5", quantity="0.4")
    await placed(alice, LIMIT_ORDER, price="19", clientId=7)
    cancelled = await placed(alice, LIMIT_ORDER, price="18")
    await alice.ask("DELETE", ORDER, {**SYMBOL, "orderId": cancelled})
    foreign = await placed(bob, SELL, price="20.5", clientId=8)
    return {FOREIGN: foreign, FILLED: filled, CANCELLED: cancelled, UNKNOWN: "999999999"}


async def test_nothing_has_changed(site: None, alice: Trader, bob: Trader, engine: FakeEngine, lane: None) -> None:
    known = await numbers(alice, bob)
    before = money_and_orders(engine)
    for name, ((method, path, body), (status, code)) in WISHES.items():
        if isinstance(body, dict) and "orderId" in body:
            body = {**body, "orderId": known[body["orderId"]]}
        answer = await alice.ask(method, path, body)
        assert (answer.status_code, answer.json().get("code")) == (status, code), (name, answer.text)
        assert money_and_orders(engine) == before, name


async def test_a_market_that_does_not_take_orders(
    site: None, alice: Trader, bob: Trader, engine: FakeEngine, lane: None
) -> None:
    """In each of its states what is refused changes nothing, and a cancel is taken in all but a closed one."""
    await numbers(alice, bob)
    for state, body in (
        (m.MarketState.CANCEL_ONLY, LIMIT_ORDER),
        (m.MarketState.LIMIT_ONLY, {**MARKET, "quantity": "1"}),
        (m.MarketState.POST_ONLY, {**LIMIT_ORDER, "price": "21"}),
    ):
        staff(engine, m.SetMarketState(market="SOL_USDC", state=state, **STAFF))
        before = money_and_orders(engine)
        assert_refused(await alice.ask("POST", ORDER, body), 400, "INVALID_ORDER")
        assert money_and_orders(engine) == before
    staff(engine, m.SetMarketState(market="SOL_USDC", state=m.MarketState.CANCEL_ONLY, **STAFF))
    assert len((await alice.ask("DELETE", ORDERS, SYMBOL)).json()) == 2
