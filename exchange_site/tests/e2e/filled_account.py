"""An account that has seen everything: a second factor, orders with every kind of end, money in and out, an archive."""

import re
from itertools import count

from playwright.sync_api import Page, expect

from accounts.tests.wallet.codes import code
from accounts.wallet.simulated.addresses import make_address
from exchange_site.tests.e2e.running import RunningExchange
from exchange_site.tests.e2e.trading_page import MARKET, PASSWORD, SLOW_MS, free_bid_price

SERIAL = count(1)
SEND = """async ({ path, body }) => {
  const token = document.querySelector("meta[name=csrf-token]").content;
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  return [answer.status, await answer.text()];
}"""
BANNER = """
from exchange_site.news.models import Announcement
Announcement.objects.update_or_create(title="Planned work on Sunday", defaults={
    "text": "Trading stops at 02:00 UTC for ten minutes.\\n\\nOrders stay.", "tone": "warning", "is_banner": True})
"""


def log_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator(".account-menu, .bottom-bar").first).to_be_attached()


def make_filled(page: Page, exchange: RunningExchange) -> str:
    """Signs somebody new up on this page and fills the account. Answers the secret of the second factor."""
    email = f"filled{next(SERIAL)}@example.org"
    exchange.manage("create_user", email, "--password", PASSWORD)
    for asset, amount in (("USDC", "10000"), ("SOL", "20")):
        exchange.manage("fund", email, asset, amount)
    exchange.manage("shell", "-c", BANNER)
    log_in(page, email)
    trade(page, exchange)
    secret = set_up_second_factor(page)
    move_money(page, secret)
    page.goto("/account/archive")
    page.locator("main form button.primary").click()
    exchange.manage("prove_liabilities")
    expect(page.locator("main .badge.up")).to_be_visible(timeout=SLOW_MS)
    return secret


def trade(page: Page, exchange: RunningExchange) -> None:
    """Fills, an order that rests, one that waits, one that was cancelled, and one that ended without a trade."""
    page.goto(f"/trade/{MARKET}")
    low = free_bid_price(exchange)
    limit = {"symbol": MARKET, "side": "Bid", "orderType": "Limit", "quantity": "0.5", "price": low}
    sell = {"symbol": MARKET, "side": "Ask", "orderType": "Market", "quantity": "0.4"}
    place(page, {"symbol": MARKET, "side": "Bid", "orderType": "Market", "quantity": "1.25"})
    place(page, sell)
    place(page, limit)
    place(page, {**limit, "timeInForce": "IOC"})
    place(page, {**sell, "triggerPrice": "1.00", "triggerQuantity": "0.4"})
    page.reload()
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
    expect(page.locator("#open-rows tr")).to_have_count(2, timeout=SLOW_MS)
    page.locator("#open-rows [data-cancel]").last.click()
    expect(page.locator("#open-rows tr")).to_have_count(1, timeout=SLOW_MS)


def place(page: Page, order: dict[str, str]) -> None:
    status, text = page.evaluate(SEND, {"path": "/api/v1/order", "body": order})
    assert status == 200, text


def set_up_second_factor(page: Page) -> str:
    """The secret that an authenticator app would keep. Ends on the page of recovery codes."""
    page.goto("/accounts/2fa/totp/activate/")
    if "reauthenticate" in page.url:
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("main form button[type=submit]").last.click()
        page.wait_for_url(re.compile("totp/activate"))
    found = re.search(r"\b[A-Z2-7]{32}\b", page.content())
    assert found, "the page shows the secret"
    page.locator("input[name=code]").fill(code(found.group()))
    page.locator("main form button").last.click()
    page.wait_for_url(re.compile("recovery-codes|/2fa/$"))
    return found.group()


def move_money(page: Page, secret: str) -> None:
    """A deposit that is on its way, and a withdrawal that waits for the mail."""
    page.goto("/wallet/deposit?asset=SOL")
    page.goto("/wallet/simulated?chain=Solana")
    page.locator("#send-amount").fill("3.5")
    page.locator("#send-asset").select_option("SOL")
    page.get_by_role("button", name=re.compile("^(Send|Senden)")).click()
    for _ in range(3):  # A code can be refused at the turn of a half minute; people then take the next one.
        page.goto("/wallet/withdraw?asset=SOL")
        page.locator("#address").fill(make_address("Solana", "a wallet of one's own"))
        page.locator("#quantity").fill("2")
        page.locator("#code").fill(code(secret, wait_for_next=True))  # Each code works once.
        page.locator("main form button.primary").click()
        page.wait_for_load_state()
        if re.search(r"/wallet/withdrawals/\d+$", page.url):
            return
    raise AssertionError(page.locator("main").inner_text())
