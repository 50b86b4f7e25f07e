"""Order entry over the WebSocket: one log-on, then requests that are answered in their order, by the rules of REST."""

import asyncio
from typing import Any

import pytest

from accounts.signing import key_store
from accounts.tiers import give_tier
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.tests.api_rig import Trader
from marketdata.tests.feed_rig import eventually
from matching.messages import PlaceOrder
from trading.order_socket import connection as order_connection
from trading.order_socket.connection import METHODS
from trading.tests.order_sockets import ASK, ORDER, OrderClient, refused

SYMBOL = {"symbol": "SOL_USDC"}


async def test_place_amend_cancel(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        placed = await client.ask("PLACE", {**ORDER, "clientId": 7})
        order = placed["result"]
        assert (order["status"], order["clientId"], order["price"]) == ("New", 7, "20.15")
        assert placed["outcome"].isdigit()
        amended = await client.ask("AMEND", {**SYMBOL, "orderId": order["id"], "price": "20.16"})
        assert amended["result"]["price"] == "20.16"
        cancelled = await client.ask("CANCEL", {**SYMBOL, "clientId": "7"})
        assert cancelled["result"]["status"] == "Cancelled"
        refused(await client.ask("CANCEL", {**SYMBOL, "clientId": 7}), 404, "RESOURCE_NOT_FOUND")


async def test_the_answer_is_what_rest_answers(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        over_socket = (await client.ask("PLACE", ORDER))["result"]
    over_rest = (await alice.ask("POST", "/api/v1/order", ORDER)).json()
    assert {**over_socket, "id": "", "createdAt": 0} == {**over_rest, "id": "", "createdAt": 0}


async def test_requests_are_answered_in_their_order_refusals_among_them(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        ids = []
        for number in range(200):
            bad = number % 7 == 3
            params = {**ORDER, "price": "0" if bad else "20.15", "timeInForce": "IOC"}
            ids.append(await client.send("PLACE" if number % 5 else "PING", params, id_=f"r-{number}"))
        answers = [await client.hear() for _ in ids]
        assert [answer["id"] for answer in answers] == ids
        for number, answer in enumerate(answers):
            assert ("error" in answer) == (number % 7 == 3 and bool(number % 5)), answer


async def test_what_comes_together_goes_to_the_engine_together(
    site: None, alice: Trader, engine: Any, log: Any
) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        before = log.xlen("cmd")
        for _ in range(50):
            await client.send("PLACE", {**ORDER, "timeInForce": "IOC"})
        for _ in range(50):
            await client.hear()
        assert log.xlen("cmd") - before <= 5, "fifty orders are a few entries, not fifty"


async def test_cancel_all_and_the_switch(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        for _ in range(3):
            await client.ask("PLACE", ORDER)
        gone = await client.ask("CANCEL_ALL", SYMBOL)
        assert [order["status"] for order in gone["result"]] == ["Cancelled"] * 3
        assert (await client.ask("CANCEL_AFTER", {"seconds": 60}))["result"]["cancelAt"] > 0
        assert (await client.ask("CANCEL_AFTER", {"seconds": 0}))["result"]["cancelAt"] is None


async def test_a_pair(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        stop = {**ASK, "triggerPrice": "19", "triggerQuantity": "0.5", "price": "18.9"}
        del stop["quantity"]
        answer = await client.ask("OCO", [{**ASK, "price": "30"}, stop])
        assert [order["status"] for order in answer["result"]] == ["New", "TriggerPending"]


async def test_a_batch_mixes_cancels_and_orders(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        old = (await client.ask("PLACE", {**ORDER, "clientId": 1}))["result"]["id"]
        seen = len(engine.seen)
        answer = await client.ask(
            "BATCH",
            [
                {"method": "CANCEL", "params": {**SYMBOL, "orderId": old}},
                {"method": "PLACE", "params": {**ORDER, "price": "20.14", "clientId": 1}},
                {"method": "CANCEL", "params": {**SYMBOL, "orderId": "99999999"}},
                {"method": "AMEND", "params": {**SYMBOL, "clientId": 1, "quantity": "0.4"}},
                {"method": "CANCEL_ALL", "params": SYMBOL},
            ],
        )
        assert len(engine.seen) == seen + 1, "a batch is one command"
        cancelled, placed, unknown, amended, gone = answer["result"]
        assert (cancelled["result"]["id"], cancelled["result"]["status"]) == (old, "Cancelled")
        assert placed["result"]["price"] == "20.14"
        assert (unknown["error"]["code"], unknown["error"]["status"]) == ("RESOURCE_NOT_FOUND", 404)
        assert amended["result"]["quantity"] == "0.4"
        assert [order["id"] for order in gone["result"]] == [placed["result"]["id"]]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "1 to 50"),
        ([{"method": "PLACE", "params": ORDER}] * 51, "1 to 50"),
        ({"method": "PLACE"}, "array"),
        ([{"method": "PLACE", "params": ORDER}, 7], "Step 2"),
        ([{"method": "BATCH", "params": []}], "Step 1: method"),
        ([{"method": ["PLACE"], "params": ORDER}], "Step 1: method"),
        ([{"method": "PLACE", "params": {**ORDER, "price": "-1"}}], "Step 1"),
    ],
)
async def test_a_malformed_batch_executes_nothing(
    site: None, alice: Trader, engine: Any, steps: Any, message: str
) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        seen = len(engine.seen)
        error = refused(await client.ask("BATCH", steps), 400, "INVALID_CLIENT_REQUEST")
        assert message in error["message"]
        assert len(engine.seen) == seen


async def test_an_id_is_executed_once_within_a_session(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        session = (await client.log_on(alice))["session"]
        first = await client.ask("PLACE", ORDER, id_="a")
        again = await client.ask("PLACE", ORDER, id_="a")
        assert again == {**first, "replayed": True}
        refused(await client.ask("PLACE", {**ORDER, "price": "20.14"}, id_="a"), 409, "PRECONDITION_FAILED")
    async with OrderClient() as client:  # The line was cut: ask again, in the same session.
        await client.log_on(alice, session=session)
        assert (await client.ask("PLACE", ORDER, id_="a"))["result"] == first["result"]
    async with OrderClient() as client:
        await client.log_on(alice)
        assert (await client.ask("PLACE", ORDER, id_="a"))["result"]["id"] != first["result"]["id"]


async def test_s15_nobody_touches_the_orders_of_others(site: None, alice: Trader, bob: Trader) -> None:
    async with OrderClient() as hers, OrderClient() as his:
        await hers.log_on(alice)
        await his.log_on(bob)
        order = (await hers.ask("PLACE", {**ORDER, "clientId": 5}))["result"]
        for name in ({"orderId": order["id"]}, {"clientId": 5}):
            refused(await his.ask("CANCEL", {**SYMBOL, **name}), 404, "RESOURCE_NOT_FOUND")
            refused(await his.ask("AMEND", {**SYMBOL, **name, "price": "1"}), 404, "RESOURCE_NOT_FOUND")
        assert (await his.ask("CANCEL_ALL", SYMBOL))["result"] == []
        step = {"method": "CANCEL", "params": {**SYMBOL, "orderId": order["id"]}}
        assert (await his.ask("BATCH", [step]))["result"][0]["error"]["status"] == 404
        claim = {**ORDER, "accountId": alice.account.pk, "account_id": alice.account.pk}
        mine = (await his.ask("PLACE", {**claim, "clientId": 9}))["result"]
        refused(await hers.ask("CANCEL", {**SYMBOL, "orderId": mine["id"]}), 404, "RESOURCE_NOT_FOUND")
        assert (await hers.ask("CANCEL", {**SYMBOL, "orderId": order["id"]}))["result"]["status"] == "Cancelled"


async def test_an_engine_that_does_not_answer(site: None, alice: Trader, engine: Any, settings: Any) -> None:
    settings.API_REPLY_TIMEOUT_S = 0.3
    async with OrderClient() as client:
        await client.log_on(alice)
        engine.silent = True
        error = refused(await client.ask("PLACE", ORDER), 504, "TIMEOUT")
        assert error["executed"] == "unknown"
        engine.silent = False
        engine.close()
        error = refused(await client.ask("PLACE", ORDER), 503, "MAINTENANCE")
        assert (error["executed"], error["retryAfter"]) == (False, 1)
        engine.open()
        assert (await client.ask("PING"))["result"] == {}


async def test_a_client_that_sends_more_than_may_be_under_way_is_held_back(
    site: None, alice: Trader, engine: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Nothing is lost and nothing refused: it is only read later."""
    monkeypatch.setattr(order_connection, "MAX_IN_FLIGHT", 10)
    async with OrderClient() as client:
        await client.log_on(alice)
        engine.silent = True
        engine.seen.clear()
        for _ in range(50):
            await client.send("PLACE", {**ORDER, "timeInForce": "IOC"})
        await eventually(lambda: len(engine.seen) == 10)
        await asyncio.sleep(0.05)
        assert len(engine.seen) == 10
        settings.API_REPLY_TIMEOUT_S = 0.2
        engine.silent = False
        answers = [await client.hear() for _ in range(50)]
        assert [answer["id"] for answer in answers] == list(range(2, 52))
        assert len(engine.seen) == 50
        assert all("result" in answer for answer in answers[10:])


# ---------------------------------------------------------------------------------------------------- rate limits


async def test_the_rate_limits_are_those_of_rest(site: None, alice: Trader, settings: Any) -> None:
    settings.RATE_LIMIT_ACCOUNT_PER_MINUTE = 10
    async with OrderClient() as client:
        await client.log_on(alice)
        answers = [await client.ask("PLACE", {**ORDER, "timeInForce": "IOC"}) for _ in range(9)]
        assert all("result" in answer for answer in answers)
        await alice.ask("GET", "/api/v1/orders", query=SYMBOL)  # Of the same account, so out of the same bucket.
        error = refused(await client.ask("PLACE", ORDER), 429, "TOO_MANY_REQUESTS")
        assert error["retryAfter"] >= 1
        refused(await client.ask("PING"), 429, "TOO_MANY_REQUESTS")


async def test_a_large_batch_weighs_more(site: None, alice: Trader, settings: Any) -> None:
    settings.RATE_LIMIT_ACCOUNT_PER_MINUTE = 3
    async with OrderClient() as client:
        await client.log_on(alice)
        step = {"method": "PLACE", "params": {**ORDER, "timeInForce": "IOC"}}
        assert "result" in await client.ask("BATCH", [step] * 50)
        refused(await client.ask("BATCH", [step]), 429, "TOO_MANY_REQUESTS")


async def test_the_address_counts_unless_the_tier_spares_it(site: None, alice: Trader, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS_PER_MINUTE = 3
    async with OrderClient(("192.0.2.1", 1)) as client:
        await client.log_on(alice)
        assert "result" in await client.ask("PING")
        assert "result" in await client.ask("PING")
        refused(await client.ask("PING"), 429, "TOO_MANY_REQUESTS")
    await in_db_thread(lambda: give_tier(alice.account, "market maker"))
    key_store.store.forget()
    async with OrderClient(("192.0.2.2", 1)) as client:
        await client.log_on(alice)
        for _ in range(10):
            assert "result" in await client.ask("PING")


async def test_who_goes_on_beyond_the_limits_is_closed(
    site: None, alice: Trader, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMIT_ACCOUNT_PER_MINUTE = 1
    monkeypatch.setattr(order_connection, "REFUSALS_BURST", 20)  # Before it logs on.
    async with OrderClient() as client, OrderClient() as bystander:
        await client.log_on(alice)
        for _ in range(200):
            await client.send("PING")
        assert await client.closed_with() == 1008
        await bystander.send("PING")
        refused(await bystander.hear(), 401, "UNAUTHORIZED")


async def test_an_order_that_waited_too_long_is_not_executed(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        await client.ask("PLACE", ORDER)
        [command] = [seen for seen in engine.seen if isinstance(seen, PlaceOrder)]
        assert command.valid_until_ms is not None


def test_every_entry_of_rest_has_its_method() -> None:
    from trading.api.order_entry import ENTRIES

    assert {path for path, _ in METHODS.values()} == set(ENTRIES)
    assert len(METHODS) == sum(len(methods) for methods in ENTRIES.values())
