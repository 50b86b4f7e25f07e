"""With German chosen no English is left: each page is read in both languages, and what stands in both must be a name,
a figure, or a word that is the same in the two."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from exchange_site.tests.e2e.filled_account import make_filled
from exchange_site.tests.e2e.running import RunningExchange
from exchange_site.tests.e2e.test_site import PUBLIC, visit
from exchange_site.tests.e2e.trading_page import DESKTOP, MARKET, SLOW_MS

GUEST = (*(path for path in PUBLIC if path != "/styleguide"), f"/trade/{MARKET}")  # The guide is for developers.
OWN = (
    "/portfolio", "/wallet", "/wallet/deposit?asset=SOL", "/wallet/withdraw?asset=SOL", "/wallet/addresses", "/history",
    "/history/fills", "/history/fees", "/history/deposits", "/history/withdrawals", "/history/ledger", "/statements",
    "/account/archive", "/account", "/account/security", "/account/keys", "/fees", "/accounts/2fa/",
    "/accounts/2fa/recovery-codes/", "/accounts/2fa/totp/deactivate/", "/accounts/2fa/webauthn/add/",
    "/accounts/email/", "/accounts/password/change/", "/accounts/logout/", "/proof", f"/trade/{MARKET}",
    f"/trade/{MARKET}?tab=history", f"/trade/{MARKET}?tab=fills", f"/trade/{MARKET}?tab=balances",
)  # fmt: skip
# Words that German has from English or both from elsewhere, names, and what the trade calls its orders in both.
SAME = {
    "API", "Archive", "Asset", "Assets", "Block", "CSV", "Chart", "Charts:", "Deutsch", "English", "Exchange", "Info",
    "Iceberg", "JSON", "Limit", "Limit, IOC", "Live", "MA", "Maker", "Market", "Median", "Memo", "Name", "OCO", "Order",
    "Orders", "Passkeys", "Portfolio", "Slippage", "Spread", "Status", "Stop", "Taker", "Ticker", "Trailing", "UTC",
    "Wallet", "bps", "1month", "TradingView Lightweight Charts™", "Portfolio · Exchange", "Status · Exchange",
    "Wallet · Exchange", "Bitcoin", "Ethereum", "Solana", "USD Coin", "Planned work on Sunday", "Orders stay.",
    "Trading stops at 02:00 UTC for ten minutes.",
}  # fmt: skip
# Figures with a unit, symbols and pairs of assets, addresses, hashes, references, moments, devices, names of files.
NAMES = re.compile(
    r"[\d.,+\u2212\u202f -]+ ?(?:SOL|USDC|BTC|ETH|ms|UTC)?|/?(?:SOL|USDC|BTC|ETH)(?:/\w+)?(?:, [A-Z/]+)*|[0-9a-f]{32,}"
    r"|sim\w+|(?:fund|deposit|withdrawal):\S+|\d+ \w{3}(?: \d{4})?(?: \d\d:\d\d)?(?: UTC)?|[\d-]+ [\d:]+ UTC|\S+@\S+"
    r"|[\w.]+\.py|(?:/ )?Order \d+|[\w ]+, (?:Linux|macOS|Windows)|https?:\S+"
)
TEXTS = r"""() => {
  const found = new Set(), skip = "script, style, template, code, pre, kbd, textarea, .hash, [translate=no]";
  const keep = (text) => /[A-Za-z]{2,}/.test(text) && found.add(text.replace(/\s+/g, " ").trim());
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) if (!node.parentElement.closest(skip)) keep(node.data);
  for (const name of ["aria-label", "title", "placeholder", "alt"]) {
    for (const node of document.querySelectorAll(`[${name}]`)) keep(node.getAttribute(name));
  }
  keep(document.title);
  return [...found];
}"""


def texts(page: Page, path: str) -> set[str]:
    visit(page, path)
    if path.startswith("/trade/"):
        expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=SLOW_MS)
        expect(page.locator("#legend")).not_to_be_empty(timeout=SLOW_MS)
    return set(page.evaluate(TEXTS))


def left(english: set[str], german: set[str]) -> set[str]:
    return {text for text in english & german if text not in SAME and not NAMES.fullmatch(text)}


def test_what_counts_as_left() -> None:
    """So that silence below means something."""
    assert left({"Cancel all", "168.59 USDC", "SOL/USDC", "Portfolio"}, {"Cancel all", "168.59 USDC", "SOL/USDC"}) == {
        "Cancel all"
    }


@pytest.fixture
def in_both(exchange: RunningExchange, new_context: Callable[..., BrowserContext]) -> Callable[..., list[str]]:
    """What is left of English on each of the pages, as lines."""

    def compare(paths: tuple[str, ...], state: dict[str, Any] | None = None) -> list[str]:
        found: dict[str, list[set[str]]] = {path: [] for path in paths}
        for locale in ("en-US", "de-DE"):
            page = new_context(viewport=DESKTOP, base_url=exchange.url, locale=locale, storage_state=state).new_page()
            page.set_default_timeout(SLOW_MS)
            for path in paths:
                found[path].append(texts(page, path))
        return [f"{path}: {sorted(rest)}" for path, both in found.items() if (rest := left(*both))]

    return compare


def test_pages_of_a_visitor(in_both: Callable[..., list[str]]) -> None:
    assert in_both(GUEST) == []


def test_pages_of_an_account(
    exchange: RunningExchange, new_context: Callable[..., BrowserContext], in_both: Callable[..., list[str]]
) -> None:
    context = new_context(viewport=DESKTOP, base_url=exchange.url)
    page = context.new_page()
    page.set_default_timeout(SLOW_MS)
    make_filled(page, exchange)
    page.goto("/history")
    orders = sorted({str(each.get_attribute("href")) for each in page.locator("main a[href^='/orders/']").all()})
    page.goto("/wallet")
    mine = str(page.locator("main a[href^='/wallet/withdrawals/']").first.get_attribute("href"))
    assert in_both((*OWN, *orders, mine), context.storage_state()) == []
