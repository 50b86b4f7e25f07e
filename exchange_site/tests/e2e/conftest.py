"""End-to-end tests drive a real exchange from outside: its pages, its API, its command line.

They run in a pytest process of their own (`./exchange test` does so): Playwright keeps an event loop running in the
main thread, after which neither the ORM nor asyncio tests work.
"""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from exchange_site.tests.e2e.filled_account import make_filled
from exchange_site.tests.e2e.running import RunningExchange
from exchange_site.tests.e2e.trading_page import DESKTOP, SLOW_MS, TradingPage

HERE = Path(__file__).parent
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SERIAL = count(1)
RUNNING: list[RunningExchange] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies in this folder is an end-to-end test."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows the end of the logs of every exchange that was running."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed and HERE in item.path.parents:
        for exchange in RUNNING:
            report.sections.append((f"logs of {exchange.home}", exchange.tails()))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium; Playwright's own download is never used."""
    path = shutil.which("chromium")
    assert path, "The browser tests need the program chromium on PATH; ./exchange test installs it where it can."
    return {**browser_type_launch_args, "executable_path": path, "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session")
def start_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RunningExchange]]:
    """Makes further exchanges: `start_exchange("--without", "market_maker", EXCHANGE_WEB_WORKERS="2")`.

    Every one of them is stopped at the end, whatever happened; a test that is done with its own calls `down()`.
    """

    def start(*words: str, **environment: str) -> RunningExchange:
        exchange = RunningExchange(tmp_path_factory.mktemp("exchange") / "home", environment)
        RUNNING.append(exchange)
        exchange.up(*words)
        return exchange

    yield start
    for exchange in RUNNING:
        exchange.call("down")
    RUNNING.clear()


@pytest.fixture(scope="session")
def exchange(start_exchange: Callable[..., RunningExchange]) -> RunningExchange:
    """One exchange with everything running, shared by the tests of a session. See `running.RunningExchange`.

    Its wallet holds payments to new addresses as every other does, only not for so long.
    """
    return start_exchange(WALLET_ADDRESS_HOLD_S="5", WALLET_FREEZE_S="5")


@pytest.fixture(scope="session")
def watched(start_exchange: Callable[..., RunningExchange]) -> RunningExchange:
    """One that only operators look at, with logs for programs and every order in them."""
    return start_exchange(LOG_FORMAT="json", LOG_ORDERS_ONE_IN="1")


@pytest.fixture
def open_page(exchange: RunningExchange, new_context: Callable[..., BrowserContext]) -> Callable[..., TradingPage]:
    """A page in a browser context of its own: another browser, as far as the site can tell."""

    def make(**options: Any) -> TradingPage:
        return TradingPage(new_context(**{"viewport": DESKTOP, **options}).new_page(), exchange)

    return make


@pytest.fixture
def trader(open_page: Callable[..., TradingPage]) -> TradingPage:
    """Somebody new, signed up and with demo funds, on the live trading page."""
    page = open_page()
    page.sign_up(f"trader{next(SERIAL)}@example.org")
    page.open()
    page.mark()
    page.get_demo_funds()
    return page


@pytest.fixture(scope="session")
def filled(exchange: RunningExchange, browser: Any) -> Iterator[dict[str, Any]]:
    """The cookies of the account, as a browser keeps them."""
    context = browser.new_context(viewport=DESKTOP, base_url=exchange.url)
    page = context.new_page()
    page.set_default_timeout(SLOW_MS)
    make_filled(page, exchange)
    yield context.storage_state()
    context.close()


@pytest.fixture
def open_as(
    exchange: RunningExchange, filled: dict[str, Any], new_context: Callable[..., BrowserContext]
) -> Callable[..., Page]:
    """A page of the filled account: `open_as("dark")`, with the options of a browser context."""

    def make(theme: str, **options: Any) -> Page:
        context = new_context(**{"viewport": DESKTOP, "base_url": exchange.url, "storage_state": filled, **options})
        context.add_cookies([{"name": "theme", "value": theme, "url": exchange.url}])
        page = context.new_page()
        page.set_default_timeout(SLOW_MS)
        return page

    return make
