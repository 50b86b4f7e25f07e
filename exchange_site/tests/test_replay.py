"""S12: a signed withdrawal counts once; a signed order may be sent again, as the public API has it."""

import json
from typing import Any

import pytest

from accounts.api import replay
from exchange_site.tests.api_rig import LIMIT_ORDER, Trader, ask, assert_refused

PATH = "/wapi/v1/capital/withdrawals"
WISH = {"address": "nowhere", "blockchain": "Nochain", "quantity": "1", "symbol": "SOL"}


@pytest.fixture
def spender(market: Any) -> Trader:
    return Trader("spender@example.org", 51, can_withdraw=True)


@pytest.fixture(autouse=True)
def _fresh_connection() -> Any:
    replay.forget_connection()
    yield
    replay.forget_connection()


async def test_a_withdrawal_is_not_made_of_the_same_signature_twice(site: None, spender: Trader) -> None:
    content = json.dumps(WISH).encode()
    headers = spender.headers("POST", PATH, {}, content)
    first = await ask("POST", PATH, content=content, headers=headers)
    assert first.status_code != 401, first.text
    again = await ask("POST", PATH, content=content, headers=headers)
    assert assert_refused(again, 401, "UNAUTHORIZED")["message"].startswith("This signed request has been used")
    spelled = headers["X-Signature"]
    other = spelled[:-3] + chr(ord(spelled[-3]) + 1) + "=="  # The same bytes: two bits of the last letter say nothing.
    respelled = await ask("POST", PATH, content=content, headers={**headers, "X-Signature": other})
    assert respelled.status_code == 401
    fresh = spender.headers("POST", PATH, {}, content)
    if fresh["X-Timestamp"] != headers["X-Timestamp"]:
        assert (await ask("POST", PATH, content=content, headers=fresh)).status_code == first.status_code


async def test_a_forged_one_uses_nothing_up(site: None, spender: Trader) -> None:
    content = json.dumps(WISH).encode()
    headers = spender.headers("POST", PATH, {}, content)
    assert_refused(
        await ask("POST", PATH, content=content.replace(b"nowhere", b"thither"), headers=headers),
        401,
        "INVALID_SIGNATURE",
    )
    assert (await ask("POST", PATH, content=content, headers=headers)).status_code != 401


async def test_without_the_store_nothing_leaves(site: None, spender: Trader, settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_FAN_URL = "redis://127.0.0.1:1/0"
    refused = await spender.ask("POST", PATH, WISH)
    assert assert_refused(refused, 503, "MAINTENANCE")["executed"] is False


async def test_an_order_may_be_sent_again(site: None, alice: Trader) -> None:
    content = json.dumps(LIMIT_ORDER).encode()
    headers = alice.headers("POST", "/api/v1/order", {}, content)
    ids = [(await ask("POST", "/api/v1/order", content=content, headers=headers)).json()["id"] for _ in range(2)]
    assert ids[0] != ids[1]
