"""The fast lane and DRF answer the same: status, bytes, headers; for good requests, bad ones and those of strangers."""

import json
import re
from typing import Any

import pytest

from exchange_site.fast_lane import ROUTES
from exchange_site.tests.api_rig import LIMIT_ORDER, Signer, Trader, ask
from exchange_site.tests.test_bad_input import BODIES, NUMBERS
from exchange_site.tests.test_order_api import logged_in
from marketdata.tests.feed_rig import buy, eventually, sell, venue
from trading.api.order_entry import ENTRIES
from trading.tests.feed_sockets import hub

__all__ = ["hub", "logged_in", "venue"]

SAME_HEADERS = (
    "content-type", "cache-control", "x-content-type-options", "idempotency-replayed", "retry-after", "allow",
    "x-ratelimit-limit", "access-control-allow-origin", "access-control-expose-headers",
)  # fmt: skip
DIFFERS = re.compile(rb'("id":"|"createdAt":|"orderId":"|order )\d+')  # What the engine counts up, and its clock.
SHOUT = {"symbol": "SOL_USDC", "side": "Ask", "orderType": "Market", "quoteQuantity": "10.1"}


def seen(response: Any) -> tuple[Any, ...]:
    headers = {name: response.headers.get(name) for name in SAME_HEADERS}
    return (
        response.status_code,
        DIFFERS.sub(rb"\g<1>N", response.content),
        headers,
        "x-outcome" in response.headers,
        "x-ratelimit-remaining" in response.headers,
    )


def assert_same(slow: list[tuple[Any, ...]], fast: list[tuple[Any, ...]]) -> None:
    """Part by part, so that a failure shows what differs."""
    assert len(slow) == len(fast)
    for index, (one, other) in enumerate(zip(slow, fast, strict=True)):
        for part, expected in zip(one, other, strict=True):
            assert part == expected, f"answer {index}"


Sent = tuple[str, str, Any, dict[str, str]]


def entry(method: str, path: str, body: Any, **headers: str) -> Sent:
    return (method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


PLACE, CANCEL = ("POST", "/api/v1/order"), ("DELETE", "/api/v1/order")
BATCH, CANCEL_ALL = ("POST", "/api/v1/orders"), ("DELETE", "/api/v1/orders")
ALL = {"symbol": "SOL_USDC"}
STORIES: dict[str, list[Sent]] = {
    "place, twice the same client id, cancel, again": [
        entry(*PLACE, {**LIMIT_ORDER, "clientId": 7}),
        entry(*PLACE, {**LIMIT_ORDER, "clientId": 7}),
        entry(*CANCEL, {**ALL, "clientId": "7"}),
        entry(*CANCEL, {**ALL, "clientId": 7}),
    ],
    "batch with a refusal, cancel all": [
        entry(*BATCH, [LIMIT_ORDER, {**LIMIT_ORDER, "quantity": "9999999"}, {**LIMIT_ORDER, "price": 20.14}]),
        entry(*CANCEL_ALL, {**ALL, "orderType": "ConditionalOrder"}),
        entry(*CANCEL_ALL, ALL),
        entry(*CANCEL_ALL, ALL),
    ],
    "a market order meets a limit order": [
        entry(*PLACE, {**LIMIT_ORDER, "quantity": 1}),
        entry(*PLACE, {**SHOUT, "selfTradePrevention": "RejectMaker"}),
    ],
    "refusals of the engine": [
        entry(*PLACE, {**LIMIT_ORDER, "side": "Ask", "price": "20"}),
        entry(*PLACE, {**LIMIT_ORDER, "postOnly": True}),
        entry(*PLACE, {**LIMIT_ORDER, "quantity": "9999999"}),
        entry(*PLACE, {**LIMIT_ORDER, "timeInForce": "FOK", "quantity": "3"}),
        entry(*CANCEL_ALL, ALL),
    ],
    "bad idempotency key": [entry(*PLACE, LIMIT_ORDER, Idempotency_Key="a b"), entry(*BATCH, [], Idempotency_Key="")],
    "unknown market": [entry(*PLACE, {**LIMIT_ORDER, "symbol": "X_Y"}), entry(*CANCEL_ALL, {"symbol": "X_Y"})],
    "no such order": [entry(*CANCEL, {**ALL, "orderId": "99999999"}), entry(*CANCEL, {**ALL, "orderId": str(2**63)})],
    "wrong shapes": [
        entry(*BATCH, LIMIT_ORDER),
        entry(*BATCH, [LIMIT_ORDER] * 51),
        entry(*BATCH, [LIMIT_ORDER, 7]),
        entry(*PLACE, [LIMIT_ORDER]),
        entry(*CANCEL, []),
        entry(*CANCEL_ALL, None),
    ],
    "numbers": [entry(*PLACE, {**LIMIT_ORDER, "price": value}) for value in NUMBERS.values()],
    "bodies": [entry(*call, body) for call in (PLACE, CANCEL, BATCH) for body in BODIES.values()],
    "too long": [entry(*PLACE, b" " * (64 * 1024 + 1))],
    "signatures": [
        entry(*PLACE, LIMIT_ORDER, X_Signature="AAAA"),
        entry(*PLACE, LIMIT_ORDER, X_Signature="?"),
        entry(*PLACE, LIMIT_ORDER, X_Timestamp="1"),
        entry(*PLACE, LIMIT_ORDER, X_Timestamp="1.5"),
        entry(*PLACE, LIMIT_ORDER, X_Window="60001"),
        entry(*PLACE, LIMIT_ORDER, X_Window="0"),
        entry(*PLACE, LIMIT_ORDER, X_API_Key="AAAA"),
        entry(*PLACE, LIMIT_ORDER, X_Timestamp=""),
        entry(*CANCEL_ALL, {**ALL, "orderType": "Nothing"}, X_Signature="A" * 88),
    ],
    "other methods": [entry(method, path, None) for path in ENTRIES for method in ("PUT", "PATCH", "OPTIONS")],
    **{
        f"nonsense to {method} {path}": [
            entry(method, path, body)
            for body in (None, {}, [], [{}], 7, ALL, {**ALL, "orderId": "x"}, {"symbol": "X_Y"}, {"seconds": -1}, b"{")
        ]
        for path, methods in ENTRIES.items()
        for method in methods
    },
}


@pytest.fixture(params=STORIES.values(), ids=STORIES.keys())
def story(request: pytest.FixtureRequest) -> list[Sent]:
    sent: list[Sent] = request.param
    return sent


async def _tell(who: Signer, story: list[Sent]) -> list[tuple[Any, ...]]:
    answers = [seen(await who.ask(method, path, body, headers=headers)) for method, path, body, headers in story]
    await who.ask(*CANCEL_ALL, ALL)
    return answers


async def test_order_entry(site: None, alice: Trader, story: list[Sent], settings: Any) -> None:
    fast = await _tell(alice, story)
    settings.API_FAST_LANE = False
    assert_same(await _tell(alice, story), fast)


async def test_a_retry_on_the_other_lane_gets_the_stored_answer(site: None, alice: Trader, settings: Any) -> None:
    key = {"Idempotency-Key": "both"}
    first = await alice.ask(*PLACE, LIMIT_ORDER, headers=key)
    settings.API_FAST_LANE = False
    second = await alice.ask(*PLACE, LIMIT_ORDER, headers=key)
    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")
    other = await alice.ask(*PLACE, {**LIMIT_ORDER, "price": "20.14"}, headers=key)
    assert other.status_code == 409


@pytest.mark.parametrize("who", ["nobody", "stranger", "reader"])
async def test_those_who_may_not_trade(site: None, market: Any, settings: Any, who: str) -> None:
    signer = Signer(41) if who == "stranger" else await _reader() if who == "reader" else None
    answers = []
    for fast in (True, False):
        settings.API_FAST_LANE = fast
        for method, path in (PLACE, CANCEL, BATCH, CANCEL_ALL):
            if signer is None:
                answers.append(seen(await ask(method, path, json=LIMIT_ORDER)))
            else:
                answers.append(seen(await signer.ask(method, path, [LIMIT_ORDER] if path.endswith("s") else ALL)))
    assert_same(answers[4:], answers[:4])
    assert {answer[0] for answer in answers} == {403 if who == "reader" else 401}


async def _reader() -> Trader:
    from exchange_site.kernel.db_threads import in_db_thread

    return await in_db_thread(lambda: Trader("reader@example.org", 42, can_trade=False))


@pytest.mark.parametrize("problem", ["closed", "silent"])
async def test_an_engine_that_does_not_answer(
    site: None, alice: Trader, engine: Any, settings: Any, problem: str
) -> None:
    settings.API_REPLY_TIMEOUT_S = 0.3
    if problem == "closed":
        engine.close()
    engine.silent = problem == "silent"
    story = [entry(*PLACE, LIMIT_ORDER), entry(*CANCEL, {**ALL, "orderId": "1"}), entry(*BATCH, [LIMIT_ORDER] * 2)]
    fast = [seen(await alice.ask(*sent[:3])) for sent in story]
    settings.API_FAST_LANE = False
    assert_same([seen(await alice.ask(*sent[:3])) for sent in story], fast)
    assert {answer[0] for answer in fast} <= {503, 504, 200}


async def test_a_logged_in_page(site: None, logged_in: Any, settings: Any) -> None:
    """With the token, without it, from another site, and with half a key beside the cookie."""
    cookies, token = logged_in
    tries: list[dict[str, str]] = [
        {"X-CSRFToken": token, "Origin": "http://testserver"},
        {},
        {"X-CSRFToken": "b" * 64},
        {"X-CSRFToken": token, "Origin": "https://evil.example"},
        {"X-CSRFToken": token, "X-API-Key": "AAAA"},
        {"X-CSRFToken": token, "Host": "evil.example"},
    ]
    answers: list[tuple[Any, ...]] = []
    for fast in (True, False):
        settings.API_FAST_LANE = fast
        for headers in tries:
            answers.append(seen(await ask(*PLACE, json=LIMIT_ORDER, cookies=cookies, headers=headers)))
    assert [answer[0] for answer in answers[: len(tries)]] == [200, 403, 403, 403, 401, 400]
    assert_same(answers[len(tries) :], answers[: len(tries)])


READS = [
    "/api/v1/depth?symbol=SOL_USDC", "/api/v1/depth?symbol=SOL_USDC&limit=5", "/api/v1/depth?market=SOL_USDC",
    "/api/v1/depth", "/api/v1/depth?symbol=X", "/api/v1/depth?symbol=SOL_USDC&limit=7", "/api/v1/depth?symbol=",
    "/api/v1/depth?symbol=SOL_USDC&symbol=X", "/api/v1/depth?symbol=%00", "/api/v1/depth?symbol=%ff&limit=%ef%bc%91",
    "/api/v1/depth?" + "&".join(f"a{i}=1" for i in range(101)), "/api/v1/depth?symbol=SOL_USDC&x=1;y=2",
    "/api/v1/ticker?symbol=SOL_USDC", "/api/v1/ticker?symbol=SOL_USDC&interval=1w", "/api/v1/ticker?symbol=X",
    "/api/v1/ticker?symbol=SOL_USDC&interval=2w", "/api/v1/ticker", "/api/v1/tickers", "/api/v1/tickers?interval=1w",
    "/api/v1/tickers?interval=x", "/api/v1/market-data", "/api/v1/market-data?symbol=SOL_USDC",
    "/api/v1/market-data?symbol=X", "/api/v1/trades?symbol=SOL_USDC", "/api/v1/trades?symbol=SOL_USDC&limit=1",
    "/api/v1/trades?symbol=SOL_USDC&limit=1001", "/api/v1/trades?symbol=SOL_USDC&limit=0", "/api/v1/trades?symbol=X",
    "/api/v1/trades?symbol=SOL_USDC&limit=-1", "/api/v1/trades?symbol=SOL_USDC&limit=１", "/api/v1/status",
    "/api/v1/ping", "/api/v1/auction", "/api/v1/auction?symbol=SOL_USDC", "/api/v1/auction?symbol=X",
]  # fmt: skip


async def test_hot_reads(venue: Any, hub: Any, settings: Any) -> None:
    venue.run([sell(100, 2041), sell(100, 2042), buy(50, 2041), buy(70, 2030)])
    assert await hub.wait_for(venue.engine.n, 5)
    await eventually(lambda: hub.ticker("SOL_USDC", "1d")["lastPrice"] == "20.41")  # Tickers follow once a second.
    different = []
    for target in READS:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            settings.API_FAST_LANE = True
            fast = seen(await ask(method, target))
            settings.API_FAST_LANE = False
            slow = seen(await ask(method, target))
            if fast != slow:
                different.append((method, target, fast, slow))
    assert not different, different[0]
    settings.API_FAST_LANE = True
    depth = json.loads((await ask("GET", READS[0])).content)
    assert depth["bids"] == [["20.3", "0.7"]]


async def test_the_clock(site: None, settings: Any) -> None:
    fast = await ask("GET", "/api/v1/time")
    settings.API_FAST_LANE = False
    slow = await ask("GET", "/api/v1/time")
    assert fast.headers["content-type"] == slow.headers["content-type"] == "text/plain; charset=utf-8"
    assert 0 <= int(slow.text) - int(fast.text) < 10_000


def test_every_shared_route_is_compared() -> None:
    compared = {target.partition("?")[0] for target in READS} | {"/api/v1/time"}
    compared |= {path for story in STORIES.values() for _, path, _, _ in story}
    assert compared == {path for path in ROUTES if path.startswith("/api/")}
