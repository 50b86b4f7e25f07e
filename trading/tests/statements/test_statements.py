"""Yearly statements: the worked example of the document, and what must hold for any history."""

import csv
import io
import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from exchange_site.tests.api_rig import forget_caches
from marketdata.models import Asset
from trading.ledger.selectors import totals_before
from trading.statements import books
from trading.statements.fifo import Lot, Lots, TooLittle
from trading.statements.prices import Prices
from trading.tests.history.rig import Story, log_in

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def documented(number):
    text = (settings.BASE_DIR / "docs/statements.md").read_text(encoding="utf-8")
    return re.findall(r"```csv\n(.*?)```", text, re.DOTALL)[number].strip().splitlines()


@pytest.fixture
def example(transactional_db):
    """The example of docs/statements.md."""
    story = Story()
    story.person("alice")
    story.person("bob")
    for symbol in ("SOL", "BTC", "ETH", "USDC"):
        story.gets("bob", "100000", symbol)
    story.gets("alice", "5000", "USDC")
    story.on("2025-04-30").price("SOL_USDC", "100").on("2025-05-01").gets("alice", "10", "SOL", "deposit")
    story.on("2025-06-01").trades("bob", "sell", "10", "SOL_USDC", "120", "alice")
    story.on("2026-02-01").trades("alice", "sell", "15", "SOL_USDC", "150", "bob")
    story.on("2026-03-01").withdraws("alice", "1", "SOL", fee="0.01")
    story.on("2026-03-31").price("BTC_USDC", "60000").on("2026-04-01").gets("alice", "0.1", "BTC", "deposit")
    story.on("2026-04-30").price("BTC_USDC", "64000")
    story.on("2026-05-01").trades("bob", "sell", "1", "ETH_BTC", "0.05", "alice")
    return story


def file_of(client, year, name):
    answer = client.get(f"/statements/{year}/{name}.csv")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode().splitlines()


def test_the_documented_example_is_what_the_files_say(client, example):
    log_in(client, example.people["alice"])
    assert file_of(client, 2026, "summary") == documented(0)
    assert file_of(client, 2026, "lots") == documented(1)


def test_the_page_says_the_same(client, example):
    log_in(client, example.people["alice"])
    text = client.get("/statements").content.decode()
    assert "2026, until now" in text
    assert "+647.5994" in text
    assert "+200.00" in text
    assert str(example.people["alice"].pk) in text
    text = client.get("/statements/2025").content.decode()
    assert "until now" not in text
    assert "19.99" in text


def test_the_api_says_the_same(client, example):
    forget_caches()
    assert client.get("/wapi/v1/statements").status_code == 401
    log_in(client, example.people["alice"])
    answer = client.get("/wapi/v1/statements").json()
    assert (answer["years"], answer["year"], answer["ended"]) == ([2026, 2025], 2026, False)
    head, *rows = csv.reader(documented(0))
    files = {row[1]: dict(zip(head, row, strict=True)) for row in rows}
    assert [line["symbol"] for line in answer["assets"]] == list(files)
    for line in answer["assets"]:
        row = files[line["symbol"]]
        assert (line["opening"], line["disposed"], line["closing"]) == (row["opening"], row["disposed"], row["closing"])
        assert (line["gain"] or "", line["closingCost"] or "") == (row["gain_usdc"], row["closing_cost_usdc"])
    assert client.get("/wapi/v1/statements?year=2025").json()["ended"] is True
    assert client.get("/wapi/v1/statements?year=2024").status_code == 404


def test_a_year_opens_as_the_one_before_closed_and_ends_as_the_ledger_does(example):
    for account in example.people.values():
        closed = {}
        for year in (2025, 2026):
            for row in books.statement(account.pk, year, NOW).assets:
                assert (row.opening_units, row.opening_cost) == closed.get(row.asset.symbol, (0, 0))
                closed[row.asset.symbol] = row.closing_units, row.closing_cost
                come = row.opening_units + row.received_units + row.bought_units
                assert come - row.disposed_units - row.sent_units == row.closing_units
                if row.asset.symbol != "USDC":
                    cost = row.opening_cost + row.received_value + row.bought_cost
                    assert cost - row.disposed_cost - row.sent_cost == row.closing_cost
                ledger = totals_before(account.pk, books.bounds(year)[1])
                assert row.closing_units == ledger[row.asset.pk]


@pytest.mark.parametrize("seed", range(3))
def test_any_history_adds_up_and_gains_are_proceeds_less_cost(transactional_db, seed):
    """seed in the test's name; rebates, both quotes, and whole positions sold are among the trades."""
    rng, story = random.Random(seed), Story()
    alice, bob = story.person("alice"), story.person("bob")
    story.on("2024-11-01").price("SOL_USDC", "20").price("BTC_USDC", "50000")
    for name in ("alice", "bob"):
        for symbol in ("SOL", "BTC", "ETH", "USDC"):
            story.gets(name, "1000000", symbol)
    for i in range(40):
        if i == 20:
            story.on("2025-02-01")
        symbol, price = rng.choice([("SOL_USDC", "20.15"), ("BTC_USDC", "50001.1"), ("ETH_BTC", "0.034567")])
        maker, taker = rng.sample(["alice", "bob"], 2)
        quantity = f"{rng.randrange(1, 300)}.{rng.randrange(100):02d}" if symbol != "BTC_USDC" else "0.00123"
        story.trades(maker, rng.choice(["buy", "sell"]), quantity, symbol, price, taker, rng.choice([800, -200]), 1000)
    for account in (alice, bob):
        walked = books.Books(account.pk, 2025)
        disposals = list(walked.walk())
        for row in walked.figures():
            matches = [disposal.match for disposal in disposals if disposal.asset == row.asset]
            assert sum(match.units for match in matches) == (0 if row.asset.symbol == "USDC" else row.disposed_units)
            assert sum(match.proceeds for match in matches) == row.proceeds
            assert sum(match.gain for match in matches) == row.gain
            assert row.closing_units == totals_before(account.pk)[row.asset.pk]
            assert all(match.acquired_at <= match.disposed_at for match in matches)


def test_parts_of_a_lot_sum_to_it_exactly():
    rng = random.Random(7)
    lots = Lots()
    for _ in range(50):
        lots.acquire(Lot(NOW, "bought", rng.randrange(1, 1000), rng.randrange(0, 10**6)))
    whole_units, whole_cost = lots.units, lots.cost
    cost = proceeds = 0
    while lots.units:
        for match in lots.dispose(NOW, min(lots.units, rng.randrange(1, 700)), 777):
            cost, proceeds = cost + match.cost, proceeds + match.proceeds
    assert cost == whole_cost
    assert proceeds % 777 == 0
    assert whole_units > 0
    assert lots.cost == 0
    with pytest.raises(TooLittle):
        list(lots.take(1))


def test_an_asset_without_a_price_is_marked(transactional_db):
    story = Story()
    alice = story.person("alice")
    story.gets("alice", "1", "ETH", "deposit")
    (row,) = books.statement(alice.pk, 2025, NOW).assets
    assert (row.received_value, row.unknown_values) == (0, 1)


def test_a_price_of_later_is_not_used(transactional_db):
    story = Story()
    alice = story.person("alice")
    story.price("SOL_USDC", "10").gets("alice", "1", "SOL", "deposit").on("2025-06-01").price("SOL_USDC", "99")
    (row,) = books.statement(alice.pk, 2025, NOW).assets
    assert row.received_value == 10_000_000


def test_prices_are_right_and_few_are_kept_however_many_are_asked_for(transactional_db):
    story, minute = Story(), timedelta(minutes=1)
    sol = Asset.objects.get(symbol="SOL")
    story.price("SOL_USDC", "10")
    first = story.at
    story.on("2025-06-01").price("SOL_USDC", "20")
    prices = Prices()
    assert [prices.value(sol.pk, 10**9, first + minute * i) for i in (1, 2, 0, 1)] == [10**7, 10**7, None, 10**7]
    assert prices.value(sol.pk, 10**9, story.at + minute) == 2 * 10**7
    assert len(prices._known) == 1


def test_pages_for_nobody_for_others_and_for_too_much(client, example, monkeypatch):
    assert client.get("/statements").status_code == 302
    carol = example.person("carol")
    log_in(client, carol)
    assert "No statement yet" in client.get("/statements").content.decode()
    for path in ("/statements/2026", "/statements/2026/summary.csv", "/statements/9999", "/statements/99999999999999"):
        assert client.get(path).status_code == 404, path
    log_in(client, example.people["alice"])
    assert client.get("/statements/2026/secrets.csv").status_code == 404
    assert client.get("/statements/1999").status_code == 404
    monkeypatch.setattr("trading.pages.statements.MAX_ENTRIES", 3)
    assert "Too long for a page" in client.get("/statements").content.decode()
    rows = list(csv.DictReader(io.StringIO("\n".join(file_of(client, 2026, "lots")))))
    assert len(rows) == 3
