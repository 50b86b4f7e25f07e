"""The description of the API is true: requests made from it get documented answers, and no input makes the server fail.

schemathesis makes the requests, good ones and broken ones; a running exchange answers them, to strangers and to a
trader whose every request is signed, whatever its form.
"""

import time
from base64 import b64encode
from collections.abc import Callable
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
EMAIL, PASSWORD = "schema@example.org", "correct horse battery staple"
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    print_blob=True,
)


@pytest.fixture(scope="session")
def trader(exchange: RunningExchange) -> "Signing":
    exchange.manage("create_user", EMAIL, "--password", PASSWORD, "--rate-tier", "load test")
    exchange.manage("fund", EMAIL, "USDC", "100000")
    signing = Signing()
    scopes = "read,trade,withdraw"
    exchange.manage("create_api_key", EMAIL, "--public-key", signing.public_key, "--scopes", scopes)
    return signing


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
