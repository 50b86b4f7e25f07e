"""History as pages and files: whose rows, which filters, how far back, and what a file promises."""

import csv
import io
import threading
from dataclasses import replace

import pytest
from django.db import connection

from accounts.models import LedgerPosting
from exchange_site.tests.api_rig import forget_caches
from trading.history import csv_stream, lines
from trading.history.kinds import KINDS
from trading.models import Order
from trading.tests.history.rig import log_in


def file_of(client, kind, query=""):
    answer = client.get(f"/history/{kind}.csv{query}")
    assert answer.status_code == 200, answer.content[:200]
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8"))))


def page_of(client, kind, query="", status=200):
    answer = client.get(f"/history/{kind}{query}")
    assert answer.status_code == status
    return answer.content.decode()


def test_the_example_of_money_is_told_on_every_page(client, story):
    log_in(client, story.people["alice"])
    fills = page_of(client, "fills")
    assert "SOL/USDC" in fills
    assert "1.684 USDC" in fills
    assert "Maker" in fills
    assert "2,105.00" in fills
    assert ">Filled<" in page_of(client, "orders")
    assert "1.684" in page_of(client, "fees")
    ledger = page_of(client, "ledger")
    for change in ("+20", "+2,105", "\N{MINUS SIGN}12.5", "\N{MINUS SIGN}1.684"):
        assert change in ledger, change
    assert '<h2 id="list-head">Orders</h2>' in client.get("/history").content.decode()


def test_the_file_of_the_ledger_sums_to_the_balance(client, story):
    log_in(client, story.people["alice"])
    rows = file_of(client, "ledger")
    assert [(row["kind"], row["asset"], row["change"]) for row in rows] == [
        ("credit", "SOL", "20"),
        ("trade", "SOL", "-12.5"),
        ("trade", "USDC", "2105"),
        ("fee", "USDC", "-1.684"),
    ]
    assert rows[1]["time_utc"] == "2025-01-01T03:00:00.000000Z"
    assert rows[1]["market"] == "SOL_USDC"


def test_a_file_has_exact_figures_with_their_units_in_the_head(client, story):
    log_in(client, story.people["bob"])
    (fill,) = file_of(client, "fills")
    assert (fill["price_quote"], fill["amount_base"], fill["value_quote"]) == ("168.4", "12.5", "2105")
    assert (fill["fee"], fill["fee_asset"], fill["role"], fill["side"]) == ("0.0125", "SOL", "taker", "buy")
    (order,) = file_of(client, "orders")
    assert order["average_price_quote_cut"] == "168.4"
    assert [row["fee"] for row in file_of(client, "fees")] == ["0.0125"]


def test_nobody_sees_what_is_not_theirs(client, story):
    story.person("carol")
    story.deposit_row("alice", "5", "SOL")
    story.withdrawal_row("alice", "1", "SOL")
    for kind in KINDS:
        assert client.get(f"/history/{kind}").status_code == 302
        assert client.get(f"/history/{kind}.csv").status_code == 302
    log_in(client, story.people["carol"])
    for kind in KINDS:
        assert "Nothing yet" in page_of(client, kind)
        assert file_of(client, kind) == []
    assert client.get("/history/secrets").status_code == 404
    assert client.get("/history/secrets.csv").status_code == 404


def test_filters_are_part_of_the_address_and_of_the_file(client, story):
    story.on("2025-03-01").trades("bob", "buy", "1", "SOL_USDC", "20.15", "alice")
    log_in(client, story.people["alice"])
    assert len(file_of(client, "fills")) == 2
    for query, count in (
        ("?side=sell", 2), ("?side=buy", 0), ("?role=maker", 1), ("?market=SOL_USDC", 2), ("?market=BTC_USDC", 0),
        ("?from=2025-03-01", 1), ("?to=2025-01-01", 1), ("?to=2025-02-28&from=2025-01-02", 0), ("?from=&to=&side=", 2),
    ):  # fmt: skip
        assert len(file_of(client, "fills", query)) == count, query
    assert len(file_of(client, "ledger", "?kind=credit")) == 1
    assert len(file_of(client, "ledger", "?kind=fee&asset=USDC")) == 2
    assert len(file_of(client, "orders", "?state=filled")) == 2
    assert len(file_of(client, "orders", "?state=open")) == 0
    text = page_of(client, "fills", "?side=sell&from=2025-03-01")
    assert 'href="/history/fills.csv?side=sell&amp;from=2025-03-01"' in text
    assert '<option value="sell" selected>' in text
    assert "Nothing fits this filter" in page_of(client, "fills", "?side=buy")


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("fills", "side=up"), ("fills", "market=DOGE_USDC"), ("fills", "market=%00"), ("fills", "from=2025-13-01"),
        ("fills", "from=yesterday"), ("fills", "from=0001-01-01"), ("fills", "from=2025-02-01&to=2025-01-01"),
        ("fills", "before=-1"), ("fills", "before=9223372036854775808"), ("fills", "before=%EF%BC%91"),
        ("orders", "state=lost"), ("ledger", "kind=gift"), ("deposits", "state=x"), ("withdrawals", "asset=%27--"),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_meant_is_refused_in_words(client, story, kind, query):
    log_in(client, story.people["alice"])
    text = page_of(client, kind, f"?{query}", status=400)
    assert "Nothing is shown" in text
    assert 'class="notice error' in text
    assert client.get(f"/history/{kind}.csv?{query}").status_code == 400


@pytest.mark.parametrize("kind", ["orders", "fills", "ledger", "fees"])
def test_every_row_is_on_exactly_one_page(client, story, kind, monkeypatch):
    monkeypatch.setattr("trading.pages.history.SHOWN", 7)
    for _ in range(20):
        story.trades("bob", "buy", "0.01", "SOL_USDC", "20", "alice")
    log_in(client, story.people["alice"])
    expected = [row[next(iter(row))] for row in file_of(client, kind)]
    seen, query = [], ""
    for _ in range(30):
        answer = client.get(f"/history/{kind}{query}")
        seen += answer.context["rows"]
        if answer.context["older"] is None:
            break
        query = "?" + answer.context["older"]
    assert len(seen) == len(expected)
    assert len({tuple(cells) for cells in seen}) == len(seen)


def test_a_field_that_begins_like_a_formula_is_only_text(client, story):
    story.withdrawal_row("alice", "1", "SOL", address="=HYPERLINK(evil)")
    story.deposit_row("alice", "1", "SOL", memo='@cmd, "quoted"')
    log_in(client, story.people["alice"])
    (row,) = file_of(client, "withdrawals")
    assert row["address"] == "'=HYPERLINK(evil)"
    (row,) = file_of(client, "deposits")
    assert row["memo"] == '\'@cmd, "quoted"'
    assert [csv_stream.safe(text) for text in ("-1.5", "+2", "-1.5e3", "-x", "\tx", "＝1", "1=1", "")] == [
        "-1.5", "+2", "'-1.5e3", "'-x", "'\tx", "'＝1", "1=1", "",
    ]  # fmt: skip


def test_a_file_is_read_through_a_cursor_of_the_server(client, story, monkeypatch):
    """However many rows there are, a few thousand are in memory: pieces come before the last row is read."""
    first = Order.objects.filter(account=story.people["alice"]).get()
    Order.objects.bulk_create(
        Order(**{name: getattr(first, name) for name in _columns(first)} | {"id": 10**6 + i}) for i in range(5_000)
    )
    written = []
    monkeypatch.setitem(KINDS, "orders", _counting(KINDS["orders"], written))
    log_in(client, story.people["alice"])
    content = iter(client.get("/history/orders.csv").streaming_content)
    next(content)
    assert len(written) < 1_000
    assert sum(piece.count(b"\r\n") for piece in content) > 4_000


def _columns(row):
    return [column.attname for column in row._meta.concrete_fields]


def _counting(kind, written):
    def line(row):
        written.append(row.pk)
        return lines.order_line(row)

    return replace(kind, line=line)


def test_one_file_at_a_time_and_a_left_one_frees_its_place(client, story):
    log_in(client, story.people["alice"])
    answer = client.get("/history/ledger.csv")
    busy = []

    def second():
        other = type(client)()
        log_in(other, story.people["alice"])
        busy.append(other.get("/history/ledger.csv"))
        connection.close()

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(20)
    assert [(each.status_code, each.headers["Retry-After"]) for each in busy] == [(429, "10")]
    answer.close()  # The reader went away in the middle.
    assert file_of(client, "ledger")


def test_a_file_that_takes_too_long_breaks_off(client, story, settings):
    settings.EXPORT_MAX_S = -1
    log_in(client, story.people["alice"])
    answer = client.get("/history/ledger.csv")
    with pytest.raises(csv_stream.TookTooLong):
        list(answer.streaming_content)
    settings.EXPORT_MAX_S = 60
    assert file_of(client, "ledger")


def test_a_page_that_would_take_too_long_says_so(client, story, settings, monkeypatch):
    settings.HISTORY_PAGE_MS = 50

    def slow(*_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return iter(())

    monkeypatch.setitem(KINDS, "fills", replace(KINDS["fills"], rows=slow))
    monkeypatch.setitem(KINDS, "ledger", replace(KINDS["ledger"], rows=slow))
    log_in(client, story.people["alice"])
    assert "too much at once" in page_of(client, "fills", status=503)
    forget_caches()
    answer = client.get("/wapi/v1/history/ledger")
    assert (answer.status_code, answer.json()["code"]) == (503, "MAINTENANCE")
    assert LedgerPosting.objects.exists()


def test_the_api_tells_the_same_ledger(client, story):
    forget_caches()
    assert client.get("/wapi/v1/history/ledger").status_code == 401
    log_in(client, story.people["alice"])
    rows = client.get("/wapi/v1/history/ledger").json()
    assert [(row["kind"], row["symbol"], row["change"]) for row in rows] == [
        ("fee", "USDC", "-1.684"),
        ("trade", "USDC", "2105"),
        ("trade", "SOL", "-12.5"),
        ("credit", "SOL", "20"),
    ]
    assert rows[0]["timestamp"] == "2025-01-01T03:00:00.000"
    older = client.get(f"/wapi/v1/history/ledger?limit=2&before={rows[1]['id']}").json()
    assert older == rows[2:]
    assert client.get("/wapi/v1/history/ledger?kind=credit&symbol=SOL").json() == rows[3:]
    assert client.get("/wapi/v1/history/ledger?to=1735693200001").json() == rows[3:]
    for query in ("symbol=DOGE", "kind=gift", "before=x", "limit=0", "limit=1001", "from=-1"):
        assert client.get(f"/wapi/v1/history/ledger?{query}").status_code == 400, query
