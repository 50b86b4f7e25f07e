"""Parts of the page that are loaded late, on a network that loses requests: asked for again, and said when they stay
away."""

import re
from collections import Counter
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from exchange_site.tests.e2e.running import wait_until
from exchange_site.tests.e2e.trading_page import SLOW_MS, TradingPage, free_bid_price

STARTED = ("trade", "chart", "own", "order_lines", "send", "preview_told", "order_actions", "order_form_acts", "keys")
TIMES_ASKED = 4


def lose(page: Page, names: tuple[str, ...], times: int) -> Counter[str]:
    """Lets the first requests for these modules fail; answers how often each was asked for."""
    asked: Counter[str] = Counter()

    def answer(route: Route) -> None:
        name = re.sub(r".*/|\.js.*", "", route.request.url)
        asked[name] += 1
        if asked[name] <= times:
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(rf"/static/js/({'|'.join(names)})\.js"), answer)
    return asked


def test_modules_that_fail_once_are_asked_for_again(trader: TradingPage) -> None:
    page = trader.page
    asked = lose(page, STARTED, times=1)
    trader.open()
    expect(page.locator("#legend")).to_contain_text("Volume", timeout=SLOW_MS)
    price = free_bid_price(trader.exchange)
    trader.buy_limit(price, "1.23")
    row = page.locator("#open-rows tr", has_text="1.23")
    expect(row).to_contain_text(price, timeout=SLOW_MS)
    expect(page.locator(".order-tag")).to_have_count(1, timeout=SLOW_MS)
    row.locator("[data-cancel]").click()
    expect(row).to_have_count(0, timeout=SLOW_MS)
    page.locator("body").press("s")
    expect(page.locator("#send-text")).to_contain_text("Sell", timeout=SLOW_MS)
    assert min(asked[name] for name in STARTED) >= 2, asked
    expect(page.locator(".toast.bad")).to_have_count(0)


def test_a_part_that_never_comes_is_said_and_the_rest_works(trader: TradingPage) -> None:
    page = trader.page
    asked = lose(page, ("depth_chart", "read_market"), times=1000)
    page.get_by_role("button", name="Depth", exact=True).click()
    notice = page.locator("#toasts").get_by_role("alert").filter(has_text="A part of the page did not load")
    expect(notice).to_contain_text("Your orders are not affected", timeout=SLOW_MS)
    page.locator("#read-market").focus()
    page.keyboard.press("Enter")

    def given_up() -> bool:
        return bool(page.evaluate("true")) and asked["read_market"] == TIMES_ASKED  # Evaluating lets routes answer.

    wait_until(given_up, SLOW_MS / 1000, "the second part is given up")
    expect(notice).to_have_count(1)  # One notice tells of all of them.
    assert asked["depth_chart"] == TIMES_ASKED, "there is a limit"
    expect(page.locator("#legend")).to_contain_text("Volume")
    price = free_bid_price(trader.exchange)
    trader.buy_limit(price, "1.29")
    expect(page.locator("#open-rows tr", has_text="1.29")).to_contain_text(price, timeout=SLOW_MS)
    page.unroute_all()
    notice.get_by_role("button", name="Load again").click()
    page.get_by_role("button", name="Depth", exact=True).click(timeout=SLOW_MS)
    expect(page.locator(".depth-canvas")).to_be_visible(timeout=SLOW_MS)
    assert trader.errors == []


def test_the_theme_is_switched_by_the_server_when_its_script_stays_away(
    open_page: Callable[..., TradingPage],
) -> None:
    visitor = open_page(color_scheme="dark")
    page = visitor.page
    page.goto(f"{visitor.exchange.url}/status")
    lose(page, ("theme",), times=1000)
    page.locator("#theme-button").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light", timeout=SLOW_MS)
