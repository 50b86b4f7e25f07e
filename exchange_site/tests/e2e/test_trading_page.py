"""What the trading page promises beyond a first trade: every kind of order, changes in place, keys, weight, access."""

import re
import time
from decimal import Decimal

import orjson
import pytest
from playwright.sync_api import CDPSession, WebSocketRoute, expect

from exchange_site.launcher.home import ROOT
from exchange_site.tests.e2e.axe import assert_accessible
from exchange_site.tests.e2e.running import wait_until
from exchange_site.tests.e2e.trading_page import DESKTOP, MARKET, PASSWORD, SLOW_MS, free_bid_price

MAX_OWN_BYTES = 99_500  # Promised are 100,000.
MAX_SHIFT = 0.003  # Seen: 0.0001 to 0.0004, from figures whose width changes; what a reader notices begins at 0.1.
SCREENSHOTS = ROOT / "build" / "screenshots"
UPDATES_PER_S, MEASURED_S, FRAME_MS = 60, 3, 1000 / 60
PHONE = {"width": 390, "height": 844}
OWN_BYTES = """() => performance.getEntriesByType("resource")
  .filter(({ name }) => /\\.(css|js|mjs)$/.test(name) && !name.includes("/vendor/"))
  .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"""
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  const moved = new Set(), name = (node) => node?.id || node?.className || node?.nodeName;
  const [{ domInteractive }] = performance.getEntriesByType("navigation");  // Before it, the page itself is coming.
  const add = (list) => list.getEntries().filter(({ startTime }) => startTime > domInteractive).forEach((entry) => {
    sum += entry.value;
    entry.sources.forEach(({ node }) => moved.add(name(node)));
  });
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve([sum, [...moved].join(", ")]), 300);
})"""
FRAMES = """(ms) => new Promise((resolve) => {
  const gaps = [], start = performance.now();
  let before = start;
  const step = (now) => {
    gaps.push(now - before);
    before = now;
    if (now - start < ms) requestAnimationFrame(step);
    else resolve(gaps.slice(1).sort((a, b) => a - b));
  };
  requestAnimationFrame(step);
})"""


def place(trader, kind, side="buy", **fields):
    """Fill the form and send it. True ticks a box."""
    page = trader.page
    trader.choose("side", side)
    trader.choose("type", kind)
    for name, value in fields.items():
        field = page.locator(f"#{name}")
        field.check(force=True) if value is True else field.fill(value)
    page.locator("#send").click()


def open_row(trader, text):
    return trader.page.locator("#open-rows tr", has_text=text)


def test_every_kind_of_order_is_placed_changed_and_taken_back(exchange, trader):
    page = trader.page
    low = Decimal(free_bid_price(exchange)) - 20
    exits = {"exits": True, "take_profit": f"{low + 50}", "stop_loss": f"{low - 9}", "iceberg": True, "display": "1"}
    place(trader, "limit", price=f"{low}", amount="4.11", **exits)
    expect(open_row(trader, "4.11")).to_contain_text("Limit, iceberg", timeout=SLOW_MS)
    place(trader, "stop", trigger=f"{low + 90}", amount="1.12")
    expect(open_row(trader, "1.12")).to_contain_text(f"Stop market at {low + 90}", timeout=SLOW_MS)
    place(trader, "trailing", delta="15", amount="1.13")
    expect(open_row(trader, "1.13")).to_contain_text("Trailing market by 15.00", timeout=SLOW_MS)
    place(trader, "oco", price=f"{low}", trigger=f"{low + 80}", amount="1.14")
    expect(open_row(trader, "1.14")).to_have_count(2, timeout=SLOW_MS)
    expect(page.locator("#toasts")).to_contain_text("Both orders placed")

    number = open_row(trader, "4.11").get_attribute("data-order")
    row = page.locator(f"#open-rows tr[data-order='{number}']")
    row.locator("[data-amend]").click()
    row.get_by_label("New price").fill(f"{low - 1}")
    row.get_by_label("New price").press("Enter")
    expect(row).to_contain_text(f"{low - 1}", timeout=SLOW_MS)

    tag = page.locator(".order-tag", has_text="1.12")
    tag.focus()
    tag.press("ArrowUp")
    expect(tag).to_contain_text(f"Move to {low + Decimal('90.01')}?")
    tag.press("Enter")
    expect(open_row(trader, "1.12")).to_contain_text(f"at {low + Decimal('90.01')}", timeout=SLOW_MS)

    page.locator("body").press("j")
    expect(page.locator("#open-rows tr").first.locator("[data-amend]")).to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("#open-rows tr")).to_have_count(3, timeout=SLOW_MS)  # The other of the pair goes with it.
    page.keyboard.press("Shift+X")
    page.get_by_role("button", name="Cancel 3 orders").click()
    expect(page.locator("#open-rows tr")).to_have_count(0, timeout=SLOW_MS)
    trader.expect_not_reloaded()
    assert trader.errors == []


def test_a_slip_of_the_finger_is_asked_about_and_refusals_stand_at_their_field(exchange, trader):
    page, far = trader.page, Decimal(free_bid_price(exchange)) + 40
    trader.buy_limit(f"{far}", "1")
    dialog = page.get_by_role("dialog", name="This price is far from the market")
    expect(dialog.get_by_role("button", name="Change price")).to_be_focused(timeout=SLOW_MS)
    assert_accessible(page, "The question before a slip")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    trader.buy_limit("100.00", "1.005")
    expect(page.locator("#amount-error")).to_have_text("Steps of 0.01 SOL. Use 1.00 or 1.01.")
    expect(page.locator("#amount")).to_be_focused()
    trader.buy_limit("100.00", "99999")
    expect(page.locator("#amount-error")).to_contain_text(
        "Not enough USDC. This order needs 9,999,900.00", timeout=SLOW_MS
    )
    page.locator("#amount-error button").click()
    expect(page.locator("#fate")).to_contain_text("Rests", timeout=SLOW_MS)
    expect(page.locator("#open-rows tr")).to_have_count(0)
    assert trader.errors == []


def test_an_order_explains_itself(exchange, trader):
    trader.buy_market("0.77")
    page = trader.page
    page.locator("#toasts").get_by_role("button", name="View").click(timeout=SLOW_MS)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Buy 0.77 SOL at market", timeout=SLOW_MS)
    expect(page.locator(".story")).to_contain_text("as taker. You paid")
    expect(page.locator(".steps")).to_contain_text("The order is now complete.")
    assert_accessible(page, "The page of an order")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "order-desktop.png", full_page=True)
    trader.open()
    page.locator("#amount").fill("1")
    page.evaluate("document.getElementById('order-form').submit()")  # As a page without script sends it.
    expect(page.get_by_role("heading", level=1)).to_have_text("Buy 1.00 SOL", timeout=SLOW_MS)
    assert_accessible(page, "The review of an order")
    trader.open()
    price = free_bid_price(exchange)
    trader.buy_limit(price, "1.21")
    page.locator("#open-rows tr", has_text="1.21").get_by_role("link", name="Limit").click(timeout=SLOW_MS)
    expect(page.locator(".steps")).to_contain_text("nothing stood ahead of it there", timeout=SLOW_MS)
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.locator("#open-rows tr")).to_have_count(0, timeout=SLOW_MS)


def test_keys_search_and_star(trader):
    page = trader.page
    page.locator("body").press("/")
    field = page.locator(".market-filter")
    expect(field).to_be_focused(timeout=SLOW_MS)
    field.fill("eth")
    expect(page.locator("[data-market-link]:visible")).to_have_count(2)
    expect(page.locator("[data-market-link=ETH_USDC] [data-last]")).to_have_text(re.compile(r"\d"), timeout=SLOW_MS)
    page.locator("#market-menu summary").click()
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true", timeout=SLOW_MS)
    page.locator("body").press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible(timeout=SLOW_MS)
    assert_accessible(page, "The sheet of keys")
    page.keyboard.press("Escape")
    page.locator("body").press("s")
    expect(page.locator("#send-text")).to_have_text("Sell SOL")
    page.get_by_role("button", name="Depth", exact=True).click()
    expect(page.locator(".depth-canvas")).to_have_attribute("aria-label", re.compile("bid and"), timeout=SLOW_MS)
    page.locator("body").press("g")
    page.locator("body").press("p")
    expect(page).to_have_url(re.compile("/portfolio"), timeout=SLOW_MS)
    assert trader.errors == []


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing(open_page, size):
    page = open_page(viewport=DESKTOP if size == "desktop" else PHONE)
    page.sign_up(f"axe-{size}@example.org")
    for view in ("chart", "trade", "tape", "orders", "info") if size == "phone" else ("chart",):
        page.page.goto(f"{page.exchange.url}/trade/{MARKET}?view={view}")
        expect(page.page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
        assert_accessible(page.page, f"{view} on a {size}")


def test_the_page_is_light_and_nothing_moves(open_page):
    page = open_page()
    page.open()
    expect(page.page.locator("#legend")).to_contain_text("Volume", timeout=SLOW_MS)
    size, (shift, moved) = page.page.evaluate(OWN_BYTES), page.page.evaluate(SHIFT)
    print(f"own style sheets and scripts: {size} bytes; layout shift: {shift} ({moved})")  # noqa: T201
    assert size < MAX_OWN_BYTES
    assert shift < MAX_SHIFT, moved
    expect(page.page.locator("#book-state")).to_have_text(
        re.compile(r"^Book verified to update [\d,]+$"), timeout=SLOW_MS
    )


def test_the_page_is_light_with_orders_and_fills_on_the_chart(exchange, trader):
    """Counted by the browser itself: what loads without a click, for somebody with fills and an open order."""
    trader.buy_market("0.31")
    page = trader.page
    expect(page.locator("#toasts")).to_contain_text("Bought 0.31 SOL", timeout=SLOW_MS)
    trader.buy_limit(free_bid_price(exchange), "1.31")
    expect(open_row(trader, "1.31")).to_have_count(1, timeout=SLOW_MS)
    trader.open()
    expect(page.locator(".order-tag")).to_have_count(1, timeout=SLOW_MS)
    marks = "performance.getEntriesByType('resource').some(({ name }) => name.includes('chart_marks'))"
    wait_until(lambda: page.evaluate(marks), SLOW_MS / 1000, "the fills are on the chart")
    size = page.evaluate(OWN_BYTES)
    print(f"own style sheets and scripts with an open order and fills: {size} bytes")  # noqa: T201
    assert size < MAX_OWN_BYTES
    assert trader.errors == []


def test_sixty_changes_of_the_book_a_second_are_drawn_without_jank(open_page):
    page = open_page()
    feed = Feed()
    page.page.route_web_socket(re.compile("/ws$"), feed.connect)
    page.open()
    page.page.wait_for_timeout(1500)  # The chart and the first figures are there: what is measured is the book alone.
    prices = page.page.locator("#bids .level:not([hidden]) .price").all_inner_texts()
    feed.own = True
    cdp = page.page.context.new_cdp_session(page.page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    worked_s = task_seconds(cdp)
    page.page.evaluate(f"() => {{ window.gaps = ({FRAMES})({MEASURED_S * 1000}); }}")
    start, sent = time.monotonic(), 0
    while time.monotonic() - start < MEASURED_S:
        sent += 1
        feed.change([[prices[(sent + i) % len(prices)], f"{(sent * 7 + i) % 90 + 1}.50"] for i in range(6)])
        page.page.wait_for_timeout(max(0, (start + sent / UPDATES_PER_S - time.monotonic()) * 1000))
    per_s = sent / (time.monotonic() - start)
    gaps = page.page.evaluate("() => window.gaps")
    work_ms = (task_seconds(cdp) - worked_s) * 1000 / sent
    p50, p95, most = gaps[len(gaps) // 2], gaps[len(gaps) * 95 // 100], gaps[-1]
    frames = f"frames: p50 {p50:.1f} ms, p95 {p95:.1f} ms, longest {most:.1f} ms"
    print(f"{per_s:.0f} updates/s, {work_ms:.1f} ms of the page's thread each; {frames}")  # noqa: T201
    assert per_s > UPDATES_PER_S * 0.8
    assert work_ms < FRAME_MS, "the page keeps up"  # Seen: 7 to 9 ms alone, 10 beside other work.
    assert p50 < 1.5 * FRAME_MS, frames  # The slowest frames are the machine's as much as ours: other tests run beside.
    assert page.errors == []


def task_seconds(cdp: CDPSession) -> float:
    """What the page's main thread has computed so far: processor time, whatever else the machine does."""
    metrics = cdp.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


class Feed:
    """Stands between page and server: the server's frames pass, until the test sends changes of the book of its own."""

    def __init__(self) -> None:
        self.own, self.last = False, 0

    def connect(self, page: WebSocketRoute) -> None:
        self.page = page
        page.connect_to_server().on_message(self.passed)

    def passed(self, message: str | bytes) -> None:
        frame = orjson.loads(message)
        stream = frame.get("stream", "")
        if self.own and stream.startswith(("depth", "checksum")):
            return
        if stream.startswith("depth"):
            self.last = frame["data"]["u"]
        self.page.send(message)

    def change(self, bids: list[list[str]]) -> None:
        self.last += 1
        data = {"e": "depth", "s": MARKET, "b": bids, "a": [], "U": self.last, "u": self.last, "T": 0, "E": 0}
        self.page.send(orjson.dumps({"stream": f"depth.{MARKET}", "data": data}).decode())


def test_trading_without_script(exchange, open_page):
    page = open_page(java_script_enabled=False).page
    page.goto(f"{exchange.url}/accounts/signup/")
    page.get_by_label("Email").fill("plain@example.org")
    page.locator("input[type=password]").first.fill(PASSWORD)
    page.locator("main form button").last.click()
    page.goto(f"{exchange.url}/trade/{MARKET}")
    page.get_by_role("button", name=re.compile("demo funds", re.IGNORECASE)).first.click()
    price = free_bid_price(exchange)
    page.goto(f"{exchange.url}/trade/{MARKET}?price={price}&amount=1.31")
    expect(page.locator("#bids .level")).not_to_have_count(0)
    page.locator("#send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Buy 1.31 SOL")
    expect(page.locator(".review")).to_contain_text("It rests in the book")
    page.locator(".review-actions button").click()
    expect(page.locator("body")).to_contain_text("The order waits in the book.")
    page.goto(f"{exchange.url}/trade/{MARKET}?view=orders")
    page.locator("#open-rows tr", has_text="1.31").locator("[data-amend]").click()
    page.get_by_label("New amount").fill("1.11")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator("body")).to_contain_text("Changed.")
    page.goto(f"{exchange.url}/trade/{MARKET}?view=orders")
    expect(page.locator("#open-rows tr", has_text="1.11")).to_have_count(1)
    page.locator("#cancel-all summary").click()
    page.get_by_role("button", name="Cancel every order in SOL/USDC").click()
    expect(page.locator("body")).to_contain_text("1 order cancelled.")
