"""Every member of every order-entry route, with every bad value of the catalogue, on both lanes: 400, a sentence, and
nothing reaches the engine. Neither a database nor an engine takes part."""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

from exchange_site.tests.api_rig import LIMIT_ORDER, Signer, assert_refused
from exchange_site.tests.bad_values import KINDS, code_for
from exchange_site.tests.test_bad_input import BODIES, _nothing_is_sent, trader
from exchange_site.tests.test_two_lanes import seen
from matching.client import gateway

__all__ = ["_nothing_is_sent", "trader"]

SYMBOL = {"symbol": "SOL_USDC"}
ONE = {**SYMBOL, "orderId": "1"}
MARKET = {**SYMBOL, "side": "Bid", "orderType": "Market", "quantity": "1"}
SLIPPING = {**MARKET, "slippageTolerance": "5", "slippageToleranceType": "TickSize"}
TRIGGER = {**LIMIT_ORDER, "quantity": None, "triggerPrice": "21", "triggerQuantity": "0.5"}
EXITS = {**LIMIT_ORDER, "stopLossTriggerPrice": "19", "takeProfitTriggerPrice": "25"}
ENDS = {**LIMIT_ORDER, "timeInForce": "GTD", "expireTime": 1_900_000_000_000}
FITS_A_QUOTE_AMOUNT = {"off the grid"}


@dataclass(frozen=True)
class Row:
    """A good body of a route, and the members of it that are spoilt one by one."""

    method: str
    path: str
    good: dict[str, Any]
    members: dict[str, str]
    required: tuple[str, ...] = ()
    among: tuple[Any, ...] | None = None  # The body is an array: of these and the good one.
    fits: set[str] = field(default_factory=set)  # What is bad elsewhere and good here.

    def body(self, order: dict[str, Any]) -> Any:
        return order if self.among is None else [*self.among, order]


_PLACED = {
    "symbol": "symbol", "side": "word", "orderType": "word", "price": "decimal", "quantity": "decimal",
    "timeInForce": "word", "postOnly": "flag", "selfTradePrevention": "word", "clientId": "client id",
}  # fmt: skip
_REF = {"symbol": "symbol", "orderId": "whole"}
_BASIC = ("symbol", "side", "orderType")

ROWS: dict[str, Row] = {
    "limit order": Row("POST", "/api/v1/order", LIMIT_ORDER, _PLACED, (*_BASIC, "price", "quantity")),
    "market order": Row("POST", "/api/v1/order", MARKET, {"quantity": "decimal", "price": "decimal"}, ("quantity",)),
    "market order by amount": Row(
        "POST", "/api/v1/order", {**MARKET, "quantity": None, "quoteQuantity": "10"}, {"quoteQuantity": "decimal"},
        ("quoteQuantity",), fits=FITS_A_QUOTE_AMOUNT,
    ),
    "slippage": Row(
        "POST", "/api/v1/order", SLIPPING, {"slippageTolerance": "decimal", "slippageToleranceType": "word"},
        ("slippageTolerance", "slippageToleranceType"),
    ),
    "trigger": Row(
        "POST", "/api/v1/order", TRIGGER,
        {"triggerPrice": "decimal", "triggerQuantity": "decimal", "triggerBy": "word"},
        ("triggerPrice", "triggerQuantity"),
    ),
    "trailing": Row("POST", "/api/v1/order", {**LIMIT_ORDER, "trailingDelta": "1"}, {"trailingDelta": "decimal"}),
    "exits": Row(
        "POST", "/api/v1/order", EXITS,
        {"stopLossTriggerPrice": "decimal", "stopLossLimitPrice": "decimal", "stopLossTriggerBy": "word",
         "takeProfitTriggerPrice": "decimal", "takeProfitLimitPrice": "decimal", "takeProfitTriggerBy": "word"},
    ),
    "end in time": Row("POST", "/api/v1/order", ENDS, {"expireTime": "whole"}, ("expireTime",)),
    "iceberg": Row("POST", "/api/v1/order", {**LIMIT_ORDER, "displayQuantity": "0.1"}, {"displayQuantity": "decimal"}),
    "amend": Row(
        "PATCH", "/api/v1/order", {**ONE, "price": "20", "quantity": "1", "triggerPrice": "21"},
        {**_REF, "price": "decimal", "quantity": "decimal", "triggerPrice": "decimal"}, ("symbol", "orderId"),
    ),
    "cancel": Row("DELETE", "/api/v1/order", ONE, _REF, ("symbol", "orderId")),
    "cancel by own id": Row("DELETE", "/api/v1/order", {**SYMBOL, "clientId": 7}, {"clientId": "client id"}),
    "batch": Row(
        "POST", "/api/v1/orders", LIMIT_ORDER, _PLACED, (*_BASIC, "price", "quantity"), among=(LIMIT_ORDER,)
    ),
    "cancel all": Row(
        "DELETE", "/api/v1/orders", SYMBOL, {"symbol": "symbol", "orderType": "word", "side": "word"}, ("symbol",)
    ),
    "pair": Row(
        "POST", "/api/v1/order/oco", LIMIT_ORDER, _PLACED, (*_BASIC, "price", "quantity"), among=(TRIGGER,)
    ),
    "dead man's switch": Row("POST", "/api/v1/cancelAfter", {"seconds": 60}, {"seconds": "whole"}, ("seconds",)),
}  # fmt: skip
MEMBERS = [
    pytest.param(row, member, kind, id=f"{name}: {member}")
    for name, row in ROWS.items()
    for member, kind in row.members.items()
]


class Lanes:
    """Asks on the fast lane and through DRF, and demands the same answer of both, to the byte."""

    def __init__(self, trader: Signer, settings: Any) -> None:
        self.trader = trader
        self._settings = settings

    async def ask(self, method: str, path: str, body: Any, **more: Any) -> Any:
        answers = []
        for self._settings.API_FAST_LANE in (True, False):
            answers.append(await self.trader.ask(method, path, body, **more))
        fast, drf = answers
        assert seen(fast) == seen(drf)
        return fast

    async def refusal(self, row: Row, body: Any, code: str) -> None:
        answer = assert_refused(await self.ask(row.method, row.path, body), 400, code)
        message = str(answer["message"])
        assert len(message) < 250
        assert "Error" not in message


@pytest.fixture
def lanes(trader: Signer, settings: Any) -> Lanes:
    return Lanes(trader, settings)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_what_is_spoilt_below_is_good(lanes: Lanes, monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    """It gets as far as the engine, which is away."""

    async def away(*_: object, **__: object) -> NoReturn:
        raise gateway.NotAdmitted(gateway.CLOSED)

    monkeypatch.setattr(gateway.EngineGateway, "send", away)
    assert_refused(await lanes.ask(row.method, row.path, row.body(row.good)), 503, "MAINTENANCE")


@pytest.mark.parametrize(("row", "member", "kind"), MEMBERS)
async def test_members(lanes: Lanes, row: Row, member: str, kind: str) -> None:
    wrong = {}
    for name, value in KINDS[kind].items():
        if name in row.fits or (member == "postOnly" and value is True):
            continue
        try:
            await lanes.refusal(row, row.body({**row.good, member: value}), code_for(kind, value))
        except AssertionError as error:
            wrong[name] = str(error).splitlines()[0]
    assert not wrong


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_members_that_are_missing(lanes: Lanes, row: Row) -> None:
    for member in row.required:
        for without in ({**row.good, member: None}, {key: row.good[key] for key in row.good if key != member}):
            await lanes.refusal(row, row.body(without), "INVALID_CLIENT_REQUEST")


ROUTES = sorted({(row.method, row.path, row.among is not None) for row in ROWS.values()})


@pytest.mark.parametrize(("method", "path", "array"), ROUTES)
async def test_bodies(lanes: Lanes, method: str, path: str, array: bool) -> None:
    wrong = {}
    for name, body in BODIES.items():
        if array and name == "array of an order" and path.endswith("s"):
            continue
        answer = await lanes.ask(method, path, body)
        if (answer.status_code, answer.json().get("code")) != (400, "INVALID_CLIENT_REQUEST"):
            wrong[name] = (answer.status_code, answer.text[:100])
    assert not wrong


DOUBLED = b'{"symbol":"SOL_USDC","side":"Bid","orderType":"Limit","price":"20","price":"21","quantity":"1"}'
DEEP = b'{"symbol":"SOL_USDC","x":' + b"[" * 17 + b"]" * 17 + b"}"


@pytest.mark.parametrize(("method", "path", "array"), ROUTES)
async def test_whole_requests(lanes: Lanes, method: str, path: str, array: bool) -> None:
    """Doubled members, nesting, sizes, lengths, keys and queries that no route takes."""

    async def tried(body: bytes, status: int, **more: Any) -> None:
        assert_refused(await lanes.ask(method, path, body, **more), status, "INVALID_CLIENT_REQUEST")

    good = b"[{}]" if array else b"{}"
    await tried(b"[" + DOUBLED + b"]" if array else DOUBLED, 400)
    await tried(b"[" + DEEP + b"]" if array else DEEP, 400)
    await tried(b" " * (64 * 1024) + good, 413)
    for length in (b"-1", b"x", b"1e3", b"9" * 30):
        await tried(good, 400, headers={"Content-Length": length})
    for key in ("", "a b", "x" * 65, "a\x7f", "a/b"):
        await tried(good, 400, headers={"Idempotency-Key": key})
    await tried(good, 400, query={f"a{i}": "1" for i in range(101)})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**LIMIT_ORDER, "price": "999999999999999", "quantity": "999999999999999"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "price": "0.01", "quantity": "99999999999999999"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "postOnly": True, "timeInForce": "IOC"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "postOnly": True, "timeInForce": "FOK"}, "INVALID_CLIENT_REQUEST"),
        ({**MARKET, "postOnly": True}, "INVALID_CLIENT_REQUEST"),
        ({**MARKET, "price": "20"}, "INVALID_CLIENT_REQUEST"),
        ({**MARKET, "quoteQuantity": "20"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "quoteQuantity": "20"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "timeInForce": "GTD"}, "INVALID_CLIENT_REQUEST"),
        ({**ENDS, "timeInForce": "GTC"}, "INVALID_CLIENT_REQUEST"),
        ({**ENDS, "expireTime": 2**63}, "INVALID_CLIENT_REQUEST"),
        ({**TRIGGER, "quantity": "0.4"}, "INVALID_CLIENT_REQUEST"),
        ({**TRIGGER, "triggerQuantity": "50%"}, "INVALID_CLIENT_REQUEST"),
        ({**TRIGGER, "trailingDelta": "1"}, "INVALID_CLIENT_REQUEST"),
        ({**TRIGGER, "triggerBy": "MarkPrice"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "stopLossLimitPrice": "19"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "displayQuantity": "0.5"}, "INVALID_CLIENT_REQUEST"),
        ({**SLIPPING, "orderType": "Limit", "price": "20"}, "INVALID_CLIENT_REQUEST"),
        ({**LIMIT_ORDER, "selfTradePrevention": "Allow"}, "INVALID_CLIENT_REQUEST"),
    ],
)
async def test_combinations(lanes: Lanes, body: dict[str, Any], code: str) -> None:
    """Members that are good alone, and mean nothing or too much together; in a batch as well."""
    await lanes.refusal(ROWS["limit order"], body, code)
    await lanes.refusal(ROWS["batch"], [LIMIT_ORDER, body], code)
