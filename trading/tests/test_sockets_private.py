"""Private streams: who may listen, and that nobody hears of anybody else."""

import asyncio

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from accounts.api import proof
from accounts.models import ApiKey
from accounts.signing import key_store
from exchange_site.kernel.redis_names import USER_FEED
from marketdata.fanout import CLOSE_POLICY, CLOSE_RESTART
from marketdata.tests.feed_rig import ALICE, BOB, RunningFeed, buy, sell
from trading.consumers import rights_watch
from trading.socket_rights import RECHECK_S
from trading.tests.feed_sockets import Client, in_database, user_genesis
from trading.user_hub import user_hub

PAGE = {"host": "shop.example", "origin": "https://shop.example"}


@pytest.fixture(autouse=True)
def forget_what_was_cached():
    key_store.store.forget()
    proof.forget_sessions()


def session_of(user) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


async def test_a_bot_hears_of_its_orders_and_nobody_elses(venue, hub, user_feed, alice_key):
    async with Client() as client:
        await client.subscribe(
            "account.orderUpdate",
            "account.orderUpdate.SOL_USDC",
            "account.orderUpdate.OTHER_USDC",
            signature=alice_key.signature(),
        )
        venue.run([sell(100, 2041, BOB, client_id=5), buy(50, 2041, ALICE, client_id=7)])
        heard = [await client.hear() for _ in range(4)]
        assert [(frame["stream"], frame["data"]["e"]) for frame in heard] == [
            ("account.orderUpdate", "orderAccepted"),
            ("account.orderUpdate.SOL_USDC", "orderAccepted"),
            ("account.orderUpdate", "orderFill"),
            ("account.orderUpdate.SOL_USDC", "orderFill"),
        ]
        assert {frame["data"]["c"] for frame in heard} == {7}
        assert heard[-1]["data"]["X"] == "Filled"
        assert await client.silent()


async def test_a_bot_hears_of_its_balances(venue, hub, user_feed, alice_key):
    async with Client() as client:
        await client.subscribe("account.balanceUpdate", signature=alice_key.signature())
        venue.run([buy(100, 2000, ALICE)])
        frame = await client.hear()
        assert frame["stream"] == "account.balanceUpdate"
        assert (frame["data"]["a"], frame["data"]["L"]) == ("USDC", "20")


async def test_silent_private_streams_need_a_proof_all_the_same(hub, user_feed, alice_key):
    async with Client() as client:
        await client.subscribe("account.positionUpdate", "account.rfqUpdate", signature=alice_key.signature())
        await client.say("SUBSCRIBE", "account.positionUpdate")
        assert await client.hear_error() == 4003


async def test_unsubscribing_from_a_private_stream(venue, hub, user_feed, alice_key):
    async with Client() as client:
        await client.subscribe("account.orderUpdate", "account.balanceUpdate", signature=alice_key.signature())
        await client.say("UNSUBSCRIBE", "account.orderUpdate")
        assert await client.silent()
        venue.run([buy(100, 2000, ALICE)])
        assert (await client.hear())["stream"] == "account.balanceUpdate"
        assert await client.silent()


@pytest.mark.parametrize("flaw", ["instruction", "old", "window", "revoked", "may not read", "unknown"])
async def test_a_signature_that_is_not_good(hub, user_feed, alice_key, flaw):
    signature = {
        "instruction": lambda: alice_key.signature("orderExecute"),
        "old": lambda: alice_key.signature(age_ms=6000),
        "window": lambda: alice_key.signature(window="60001"),
    }.get(flaw, alice_key.signature)()
    if flaw == "revoked":
        await in_database(lambda: ApiKey.objects.update(revoked_at=timezone.now()))
    elif flaw == "may not read":
        await in_database(lambda: ApiKey.objects.update(can_read=False))
    elif flaw == "unknown":
        await in_database(ApiKey.objects.all().delete)
    async with Client() as client:
        await client.say("SUBSCRIBE", "account.orderUpdate", "trade.SOL_USDC", signature=signature)
        assert await client.hear_error() == 4003


async def test_a_browser_shows_its_session(venue, hub, user_feed, people):
    session_key = await in_database(lambda: session_of(people["bob"]))
    async with Client({**PAGE, "cookie": f"theme=dark; sessionid={session_key}"}) as client:
        await client.subscribe("account.orderUpdate", "trade.SOL_USDC")
        venue.run([sell(100, 2041, BOB)])
        assert (await client.hear())["data"]["e"] == "orderAccepted"


@pytest.mark.parametrize(
    "origin",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://["},
        {"origin": "https://shop.example.evil.example"},
        {"origin": "file://shop.example"},
    ],
)
async def test_s19_a_foreign_page_cannot_lend_a_session(venue, hub, user_feed, people, origin):
    session_key = await in_database(lambda: session_of(people["bob"]))
    async with Client({"host": "shop.example", "cookie": f"sessionid={session_key}", **origin}) as client:
        await client.say("SUBSCRIBE", "account.orderUpdate", "trade.SOL_USDC")
        assert await client.hear_error() == 4003
        venue.run([sell(100, 2041), buy(50, 2041)])
        assert (await client.hear())["stream"] == "trade.SOL_USDC"


async def test_an_origin_of_the_settings_is_ours(hub, user_feed, people, settings):
    settings.WEBSOCKET_ORIGINS = ["https://app.example"]
    session_key = await in_database(lambda: session_of(people["bob"]))
    headers = {"host": "ws.example", "origin": "https://app.example", "cookie": f"sessionid={session_key}"}
    async with Client(headers) as client:
        await client.subscribe("account.orderUpdate")


@pytest.mark.parametrize("proof_of", ["key", "session", "password"])
async def test_s20_rights_that_end_take_the_socket_with_them(hub, user_feed, people, alice_key, proof_of):
    if proof_of == "key":
        headers, more = {}, {"signature": alice_key.signature()}
    else:
        session_key = await in_database(lambda: session_of(people["alice"]))
        headers, more = {**PAGE, "cookie": f"sessionid={session_key}"}, {}

    def end() -> None:
        if proof_of == "key":
            ApiKey.objects.update(revoked_at=timezone.now())
        elif proof_of == "session":
            SessionStore(session_key).flush()
        else:
            people["alice"].set_password("another long password")
            people["alice"].save()

    async with Client(headers) as client, Client() as bystander:
        await client.subscribe("account.orderUpdate", **more)
        assert await rights_watch().check() == 0
        await in_database(end)
        await rights_watch().check()  # Or its own round has just come first.
        assert await client.closed_with() == CLOSE_POLICY
        assert await bystander.silent()


def test_s13_s20_what_is_revoked_hears_nothing_after_five_seconds():
    """Also when a socket logged on with what was still remembered."""
    assert max(key_store.FRESH_S, proof.SESSION_KEPT_S) + RECHECK_S < 5


async def test_lost_batches_close_private_sockets(venue, hub, user_feed, alice_key):
    async with Client() as client:
        await client.subscribe("account.orderUpdate", signature=alice_key.signature())
        user_hub().n -= 1  # As if one batch had never come.
        venue.run([buy(100, 2000, ALICE)])
        assert await client.closed_with() == CLOSE_RESTART


async def test_a_restarted_user_feed_goes_on_where_it_stopped(venue, hub, user_feed, alice_key):
    async with Client() as client:
        await client.subscribe("account.orderUpdate", signature=alice_key.signature())
        venue.run([buy(100, 2000, ALICE)])
        assert (await client.hear())["data"]["e"] == "orderAccepted"
        await asyncio.to_thread(user_feed.end)
        venue.run([buy(100, 2001, ALICE)])
        again = RunningFeed(user_genesis, USER_FEED, None, "user feed again")
        try:
            assert (await client.hear())["data"]["p"] == "20.01"
            assert await client.silent()
        finally:
            again.end()
