"""What axe says when there is something on the pages: rows in every table, dialogs with their words, a banner, a second
factor. Both themes; pictures go to `build/screenshots`. One account has it all."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from exchange_site.tests.e2e.axe import assert_accessible
from exchange_site.tests.e2e.running import RunningExchange
from exchange_site.tests.e2e.test_site import BETWEEN, NARROWEST, SCREENSHOTS, name_of, too_wide, visit
from exchange_site.tests.e2e.trading_page import DESKTOP, MARKET, PASSWORD, SLOW_MS, free_bid_price

PHONE = {"width": 390, "height": 844}
THEMES = ("dark", "light")
TABLES = (
    "/history", "/history/fills", "/history/fees", "/history/deposits", "/history/withdrawals", "/history/ledger",
    "/statements", "/account/archive", "/wallet", "/wallet/deposit?asset=SOL", "/wallet/withdraw?asset=SOL",
    "/wallet/simulated?chain=Solana", "/portfolio", "/account/security", "/announcements", "/accounts/2fa/",
    "/accounts/2fa/recovery-codes/", "/accounts/2fa/recovery-codes/generate/", "/accounts/2fa/totp/deactivate/",
    "/accounts/reauthenticate/", f"/trade/{MARKET}",
)  # fmt: skip


def look(page: Page, what: str, theme: str, scope: str | None = None) -> None:
    """A picture first, so that a failure can be seen."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"filled-{name_of(what)}-{theme}.png", full_page=True)
    assert_accessible(page, f"{what} in {theme}", scope)


@pytest.mark.parametrize("theme", THEMES)
def test_pages_with_rows(open_as: Callable[..., Page], theme: str) -> None:
    page = open_as(theme)
    for path in TABLES:
        page.set_viewport_size(DESKTOP)
        visit(page, path)
        look(page, path, theme)
        page.set_viewport_size({"width": NARROWEST, "height": 800})
        look(page, f"{path} narrow", theme)
        for width in (NARROWEST, *BETWEEN):
            page.set_viewport_size({"width": width, "height": 800})
            assert too_wide(page, path, width) == []


@pytest.mark.parametrize("theme", THEMES)
def test_pages_of_one_thing(open_as: Callable[..., Page], theme: str) -> None:
    """An order, a withdrawal, a year and the checked proof, each reached as a reader does."""
    page = open_as(theme)
    page.goto("/history")
    for link in sorted({str(each.get_attribute("href")) for each in page.locator("main a[href^='/orders/']").all()})[
        :4
    ]:
        page.goto(link)
        look(page, link, theme)
    page.goto("/wallet")
    page.goto(str(page.locator("main a[href^='/wallet/withdrawals/']").first.get_attribute("href")))
    look(page, "/wallet/withdrawals/1", theme)
    page.goto("/statements")
    page.goto(str(page.locator("main a[href^='/statements/']").first.get_attribute("href")))
    look(page, "/statements/year", theme)
    page.goto("/proof")
    page.locator("#verify-mine").click()
    expect(page.locator("#verdict")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#verdict")).not_to_be_empty()
    look(page, "/proof checked", theme)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_tabs_and_dialogs_of_the_trading_page(
    exchange: RunningExchange, open_as: Callable[..., Page], theme: str, size: str
) -> None:
    page = open_as(theme, viewport=DESKTOP if size == "desktop" else PHONE)
    path = f"/trade/{MARKET}?view=orders"
    page.goto(path)
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
    expect(page.locator("#open-rows tr")).not_to_have_count(0, timeout=SLOW_MS)
    expect(page.locator(".order-tag")).not_to_have_count(0, timeout=SLOW_MS)
    look(page, f"{size} open orders", theme)
    for tab, rows in (("history", "history-rows"), ("fills", "fill-rows"), ("balances", "balance-rows")):
        page.locator(f"[data-tab={tab}]").click()
        expect(page.locator(f"#{rows} tr")).not_to_have_count(0, timeout=SLOW_MS)
        look(page, f"{size} {tab}", theme)
    page.locator("[data-tab=open]").click()
    page.locator("#open-rows [data-amend]").first.click()
    expect(page.locator(".cell-field").first).to_be_focused(timeout=SLOW_MS)
    look(page, f"{size} amend", theme)
    page.keyboard.press("Escape")
    page.locator("#cancel-shown").click()
    expect(page.get_by_role("dialog")).to_be_visible(timeout=SLOW_MS)
    look(page, f"{size} cancel all", theme)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    if size == "phone":
        page.locator("[data-view-link=trade]").click()
    page.locator("#price").fill(f"{float(free_bid_price(exchange)) + 40:.2f}")
    page.locator("#amount").fill("1")
    page.locator("#send").click()
    expect(page.get_by_role("dialog")).to_be_visible(timeout=SLOW_MS)
    look(page, f"{size} question", theme)
    page.keyboard.press("Escape")
    page.locator("#price").fill("100.00")
    page.locator("#amount").fill("99999")
    page.locator("#send").click()
    expect(page.locator("#amount-error")).not_to_be_empty(timeout=SLOW_MS)
    look(page, f"{size} refusal", theme)
    if size == "desktop":
        page.locator("body").press("Escape")
        page.locator("#shortcuts").click()
        expect(page.get_by_role("dialog")).to_be_visible(timeout=SLOW_MS)
        look(page, "keys", theme)
        page.keyboard.press("Escape")
        page.locator("#market-menu summary").click()
        expect(page.locator(".market-filter")).to_be_visible(timeout=SLOW_MS)
        look(page, "market search", theme)


def test_a_toast_is_accessible_and_can_be_closed(open_as: Callable[..., Page]) -> None:
    page = open_as("light")
    page.goto(f"/trade/{MARKET}")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
    page.locator("#order-form label:has(input[name=type][value=market])").click()
    page.locator("#amount").fill("0.11")
    page.locator("#send").click()
    expect(page.locator("#toasts")).to_contain_text(re.compile("Bought 0.11 SOL"), timeout=SLOW_MS)
    look(page, "toast", "light")
    page.get_by_role("button", name="Close notice").first.click()
    expect(page.locator(".toast")).to_have_count(0)


def test_logging_in_with_a_second_factor(exchange: RunningExchange, open_as: Callable[..., Page]) -> None:
    page = open_as("dark")
    page.goto("/account")
    email = re.search(r"filled\d+@example\.org", page.content())
    assert email
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(email.group())
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url(re.compile("/2fa/authenticate"))
    look(page, "second factor", "dark")
