"""Orders are dragged on the chart with a mouse and with a finger, asked about, moved, left and cancelled there."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, expect

from exchange_site.tests.e2e.running import RunningExchange
from exchange_site.tests.e2e.trading_page import DESKTOP, SLOW_MS, TradingPage, free_bid_price

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
STEPS, STEP_PX = 8, 5


def drag_up(trader: TradingPage, tag: Locator, *, touch: bool) -> None:
    """From the words of the tag, forty pixels up, as a hand does: in steps."""
    page, box = trader.page, tag.bounding_box()
    assert box
    x, y = box["x"] + 15, box["y"] + box["height"] / 2
    if not touch:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y - STEPS * STEP_PX, steps=STEPS)
        page.mouse.up()
        return
    session = page.context.new_cdp_session(page)
    for step in range(STEPS + 1):
        points = [{"x": x, "y": y - step * STEP_PX}]
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_an_order_is_dragged_on_the_chart(
    exchange: RunningExchange, open_page: Callable[..., TradingPage], size: str
) -> None:
    touch = size == "phone"
    trader = open_page(**(PHONE if touch else {"viewport": DESKTOP}))
    page, email = trader.page, f"drag-{size}@example.org"
    exchange.manage("create_user", email, "--password", "correct horse battery staple")
    exchange.manage("fund", email, "USDC", "10000")
    page.goto(f"{exchange.url}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[type=password]").fill("correct horse battery staple")
    page.locator("main form button[type=submit]").last.click()
    page.goto(f"{exchange.url}/trade/SOL_USDC?view=trade")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
    price = Decimal(free_bid_price(exchange)) - Decimal("0.30")
    trader.buy_limit(f"{price}", "1.51")
    row = page.locator("#open-rows tr", has_text="1.51")
    expect(row).to_have_count(1, timeout=SLOW_MS)
    if touch:
        page.locator("[data-view-link=chart]").tap()
    tag = page.locator(".order-tag", has_text="1.51")
    expect(tag).to_be_visible(timeout=SLOW_MS)
    expect(tag).not_to_have_class(re.compile("away"))

    drag_up(trader, tag, touch=touch)
    expect(tag).to_contain_text("Move to ", timeout=SLOW_MS)
    tag.get_by_role("button", name="Leave").click()
    expect(tag).not_to_contain_text("Move to ")
    expect(row).to_contain_text(f"{price}")

    drag_up(trader, tag, touch=touch)
    expect(tag).to_contain_text("Move to ", timeout=SLOW_MS)
    asked = re.search(r"Move to ([\d.]+)\?", tag.inner_text())
    assert asked
    assert Decimal(asked[1]) > price
    tag.get_by_role("button", name="Move").click()
    expect(row).to_contain_text(asked[1], timeout=SLOW_MS)
    expect(tag).not_to_contain_text("Move to ", timeout=SLOW_MS)
    tag.get_by_role("button", name="Cancel this order").click()
    expect(row).to_have_count(0, timeout=SLOW_MS)
    expect(tag).to_have_count(0, timeout=SLOW_MS)
    assert trader.errors == []
