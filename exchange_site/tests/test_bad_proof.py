"""Every private route against everything that is wrong with a signature, in the order of checks of the public API."""

import base64
import time
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiKey
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.openapi.operations import OPERATIONS, PUBLIC
from exchange_site.tests import api_rig
from exchange_site.tests.api_rig import Signer, Trader, ask
from matching.tests.fake_engine import FakeEngine
from trading.api import freshness

PRIVATE = sorted(
    (method, path.replace("{order_id}", "1")) for (method, path), it in OPERATIONS.items() if it.access != PUBLIC
)
UNSIGNED = {  # They never show or do anything, so a key is enough; clients do not agree on what to sign there.
    (method, path.replace("{order_id}", "1"))
    for (method, path), it in OPERATIONS.items()
    if it.tag == "Others" and it.access != PUBLIC
}
SIGNED = sorted(set(PRIVATE) - UNSIGNED)
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493  # Of Ed25519.
MINUTE_MS = 60_000

NOBODY, FORGED, BAD = (401, "UNAUTHORIZED"), (401, "INVALID_SIGNATURE"), (400, "INVALID_CLIENT_REQUEST")
Change = dict[str, str]


@pytest.fixture(autouse=True)
def _no_writer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "WAIT_S", 0)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def headers_that_are_wrong() -> dict[str, tuple[Change, tuple[int, str]]]:
    """By name: what stands in which header, and the answer. An empty one counts as missing."""
    second, ms = str(now_ms() // 1000), now_ms()
    return {
        "no key": ({"X-API-Key": ""}, NOBODY),
        "no signature": ({"X-Signature": ""}, NOBODY),
        "no timestamp": ({"X-Timestamp": ""}, NOBODY),
        "no key, and a bad window": ({"X-API-Key": "", "X-Window": "0"}, NOBODY),
        "timestamp as a fraction": ({"X-Timestamp": f"{second}.5"}, BAD),
        "timestamp below zero": ({"X-Timestamp": f"-{ms}"}, BAD),
        "timestamp in words": ({"X-Timestamp": "now"}, BAD),
        "timestamp with a blank": ({"X-Timestamp": f"{ms} 1"}, BAD),
        "timestamp of 17 digits": ({"X-Timestamp": "9" * 17}, BAD),
        "timestamp with an exponent": ({"X-Timestamp": "1e12"}, BAD),
        "window of nothing": ({"X-Window": "0"}, BAD),
        "window below zero": ({"X-Window": "-1"}, BAD),
        "window too wide": ({"X-Window": "60001"}, BAD),
        "window as a fraction": ({"X-Window": "5000.0"}, BAD),
        "window in words": ({"X-Window": "x"}, BAD),
        "bad window of an unknown key": ({"X-Window": "0", "X-API-Key": Signer(98).public_key}, BAD),
        "unknown key": ({"X-API-Key": Signer(98).public_key}, NOBODY),
        "unknown key, long ago": ({"X-API-Key": Signer(98).public_key, "X-Timestamp": "1"}, NOBODY),
        "key that is none": ({"X-API-Key": "AAAA"}, NOBODY),
        "key without padding": ({"X-API-Key": Signer(1).public_key.rstrip("=")}, NOBODY),
        "the identity point": ({"X-API-Key": base64.b64encode(b"\x01" + bytes(31)).decode()}, NOBODY),
        "seconds for milliseconds": ({"X-Timestamp": second}, BAD),
        "a minute ago": ({"X-Timestamp": str(ms - MINUTE_MS - 1000), "X-Window": "60000"}, BAD),
        "a minute ahead": ({"X-Timestamp": str(ms + MINUTE_MS + 9000), "X-Window": "60000"}, BAD),
        "too old for its window": ({"X-Timestamp": str(ms - 1500), "X-Window": "1000"}, BAD),
        "old, and forged": ({"X-Timestamp": "1", "X-Signature": "A" * 86 + "=="}, BAD),
    }


def signatures_that_are_wrong(honest: str) -> dict[str, Change]:
    raw = base64.b64decode(honest)
    malleable = raw[:32] + (int.from_bytes(raw[32:], "little") + GROUP_ORDER).to_bytes(33, "little")[:32]
    return {
        name: {"X-Signature": signature if isinstance(signature, str) else base64.b64encode(signature).decode()}
        for name, signature in {
            "no base64": "?" * 88, "hex": raw.hex(), "63 bytes": raw[:-1], "65 bytes": raw + b"\0",
            "zeros": bytes(64), "one bit": bytes([raw[0] ^ 1]) + raw[1:], "S + L": malleable,
            "of something else": Signer(1).secret.sign(b"instruction=other&timestamp=1&window=5000"),
            "of somebody else": Signer(97).secret.sign(b"x"),
        }.items()
    }  # fmt: skip


def found(answer: Any) -> tuple[int, str]:
    return (answer.status_code, answer.json()["code"])


def body_of(method: str) -> Any:
    return None if method == "GET" else {}


async def test_headers(site: None, alice: Trader, engine: FakeEngine) -> None:
    wrong = []
    for method, path in PRIVATE:
        for name, (change, expected) in headers_that_are_wrong().items():
            answer = await alice.ask(method, path, body_of(method), headers=change)
            if found(answer) != expected:
                wrong.append((method, path, name, found(answer)))
    assert not wrong
    assert engine.seen == []


async def test_signatures(site: None, alice: Trader, engine: FakeEngine) -> None:
    wrong = []
    for method, path in SIGNED:
        content = b"" if method == "GET" else b"{}"
        honest = alice.headers(method, path, {}, content)["X-Signature"]
        for name, change in signatures_that_are_wrong(honest).items():
            answer = await alice.ask(method, path, body_of(method), headers=change)
            if found(answer) != FORGED:
                wrong.append((method, path, name, found(answer)))
    assert not wrong
    assert engine.seen == []


async def test_what_was_not_signed_is_not_believed(site: None, alice: Trader, engine: FakeEngine) -> None:
    """Another body, another query, another route; and a bad signature is told before a bad parameter."""
    wrong = []
    for method, path in SIGNED:
        headers = alice.headers(method, path, {}, b"" if method == "GET" else b"{}")
        for target, body in ((path, b'{"symbol":"X"}'), (f"{path}?symbol=X", b"{}"), (f"{path}?limit=0", b"{}")):
            if method == "GET" and "?" not in target:
                continue
            answer = await ask(method, target, content=b"" if method == "GET" else body, headers=headers)
            if found(answer) != FORGED:
                wrong.append((method, target, found(answer)))
    assert not wrong
    assert engine.seen == []


async def test_keys_that_no_longer_count(site: None, alice: Trader, engine: FakeEngine) -> None:
    """Revoked, expired, of somebody who was shut out: nobody. Shown from another address than its list: forbidden."""
    wrong = []
    now = timezone.now()
    for name, change, expected in (
        ("revoked", {"revoked_at": now}, NOBODY),
        ("expired", {"expires_at": now}, NOBODY),
        ("elsewhere", {"ip_list": "192.0.2.0/24"}, (403, "FORBIDDEN")),
    ):
        whole: dict[str, Any] = {"revoked_at": None, "expires_at": None, "ip_list": "", **change}
        await in_db_thread(lambda whole=whole: ApiKey.objects.filter(pk=alice.key.pk).update(**whole))
        api_rig.forget_caches()
        for method, path in PRIVATE:
            answer = await alice.ask(method, path, body_of(method))
            if found(answer) != expected:
                wrong.append((name, method, path, found(answer)))
    assert not wrong
    assert engine.seen == []
