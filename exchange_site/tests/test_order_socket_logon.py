"""Who may log on to the order socket, for how long, and what becomes of orders when the connection ends."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.api import replay
from accounts.models import ApiKey
from accounts.signing import key_store
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.kernel.rate_limits import RateLimiter, StoreGone
from exchange_site.routing import close_all_sockets
from exchange_site.tests.api_rig import Signer, Trader
from marketdata.tests.feed_rig import eventually
from matching.messages import CancelAfter, CancelAllOrders
from trading.order_socket import connection as order_connection
from trading.order_socket import watch
from trading.order_socket.logon import SILENT_AT_LEAST_S
from trading.order_socket.switch import settle
from trading.order_socket.watch import RECHECK_S, order_sockets
from trading.services import orders
from trading.tests.order_sockets import ORDER, OrderClient, refused, signature

SYMBOL = {"symbol": "SOL_USDC"}


@pytest.fixture(autouse=True)
def _forget() -> Any:
    replay.forget_connection()
    yield
    replay.forget_connection()


# ------------------------------------------------------------------------------------------------------ the signature


@pytest.mark.parametrize("method", ["PLACE", "CANCEL", "BATCH", "CANCEL_ALL", "CANCEL_AFTER", "PING", "LOGOFF", "what"])
async def test_nothing_works_before_log_on(site: None, engine: Any, method: str) -> None:
    async with OrderClient() as client:
        refused(await client.ask(method, ORDER), 401, "UNAUTHORIZED")
        assert not engine.seen


async def test_a_log_on_says_what_was_agreed(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        value = await client.log_on(alice, session="bot-1", cancelOnDisconnect=30)
        assert value == {"accountId": str(alice.account.pk), "session": "bot-1", "cancelOnDisconnect": 30}
        refused(await client.ask("LOGON", {}, signature=signature(alice)), 400, "INVALID_CLIENT_REQUEST")
    async with OrderClient() as client:
        value = await client.log_on(alice)
        assert len(value["session"]) == 16
        assert value["cancelOnDisconnect"] is None


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"signature": None}, 401, "UNAUTHORIZED"),
        ({"signature": "x"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"signature": ["a", "b", "c"]}, 400, "INVALID_CLIENT_REQUEST"),
        ({"signature": [None] * 4}, 400, "INVALID_CLIENT_REQUEST"),
        ({"signature": ["a", "b", "-1", "5000"]}, 400, "INVALID_CLIENT_REQUEST"),
        ({"signature": ["a", "b", "1.5", "5000"]}, 400, "INVALID_CLIENT_REQUEST"),
        ({"signature": ["a", "b", "1750000000000", "60001"]}, 400, "INVALID_CLIENT_REQUEST"),
        ({"signature": ["a", "b", "1750000000000", "0"]}, 400, "INVALID_CLIENT_REQUEST"),
        ({"signature": ["a", "b", "1750000000000", "5000"]}, 401, "UNAUTHORIZED"),
        ({"window": "60001"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"age_ms": 6_000}, 400, "INVALID_CLIENT_REQUEST"),
        ({"age_ms": -6_000}, 400, "INVALID_CLIENT_REQUEST"),
        ({"instruction": "subscribe"}, 401, "INVALID_SIGNATURE"),
        ({"instruction": "orderExecute"}, 401, "INVALID_SIGNATURE"),
        ({"signed": {"session": "other"}}, 401, "INVALID_SIGNATURE"),
        ({"signed": {"cancelOnDisconnect": 10}, "params": {}}, 401, "INVALID_SIGNATURE"),
        ({"params": []}, 400, "INVALID_CLIENT_REQUEST"),
        ({"params": {"session": "with blanks in it"}}, 400, "INVALID_CLIENT_REQUEST"),
        ({"params": {"session": "x" * 27}}, 400, "INVALID_CLIENT_REQUEST"),
        ({"params": {"session": 7.5}}, 400, "INVALID_CLIENT_REQUEST"),
        ({"params": {"cancelOnDisconnect": True}}, 400, "INVALID_CLIENT_REQUEST"),
        ({"params": {"cancelOnDisconnect": 1}}, 400, "INVALID_CLIENT_REQUEST"),
        ({"params": {"cancelOnDisconnect": 301}}, 400, "INVALID_CLIENT_REQUEST"),
        ({"params": {"cancelOnDisconnect": "2.5"}}, 400, "INVALID_CLIENT_REQUEST"),
    ],
)
async def test_a_log_on_that_is_not_good(
    site: None, alice: Trader, changes: dict[str, Any], status: int, code: str
) -> None:
    params = changes.get("params", {})
    how = {name: changes[name] for name in ("window", "age_ms", "instruction") if name in changes}
    signed = changes.get("signed", params if isinstance(params, dict) else {})
    proof = changes["signature"] if "signature" in changes else signature(alice, signed, **how)
    async with OrderClient() as client:
        refused(await client.ask("LOGON", params, signature=proof), status, code)
        refused(await client.ask("PLACE", ORDER), 401, "UNAUTHORIZED")
        await client.log_on(alice)
        assert "result" in await client.ask("PLACE", ORDER)


async def test_an_unknown_key(site: None) -> None:
    async with OrderClient() as client:
        refused(await client.ask("LOGON", {}, signature=signature(Signer(99))), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("flaw", ["revoked", "expired", "may not trade", "closed account", "other address"])
async def test_s13_a_key_that_may_not(site: None, alice: Trader, flaw: str) -> None:
    expected = (403, "FORBIDDEN") if flaw in ("may not trade", "other address") else (401, "UNAUTHORIZED")
    await in_db_thread(lambda: spoil(alice, flaw))
    key_store.store.forget()
    async with OrderClient(("198.51.100.7", 9)) as client:
        refused(await client.ask("LOGON", {}, signature=signature(alice)), *expected)


def spoil(who: Trader, flaw: str) -> None:
    changes: dict[str, dict[str, Any]] = {
        "revoked": {"revoked_at": timezone.now()},
        "expired": {"expires_at": timezone.now() - timedelta(seconds=1)},
        "may not trade": {"can_trade": False},
        "other address": {"ip_list": "192.0.2.0/24"},
    }
    if flaw == "closed account":
        who.user.is_active = False
        who.user.save()
    else:
        ApiKey.objects.filter(pk=who.key.pk).update(**changes[flaw])


async def test_s12_a_log_on_counts_once(site: None, alice: Trader) -> None:
    proof = signature(alice)
    async with OrderClient() as first, OrderClient() as second:
        assert "result" in await first.ask("LOGON", {}, signature=proof)
        refused(await second.ask("LOGON", {}, signature=proof), 401, "UNAUTHORIZED")


async def test_without_the_store_of_limits_nothing_is_executed(
    site: None, alice: Trader, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_self: RateLimiter) -> None:
        raise StoreGone

    async with OrderClient() as client:
        await client.log_on(alice)
        monkeypatch.setattr(RateLimiter, "demand_store", gone)
        error = refused(await client.ask("PLACE", ORDER), 503, "MAINTENANCE")
        assert error["executed"] is False
        assert not engine.seen


async def test_three_bad_log_ons_close_the_connection(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        for _ in range(3):
            refused(
                await client.ask("LOGON", {}, signature=signature(alice, age_ms=9_000)), 400, "INVALID_CLIENT_REQUEST"
            )
        assert await client.closed_with() == 1008


async def test_a_forged_log_on_costs_its_address_more(site: None, alice: Trader, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS_PER_MINUTE = 22
    async with OrderClient() as client:
        wrong = signature(alice, instruction="subscribe")
        refused(await client.ask("LOGON", {}, signature=wrong), 401, "INVALID_SIGNATURE")
        refused(await client.ask("LOGON", {}, signature=wrong), 401, "INVALID_SIGNATURE")
    async with OrderClient() as client:
        refused(await client.ask("LOGON", {}, signature=wrong), 429, "TOO_MANY_REQUESTS")


async def test_who_does_not_log_on_is_closed(site: None, alice: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_connection, "LOG_ON_WITHIN_S", 0.3)
    async with OrderClient() as idle, OrderClient() as busy:
        await busy.log_on(alice)
        assert await idle.closed_with() == 1008
        assert "result" in await busy.ask("PING")


# ------------------------------------------------------------------------------------------------------- rights end


@pytest.mark.parametrize("flaw", ["revoked", "expired", "may not trade", "closed account", "other address"])
async def test_s20_rights_that_end_take_the_connection_with_them(
    site: None, alice: Trader, bob: Trader, flaw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "RECHECK_S", 0.2)
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.05)
    async with OrderClient(("198.51.100.7", 9)) as hers, OrderClient() as his:
        await hers.log_on(alice)
        await his.log_on(bob)
        assert await order_sockets().check_rights() == 0
        await in_db_thread(lambda: spoil(alice, flaw))
        assert await hers.closed_with() == 1008  # By itself: nobody calls `check_rights` for it.
        assert "result" in await his.ask("PLACE", ORDER)


def test_s13_a_revocation_works_within_five_seconds() -> None:
    """Also where a connection logged on with what was still remembered."""
    assert key_store.FRESH_S + RECHECK_S + watch.LOOK_EVERY_S <= 5


async def test_other_limits_reach_a_connection_that_lives(site: None, alice: Trader) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        await in_db_thread(lambda: ApiKey.objects.filter(pk=alice.key.pk).update(requests_per_minute=1))
        assert await order_sockets().check_rights() == 0
        assert "result" in await client.ask("PING")
        refused(await client.ask("PING"), 429, "TOO_MANY_REQUESTS")


# ------------------------------------------------------------------------------------------- cancel on disconnect


def resting(engine: Any) -> int:
    return len(engine.engine.venue.open_orders)


async def test_g19_orders_go_when_the_connection_ends(site: None, alice: Trader, bob: Trader, engine: Any) -> None:
    async with OrderClient() as client, OrderClient() as other:
        await client.log_on(alice, cancelOnDisconnect=30)
        await other.log_on(bob, cancelOnDisconnect=30)
        await client.ask("PLACE", ORDER)
        await client.send("PLACE", ORDER)  # Under way as the line is cut.
        await other.ask("PLACE", ORDER)
        await client.leave()
        await settle()
        assert resting(engine) == 1, "only hers are gone"
        sent = [type(seen) for seen in engine.seen if getattr(seen, "account_id", 0) == alice.account.pk]
        assert sent[-2:] == [CancelAllOrders, CancelAfter]
    await settle()


async def test_orders_stay_when_nobody_asked_for_it(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        await client.ask("PLACE", ORDER)
    await settle()
    assert resting(engine) == 1


async def test_orders_stay_after_a_log_off(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice, cancelOnDisconnect=30)
        await client.ask("PLACE", ORDER)
        assert (await client.ask("LOGOFF"))["result"] == {}
        assert await client.closed_with() == 1000
    await settle()
    assert resting(engine) == 1
    assert not engine.engine.venue.timers.deadlines


async def test_who_leaves_does_not_turn_off_what_another_connection_relies_on(
    site: None, alice: Trader, engine: Any
) -> None:
    async with OrderClient() as stays:
        await stays.log_on(alice, cancelOnDisconnect=30)
        async with OrderClient() as client:
            await client.log_on(alice, cancelOnDisconnect=60)
            await client.leave()
            await settle()
        async with OrderClient() as client:
            await client.log_on(alice, cancelOnDisconnect=60)
            assert (await client.ask("LOGOFF"))["result"] == {}
            assert await client.closed_with() == 1000
        await settle()
        assert set(engine.engine.venue.timers.deadlines) == {alice.account.pk}
        assert [seen for seen in engine.seen if isinstance(seen, CancelAfter)][-1].after_ms == 30_000
    await settle()
    assert not engine.engine.venue.timers.deadlines


async def test_what_another_web_process_turned_off_is_set_anew(site: None, alice: Trader, engine: Any) -> None:
    """Another process knows nothing of this connection, so when one of its own leaves it turns the switch off."""
    async with OrderClient() as stays:
        await stays.log_on(alice, cancelOnDisconnect=SILENT_AT_LEAST_S)
        await stays.ask("PLACE", ORDER)
        await orders.ask(CancelAfter(account_id=alice.account.pk, after_ms=0))
        assert not engine.engine.venue.timers.deadlines

        async def set_anew() -> bool:
            assert "result" in await stays.ask("PING")
            return set(engine.engine.venue.timers.deadlines) == {alice.account.pk}

        async with asyncio.timeout(10):
            while not await set_anew():
                await asyncio.sleep(0.02)
    await settle()
    assert resting(engine) == 0


async def test_the_process_cancels_though_another_one_has_turned_the_switch_off(
    site: None, alice: Trader, engine: Any
) -> None:
    async with OrderClient() as client:
        await client.log_on(alice, cancelOnDisconnect=SILENT_AT_LEAST_S)
        await client.ask("PLACE", ORDER)
        await orders.ask(CancelAfter(account_id=alice.account.pk, after_ms=0))
        assert await client.closed_with() == watch.CLOSE_SILENT
        await settle()
        assert resting(engine) == 0


async def test_the_engine_holds_the_switch(site: None, alice: Trader, engine: Any) -> None:
    """So it fires although this process is gone: nothing here has to do anything for it."""
    async with OrderClient() as client:
        await client.log_on(alice, cancelOnDisconnect=30)
        [wish] = [seen for seen in engine.seen if isinstance(seen, CancelAfter)]
        assert (wish.account_id, wish.after_ms) == (alice.account.pk, 30_000)
        assert set(engine.engine.venue.timers.deadlines) == {alice.account.pk}
        close_all_sockets()  # As before a restart: whoever logs on again in time keeps the orders.
        assert await client.closed_with() == 1001
        await settle()
        assert not [seen for seen in engine.seen if isinstance(seen, CancelAllOrders)]
        assert set(engine.engine.venue.timers.deadlines) == {alice.account.pk}


async def test_any_frame_renews_the_switch_now_and_then(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice, cancelOnDisconnect=SILENT_AT_LEAST_S)

        async def renewed() -> bool:
            for _ in range(20):
                assert "result" in await client.ask("PING")
            return len([seen for seen in engine.seen if isinstance(seen, CancelAfter)]) >= 3

        async with asyncio.timeout(10):
            while not await renewed():
                await asyncio.sleep(0.02)
        pings = client._next_id
        renewals = len([seen for seen in engine.seen if isinstance(seen, CancelAfter)])
        assert renewals < pings / 10
    await settle()


async def test_who_falls_silent_is_disconnected(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice, cancelOnDisconnect=SILENT_AT_LEAST_S)
        await client.ask("PLACE", ORDER)
        assert await client.closed_with() == watch.CLOSE_SILENT
        await settle()
        assert resting(engine) == 0


async def test_no_log_on_with_a_switch_while_the_engine_is_away(site: None, alice: Trader, engine: Any) -> None:
    engine.close()
    params = {"cancelOnDisconnect": 10}
    async with OrderClient() as client:
        refused(await client.ask("LOGON", params, signature=signature(alice, params)), 503, "MAINTENANCE")
        engine.open()
        await client.log_on(alice, **params)
    await settle()


async def test_a_closed_engine_at_the_end_is_no_accident(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice, cancelOnDisconnect=10)
        engine.close()
    await settle()
    assert set(engine.engine.venue.timers.deadlines) == {alice.account.pk}, "its switch does it"


async def test_nothing_is_left_behind(site: None, alice: Trader, engine: Any) -> None:
    async with OrderClient() as client:
        await client.log_on(alice)
        assert len(order_sockets()._connections) == 1
    await eventually(lambda: not order_sockets()._connections)
