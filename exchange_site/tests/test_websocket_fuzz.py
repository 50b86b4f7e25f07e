"""Frames nobody has thought of, made by Hypothesis: no failure of ours, an answer or a documented close, no harm done.

One connection that lives through everything watches; each example has one of its own. A failure prints what was sent.
"""

import asyncio
import json
import logging
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from exchange_site.kernel import rate_limits
from exchange_site.tests.api_rig import Trader
from marketdata.hub import close_market_hub
from marketdata.stream_names import INVALID_STREAM
from matching.client import gateway
from trading.order_socket.connection import METHODS
from trading.order_socket.switch import settle
from trading.tests.feed_sockets import Client, close_thread_connections
from trading.tests.order_sockets import ORDER, OrderClient
from trading.user_hub import close_user_hub

CODES = {
    "INVALID_CLIENT_REQUEST", "INVALID_SYMBOL", "INVALID_ORDER", "INVALID_PRICE", "INVALID_QUANTITY", "UNAUTHORIZED",
    "INSUFFICIENT_FUNDS", "ORDER_LIMIT", "RESOURCE_NOT_FOUND", "PRECONDITION_FAILED",
}  # fmt: skip
STREAM_CODES = {4002, 4003, 4006, 4008}
CLOSES = {1000, 1008, 1009}
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1", "0.5", "-1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
order_members = st.fixed_dictionaries(
    {},
    optional={
        "symbol": st.just("SOL_USDC") | anything,
        "side": st.sampled_from(["Bid", "Ask"]) | anything,
        "orderType": st.sampled_from(["Limit", "Market"]) | anything,
        "price": st.sampled_from(["20.15", "19", "21.3"]) | anything,
        "quantity": st.sampled_from(["0.5", "1", "0.01"]) | anything,
        "quoteQuantity": anything, "clientId": st.integers(0, 9) | anything, "orderId": st.integers(1, 40) | anything,
        "timeInForce": st.sampled_from(["GTC", "IOC", "FOK", "GTD"]) | anything, "postOnly": st.booleans() | anything,
        "triggerPrice": st.just("19.5") | anything, "triggerQuantity": st.just("0.5") | anything,
        "trailingDelta": st.just("0.2") | anything, "displayQuantity": st.just("0.1") | anything,
        "expireTime": st.integers(0, 2**63) | anything, "seconds": st.sampled_from([0, 60]) | anything,
        "stopLossTriggerPrice": st.just("10") | anything, "takeProfitLimitPrice": st.just("30") | anything,
        "slippageTolerance": st.just("5") | anything, "slippageToleranceType": st.just("TickSize") | anything,
        "selfTradePrevention": st.sampled_from(["RejectTaker", "Decrement"]) | anything,
    },
)  # fmt: skip
whole_orders = st.builds(lambda members: {**ORDER, **members}, order_members)
steps = st.fixed_dictionaries(
    {"method": st.sampled_from([*METHODS]) | anything, "params": whole_orders | order_members}
)
params = whole_orders | order_members | st.lists(steps | whole_orders | anything, max_size=6) | anything
requests = st.fixed_dictionaries(
    {"id": st.integers(0, 50) | anything, "method": st.sampled_from([*METHODS, "PING", "LOGON"]) | anything},
    optional={"params": params, "signature": anything},
)
deep = st.integers(1, 2_000).map(lambda depth: '{"id":1,"method":"PLACE","params":' + "[" * depth + "]" * depth + "}")
frames = (
    requests.map(json.dumps)
    | requests.map(lambda frame: json.dumps(frame, ensure_ascii=False))
    | st.text(max_size=200)
    | st.binary(max_size=200)
    | deep
    | anything.map(json.dumps)
    | st.builds(lambda text, at: text[:at], requests.map(json.dumps), st.integers(1, 60))
    | st.integers(15_000, 18_000).map(lambda size: "x" * size)
)
stream_frames = (
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE"]) | anything,
            "params": st.lists(
                st.sampled_from(["trade.SOL_USDC", "depth.200ms.SOL_USDC", "account.orderUpdate", "checksum.SOL_USDC"])
                | st.text(max_size=30)
                | anything,
                max_size=6,
            )
            | anything,
        },
        optional={"signature": st.lists(st.text(max_size=20) | anything, max_size=5) | anything, "id": anything},
    ).map(json.dumps)
    | st.text(max_size=200)
    | st.binary(max_size=200)
    | deep
    | anything.map(json.dumps)
)


@pytest.fixture(autouse=True)
def failures(caplog: pytest.LogCaptureFixture) -> Any:
    """What went wrong on our side is logged as an error, whatever the client was told."""
    yield caplog
    wrong = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not wrong, wrong[0].getMessage()


def _input(frame: str | bytes) -> dict[str, Any]:
    return {"type": "websocket.receive", "bytes" if isinstance(frame, bytes) else "text": frame}


async def answers(wire: WebsocketCommunicator, last: str) -> tuple[list[dict[str, Any]], int | None]:
    """Everything up to the answer that contains `last`, and the close code if the connection was closed before."""
    heard: list[dict[str, Any]] = []
    while True:
        message = await wire.receive_output(timeout=10)
        if message["type"] == "websocket.close":
            return heard, message["code"]
        heard.append(json.loads(message["text"]))
        if last in message["text"]:
            return heard, None


def check(answer: dict[str, Any]) -> None:
    """An answer of the order socket that the documentation knows."""
    assert ("result" in answer) != ("error" in answer), answer
    if "error" in answer:
        assert answer["error"]["code"] in CODES, answer
        assert answer["error"]["status"] < 500, answer


async def tidy_up() -> None:
    """A loop of its own for each example, so everything that lives on a loop ends with it."""
    await settle()
    await gateway.close_shared()
    await rate_limits.close_shared()
    await close_market_hub()
    await close_user_hub()


@given(sent=st.lists(frames, min_size=1, max_size=6))
@EXAMPLES
def test_order_entry(engine: Any, alice: Trader, bob: Trader, sent: list[str | bytes]) -> None:
    async def example() -> None:
        async with OrderClient() as bystander, OrderClient() as client:
            await bystander.log_on(bob)
            await client.log_on(alice)
            for frame in sent:
                await client.wire.send_input(_input(frame))
            await client.say({"id": "the-last-one", "method": "PING"})
            heard, closed = await answers(client.wire, '"the-last-one"')
            if closed is None:
                assert len(heard) == len(sent) + 1, "each frame has exactly one answer"
            else:
                assert closed in CLOSES
            for answer in heard:
                check(answer)
            assert (await bystander.ask("PING"))["result"] == {}
        await tidy_up()

    asyncio.run(example())


@given(sent=st.lists(frames, min_size=1, max_size=3))
@EXAMPLES
def test_before_log_on(engine: Any, sent: list[str | bytes]) -> None:
    async def example() -> None:
        async with OrderClient() as client:
            for frame in sent:
                await client.wire.send_input(_input(frame))
            await client.say({"id": "the-last-one", "method": "PING"})
            heard, closed = await answers(client.wire, '"the-last-one"')
            assert closed is None or closed in CLOSES
            for answer in heard:
                check(answer)
                assert "error" in answer, "nothing succeeds before log-on"
        await tidy_up()

    asyncio.run(example())


@given(sent=st.lists(stream_frames, min_size=1, max_size=6))
@EXAMPLES
def test_streams(market: Any, sent: list[str | bytes]) -> None:
    async def example() -> None:
        async with Client() as bystander, Client() as client:
            for frame in sent:
                await client.wire.send_input(_input(frame))
            await client.say("SUBSCRIBE", "no such stream at all")
            await bystander.say("SUBSCRIBE", "no such stream at all")
            last = f'"code":{INVALID_STREAM[0]}'
            heard, closed = await answers(client.wire, last)
            assert closed is None or closed in CLOSES
            for answer in heard:
                assert answer["id"] is None
                assert answer["error"]["code"] in STREAM_CODES
            assert (await answers(bystander.wire, last))[1] is None
        await tidy_up()

    asyncio.run(example())
    close_thread_connections()
