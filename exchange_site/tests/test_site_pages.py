"""The frame of the site: theme, error pages, and the rules its files keep."""

import re
import shutil
import subprocess

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import RequestFactory

from exchange_site import pages
from exchange_site.tests.api_rig import forget_caches, make_market

STATIC = settings.BASE_DIR / "static"
TEMPLATES = settings.BASE_DIR / "templates"
MAX_LINES = 400


def own_files(*patterns):
    return [path for pattern in patterns for path in sorted(STATIC.rglob(pattern)) if "tests" not in path.parts]


@pytest.mark.django_db
def test_the_theme_is_remembered_and_leads_back(client):
    answer = client.post("/theme", {"theme": "light", "next": "/markets?q=sol"})
    assert answer["Location"] == "/markets?q=sol"
    assert answer.cookies["theme"].value == "light"
    assert client.post("/theme", {"theme": "light", "next": "https://evil.example"})["Location"] == "/"


@pytest.mark.django_db
def test_an_unknown_theme_leaves_it_to_the_system(client):
    client.cookies["theme"] = "light"
    assert client.post("/theme", {"theme": "<b>"}).cookies["theme"].value == ""


@pytest.mark.parametrize(
    ("page", "status"),
    [(pages.not_found, 404), (pages.failed, 500), (pages.forbidden, 403), (pages.too_many, 429)],
    ids=["404", "500", "403", "429"],
)
def test_error_pages_need_no_database(page, status):
    """No database mark: any query fails this test."""
    request = RequestFactory().get("/nowhere", headers={"cookie": "theme=light"})
    answer = page(request)
    assert answer.status_code == status
    text = answer.content.decode()
    assert 'data-theme="light"' in text
    assert 'class="site-bar"' in text


def test_a_database_that_is_away_is_no_failure_of_the_page():
    request = RequestFactory().get("/markets", headers={"accept-language": "de"})
    try:
        raise OperationalError("connection refused")
    except OperationalError:
        answer = pages.failed(request)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "10"
    assert 'lang="de"' in answer.content.decode()


def test_an_unknown_host_gets_a_page_and_programs_get_json(client):
    page = client.get("/markets", headers={"host": "evil.example"})
    assert page.status_code == 400
    assert 'class="site-bar"' in page.content.decode()
    assert client.get("/api/v1/klines", headers={"host": "evil.example"}).json()["code"] == "INVALID_CLIENT_REQUEST"


@pytest.fixture
def market(db):
    forget_caches()
    yield make_market()
    forget_caches()


def test_the_front_page_shows_a_market(client, market):
    text = client.get("/").content.decode()
    assert "shows its work" in text
    assert 'data-front="SOL_USDC"' in text
    assert 'data-theme="' not in text
    client.cookies["theme"] = "contrast"
    assert 'data-theme="contrast"' in client.get("/markets").content.decode()


def test_the_front_page_of_an_empty_venue(client, db):
    forget_caches()
    assert "No markets yet" in client.get("/").content.decode()


def test_the_list_of_markets_is_filtered(client, market):
    assert "1 market open" in client.get("/markets").content.decode()
    assert "Solana" in client.get("/markets?q=sol").content.decode()
    assert "Nothing fits" in client.get("/markets?q=doge").content.decode()
    assert "Log in to keep favourites" in client.get("/markets?quote=favourites").content.decode()


@pytest.mark.parametrize("sort", ["market", "last", "change", "volume", "spread"])
def test_every_column_sorts_both_ways(client, market, sort):
    down = client.get(f"/markets?sort={sort}&dir=down").content.decode()
    assert 'aria-sort="descending"' in down
    assert f"sort={sort}&amp;dir=up" in down
    assert 'aria-sort="ascending"' in client.get(f"/markets?sort={sort}&dir=up").content.decode()
    assert "aria-sort" not in client.get("/markets?sort=nonsense").content.decode()


def test_the_style_guide_is_for_development(client, market, settings):
    settings.STYLEGUIDE = True
    assert "Style guide" in client.get("/styleguide").content.decode()
    settings.STYLEGUIDE = False
    assert client.get("/styleguide").status_code == 404


def test_no_template_has_inline_script_or_style():
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text), path
        for tag in re.findall(r"<script[^>]*>", text):
            assert "src=" in tag, path


def test_own_files_are_short():
    long = {
        path.name: lines
        for path in own_files("*.js", "*.css")
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not long


def test_the_scripts_count_right():
    """The browser's arithmetic, order book and preview have tests of their own, run by Node."""
    node = shutil.which("node")
    assert node, "Node.js is missing; it is needed for the chart library as well."
    tests = sorted(str(path) for path in (STATIC / "js/tests").glob("*.mjs"))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
