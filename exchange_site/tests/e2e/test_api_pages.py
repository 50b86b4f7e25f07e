"""The pages for people who write programs, in a real browser: the API described, and a key made in the browser."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import BrowserContext, Page, expect

from exchange_site.tests.e2e.axe import assert_accessible
from exchange_site.tests.e2e.bots import Bot
from exchange_site.tests.e2e.running import RunningExchange, wait_until
from exchange_site.tests.e2e.trading_page import PASSWORD, SLOW_MS

REVOKED_WITHIN_S = 5


@pytest.fixture
def page(exchange: RunningExchange, new_context: Callable[..., BrowserContext]) -> Page:
    opened = new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True).new_page()
    opened.set_default_timeout(SLOW_MS)
    return opened


def test_the_description_renders_under_the_strict_policy(exchange: RunningExchange, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if not _is_ours(request.url, exchange) else None)
    answer = page.goto(f"{exchange.url}/api/docs")
    assert answer is not None
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    expect(page.locator(".opblock").first).to_be_visible()
    operation = page.locator(".opblock", has_text="/api/v1/depth").first
    operation.click()
    expect(operation).to_contain_text("Both sides ascend by price")
    with urlopen(f"{exchange.url}/api/schema", timeout=10) as schema:  # noqa: S310 - our own address.
        described = json.load(schema)["paths"]
    assert page.locator(".opblock").count() == sum(len(methods) for methods in described.values())
    assert not complaints
    assert not foreign


def _is_ours(url: str, exchange: RunningExchange) -> bool:
    return url.startswith((exchange.url, "data:", "blob:"))


def test_a_key_made_in_the_browser_trades_until_it_is_revoked(
    exchange: RunningExchange, page: Page, tmp_path: Path
) -> None:
    exchange.manage_all(
        ("create_user", "keys@example.org", "--password", PASSWORD), ("fund", "keys@example.org", "USDC", "1000")
    )
    page.goto(f"{exchange.url}/accounts/login/?next=/account/keys")
    page.get_by_label("Email").fill("keys@example.org")
    page.locator("input[type=password]").first.fill(PASSWORD)
    page.locator("main form button").last.click()
    expect(page).to_have_url(re.compile("reauthenticate|/account/keys$"))
    if "reauthenticate" in page.url:
        page.locator("input[type=password]").first.fill(PASSWORD)
        page.locator("main form button").last.click()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.get_by_label("Name").fill("my bot")
    page.get_by_label("place and cancel orders").check()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Make a key and save its secret").click()
    file = tmp_path / "key.json"
    saved.value.save_as(file)
    pair = json.loads(file.read_text())
    expect(page.get_by_role("button", name="Register the key")).to_be_disabled()
    page.get_by_label("I have the file and keep it safe.").check()
    page.get_by_role("button", name="Register the key").click()
    row = page.locator("tbody tr", has_text="my bot")
    expect(row).to_contain_text("never")
    expect(row).to_contain_text(pair["public_key"])
    assert not any(pair["secret"] in text or pair["secret"][:20] in text for text in sent)

    bot = _bot(exchange, pair)
    order = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "price": "1", "quantity": "1"}
    status, body = bot.once("POST", "/api/v1/order", order)
    assert (status, body["status"]) == (200, "New"), body
    assert bot.once("DELETE", "/api/v1/orders", {"symbol": "SOL_USDC"})[0] == 200
    page.reload()
    expect(row).not_to_contain_text("never")
    row.get_by_role("button", name="Revoke my bot").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page, "the question before a key is revoked")
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Revoke my bot").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("main")).to_contain_text("The key is revoked")
    wait_until(lambda: bot.once("GET", "/api/v1/capital", {})[0] == 401, REVOKED_WITHIN_S, "the key stops")


def _bot(exchange: RunningExchange, pair: dict[str, Any]) -> Bot:
    secret = Ed25519PrivateKey.from_private_bytes(base64.b64decode(pair["secret"]))
    return Bot(exchange.url, pair["public_key"], secret)
