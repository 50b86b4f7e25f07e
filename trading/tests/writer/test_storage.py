"""Trades and candles as plain tables, native partitions or behind a view: the same rows, keys and candles."""

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from marketdata.intervals import INTERVALS
from marketdata.models import Kline, Trade
from marketdata.selectors import klines, recent_trades
from marketdata.storage import StorageRefused, candles, partitions, timescale
from marketdata.storage import tables as storage
from marketdata.storage.moving import alone_with, move
from marketdata.storage.tables import (
    KLINES,
    TABLES,
    TRADES,
    Shape,
    ask,
    month_of,
    next_month,
    parents,
    partition_name,
    run,
    shape_of,
)
from matching.tests.flows import random_commands
from trading.models import Checkpoint
from trading.writer.loop import WriterLoop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]


def say(_: str) -> None:
    pass


@pytest.fixture(autouse=True)
def plain_afterwards(transactional_db):
    """Other tests share the database."""
    yield
    if shape_of(TRADES.name) is Shape.HYPERTABLE or (storage.has_timescale() and shape_of(KLINES.name) is Shape.VIEW):
        timescale.disable(say)
    for table in reversed(TABLES):  # A view of candles stands upon trades.
        if shape_of(table.name) is not Shape.PLAIN:
            move(table, Shape.PLAIN, say)


def everything():
    """All rows of both tables, in the order of their keys, and what selectors make of them."""
    markets = ask("SELECT id FROM marketdata_market ORDER BY 1")
    return (
        list(Trade.objects.order_by("seq").values_list()),
        list(Kline.objects.order_by("market_id", "interval", "start").values_list()),
        [[row.trade_id for row in recent_trades(pk)] for (pk,) in markets],
        [[row.start for row in klines(pk, interval)] for (pk,) in markets for interval in INTERVALS],
    )


def keys_and_indexes():
    return ask(
        "SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = ANY (ARRAY['marketdata_trade', 'marketdata_kline']::regclass[]) AND contype <> 'n' "
        "ORDER BY 1, 2"
    ), ask(
        "SELECT table_name, column_name, data_type, is_nullable, numeric_precision, character_maximum_length "
        "FROM information_schema.columns WHERE table_name IN ('marketdata_trade', 'marketdata_kline') ORDER BY 1, 2"
    )


@pytest.fixture
def written(published, writers):
    published.run(random_commands(11, 1_500), per_entry=37)
    writers.run(published.engine.n)
    assert Trade.objects.count() > 200
    return published


def test_candles_of_trades_by_query_are_those_the_writer_folded(written):
    made = candles.of_kept_trades()
    assert list(candles.differences(KLINES.name, made)) == []
    layers = {name: candles.as_row(name, candles.layered(name, candles.PLAIN)) for name in INTERVALS}
    assert list(candles.differences(KLINES.name, layers)) == []
    Kline.objects.filter(interval="8h").update(quote_units=7)
    assert [text.partition(":")[0] for text in candles.differences(KLINES.name, made)] == ["8h"]


def test_partitions_hold_the_same_rows_and_the_writer_goes_on(written, writers):
    before, keys = everything(), keys_and_indexes()
    partitions.enable(say)
    assert {shape_of(table.name) for table in TABLES} == {Shape.PARTITIONS}
    assert everything() == before
    written.run(random_commands(12, 800), per_entry=37)
    writers.run(written.engine.n)
    assert len(everything()[0]) > len(before[0])
    assert list(candles.differences(KLINES.name, candles.of_kept_trades())) == []
    after = everything()
    partitions.disable(say)
    assert everything() == after
    assert [row for row in keys_and_indexes()[0] if row[2] != "c"] == [row for row in keys[0] if row[2] != "c"]
    assert keys_and_indexes()[1] == keys[1]


def test_a_trade_stays_once_in_partitions(written):
    partitions.enable(say)
    with pytest.raises(IntegrityError), transaction.atomic():
        run("INSERT INTO marketdata_trade SELECT * FROM marketdata_trade ORDER BY seq DESC LIMIT 1")


def test_a_replay_adds_nothing_to_partitions(written, writers):
    partitions.enable(say)
    before = everything()
    Checkpoint.objects.update(n=0, seq=0, chain=b"")
    writers.run(written.engine.n)
    assert everything() == before


def test_tables_change_their_shape_under_a_running_writer(published, writers, monkeypatch):
    monkeypatch.setattr("marketdata.storage.moving.PORTION", 50)
    published.run(random_commands(13, 600), per_entry=7)
    writers.run(published.engine.n)
    stop = threading.Event()
    writer = threading.Thread(target=WriterLoop(stop).run)
    writer.start()
    flows = [random_commands(seed, 300) for seed in range(14, 19)]
    feeding = threading.Thread(target=lambda: [published.run(flow, per_entry=3) for flow in flows])
    feeding.start()
    try:
        while feeding.is_alive():
            partitions.enable(say)
            partitions.disable(say)
        feeding.join()
    finally:
        stop.set()
        writer.join(30)
    writers.run(published.engine.n)
    assert list(candles.differences(KLINES.name, candles.of_kept_trades())) == []
    for count, least, most in ask(
        "SELECT count(*), min(trade_id), max(trade_id) FROM marketdata_trade GROUP BY market_id"
    ):
        assert (least, most) == (1, count)


def test_behind_a_view_the_writer_keeps_no_candles_and_they_come_back_whole(written, writers):
    """What `timescale` does with candles, with a view any PostgreSQL can make."""
    view = " UNION ALL ".join(candles.of_kept_trades().values())
    before = everything()
    run("CREATE ROLE adds_trades")
    run("GRANT SELECT, INSERT ON marketdata_trade TO adds_trades")
    with alone_with(KLINES):
        run(f"DROP TABLE {KLINES.name}")
        run(f"CREATE VIEW {KLINES.name} AS {view}")
    assert everything() == before
    written.run(random_commands(15, 500), per_entry=37)
    writers.run(written.engine.n)
    behind = everything()
    assert len(behind[0]) > len(before[0])
    move(KLINES, Shape.PLAIN, say)
    assert everything() == behind
    assert ask("SELECT has_table_privilege('adds_trades', 'marketdata_kline', 'INSERT')") == [(True,)]
    run("DROP OWNED BY adds_trades")
    run("DROP ROLE adds_trades")
    written.run(random_commands(16, 500), per_entry=37)
    writers.run(written.engine.n)
    assert list(candles.differences(KLINES.name, candles.of_kept_trades())) == []


def without_a_month(months_ahead):
    """Takes the partitions of trades and candles of that month away, as if nobody had made them; its beginning."""
    month = month_of(timezone.now())
    for _ in range(months_ahead):
        month = next_month(month)
    for parent in (TRADES.name, *parents(KLINES)):
        run(f"DROP TABLE {partition_name(parent, month)}")
    return month


def test_months_are_made_ahead_and_stray_rows_find_theirs(written):
    partitions.enable(say)
    month = without_a_month(7)
    for day in (0, 27):
        run(
            "UPDATE marketdata_trade SET at = %s WHERE seq = (SELECT min(seq) FROM marketdata_trade WHERE at < %s)",
            *(month + timedelta(days=day), month),
        )
    before = everything()
    assert sum(state.in_default for state in partitions.states()) == 2
    assert partitions.make_ahead() == 3
    assert ask(f"SELECT count(*) FROM {partition_name(TRADES.name, month)}") == [(2,)]  # noqa: S608 - our own name
    assert sum(state.in_default for state in partitions.states()) == 0
    assert everything() == before
    assert partitions.make_ahead() == 0


def test_months_of_before_are_made_for_rows_that_wait(written):
    partitions.enable(say)
    old = month_of(ask("SELECT min(at) FROM marketdata_trade")[0][0]) - timedelta(days=40)
    run("UPDATE marketdata_trade SET at = %s WHERE seq = (SELECT min(seq) FROM marketdata_trade)", old)
    assert partitions.make_ahead() == 1
    assert ask(f"SELECT count(*) FROM {partition_name(TRADES.name, month_of(old))}") == [(1,)]  # noqa: S608


def test_tables_without_partitions_need_no_months(written):
    assert partitions.make_ahead() == 0


def test_old_months_are_dropped_whole_and_only_with_a_word(written):
    old = datetime(2020, 5, 31, 23, 59, 59, tzinfo=UTC)
    run("UPDATE marketdata_trade SET at = now()")
    run("UPDATE marketdata_trade SET at = %s WHERE seq = (SELECT min(seq) FROM marketdata_trade)", old)
    partitions.enable(say)
    rows = Trade.objects.count()
    for words in ((), ("--keep-trades-days", "5"), ("--keep-seconds-days", "1")):
        with pytest.raises(CommandError):
            call_command("partitions", "drop", "--yes", *words)
    said = StringIO()
    call_command("partitions", "drop", "--keep-trades-days", "200", stdout=said)
    assert "marketdata_trade_202005" in said.getvalue()
    assert Trade.objects.count() == rows
    call_command("partitions", "drop", "--keep-trades-days", "200", "--yes", stdout=said)
    assert Trade.objects.count() == rows - 1


def test_the_command_asks_before_and_tells_the_state(written):
    said = StringIO()
    call_command("partitions", "enable", stdout=said)
    assert shape_of(TRADES.name) is Shape.PLAIN
    call_command("partitions", "enable", "--yes", stdout=said)
    call_command("partitions", "status", "--verify", stdout=said)
    assert "to the last digit" in said.getvalue()
    assert "partitions by month" in said.getvalue()
    Kline.objects.filter(interval="1d").update(trades=7)
    with pytest.raises(CommandError):
        call_command("partitions", "status", "--verify", stdout=said)


def test_rights_and_owner_come_along(written):
    run("CREATE ROLE reader_of_trades")
    try:
        run("GRANT SELECT, INSERT ON marketdata_trade TO reader_of_trades")
        partitions.enable(say)
        assert ask("SELECT has_table_privilege('reader_of_trades', 'marketdata_trade', 'INSERT')") == [(True,)]
        assert ask("SELECT has_table_privilege('reader_of_trades', 'marketdata_trade', 'DELETE')") == [(False,)]
        partitions.disable(say)
        assert ask("SELECT has_table_privilege('reader_of_trades', 'marketdata_trade', 'INSERT')") == [(True,)]
    finally:
        run("REVOKE ALL ON marketdata_trade FROM reader_of_trades")
        run("DROP ROLE reader_of_trades")


def test_what_the_command_does_not_know_stops_it(written):
    run("ALTER TABLE marketdata_trade ADD COLUMN stranger int")
    try:
        with pytest.raises(StorageRefused, match="stranger"):
            partitions.enable(say)
        assert shape_of(TRADES.name) is Shape.PLAIN
        assert shape_of(TRADES.name + storage.NEW) is Shape.MISSING
    finally:
        run("ALTER TABLE marketdata_trade DROP COLUMN stranger")


def test_a_table_in_use_is_left_alone(written, monkeypatch):
    monkeypatch.setattr("marketdata.storage.moving.LOCK_TRIES", 2)
    monkeypatch.setattr("marketdata.storage.moving.LOCK_WAIT_S", 1)
    at = connection.settings_dict
    login = {"user": at["USER"], "password": at["PASSWORD"], "host": at["HOST"], "port": at["PORT"]}
    with psycopg.connect(dbname=at["NAME"], **login) as reader:
        reader.execute("SELECT count(*) FROM marketdata_trade")
        with pytest.raises(StorageRefused, match="in use"):
            partitions.enable(say)
    assert shape_of(TRADES.name) is Shape.PLAIN
    assert shape_of(TRADES.name + storage.NEW) is Shape.MISSING


def test_without_timescale_the_command_says_what_to_do():
    if ask("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"):
        pytest.skip("the PostgreSQL of these tests has TimescaleDB")
    with pytest.raises(CommandError, match="partitions enable"):
        call_command("timescale", "enable", "--yes")
    said = StringIO()
    call_command("timescale", "status", stdout=said)
    assert "available: no" in said.getvalue()
    call_command("timescale", "disable", "--yes", stdout=said)
    assert "not in use" in said.getvalue()


def test_continuous_aggregates_make_the_same_candles(written, writers):
    if not ask("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"):
        pytest.skip("the PostgreSQL of these tests has no TimescaleDB")
    before = everything()
    call_command("timescale", "enable", "--yes")
    assert (shape_of(TRADES.name), shape_of(KLINES.name)) == (Shape.HYPERTABLE, Shape.VIEW)
    assert everything() == before
    written.run(random_commands(17, 800), per_entry=37)
    writers.run(written.engine.n)
    assert list(candles.differences(KLINES.name, candles.of_kept_trades())) == []
    behind = everything()
    call_command("timescale", "disable", "--yes")
    assert everything() == behind
    written.run(random_commands(18, 500), per_entry=37)
    writers.run(written.engine.n)
    assert list(candles.differences(KLINES.name, candles.of_kept_trades())) == []
