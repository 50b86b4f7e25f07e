"""A stranger's money, in a real browser: second factor, deposit from a simulated chain, withdrawal, mail, paid."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.tests.wallet.codes import code
from accounts.wallet.simulated.addresses import make_address
from exchange_site.tests.e2e.running import RunningExchange

PASSWORD = "correct horse battery"
PATIENCE_MS = 90_000  # Blocks come every few seconds, the hold of a new address takes five, and machines are busy.


@pytest.fixture
def page(exchange: RunningExchange, new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def sign_up(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/accounts/signup/")
    page.fill("input[name=email]", email)
    page.fill("input[name=password1]", PASSWORD)
    page.click("form.stack button[type=submit]")
    page.wait_for_url(f"{url}/markets")


def set_up_second_factor(page: Page, url: str) -> str:
    """The secret that an authenticator app would keep."""
    page.goto(f"{url}/accounts/2fa/totp/activate/")
    if "reauthenticate" in page.url:
        page.fill("input[name=password]", PASSWORD)
        page.locator("main form button").last.click()
        page.wait_for_url(re.compile("totp/activate"))
    page.wait_for_selector("input[name=code]")
    found = re.search(r"\b[A-Z2-7]{32}\b", page.content())
    assert found, "the page shows the secret"
    page.fill("input[name=code]", code(found.group()))
    page.locator("main form button").last.click()
    page.wait_for_url(re.compile("recovery-codes|/2fa/$"))
    return found.group()


def test_a_stranger_deposits_and_withdraws(exchange: RunningExchange, page: Page) -> None:
    url = exchange.url
    sign_up(page, url, "stranger@example.org")
    secret = set_up_second_factor(page, url)
    page.goto(f"{url}/wallet/deposit?asset=SOL")
    assert re.fullmatch(r"simsol1[a-z2-7]{38}", page.locator("#deposit-address").inner_text())
    page.goto(f"{url}/wallet/simulated?chain=Solana")
    page.fill("#send-amount", "3.5")
    page.select_option("#send-asset", "SOL")
    page.click("button:has-text('Send')")
    page.goto(f"{url}/wallet/deposit?asset=SOL")
    expect(page.locator("text=Credited")).to_be_visible(timeout=PATIENCE_MS)  # Without a reload.
    outside = make_address("Solana", "a stranger's own wallet")
    notices: list[str] = []
    for _ in range(3):  # A code can be refused at the turn of a half minute; people then take the next one.
        page.goto(f"{url}/wallet/withdraw?asset=SOL")
        page.fill("#address", outside)
        page.fill("#quantity", "2")
        page.fill("#code", code(secret, wait_for_next=True))  # Each code works once.
        page.click("button.primary:has-text('Withdraw')")
        page.wait_for_load_state()
        notices = page.locator(".notice.error").all_inner_texts()
        if not notices:
            break
    assert notices == []
    page.wait_for_url(re.compile(r"/wallet/withdrawals/\d+$"))
    withdrawal = page.url
    page.goto(f"{url}/wallet/simulated?chain=Solana")
    page.click(f"a[href*='{withdrawal.removeprefix(url)}/confirm/']")
    expect(page.locator("code", has_text=outside)).to_be_visible()
    page.click("button:has-text('Confirm')")
    page.wait_for_url(withdrawal)
    expect(page.locator("#withdrawal-state")).to_have_text("Paid", timeout=PATIENCE_MS)
    page.goto(f"{url}/wallet")
    row = page.locator("tr", has=page.locator("th", has_text="SOL")).first
    expect(row).to_contain_text("1.50")
