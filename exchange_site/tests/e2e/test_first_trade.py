"""A person's first trade, in a real browser: sign up, get funds, rest, cancel, trade with the market maker."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from exchange_site.launcher.home import ROOT
from exchange_site.tests.e2e.trading_page import DESKTOP, SLOW_MS, free_bid_price

SIZES = {"desktop": DESKTOP, "tablet": {"width": 768, "height": 1024}, "phone": {"width": 390, "height": 844}}
SCREENSHOTS = ROOT / "build" / "screenshots"


def test_sign_up_rest_cancel_and_trade_without_a_reload(exchange, trader):
    usdc = trader.available("USDC")
    price = free_bid_price(exchange)
    trader.buy_limit(price, "1.23")
    row = trader.page.locator("#open-rows tr", has_text="1.23")
    expect(row).to_be_visible(timeout=SLOW_MS)
    expect(row).to_contain_text("Buy")
    expect(row).to_contain_text(price)
    expect(trader.bid(price)).to_contain_text("1.23")
    expect(trader.page.locator("table.mini tr[data-asset=USDC] [data-locked]")).not_to_have_text(re.compile(r"^0"))
    assert trader.locked("USDC") == Decimal(price) * Decimal("1.23")
    assert trader.available("USDC") == usdc - trader.locked("USDC")

    trader.page.get_by_role("button", name=re.compile("Cancel buy 1.23", re.IGNORECASE)).click()
    expect(row).to_have_count(0, timeout=SLOW_MS)
    expect(trader.bid(price)).to_have_count(0, timeout=SLOW_MS)
    expect(trader.page.locator("table.mini tr[data-asset=USDC] [data-locked]")).to_have_text(re.compile(r"^0"))
    assert trader.available("USDC") == usdc

    sol, candle = trader.available("SOL"), trader.page.locator("#legend").inner_text()
    trader.buy_market("0.77")
    expect(trader.page.locator("#toasts")).to_contain_text("0.77", timeout=SLOW_MS)
    trader.tab("fills")
    expect(trader.page.locator("#fill-rows tr").first).to_contain_text("Buy", timeout=SLOW_MS)
    expect(trader.page.locator("#fill-rows tr").first).to_contain_text("Taker")
    expect(trader.page.locator("#legend")).not_to_have_text(candle, timeout=SLOW_MS)
    bought = Decimal("0.77") * Decimal("0.999")  # The fee of 0.1 % is taken from what arrives.
    expect(trader.page.locator("table.mini tr[data-asset=SOL] [data-available]")).to_have_text(
        re.compile(rf"^{re.escape(f'{sol + bought:f}'.rstrip('0'))}0*$"), timeout=SLOW_MS
    )
    assert trader.available("USDC") < usdc
    trader.expect_not_reloaded()
    assert trader.errors == []


def test_another_browser_sees_the_order_come_and_go(exchange, trader, open_page):
    stranger = open_page()
    stranger.open()
    stranger.mark()
    price = free_bid_price(exchange)
    trader.buy_limit(price, "2.34")
    expect(stranger.bid(price)).to_contain_text("2.34", timeout=SLOW_MS)
    expect(stranger.page.locator("#open-rows tr")).to_have_count(0)
    trader.page.get_by_role("button", name=re.compile("Cancel buy 2.34", re.IGNORECASE)).click()
    expect(stranger.bid(price)).to_have_count(0, timeout=SLOW_MS)
    stranger.expect_not_reloaded()
    assert trader.errors + stranger.errors == []


def test_a_cut_connection_heals_by_itself(exchange, trader):
    exchange.kill("web")
    expect(trader.page.locator("#connection")).not_to_have_attribute("data-state", "live", timeout=SLOW_MS)
    trader.expect_live()
    price = free_bid_price(exchange)
    trader.buy_limit(price, "3.45")
    expect(trader.page.locator("#open-rows tr", has_text="3.45")).to_be_visible(timeout=SLOW_MS)
    expect(trader.bid(price)).to_contain_text("3.45", timeout=SLOW_MS)
    trader.page.get_by_role("button", name=re.compile("Cancel buy 3.45", re.IGNORECASE)).click()
    expect(trader.bid(price)).to_have_count(0, timeout=SLOW_MS)
    trader.expect_not_reloaded()
    assert trader.errors == []


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
def test_screenshots_of_the_trading_page(open_page, size, theme):
    """For people to look at; what a machine can see of it: nothing is wider than the window, nothing failed."""
    viewport = SIZES[size]
    page = open_page(viewport=viewport, color_scheme=theme, has_touch=size == "phone")
    page.page.goto(f"{page.exchange.url}/trade/SOL_USDC?interval=1m")
    expect(page.page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
    expect(page.page.locator("#legend")).not_to_be_empty(timeout=SLOW_MS)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.page.screenshot(path=SCREENSHOTS / f"trade-{size}-{theme}.png")
    if size == "phone":
        for view in ("trade", "orders"):
            page.page.locator(f"[data-view-link={view}]").click()
            page.page.screenshot(path=SCREENSHOTS / f"trade-{size}-{theme}-{view}.png")
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"]
    assert page.errors == []
