"""The same wish many times at once, and wishes that exclude each other: one outcome, and the money agrees with it."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiKey
from accounts.signing import key_store
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.tests.api_rig import LIMIT_ORDER, Trader
from matching.tests.fake_engine import FakeEngine

ORDER = "/api/v1/order"
SYMBOL = {"symbol": "SOL_USDC"}
MANY = 50
ROUNDS = 10
NOTIONAL_UNITS = 10_075_000  # Of LIMIT_ORDER: 0.5 SOL at 20.15.

pytestmark = [pytest.mark.usefixtures("site")]


@pytest.fixture(params=[True, False], ids=["fast", "drf"])
def lane(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.API_FAST_LANE = request.param


def locked_units(engine: FakeEngine, who: Trader, asset: str = "USDC") -> int:
    """What the engine itself holds back of the account's money."""
    rows = {(account_id, symbol): locked for account_id, symbol, _, locked in engine.engine.balance_rows()}
    return rows.get((who.account.pk, asset), 0)


async def at_once(*asked: Any) -> list[Any]:
    return list(await asyncio.gather(*asked))


def told(answers: list[Any]) -> Counter[tuple[int, str]]:
    return Counter((answer.status_code, answer.json().get("code", "")) for answer in answers)


async def test_one_client_id_fifty_times_at_once(alice: Trader, engine: FakeEngine, lane: None) -> None:
    order = {**LIMIT_ORDER, "clientId": 7}
    answers = await at_once(*(alice.ask("POST", ORDER, order) for _ in range(MANY)))
    assert told(answers) == {(200, ""): 1, (400, "INVALID_CLIENT_REQUEST"): MANY - 1}
    [placed] = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    assert {answer.json()["orderId"] for answer in answers if answer.status_code == 400} == {placed}
    assert locked_units(engine, alice) == NOTIONAL_UNITS


async def test_g2_one_idempotency_key_fifty_times_at_once(alice: Trader, engine: FakeEngine, lane: None) -> None:
    key = {"Idempotency-Key": "once"}
    answers = await at_once(*(alice.ask("POST", ORDER, LIMIT_ORDER, headers=key) for _ in range(MANY)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert locked_units(engine, alice) == NOTIONAL_UNITS


async def test_g3_one_key_for_two_wishes_at_once(alice: Trader, engine: FakeEngine, lane: None) -> None:
    key = {"Idempotency-Key": "either"}
    wishes = [LIMIT_ORDER, {**LIMIT_ORDER, "price": "20.14"}]
    answers = await at_once(*(alice.ask("POST", ORDER, wishes[i % 2], headers=key) for i in range(MANY)))
    assert told(answers) == {(200, ""): MANY // 2, (409, "PRECONDITION_FAILED"): MANY // 2}
    assert len({answer.json()["price"] for answer in answers if answer.status_code == 200}) == 1


async def test_a_cancel_races_a_fill(alice: Trader, bob: Trader, engine: FakeEngine, lane: None) -> None:
    """Either the order was cancelled and the taker found nothing, or it was filled and there is nothing to cancel."""
    seen = set()
    for round_number in range(ROUNDS):
        order_id = (await alice.ask("POST", ORDER, LIMIT_ORDER)).json()["id"]
        cancel = alice.ask("DELETE", ORDER, {**SYMBOL, "orderId": order_id})
        take = bob.ask("POST", ORDER, {**LIMIT_ORDER, "side": "Ask", "timeInForce": "IOC"})
        both = await at_once(*((cancel, take) if round_number % 2 else (take, cancel)))
        cancelled, taken = both if round_number % 2 else reversed(both)
        outcome = (cancelled.status_code, taken.json()["status"])
        assert outcome in {(200, "Expired"), (404, "Filled")}, f"round {round_number}"
        if cancelled.status_code == 200:
            assert (cancelled.json()["status"], cancelled.json()["executedQuantity"]) == ("Cancelled", "0")
        assert locked_units(engine, alice) == locked_units(engine, bob, "SOL") == 0
        seen.add(outcome)
    assert seen


async def test_two_cancels_at_once(alice: Trader, engine: FakeEngine, lane: None) -> None:
    order_id = (await alice.ask("POST", ORDER, LIMIT_ORDER)).json()["id"]
    one = {**SYMBOL, "orderId": order_id}
    answers = await at_once(*(alice.ask("DELETE", ORDER, one) for _ in range(MANY)))
    assert told(answers) == {(200, ""): 1, (404, "RESOURCE_NOT_FOUND"): MANY - 1}
    assert locked_units(engine, alice) == 0


async def test_an_amend_storm_on_one_order(alice: Trader, engine: FakeEngine, lane: None) -> None:
    """Each is answered with what it asked for; the last one stands, and what is locked is what stands."""
    order_id = (await alice.ask("POST", ORDER, {**LIMIT_ORDER, "clientId": 3})).json()["id"]
    prices = [f"19.{i:02d}" for i in range(10, 10 + MANY)]
    answers = await at_once(
        *(alice.ask("PATCH", ORDER, {**SYMBOL, "orderId": order_id, "price": price}) for price in prices)
    )
    assert [answer.json()["price"] for answer in answers] == [price.rstrip("0") for price in prices]
    assert {answer.json()["id"] for answer in answers} == {order_id}
    ended = (await alice.ask("DELETE", ORDER, {**SYMBOL, "clientId": 3})).json()
    last = max(answers, key=lambda answer: int(answer.headers["X-Outcome"])).json()
    assert ended["price"] == last["price"]
    assert locked_units(engine, alice) == 0


async def test_an_amend_races_a_cancel(alice: Trader, engine: FakeEngine, lane: None) -> None:
    for round_number in range(ROUNDS):
        order_id = (await alice.ask("POST", ORDER, LIMIT_ORDER)).json()["id"]
        amended, cancelled = await at_once(
            alice.ask("PATCH", ORDER, {**SYMBOL, "orderId": order_id, "quantity": "2"}),
            alice.ask("DELETE", ORDER, {**SYMBOL, "orderId": order_id}),
        )
        assert (amended.status_code, cancelled.status_code) in {(200, 200), (404, 200)}, f"round {round_number}"
        assert locked_units(engine, alice) == 0


async def test_the_whole_balance_twice_at_once(alice: Trader, engine: FakeEngine, lane: None) -> None:
    """10,000 SOL can be sold once."""
    everything = {**LIMIT_ORDER, "side": "Ask", "quantity": "10000"}
    answers = await at_once(*(alice.ask("POST", ORDER, everything) for _ in range(MANY)))
    assert told(answers) == {(200, ""): 1, (400, "INSUFFICIENT_FUNDS"): MANY - 1}


async def test_s13_a_key_is_revoked_during_a_burst(
    alice: Trader, engine: FakeEngine, lane: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each order of the burst is either placed or refused, and what was placed is what the engine holds."""
    monkeypatch.setattr(key_store, "FRESH_S", 0.0)  # Each request looks at the key anew.

    async def revoke() -> None:
        await in_db_thread(lambda: ApiKey.objects.filter(pk=alice.key.pk).update(revoked_at=timezone.now()))

    *answers, _ = await at_once(*(alice.ask("POST", ORDER, LIMIT_ORDER) for _ in range(MANY)), revoke())
    after = await alice.ask("POST", ORDER, LIMIT_ORDER)
    assert (after.status_code, after.json()["code"]) == (401, "UNAUTHORIZED")
    assert set(told(answers)) <= {(200, ""), (401, "UNAUTHORIZED")}
    placed = sum(answer.status_code == 200 for answer in answers)
    assert locked_units(engine, alice) == placed * NOTIONAL_UNITS
