"""What the trading page loads of our own style sheets and scripts, as they are served, counted without a browser."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from accounts.services import create_user
from exchange_site.static_files import light, program
from exchange_site.tests.api_rig import forget_caches, make_market

STATIC = settings.BASE_DIR / "static"
MAX_BYTES = 99_000  # Promised are 100,000; the rest is for the next idea.
LOADED_AT_ONCE = {"js/chart.js", "js/own.js"}  # Imported late by trade.js, but on every page (own.js: when logged in).
# What the chart loads by itself when somebody has open orders and fills, and few candles are there.
WITH_ORDERS = LOADED_AT_ONCE | {"js/order_lines.js", "js/chart_marks.js", "js/chart_history.js"}


@pytest.fixture
def market(db):
    forget_caches()
    yield make_market()
    forget_caches()


def graph(*starts: str) -> set[str]:
    """The modules that are loaded with these: their static imports, and theirs."""
    found, todo = set(), list(starts)
    while todo:
        name = todo.pop()
        if name in found or "vendor" in name:
            continue
        found.add(name)
        text = (STATIC / name).read_text(encoding="utf-8")
        todo += [f"js/{other}" for other in re.findall(r'^import [^;]*?from "\./([\w/.-]+)";', text, re.MULTILINE)]
    return found


def weight(client: Client, *, late: set[str], late_sheets: tuple[str, ...] = ()) -> tuple[int, dict[str, int]]:
    text = client.get("/trade/SOL_USDC").content.decode()
    text = re.sub("<noscript>.*?</noscript>", "", text)
    sheets = re.findall(r'<link rel="stylesheet" href="/static/(css/[\w/.-]+)"', text)
    scripts = graph(*re.findall(r'<script type="module" src="/static/(js/[\w/.-]+)"', text), *late)
    assert len(sheets) > 5
    assert len(scripts) > 10
    sizes = {name: light(STATIC / name).stat().st_size for name in (*sheets, *late_sheets, *scripts)}
    return sum(sizes.values()), sizes


def test_what_is_served_is_light(market):
    assert program().exists(), "esbuild is missing: npm ci --ignore-scripts installs it."
    served = finders.find("css/tokens.css")
    assert served != str(STATIC / "css/tokens.css")
    assert "--c-panel" in Path(str(served)).read_text(encoding="utf-8")


def test_the_page_of_a_visitor_is_light(client, market):
    total, sizes = weight(client, late={"js/chart.js"})
    assert total < MAX_BYTES, sorted(sizes.items(), key=lambda item: -item[1])


def test_the_page_of_a_trader_is_light(client, market):
    client.force_login(create_user("alice@example.org", "correct horse battery").account.user)
    total, sizes = weight(client, late=LOADED_AT_ONCE)
    assert total < MAX_BYTES, sorted(sizes.items(), key=lambda item: -item[1])


def test_the_page_of_a_trader_with_open_orders_is_light(client, market):
    client.force_login(create_user("alice@example.org", "correct horse battery").account.user)
    total, sizes = weight(client, late=WITH_ORDERS, late_sheets=("css/components/order_tags.css",))
    assert total < MAX_BYTES, sorted(sizes.items(), key=lambda item: -item[1])
