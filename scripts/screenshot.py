"""Makes docs/images/trade.png, the picture in the README: the trading page of a running exchange.

    ./exchange up --detach
    .venv/bin/python scripts/screenshot.py http://127.0.0.1:8000 --email alice@example.org --password=...

An hour of trading makes a good chart. Logged in, the page shows orders and balances too: it places two orders as that
user and takes them back at the end. Needs the development requirements (`./exchange test` installs them) and the
program chromium.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WAIT_MS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="address of the exchange, as ./exchange up prints it")
    parser.add_argument("--email", help="log in as this user")
    parser.add_argument("--password")
    parser.add_argument("--market", default="SOL_USDC")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "trade.png")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("screenshot: the program chromium is not on PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=options.theme)
        page.set_default_timeout(WAIT_MS)
        if options.email:
            log_in(page, options.url, options.email, options.password or "")
        page.goto(f"{options.url}/trade/{options.market}?interval=1m")
        page.locator("#connection[data-state=live]").wait_for()
        if options.email:
            rest_two_orders(page)
        page.locator("#chart canvas").first.wait_for()
        page.mouse.move(0, 0)
        expect(page.locator("#toasts > *")).to_have_count(0, timeout=WAIT_MS)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=options.out)
        if options.email:
            take_back(page)
        browser.close()
    print(f"Wrote {options.out}")


def log_in(page: Page, url: str, email: str, password: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Log in", exact=True).first.click()
    page.get_by_label("Email").fill(email)
    page.locator("input[type=password]").first.fill(password)
    page.locator("main form button").last.click()
    page.get_by_role("link", name="Sign up", exact=True).first.wait_for(state="detached")


def rest_two_orders(page: Page) -> None:
    """A bid a few levels down, so that it shows in the book, and a sale above it."""
    for side, levels, row in (("buy", "#bids", 5), ("sell", "#asks", 6)):
        page.locator(f"#order-form label:has(input[name=side][value={side}])").click()
        page.locator("#price").fill(page.locator(f"{levels} .level .price").nth(row).inner_text().strip())
        page.locator("#amount").fill("12.5")
        page.locator("#send").click()
        page.locator("#open-rows tr", has_text=side.capitalize()).first.wait_for()


def take_back(page: Page) -> None:
    while page.locator("#open-rows [data-cancel]").count():
        order = page.locator("#open-rows tr").first.get_attribute("data-order")
        page.locator(f"#open-rows tr[data-order='{order}'] [data-cancel]").click()
        expect(page.locator(f"#open-rows tr[data-order='{order}']")).to_have_count(0, timeout=WAIT_MS)


if __name__ == "__main__":
    main()
