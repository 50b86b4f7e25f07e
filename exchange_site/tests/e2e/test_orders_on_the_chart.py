"""Own orders on the chart: a line is dragged with a mouse and with a finger; the order then stands where it was put."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from exchange_site.tests.e2e.running import RunningExchange, wait_until
from exchange_site.tests.e2e.trading_page import SLOW_MS, TradingPage, free_bid_price

DOWN_PX = 60  # Of a buy order: away from the market, so that it does not trade.
STEPS = 6
AMOUNT = "1.37"
# The style sheet of the question is the last thing that comes with what moves a tag.
MOVES_LOADED = "[...document.styleSheets].some(({ href }) => href?.includes('order_moves'))"


def widen_scale(page: Page) -> None:
    """Pulls the price axis together, as a trader does: more prices are in view, and the scale stays where it is."""
    box = page.locator("#chart").bounding_box()
    assert box
    x, y = box["x"] + box["width"] - 24, box["y"] + box["height"] / 3
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + box["height"] / 2, steps=STEPS)
    page.mouse.up()


def until_movable(page: Page) -> None:
    """What moves a tag is loaded when a pointer comes to it; hands are slower than that, a program is not."""
    wait_until(lambda: page.evaluate(MOVES_LOADED), SLOW_MS / 1000, "what moves a tag is loaded")


def drag_with_mouse(page: Page, x: float, y: float) -> None:
    page.mouse.move(x, y)
    until_movable(page)
    page.mouse.down()
    page.mouse.move(x, y + DOWN_PX, steps=STEPS)
    page.mouse.up()


def drag_with_finger(page: Page, x: float, y: float) -> None:
    """Playwright has taps only; the browser's own protocol has fingers that move."""
    session: CDPSession = page.context.new_cdp_session(page)

    def touch(kind: str, *points: dict[str, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    until_movable(page)
    for step in range(1, STEPS + 1):
        touch("touchMove", {"x": x, "y": y + DOWN_PX * step / STEPS})
    touch("touchEnd")


def placed(trader: TradingPage) -> tuple[Locator, Locator, str]:
    """A resting order: its tag on the chart, its row in the table, its price."""
    price = free_bid_price(trader.exchange)
    trader.buy_limit(price, AMOUNT)
    row = trader.page.locator("#open-rows tr", has_text=AMOUNT)
    expect(row).to_contain_text(price, timeout=SLOW_MS)
    widen_scale(trader.page)
    tag = trader.page.locator(".order-tag", has_text=AMOUNT)
    expect(tag).not_to_have_class(re.compile("away"), timeout=SLOW_MS)
    return tag, row, price


@pytest.mark.parametrize("drag", [drag_with_mouse, drag_with_finger])
def test_an_order_line_is_dragged_to_another_price(
    exchange: RunningExchange,
    open_page: Callable[..., TradingPage],
    drag: Callable[[Page, float, float], None],
) -> None:
    finger = drag is drag_with_finger
    trader = open_page(has_touch=finger)
    trader.sign_up(f"{drag.__name__.replace('_', '-')}@example.org")
    trader.open()
    trader.get_demo_funds()
    page = trader.page
    expect(page.locator("#legend")).to_contain_text("Volume", timeout=SLOW_MS)
    tag, row, price = placed(trader)
    before = tag.bounding_box()
    assert before
    drag(page, before["x"] + 12, before["y"] + before["height"] / 2)
    question = tag.locator(".tag-question")
    expect(question).to_contain_text("Move to", timeout=SLOW_MS)
    after = tag.bounding_box()
    assert after
    assert after["y"] - before["y"] == pytest.approx(DOWN_PX, abs=6), "the tag is under the pointer"
    asked = re.search(r"[\d,.]+\d", question.inner_text())
    assert asked
    wanted = asked.group().replace(",", "")
    assert wanted < price
    expect(row).to_contain_text(price)  # Nothing is sent before the answer.
    question.get_by_role("button", name="Move").click()
    expect(row).to_contain_text(wanted, timeout=SLOW_MS)
    expect(question).to_have_count(0)
    expect(trader.bid(wanted).or_(row.filter(has_text=wanted)).first).to_be_visible()
    page.reload()
    expect(row).to_contain_text(wanted, timeout=SLOW_MS)  # So says the server, too.
    assert trader.errors == []


def test_a_drag_that_is_not_meant_leaves_the_order_alone(trader: TradingPage) -> None:
    page = trader.page
    tag, row, price = placed(trader)
    box = tag.bounding_box()
    assert box
    drag_with_mouse(page, box["x"] + 12, box["y"] + box["height"] / 2)
    expect(tag.locator(".tag-question")).to_contain_text("Move to", timeout=SLOW_MS)
    tag.focus()
    page.keyboard.press("Escape")
    expect(tag.locator(".tag-question")).to_have_count(0)
    expect(row).to_contain_text(price)
    back = tag.bounding_box()
    assert back
    assert back["y"] == pytest.approx(box["y"], abs=3)
    assert trader.errors == []
