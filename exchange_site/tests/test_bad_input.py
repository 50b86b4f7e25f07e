"""The bad-input catalogue on the order endpoint: 4xx with a code, never 500, and nothing reaches the engine.

No database and no engine take part: the key and the market are known to the caches, and asking for either fails.
"""

import json
import math
from decimal import Decimal
from typing import Any, NoReturn

import pytest

from accounts.principal import Principal
from accounts.signing import key_store
from accounts.signing.key_store import KnownKey
from exchange_site.tests.api_rig import LIMIT_ORDER, Signer, ask, assert_refused
from marketdata import live_specs
from matching.client import gateway
from matching.symbols import AssetSpec, market_spec

SPEC = market_spec(
    "SOL_USDC", AssetSpec("SOL", 9), AssetSpec("USDC", 6), Decimal("0.01"), Decimal("0.01"), Decimal("0.01")
)


@pytest.fixture
async def trader(monkeypatch: pytest.MonkeyPatch) -> Any:
    signer = Signer(9)
    known = KnownKey(Principal(1, 1), signer.secret.public_key().public_bytes_raw(), None, math.inf)
    monkeypatch.setattr(key_store.store, "_kept", {signer.public_key: (math.inf, known)})
    monkeypatch.setattr(live_specs, "_known", {"SOL_USDC": SPEC})
    monkeypatch.setattr(live_specs, "_read_at", math.inf)
    yield signer
    await gateway.close_shared()


@pytest.fixture(autouse=True)
def _nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: object, **__: object) -> NoReturn:
        pytest.fail("A bad order reached the gateway.")

    monkeypatch.setattr(gateway.EngineGateway, "send", send)
    monkeypatch.setattr(gateway.EngineGateway, "send_many", send)


NUMBERS = {
    "NaN": "NaN", "sNaN": "sNaN", "Infinity": "Infinity", "1e400": "1e400", "1E+1000000": "1E+1000000", "-1": "-1",
    "-0": "-0", "0": "0", "0.0": "0.0", "off the grid": "20.155", "one unit beyond scale": "0.0000000000001",
    "2^53+1 off the grid": "9007199254740993.001", "10^30": "1" + "0" * 30, "5,000 digits": "9" * 5000,
    "5,000 decimals": "0." + "0" * 4999 + "1", "1_0": "1_0", "full width": "１２", "arabic": "١٢", "hex": "0x10",
    "empty": "", "blank": " 1 ", "+1": "+1", "1e5": "1e5", ".5": ".5", "5.": "5.", "leading zero": "01", "comma": "1,5",
    "true": True, "list": [1], "object": {"a": 1}, "NUL": "1\x00", "newline": "1\n", "script": "<script>",
    "percent": "50%",
}  # fmt: skip
RAW_NUMBERS = ["1e400", "1E+1000000", "1e5", "-1", "-0", "0", "0.0", "20.155", "1" + "0" * 30, "9" * 5000, "1e-9"]


@pytest.mark.parametrize("member", ["price", "quantity"])
@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS.keys())
async def test_numbers(trader: Signer, member: str, value: Any) -> None:
    response = await trader.ask("POST", "/api/v1/order", {**LIMIT_ORDER, member: value})
    assert_refused(response, 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS.keys())
async def test_quote_amounts(trader: Signer, value: Any) -> None:
    order = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Market", "quoteQuantity": value}
    if value == "20.155":
        pytest.skip("A quote amount has the asset's decimals, not the tick's.")
    assert_refused(await trader.ask("POST", "/api/v1/order", order), 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("member", ["price", "quantity"])
@pytest.mark.parametrize("digits", RAW_NUMBERS, ids=lambda digits: digits[:12])
async def test_json_numbers(trader: Signer, member: str, digits: str) -> None:
    body = json.dumps({**LIMIT_ORDER, member: "@"}).replace('"@"', digits).encode()
    assert_refused(await trader.ask("POST", "/api/v1/order", body), 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize(("price", "quantity"), [("999999999999999", "999999999999999"), ("0.01", "99999999999999999")])
async def test_products_that_overflow(trader: Signer, price: str, quantity: str) -> None:
    order = {**LIMIT_ORDER, "price": price, "quantity": quantity}
    assert_refused(await trader.ask("POST", "/api/v1/order", order), 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("value", [-1, 4294967296, 1.5, "x", "", " 7", "7.0", True, [], {}, "１", 10**30])
async def test_client_ids(trader: Signer, value: Any) -> None:
    order = {**LIMIT_ORDER, "clientId": value}
    assert_refused(await trader.ask("POST", "/api/v1/order", order), 400, "INVALID_CLIENT_REQUEST")


WORDS = [
    "",
    "limit",
    "LIMIT",
    7,
    True,
    [],
    {},
    None,
    "x" * 10_000,
    "Limit\x00",
    "Ｌimit",
    "\u202eLimit",
    "<script>",
    "'; --",
]


@pytest.mark.parametrize("member", ["side", "orderType", "timeInForce", "selfTradePrevention", "symbol", "postOnly"])
@pytest.mark.parametrize("value", WORDS, ids=lambda value: str(value)[:8])
async def test_words(trader: Signer, member: str, value: Any) -> None:
    if member == "postOnly" and value is True:
        pytest.skip("That is what postOnly may be.")
    if value is None and member not in ("side", "orderType", "symbol"):
        pytest.skip("Null means absent, and there is a default.")
    code = "INVALID_SYMBOL" if member == "symbol" and isinstance(value, str) else "INVALID_CLIENT_REQUEST"
    assert_refused(await trader.ask("POST", "/api/v1/order", {**LIMIT_ORDER, member: value}), 400, code)


BODIES = {
    "array": b"[]", "array of an order": json.dumps([LIMIT_ORDER]).encode(), "string": b'"x"', "number": b"7",
    "null": b"null", "true": b"true", "empty": b"", "blank": b" ", "object without members": b"{}",
    "cut": json.dumps(LIMIT_ORDER).encode()[:-1], "trailing bytes": json.dumps(LIMIT_ORDER).encode() + b"x",
    "duplicate member": b'{"symbol":"SOL_USDC","symbol":"SOL_USDC"}', "BOM": b"\xef\xbb\xbf" + b"{}",
    "UTF-16": json.dumps(LIMIT_ORDER).encode("utf-16"), "bad UTF-8": b'{"symbol":"\xff"}',
    "lone surrogate": b'{"symbol":"\\ud800"}', "NaN": b'{"symbol":NaN}', "60 KB of [": b"[" * 60_000,
    "1000-deep object": b'{"a":' * 1000 + b"1" + b"}" * 1000, "form": b"symbol=SOL_USDC&side=Bid",
    "XML": b"<order/>", "zero bytes": b"\x00" * 100,
}  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_json(trader: Signer, method: str, body: bytes) -> None:
    assert_refused(await trader.ask(method, "/api/v1/order", body), 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("path", ["/api/v1/orders"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("name", [name for name in BODIES if name != "array of an order"])
async def test_json_of_several_orders(trader: Signer, method: str, path: str, name: str) -> None:
    assert_refused(await trader.ask(method, path, BODIES[name]), 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize(
    ("ref", "status", "code"),
    [
        ({}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "1", "clientId": 1}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "x"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "-1"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "1.0"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "../1"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "0"}, 404, "RESOURCE_NOT_FOUND"),
        ({"orderId": str(2**63)}, 404, "RESOURCE_NOT_FOUND"),
        ({"orderId": 10**30}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderId": "1", "symbol": "DOGE_USDC"}, 400, "INVALID_SYMBOL"),
        ({"orderId": "1", "symbol": None}, 400, "INVALID_CLIENT_REQUEST"),
    ],
)
async def test_cancelling_what_cannot_be(trader: Signer, ref: dict[str, Any], status: int, code: str) -> None:
    assert_refused(await trader.ask("DELETE", "/api/v1/order", {"symbol": "SOL_USDC", **ref}), status, code)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 65, "ключ".encode(), "a\x7f"])
async def test_idempotency_keys(trader: Signer, key: Any) -> None:
    response = await trader.ask("POST", "/api/v1/order", LIMIT_ORDER, headers={"Idempotency-Key": key})
    assert_refused(response, 400, "INVALID_CLIENT_REQUEST")


async def test_a_body_one_byte_too_long(trader: Signer) -> None:
    body = b'{"symbol":"' + b"x" * (64 * 1024 - 12) + b'"}'
    assert len(body) == 64 * 1024 + 1
    assert_refused(await trader.ask("POST", "/api/v1/order", body), 413, "INVALID_CLIENT_REQUEST")


async def test_a_body_that_grows_too_long(trader: Signer) -> None:
    """Chunked: no Content-Length gives it away."""

    async def chunks() -> Any:
        for _ in range(100):
            yield b" " * 1024

    response = await ask("POST", "/api/v1/order", content=chunks(), headers=trader.headers("POST", "/", {}, b""))
    assert_refused(response, 413, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "9" * 30, "１"])
async def test_a_content_length_that_is_none(trader: Signer, length: str) -> None:
    headers = trader.headers("POST", "/api/v1/order", {}, b"") | {"Content-Length": length.encode()}  # type: ignore[operator]
    assert_refused(await ask("POST", "/api/v1/order", headers=headers), 400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/json; charset=utf-16", ""])
async def test_the_content_type_does_not_matter(trader: Signer, content_type: str) -> None:
    body = json.dumps({**LIMIT_ORDER, "price": "0"}).encode()
    headers = trader.headers("POST", "/api/v1/order", {}, body) | {"Content-Type": content_type}
    response = await ask("POST", "/api/v1/order", content=body, headers=headers)
    assert assert_refused(response, 400, "INVALID_CLIENT_REQUEST")["message"] == "Price must be above zero"
