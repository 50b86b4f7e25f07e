"""The bad-input catalogue over WebSocket: an error with a stable code or a documented close, and nothing is executed.

No database and no engine take part: the key and the market are known to the caches, and asking the engine fails.
"""

import json
import math
from typing import Any, NoReturn

import pytest

from accounts.api import replay
from accounts.principal import Principal
from accounts.signing import key_store
from accounts.signing.key_store import KnownKey
from exchange_site.kernel import rate_limits
from exchange_site.tests.api_rig import Signer
from exchange_site.tests.test_bad_input import BODIES, NUMBERS, RAW_NUMBERS, SPEC, WORDS
from marketdata import live_specs
from matching.client import gateway
from trading.order_socket import watch
from trading.tests.feed_sockets import Client
from trading.tests.order_sockets import ORDER, OrderClient, refused

BAD = (400, "INVALID_CLIENT_REQUEST")
SYMBOL = {"symbol": "SOL_USDC"}


@pytest.fixture
async def trader(monkeypatch: pytest.MonkeyPatch) -> Any:
    signer = Signer(9)
    known = KnownKey(Principal(1, 1), signer.secret.public_key().public_bytes_raw(), None, math.inf)
    monkeypatch.setattr(key_store.store, "_kept", {signer.public_key: (math.inf, known)})
    monkeypatch.setattr(live_specs, "_known", {"SOL_USDC": SPEC})
    monkeypatch.setattr(live_specs, "_read_at", math.inf)
    monkeypatch.setattr(watch, "RECHECK_S", math.inf)
    monkeypatch.setattr(rate_limits.RateLimiter, "spend", lambda *_: rate_limits.Usage(10, 10, 0))
    replay.forget_connection()
    yield signer
    await gateway.close_shared()
    await rate_limits.close_shared()


@pytest.fixture(autouse=True)
def _nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: object, **__: object) -> NoReturn:
        pytest.fail("A bad request reached the gateway.")

    for name in ("send", "send_many", "submit"):
        monkeypatch.setattr(gateway.EngineGateway, name, send)


@pytest.fixture
async def client(trader: Signer) -> Any:
    """One that is logged on, and goes on working after whatever was tried."""
    async with OrderClient() as client:
        await client.log_on(trader)
        yield client
        assert (await client.ask("PING"))["result"] == {}


# ---------------------------------------------------------------------------------------------- members of orders


@pytest.mark.parametrize("member", ["price", "quantity"])
@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS.keys())
async def test_numbers(client: OrderClient, member: str, value: Any) -> None:
    refused(await client.ask("PLACE", {**ORDER, member: value}), *BAD)
    refused(await client.ask("BATCH", [{"method": "PLACE", "params": {**ORDER, member: value}}]), *BAD)
    refused(await client.ask("AMEND", {**SYMBOL, "orderId": "1", member: value}), *BAD)


@pytest.mark.parametrize("digits", RAW_NUMBERS, ids=lambda digits: digits[:12])
async def test_json_numbers(client: OrderClient, digits: str) -> None:
    for member in ("price", "quantity"):
        text = json.dumps({"id": 1, "method": "PLACE", "params": {**ORDER, member: "@"}}).replace('"@"', digits)
        await client.say(text)
        refused(await client.hear(), *BAD)


@pytest.mark.parametrize("value", [-1, 4294967296, 1.5, "x", "", " 7", "7.0", True, [], {}, "１", 10**30])
async def test_client_ids(client: OrderClient, value: Any) -> None:
    refused(await client.ask("PLACE", {**ORDER, "clientId": value}), *BAD)
    refused(await client.ask("CANCEL", {**SYMBOL, "clientId": value}), *BAD)


@pytest.mark.parametrize("member", ["side", "orderType", "timeInForce", "selfTradePrevention", "symbol", "postOnly"])
async def test_words(client: OrderClient, member: str) -> None:
    for value in WORDS:
        if (member == "postOnly" and value is True) or (
            value is None and member not in ("side", "orderType", "symbol")
        ):
            continue
        code = "INVALID_SYMBOL" if member == "symbol" and isinstance(value, str) else "INVALID_CLIENT_REQUEST"
        refused(await client.ask("PLACE", {**ORDER, member: value}), 400, code)


@pytest.mark.parametrize(
    ("ref", "status", "code"),
    [
        ({}, *BAD),
        ({"orderId": "1", "clientId": 1}, *BAD),
        ({"orderId": "../1"}, *BAD),
        ({"orderId": "0"}, 404, "RESOURCE_NOT_FOUND"),
        ({"orderId": str(2**63)}, 404, "RESOURCE_NOT_FOUND"),
        ({"orderId": "1", "symbol": "DOGE_USDC"}, 400, "INVALID_SYMBOL"),
        ({"orderId": "1", "symbol": None}, *BAD),
    ],
)
async def test_references(client: OrderClient, ref: dict[str, Any], status: int, code: str) -> None:
    for method in ("CANCEL", "AMEND"):
        refused(await client.ask(method, {**SYMBOL, "price": "1", **ref}), status, code)


@pytest.mark.parametrize("method", ["PLACE", "CANCEL", "AMEND", "CANCEL_ALL", "BATCH", "OCO", "CANCEL_AFTER"])
async def test_params_of_the_wrong_kind(client: OrderClient, method: str) -> None:
    for params in (None, [], {}, 7, "x", True, [None], [[]], [{}], {"symbol": []}, {"seconds": -1}):
        assert refused(await client.ask(method, params), *BAD)


@pytest.mark.parametrize(
    "order",
    [
        {"timeInForce": "IOC", "postOnly": True},
        {"orderType": "Market"},
        {"timeInForce": "GTD"},
        {"quoteQuantity": "1"},
        {"triggerPrice": "1"},
        {"price": "999999999999999", "quantity": "999999999999999"},
    ],
)
async def test_combinations(client: OrderClient, order: dict[str, Any]) -> None:
    refused(await client.ask("PLACE", {**ORDER, **order}), *BAD)


# -------------------------------------------------------------------------------------------------------- frames


@pytest.mark.parametrize("name", [name for name, body in BODIES.items() if len(body) <= 16_384])
async def test_frames_that_are_no_request(client: OrderClient, name: str) -> None:
    body = BODIES[name]
    await client.say(body.decode("utf-8", "replace"))
    answer = await client.hear()
    assert answer["id"] is None
    refused(answer, *BAD)


@pytest.mark.parametrize(
    "id_", [None, "", "a b", "x" * 37, -1, 1.5, 1e3, 10**17, True, [], {}, "ключ", "a\x00", "</script>", "١"]
)
async def test_ids(client: OrderClient, id_: Any) -> None:
    await client.say({"id": id_, "method": "PLACE", "params": ORDER})
    answer = await client.hear()
    assert answer["id"] is None
    refused(answer, *BAD)


@pytest.mark.parametrize(
    "method", [None, "", "place", 7, True, [], {}, ["PLACE"], "x" * 5_000, "PLACE\x00", "SUBSCRIBE"]
)
async def test_methods(client: OrderClient, method: Any) -> None:
    refused(await client.ask(method, ORDER), *BAD)


async def test_a_number_keeps_its_digits_as_an_id(client: OrderClient) -> None:
    await client.say('{"id":9007199254740993,"method":"PING"}')
    assert await client.wire.receive_from(5) == '{"id":9007199254740993,"result":{}}'


async def test_a_binary_frame(client: OrderClient) -> None:
    await client.wire.send_to(bytes_data=b'{"id":1,"method":"PING"}')
    refused(await client.hear(), *BAD)


async def test_a_frame_one_byte_too_long(trader: Signer) -> None:
    async with OrderClient() as client:
        await client.log_on(trader)
        head, tail = '{"id":1,"method":"PING","params":"', '"}'
        await client.say(head + "x" * (16_384 - len(head) - len(tail)) + tail)
        assert (await client.hear())["result"] == {}
        await client.say(head + "x" * (16_385 - len(head) - len(tail)) + tail)
        assert await client.closed_with() == 1009


async def test_characters_count_as_bytes(trader: Signer) -> None:
    async with OrderClient() as client:
        await client.say(json.dumps({"id": 1, "method": "é" * 9_000}, ensure_ascii=False))
        assert await client.closed_with() == 1009


# ------------------------------------------------------------------------------------------------------- streams

STREAM_NAMES = [
    "", " ", ".", "@", "trade", "trade.", "trade.@", "trade..SOL_USDC", "trade.SOL_USDC.", "trade.SOL USDC",
    "TRADE.A_B", "trade.SOL_USDC\x00", "trade.SOL_USDC\r\nx", "trade.../../etc", "trade.<script>", "trade.ＳＯＬ_USDC",
    "trade." + "S" * 41, "x" * 10_000, "kline.SOL_USDC", "kline.1y.SOL_USDC", "kline.1m", "kline@SOL_USDC", "depth",
    "checksum", "heartbeat", "account", "accounts.orderUpdate", "{{7*7}}", "'; --", "\u202etrade.SOL_USDC",
    "checksum@SOL_USDC", "auction@SOL_USDC",
]  # fmt: skip


@pytest.fixture
async def streams() -> Any:
    from marketdata.hub import close_market_hub
    from trading.user_hub import close_user_hub

    async with Client() as client:
        yield client
        await client.say("UNSUBSCRIBE", "trade.SOL_USDC")
        assert await client.silent()
    await close_market_hub()
    await close_user_hub()


@pytest.mark.parametrize("name", STREAM_NAMES, ids=lambda name: repr(name)[:24])
async def test_stream_names(streams: Client, name: str) -> None:
    await streams.say("SUBSCRIBE", name)
    assert await streams.hear_error() == (4003 if name.startswith("account.") else 4006)
    await streams.say("UNSUBSCRIBE", name)


@pytest.mark.parametrize("window", ["", "0ms", "100ms", "200", "200 ms", "1s", "x"])
async def test_windows(streams: Client, window: str) -> None:
    for kind in ("depth", "checksum"):
        await streams.say("SUBSCRIBE", f"{kind}.{window}.SOL_USDC")
        assert await streams.hear_error() == 4008


@pytest.mark.parametrize("name", [name for name, body in BODIES.items() if 0 < len(body) <= 16_384])
async def test_commands_that_are_none(streams: Client, name: str) -> None:
    await streams.wire.send_to(text_data=BODIES[name].decode("utf-8", "replace"))
    assert await streams.hear_error() == 4002


@pytest.mark.parametrize(
    "params", [None, {}, "trade.SOL_USDC", 7, [7], [None], [[]], [{}], [True], ["trade.SOL_USDC", 1]]
)
async def test_params_that_are_no_names(streams: Client, params: Any) -> None:
    for method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        await streams.wire.send_to(text_data=json.dumps({"method": method, "params": params}))
        assert await streams.hear_error() == 4002


@pytest.mark.parametrize(
    "signature",
    [None, "", [], {}, 7, ["a"] * 3, ["a"] * 5, [1] * 4, [None] * 4, ["a", "b", "1", "x"], ["a", "b", "-1", "5000"],
     ["A" * 44, "A" * 88, "1750000000000", "5000"], ["\ud83d", "b", "1750000000000", "5000"]],
)  # fmt: skip
async def test_private_streams_without_a_proof(
    streams: Client, signature: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_store.store, "cached", lambda _: (True, None))
    await streams.say("SUBSCRIBE", "account.orderUpdate", "account.balanceUpdate", signature=signature)
    assert await streams.hear_error() in (4002, 4003)


async def test_the_same_stream_a_thousand_times(streams: Client) -> None:
    await streams.say("SUBSCRIBE", *["trade.SOL_USDC"] * 900)
    await streams.say("SUBSCRIBE", *["trade@SOL_USDC", "trade.SOL_USDC"] * 400)
    assert await streams.silent()
