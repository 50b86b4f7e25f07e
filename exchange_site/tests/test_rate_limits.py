"""Rate limits: one allowance for all web processes, told on every answer, closed to writes when nobody can count."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from django.conf import settings as django_settings

from accounts.models import ApiKey, RateTier
from accounts.signing import key_store
from accounts.tiers import LOAD_TEST, UnknownTier, give_tier, tier_named
from exchange_site.asgi import application
from exchange_site.kernel import rate_limits, weights
from exchange_site.kernel.rate_limits import Rate, RateLimiter, StoreGone
from exchange_site.tests.api_rig import LIMIT_ORDER, Signer, Trader, ask, assert_refused
from trading.api import freshness

SLOW = Rate(10, 600)  # One a minute comes back: nothing of it during a test.


@pytest.fixture(autouse=True)
def _no_writer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "WAIT_S", 0)


@pytest.fixture(autouse=True)
def fan() -> Iterator[Any]:
    """The fan of the test settings, without buckets."""
    client = redis.Redis.from_url(django_settings.REDIS_FAN_URL)
    for key in client.scan_iter("rl:*"):
        client.delete(key)
    yield client
    client.close()


@pytest.fixture
async def limiters() -> AsyncIterator[Callable[[], RateLimiter]]:
    """Makes limiters as several web processes have them."""
    made: list[RateLimiter] = []

    def make() -> RateLimiter:
        made.append(RateLimiter())
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()


async def until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(0.01)


async def levelled(*limiters: RateLimiter) -> None:
    """Until each has told Redis everything and heard how things stand after that."""
    for _ in range(2):
        for limiter in limiters:
            assert await limiter._ask()


# ------------------------------------------------------------------------------------------------------- the buckets


async def test_a_bucket_empties_and_says_when_to_come_back(limiters: Any) -> None:
    limiter = limiters()
    left = [limiter.spend("x", SLOW, 3) for _ in range(3)]
    assert [usage.remaining for usage in left] == [7, 4, 1]
    assert not any(usage.refused for usage in left)
    refused = limiter.spend("x", SLOW, 3)
    assert refused.refused
    assert 60 < refused.wait_s <= 120  # Two units are missing; each takes a minute.
    assert refused.limit == 10
    assert not limiter.spend("x", SLOW).refused  # What was refused has cost nothing.
    assert limiter.spend("x", SLOW).refused


async def test_what_was_spent_comes_back(limiters: Any) -> None:
    limiter = limiters()
    quick = Rate(10, 1)
    assert limiter.spend("x", quick, 10).remaining == 0
    assert limiter.spend("x", quick).refused
    await until(lambda: not limiter.spend("x", quick).refused, "a tenth of a second later there is one again")


async def test_processes_share_a_bucket(limiters: Any) -> None:
    one, other = limiters(), limiters()
    for _ in range(6):
        assert not one.spend("shared", SLOW).refused
    await levelled(one)
    other.spend("shared", SLOW)
    await levelled(other, one)
    assert other.spend("shared", SLOW).remaining == 2
    await levelled(other, one)
    one.charge("shared", SLOW, 0)
    await levelled(one)
    assert one.spend("shared", SLOW).remaining == 1


async def test_an_overdraft_of_several_processes_is_paid_back(limiters: Any) -> None:
    """Each lets through what it does not know to be spent; together they then wait for all of it."""
    processes = [limiters() for _ in range(3)]
    for limiter in processes:
        assert not limiter.spend("race", SLOW, 10).refused
    await levelled(*processes)
    for limiter in processes:
        limiter.charge("race", SLOW, 0)  # A process hears of a bucket when it touches it.
    await levelled(*processes)
    for limiter in processes:
        assert limiter.spend("race", SLOW).wait_s > 20 * 60


async def test_many_buckets_go_in_one_call_and_full_ones_are_forgotten(
    limiters: Any, monkeypatch: Any, fan: Any
) -> None:
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 1200)
    limiter = limiters()
    await levelled(limiter)
    before = fan.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
    for i in range(1100):
        limiter.spend(f"many:{i}", SLOW)
    await levelled(limiter)
    assert fan.info("commandstats")["cmdstat_evalsha"]["calls"] - before <= 6
    assert len(list(fan.scan_iter("rl:many:*", count=5000))) == 1100
    for i in range(500):
        limiter.spend(f"more:{i}", SLOW)
    assert len(limiter._buckets) <= 1200
    await levelled(limiter)
    assert limiter.spend("many:7", SLOW, 10).refused or (await levelled(limiter)) is None
    assert limiter.spend("many:7", SLOW, 10).refused  # Redis remembered it.


async def test_buckets_do_not_stay_in_redis(limiters: Any, fan: Any) -> None:
    limiter = limiters()
    limiter.spend("gone", Rate(1000, 1))
    await levelled(limiter)
    assert 0 < fan.pttl("rl:gone") <= 2000


async def test_a_charge_goes_below_empty_but_not_without_end(limiters: Any) -> None:
    limiter = limiters()
    for _ in range(9):
        limiter.charge("debtor", SLOW, 5)
    assert limiter.overdrawn("debtor", SLOW)
    assert 10 * 60 <= limiter.spend("debtor", SLOW).wait_s <= 11 * 60
    limiter.spend("other", SLOW, 10)
    assert not limiter.overdrawn("other", SLOW)


async def test_without_redis_a_process_counts_for_itself_and_writes_are_refused(limiters: Any, settings: Any) -> None:
    settings.REDIS_FAN_URL = "redis://127.0.0.1:1/0"
    limiter = limiters()
    with pytest.raises(StoreGone) as refusal:
        await limiter.demand_store()
    assert (refusal.value.status, refusal.value.extra) == (503, {"executed": False})
    assert limiter.spend("x", SLOW, 10).remaining == 0
    assert limiter.spend("x", SLOW).refused
    with pytest.raises(StoreGone):
        await asyncio.to_thread(limiter.demand_store_threadsafe)
    settings.REDIS_FAN_URL = django_settings.REDIS_FAN_URL


async def test_it_notices_that_redis_went_away_and_came_back(limiters: Any, fan: Any) -> None:
    limiter = limiters()
    await limiter.demand_store()
    fan.config_set("maxclients", fan.config_get("maxclients")["maxclients"])
    name = next(each["id"] for each in fan.client_list() if each["cmd"].startswith(("evalsha", "eval")))
    fan.client_kill_filter(_id=name)
    await levelled_again(limiter)
    await limiter.demand_store()


async def test_its_task_ends_when_it_is_cancelled_while_it_connects(settings: Any, monkeypatch: Any) -> None:
    """As an event loop does at its end, once: redis-py keeps the cancellation to itself."""
    connecting = asyncio.Event()

    async def swallowing(self: Any, keys: list[str], charges: list[int]) -> list[bytes]:
        connecting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise redis.ConnectionError("swallowed") from None
        return []

    monkeypatch.setattr(rate_limits._Line, "call", swallowing)
    limiter = RateLimiter()
    limiter.spend("x", SLOW)
    await connecting.wait()
    limiter._task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([limiter._task])
    assert limiter._task.done()


async def levelled_again(limiter: RateLimiter) -> None:
    deadline = time.monotonic() + 10
    while not await limiter._ask():
        assert time.monotonic() < deadline


# -------------------------------------------------------------------------------------------------------- over HTTP

Ask = Callable[[], Awaitable[Any]]


async def test_every_answer_tells_what_is_left(site: None, alice: Trader, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS_PER_MINUTE, settings.RATE_LIMIT_ACCOUNT_PER_MINUTE = 9000, 7000
    for path, limit in (("/api/v1/time", 9000), ("/api/v1/markets", 9000), ("/api/v1/nowhere", 9000)):
        response = await ask("GET", path)
        assert response.headers["X-RateLimit-Limit"] == str(limit)
        assert 0 < int(response.headers["X-RateLimit-Remaining"]) < limit
        assert int(response.headers["X-RateLimit-Reset"]) >= 1
    for method, path, body in (("GET", "/api/v1/capital", None), ("POST", "/api/v1/order", LIMIT_ORDER)):
        response = await alice.ask(method, path, body)
        assert response.status_code == 200
        assert response.headers["X-RateLimit-Limit"] == "7000"
    assert (await ask("GET", "/api/v1/order")).headers["X-RateLimit-Limit"] == "9000"
    assert "X-RateLimit-Limit" not in (await ask("GET", "/healthz")).headers


@pytest.mark.parametrize("path", ["/api/v1/time", "/api/v1/assets", "/api/v1/order", "/api/v1/nowhere"])
async def test_an_address_that_asks_too_much(site: None, settings: Any, path: str) -> None:
    settings.RATE_LIMIT_ADDRESS_PER_MINUTE = 5
    answers = [await ask("GET", path) for _ in range(6)]
    assert all(answer.status_code != 429 for answer in answers[:5])
    assert_refused(answers[5], 429, "TOO_MANY_REQUESTS")
    assert 1 <= int(answers[5].headers["Retry-After"]) <= 12
    assert answers[5].headers["X-RateLimit-Remaining"] == "0"
    other = await ask("GET", path, client=("192.0.2.7", 1))
    assert other.status_code != 429


async def test_an_account_that_asks_too_much(site: None, alice: Trader, bob: Trader, settings: Any) -> None:
    """Fast lane and DRF share the account's bucket, and so do its keys."""
    settings.RATE_LIMIT_ACCOUNT_PER_MINUTE = 4
    second = Signer(77)
    await asyncio.to_thread(ApiKey.objects.create, account=alice.account, public_key=second.public_key, can_trade=True)
    for who in (alice, second):
        assert (await who.ask("POST", "/api/v1/order", LIMIT_ORDER)).status_code == 200
        assert (await who.ask("GET", "/api/v1/capital")).status_code == 200
    for who in (alice, second):
        refused = await who.ask("POST", "/api/v1/order", LIMIT_ORDER)
        assert_refused(refused, 429, "TOO_MANY_REQUESTS")
        assert int(refused.headers["Retry-After"]) >= 1
        assert_refused(await who.ask("GET", "/api/v1/capital"), 429, "TOO_MANY_REQUESTS")
    assert (await bob.ask("GET", "/api/v1/capital")).status_code == 200
    assert_refused(await alice.ask("GET", "/api/v1/capital", headers={"X-Signature": "AAAA"}), 401, "INVALID_SIGNATURE")


async def test_a_limited_key_leaves_its_account_the_rest(site: None, alice: Trader, settings: Any) -> None:
    await asyncio.to_thread(ApiKey.objects.filter(pk=alice.key.pk).update, requests_per_minute=2)
    other = Signer(78)
    await asyncio.to_thread(ApiKey.objects.create, account=alice.account, public_key=other.public_key)
    for _ in range(2):
        assert (await alice.ask("GET", "/api/v1/capital")).headers["X-RateLimit-Limit"] == "2"
    assert_refused(await alice.ask("GET", "/api/v1/capital"), 429, "TOO_MANY_REQUESTS")
    assert (await other.ask("GET", "/api/v1/capital")).status_code == 200


async def test_heavier_requests_cost_more_but_none_more_than_promised(site: None, alice: Trader) -> None:
    first = await alice.ask("GET", "/api/v1/capital")
    batch = [{**LIMIT_ORDER, "price": "19.99"}] * 50
    second = await alice.ask("POST", "/api/v1/orders", batch)
    third = await alice.ask("GET", "/wapi/v1/history/fills")
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in (first, second, third)]
    assert left[0] - left[1] <= weights.HEAVIEST
    assert weights.weight_of("/api/v1/orders", batch) == weights.HEAVIEST
    assert max(weights._BY_PATH.values()) <= weights.HEAVIEST
    assert django_settings.RATE_LIMIT_ACCOUNT_PER_MINUTE >= weights.MIN_PER_MINUTE


async def test_a_tier_raises_the_limits_of_account_and_address(
    site: None, alice: Trader, bob: Trader, settings: Any
) -> None:
    settings.RATE_LIMIT_ADDRESS_PER_MINUTE = settings.RATE_LIMIT_ACCOUNT_PER_MINUTE = 5
    await asyncio.to_thread(give_tier, alice.account, LOAD_TEST)
    await alice.ask("GET", "/api/v1/capital")  # From here on the process knows whose key it is.
    for _ in range(10):
        response = await alice.ask("POST", "/api/v1/order", LIMIT_ORDER)
        assert response.status_code == 200
    assert response.headers["X-RateLimit-Limit"] == "60000000"
    for _ in range(4):
        assert (await bob.ask("GET", "/api/v1/capital")).status_code == 200
    assert_refused(await bob.ask("GET", "/api/v1/capital"), 429, "TOO_MANY_REQUESTS")
    assert (await alice.ask("GET", "/api/v1/capital")).status_code == 200


async def test_a_borrowed_key_does_not_spare_an_address_for_long(site: None, alice: Trader, settings: Any) -> None:
    """Public keys are no secret: whoever shows one without its signature pays for that."""
    settings.RATE_LIMIT_ADDRESS_PER_MINUTE = 40
    await asyncio.to_thread(give_tier, alice.account, LOAD_TEST)
    await alice.ask("GET", "/api/v1/capital")
    forged = [await alice.ask("GET", "/api/v1/capital", headers={"X-Signature": "AAAA"}) for _ in range(5)]
    assert [answer.status_code for answer in forged] == [401, 401, 401, 429, 429]


async def test_a_claimed_key_spares_nothing_where_nobody_asks_for_a_proof(
    site: None, alice: Trader, settings: Any
) -> None:
    settings.RATE_LIMIT_ADDRESS_PER_MINUTE = 6
    await asyncio.to_thread(give_tier, alice.account, LOAD_TEST)
    await alice.ask("GET", "/api/v1/capital")
    paths = ["/api/v1/time", "/api/v1/nowhere", "/api/v1/markets"]
    answers = [await ask("GET", path, headers={"X-API-Key": alice.public_key}) for path in paths * 3]
    assert all("X-RateLimit-Limit" in answer.headers for answer in answers)
    assert 429 in [answer.status_code for answer in answers]
    assert (await alice.ask("GET", "/api/v1/capital")).status_code == 200


@pytest.mark.django_db
def test_tiers_have_names() -> None:
    RateTier.objects.all().delete()
    assert tier_named(LOAD_TEST).requests_per_minute == weights.MAX_PER_MINUTE
    with pytest.raises(UnknownTier, match="load test"):
        tier_named("no such")


async def test_f25_without_the_store_reads_go_on_and_writes_do_not(site: None, alice: Trader, settings: Any) -> None:
    await alice.ask("GET", "/api/v1/capital")
    settings.REDIS_FAN_URL = "redis://127.0.0.1:1/0"
    await rate_limits.close_shared()
    refused = await alice.ask("POST", "/api/v1/order", LIMIT_ORDER)
    assert assert_refused(refused, 503, "MAINTENANCE")["executed"] is False
    assert refused.headers["Retry-After"] == "1"
    assert (await alice.ask("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC"})).status_code == 503
    assert (await alice.ask("PATCH", "/api/v1/account", {"autoLend": True})).status_code == 503
    assert (await alice.ask("GET", "/api/v1/capital")).status_code == 200
    assert (await ask("GET", "/api/v1/time")).status_code == 200
    await rate_limits.close_shared()


@pytest.mark.usefixtures("alice")
def test_key_store_remembers_whom_to_count_for() -> None:
    assert key_store.store.last_known("nobody's") is None


# ---------------------------------------------------------------------------------------------------------- sockets


async def _connect(extensions: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket", "path": "/nowhere", "headers": [], "client": ("192.0.2.9", 5), "extensions": extensions,
    }  # fmt: skip
    await application(scope, receive, send)
    return sent


async def test_new_sockets_of_an_address_are_limited(site: None, settings: Any) -> None:
    settings.SOCKETS_PER_ADDRESS = 3
    for _ in range(3):
        assert [message["type"] for message in await _connect({})] == ["websocket.close"]  # No such path, 403.
    refused = await _connect({"websocket.http.response": {}})
    assert [message["type"] for message in refused] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert refused[0]["status"] == 429
    assert any(name == b"retry-after" and 1 <= int(value) <= 100 for name, value in refused[0]["headers"])
