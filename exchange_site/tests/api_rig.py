"""The site's ASGI application with people, keys and a market in the database and an engine behind it, for API tests."""

import base64
import json
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.api import proof
from accounts.models import Account, ApiKey, User
from accounts.signing import key_store
from accounts.signing.canonical import signed_strings
from accounts.signing.instructions import instruction_of
from accounts.signing.verify import request_groups
from exchange_site.asgi import application
from exchange_site.kernel import strict_json
from marketdata import live_specs, selectors
from marketdata.models import Asset, Market

BASE_URL = "http://testserver"
LIMIT_ORDER = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "price": "20.15", "quantity": "0.5"}


def forget_caches() -> None:
    live_specs.forget()
    selectors._specs = (0.0, {})
    key_store.store.forget()
    proof.forget_sessions()


def make_market() -> Market:
    """SOL_USDC as the engine of the tests lists it: tick 0.01, step 0.01."""
    sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    usdc = Asset.objects.create(symbol="USDC", name="USD Coin", decimals=6, blockchain="Solana")
    cent = Decimal("0.01")
    return Market.objects.create(
        symbol="SOL_USDC", base=sol, quote=usdc, tick_size=cent, step_size=cent, min_quantity=cent, listed=True
    )


Query = Mapping[str, str] | list[tuple[str, str]]


def pairs_of(query: Query) -> list[tuple[str, str]]:
    return query if isinstance(query, list) else list(query.items())


class Signer:
    """Signs requests with a key, whether or not anybody knows it."""

    window_ms = "5000"  # As where none is named. A test that asks many things at once takes a longer one.

    def __init__(self, number: int) -> None:
        self.secret = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        raw = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = base64.b64encode(raw).decode()

    def headers(self, method: str, path: str, query: Query, body: bytes, **changes: str) -> dict[str, str]:
        """The four headers; `changes` replace what would be honest."""
        timestamp, window = str(time.time_ns() // 1_000_000), self.window_ms
        try:
            parsed = strict_json.loads(body) if body else None
        except strict_json.InvalidJson:
            parsed = None  # It cannot be signed, and must not matter: it is refused before the signature.
        groups = request_groups(instruction_of(method, path) or "", pairs_of(query), parsed)
        text = next(iter(signed_strings(groups, timestamp, window)))
        return {
            "X-API-Key": self.public_key,
            "X-Signature": base64.b64encode(self.secret.sign(text)).decode(),
            "X-Timestamp": timestamp,
            "X-Window": window,
            **changes,
        }

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One signed request; `body` is encoded unless it is bytes already."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        signed = self.headers(method, path, query or {}, content, **(headers or {}))
        return await ask(
            method, path, content=content, params=None if query is None else pairs_of(query), headers=signed
        )


class Trader(Signer):
    """A user with an account and a key."""

    def __init__(self, email: str, number: int, **scopes: bool) -> None:
        super().__init__(number)
        self.user = User.objects.create_user(email, "a long enough password")
        self.account, _ = Account.objects.get_or_create(user=self.user)
        self.key = ApiKey.objects.create(
            account=self.account, public_key=self.public_key, **{"can_read": True, "can_trade": True, **scopes}
        )


async def ask(
    method: str, path: str, *, cookies: Any = None, client: tuple[str, int] = ("127.0.0.1", 123), **request: Any
) -> httpx.Response:
    """One request to the whole site, in process; `client` is the address it seems to come from."""
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=True, client=client)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies=cookies) as browser:
        return await browser.request(method, path, **request)


def assert_refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """A failure in the one shape of the API: JSON with code and message, whatever went wrong."""
    assert response.headers["content-type"] == "application/json; charset=utf-8", response.text[:200]
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert body["message"]
    assert body["message"] != body["code"]
    return body
