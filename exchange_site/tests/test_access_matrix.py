"""S16: every described route as anonymous, reader, trader and a stranger with somebody else's signature."""

from typing import Any

import pytest

from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.openapi.operations import OPERATIONS, PUBLIC
from exchange_site.tests.api_rig import Signer, Trader, ask
from trading.api import freshness

PRIVATE = sorted(key for key, known in OPERATIONS.items() if known.access != PUBLIC)
OPEN = sorted(key for key, known in OPERATIONS.items() if known.access == PUBLIC)
CHANGES_WITH_A_READING_KEY = {("PATCH", "/api/v1/account")}  # Has no effect; clients send it with any key.
NO_SCOPE = {501}  # What is not supported is not supported for anybody.


@pytest.fixture(autouse=True)
def _no_writer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "WAIT_S", 0)


def concrete(path: str) -> str:
    return path.replace("{symbol}", "SOL_USDC").replace("{order_id}", "1")


async def _make(email: str, number: int, **scopes: bool) -> Trader:
    return await in_db_thread(lambda: Trader(email, number, **scopes))


async def test_a_private_route_answers_nobody_without_a_proof(site: None, alice: Trader) -> None:
    wrong = []
    for method, path in PRIVATE:
        target = concrete(path)
        for headers in ({}, {"X-API-Key": alice.public_key}, {"Cookie": "sessionid=" + "x" * 32}):
            answer = await ask(method, target, headers=headers)
            if (answer.status_code, answer.json()["code"]) != (401, "UNAUTHORIZED"):
                wrong.append((method, target, headers, answer.status_code))
        stranger = await Signer(99).ask(method, target)
        if stranger.status_code != 401:
            wrong.append((method, target, "unknown key", stranger.status_code))
    assert not wrong


async def test_a_reading_key_changes_nothing_and_a_trading_key_reads_only_if_it_may(site: None, market: Any) -> None:
    reader = await _make("reader@example.org", 61, can_trade=False)
    blind = await _make("blind@example.org", 62, can_read=False)
    wrong = []
    for method, path in PRIVATE:
        body = None if method == "GET" else {}
        for who, allowed in ((reader, method == "GET"), (blind, method != "GET")):
            answer = await who.ask(method, concrete(path), body)
            forbidden = answer.status_code == 403
            if (method, path) in CHANGES_WITH_A_READING_KEY or answer.status_code in NO_SCOPE:
                continue
            if forbidden == allowed and not (who is blind and OPERATIONS[method, path].tag != "Orders"):
                wrong.append((method, path, who.user.email, answer.status_code, answer.text[:80]))
            if answer.status_code >= 500 or answer.status_code == 401:
                wrong.append((method, path, who.user.email, answer.status_code, answer.text[:80]))
    assert not wrong


@pytest.mark.parametrize(("method", "path"), OPEN)
async def test_a_public_route_asks_nobody_who_they_are(site: None, market: Any, method: str, path: str) -> None:
    if path in {"/api/v1/depth", "/api/v1/ticker", "/api/v1/tickers", "/api/v1/trades", "/api/v1/market-data",
                "/api/v1/auction"}:  # fmt: skip
        pytest.skip("Needs a market feed; tests of both lanes ask it.")
    answer = await ask(method, concrete(path), headers={"X-API-Key": "nonsense", "X-Signature": "?"})
    assert answer.status_code in (200, 400)
