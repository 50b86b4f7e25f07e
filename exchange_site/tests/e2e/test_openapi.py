"""The description of the API is true: requests made from it get documented answers, and no input makes the server fail.

schemathesis makes the requests, good ones and broken ones; a running exchange answers them: to strangers, to a trader
whose every request is signed, whatever its form, and to another one who always asks for the first one's order.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.signing.canonical import signed_strings
from accounts.signing.instructions import instruction_of
from accounts.signing.verify import request_groups
from exchange_site.kernel import strict_json
from exchange_site.openapi.schema import whole_schema
from exchange_site.tests.e2e.running import RunningExchange

EXAMPLES = 6
KNOWN_FAILURES = {501, 503, 504}  # Refusals with a meaning of their own; 500 is never one.
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
EMAIL, OTHER, PASSWORD = "schema@example.org", "other-schema@example.org", "correct horse battery staple"
CLIENT_ID = 4_000_000_001
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    print_blob=True,
)


def signing_trader(exchange: RunningExchange, email: str) -> "Signing":
    signing = Signing()
    scopes = "read,trade,withdraw"
    exchange.manage_all(
        ("create_user", email, "--password", PASSWORD, "--rate-tier", "load test"),
        ("fund", email, "USDC", "100000"),
        ("create_api_key", email, "--public-key", signing.public_key, "--scopes", scopes),
    )
    return signing


@pytest.fixture(scope="session")
def trader(exchange: RunningExchange) -> "Signing":
    return signing_trader(exchange, EMAIL)


@pytest.fixture(scope="session")
def other(exchange: RunningExchange) -> "Signing":
    return signing_trader(exchange, OTHER)


@pytest.fixture
def order_id(exchange: RunningExchange, trader: "Signing") -> Iterator[str]:
    """An open order of the first trader, which is still open and unchanged when the test is over."""
    wish = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "price": "1", "quantity": "1"}
    url = f"{exchange.url}/api/v1/order"
    off = requests.post(f"{exchange.url}/api/v1/cancelAfter", json={"seconds": 0}, auth=trader, timeout=20)
    assert off.json() == {"cancelAt": None}  # What an earlier test set would cancel the order.
    placed = requests.post(url, json={**wish, "clientId": CLIENT_ID}, auth=trader, timeout=20).json()
    by_id = {"symbol": "SOL_USDC", "orderId": placed["id"]}
    yield placed["id"]
    assert requests.get(url, params=by_id, auth=trader, timeout=20).json() == placed
    assert requests.delete(url, json=by_id, auth=trader, timeout=20).json()["status"] == "Cancelled"


class Signing(requests.auth.AuthBase):
    """Signs a request as it leaves, whatever a generator has put into it."""

    def __init__(self) -> None:
        self._secret = Ed25519PrivateKey.generate()
        self.public_key = b64encode(self._secret.public_key().public_bytes_raw()).decode()

    def __call__(self, request: Any) -> Any:
        parts = urlsplit(request.url)
        content = request.body.encode() if isinstance(request.body, str) else request.body or b""
        try:
            body = strict_json.loads(content) if content.strip() and request.method != "GET" else None
        except strict_json.InvalidJson:
            body = None  # It is refused before the signature.
        instruction = instruction_of(request.method, unquote(parts.path)) or ""
        groups = request_groups(instruction, parse_qsl(parts.query, keep_blank_values=True), body)
        timestamp, window = str(time.time_ns() // 1_000_000), "60000"
        text = next(iter(signed_strings(groups, timestamp, window)))
        request.headers.update(
            {
                "X-API-Key": self.public_key,
                "X-Signature": b64encode(self._secret.sign(text)).decode(),
                "X-Timestamp": timestamp,
                "X-Window": window,
            }
        )
        return request


def judge(case: Any, response: Any) -> None:
    case.validate_response(response, checks=CHECKS)
    if response.status_code not in KNOWN_FAILURES:
        case.validate_response(response, checks=[not_a_server_error])
    assert "x-ratelimit-limit" in response.headers


def has_input(operation: Any) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters)


SCHEMA = schemathesis.openapi.from_dict(whole_schema())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
GOOD, BROKEN = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.name.lower()}")
    for operation in OPERATIONS
    for mode in ((GOOD, BROKEN) if has_input(operation) else (GOOD,))
]


def try_out(operation: Any, mode: GenerationMode, attempt: Callable[[Any], None]) -> None:
    """Some requests made from the operation's description, the same ones each time."""
    strategy = operation.as_strategy(generation_mode=mode)
    given(case=strategy)(BOUNDED(lambda case: attempt(case)))()


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_strangers(operation: Any, mode: GenerationMode, exchange: RunningExchange) -> None:
    def attempt(case: Any) -> None:
        response = case.call(base_url=exchange.url)
        judge(case, response)
        if operation.definition.raw.get("security"):
            assert response.status_code not in range(200, 300)

    try_out(operation, mode, attempt)


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_a_trader(operation: Any, mode: GenerationMode, exchange: RunningExchange, trader: "Signing") -> None:
    def attempt(case: Any) -> None:
        response = case.call(base_url=exchange.url, auth=trader)
        assert response.status_code != 401, response.text
        judge(case, response)

    try_out(operation, mode, attempt)


NAMES_AN_ORDER = [
    pytest.param(operation, id=operation.label)
    for operation in OPERATIONS
    if "order" in operation.path and operation.definition.raw.get("security")
]


@pytest.mark.parametrize("operation", NAMES_AN_ORDER)
def test_another_trader(
    operation: Any, exchange: RunningExchange, trader: "Signing", other: "Signing", order_id: str
) -> None:
    """Asks for an order that is not theirs, by each of its names: it is neither shown nor touched."""

    def attempt(case: Any, by: dict[str, Any]) -> None:
        for part in (case.query, case.body):
            if isinstance(part, dict):
                part.pop("orderId", None)
                part.pop("clientId", None)
                part.update({"symbol": "SOL_USDC", **by})
        if case.path_parameters and "order_id" in case.path_parameters:
            case.path_parameters["order_id"] = order_id
        response = case.call(base_url=exchange.url, auth=other)
        assert response.status_code != 401, response.text
        judge(case, response)
        assert f'"id":"{order_id}"' not in response.text

    for by in ({"orderId": order_id}, {"clientId": CLIENT_ID}):
        try_out(operation, GOOD, lambda case, by=by: attempt(case, by))
