"""The trading page as a test uses it: by labels, roles and the few ids the page itself is scripted by."""

import re
from decimal import Decimal
from urllib.request import urlopen

import orjson
from playwright.sync_api import Locator, Page, expect

from exchange_site.tests.e2e.running import RunningExchange

MARKET = "SOL_USDC"
DESKTOP = {"width": 1440, "height": 900}
PASSWORD = "correct horse battery staple"
SLOW_MS = 20_000  # The longest anything on the page may take on a busy machine.
LEVELS_SEEN = 11


class TradingPage:
    """One browser page at /trade/SOL_USDC. `mark` puts a sign on the document that a reload would wipe out."""

    def __init__(self, page: Page, exchange: RunningExchange) -> None:
        self.page, self.exchange = page, exchange
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(SLOW_MS)

    def sign_up(self, email: str) -> None:
        self.page.goto(self.exchange.url)
        self.page.get_by_role("link", name="Sign up", exact=True).first.click()
        self.page.get_by_label("Email").fill(email)
        self.page.locator("input[type=password]").first.fill(PASSWORD)
        self.page.locator("main form button").last.click()
        expect(self.page.get_by_role("link", name="Sign up", exact=True)).to_have_count(0)

    def open(self) -> None:
        self.page.goto(f"{self.exchange.url}/trade/{MARKET}")
        self.expect_live()

    def expect_live(self) -> None:
        expect(self.page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
        for side in ("bids", "asks"):
            expect(self.page.locator(f"#{side} .level").nth(LEVELS_SEEN - 1)).to_be_visible(timeout=SLOW_MS)

    def mark(self) -> None:
        self.page.evaluate("document.documentElement.dataset.mark = 'same document'")

    def expect_not_reloaded(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-mark", "same document")

    # ------------------------------------------------------------------------------------------------------- figures
    def available(self, asset: str) -> Decimal:
        return number(self.page.locator(f"table.mini tr[data-asset={asset}] [data-available]"))

    def locked(self, asset: str) -> Decimal:
        return number(self.page.locator(f"table.mini tr[data-asset={asset}] [data-locked]"))

    def bid(self, price: str) -> Locator:
        return self.page.locator("#bids .level").filter(has=self.page.get_by_text(price, exact=True))

    # ------------------------------------------------------------------------------------------------------- actions
    def get_demo_funds(self) -> None:
        self.page.get_by_role("button", name=re.compile("demo funds", re.IGNORECASE)).first.click()
        expect(self.page.locator("table.mini tr[data-asset=USDC] [data-available]")).not_to_have_text(
            re.compile(r"^0(\.0*)?$"), timeout=SLOW_MS
        )

    def choose(self, name: str, value: str) -> None:
        self.page.locator(f"#order-form label:has(input[name={name}][value={value}])").click()

    def buy_limit(self, price: str, amount: str) -> None:
        self.choose("side", "buy")
        self.choose("type", "limit")
        self.page.locator("#price").fill(price)
        self.page.locator("#amount").fill(amount)
        self.page.locator("#send").click()

    def buy_market(self, amount: str) -> None:
        self.choose("side", "buy")
        self.choose("type", "market")
        self.page.locator("#amount").fill(amount)
        self.page.locator("#send").click()

    def tab(self, key: str) -> None:
        self.page.locator(f"[data-tab={key}]").click()


def number(locator: Locator) -> Decimal:
    return Decimal(locator.inner_text().replace(",", "").strip())


def free_bid_price(exchange: RunningExchange) -> str:
    """A price inside the visible bids at which nobody stands: well below the best bid, so that nothing reaches it."""
    with urlopen(f"{exchange.url}/api/v1/depth?symbol={MARKET}&limit=20") as answer:  # noqa: S310 - our own exchange.
        bids = [Decimal(price) for price, _ in orjson.loads(answer.read())["bids"]][::-1]
    taken, tick = set(bids), Decimal("0.01")
    price = bids[4] - tick
    while price in taken:
        price -= tick
    return f"{price:.2f}"
