"""The db writer on real servers: rows equal outcomes exactly once (G6), whoever is killed, late or doubled."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.db.models import Sum

from accounts.ledger.models import BalanceStep
from accounts.models import Account, Balance, LedgerPosting
from accounts.tests.unguarded import unguarded
from marketdata.intervals import INTERVALS, start_of
from marketdata.models import Kline, Market, MarketFigures, Trade
from matching.client.dump import describe
from matching.client.event_log import GENESIS_CHAIN, BrokenChain
from matching.messages import OrderAccepted, TradeMade
from matching.tests.flows import random_commands
from trading import reconcile as reconciling
from trading.ledger.models import LedgerEntry
from trading.models import Checkpoint, Fill, Order
from trading.writer.loop import WriterLoop
from trading.writer.projector import UnknownName
from trading.writer.store import CHECKPOINT, NotDurable, RowMissing, WriterStore

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def check(published, monkeypatch):
    """Fails unless the database is exactly what the engine decided."""
    monkeypatch.setattr(reconciling, "engine_dump", lambda n: describe(published.engine, published.chain))

    def check():
        report = reconciling.reconcile()
        assert report.n == published.engine.n
        assert report.differences == []
        kinds = Counter(type(event) for outcome in published.outcomes for event in outcome.events)
        assert Order.objects.count() == kinds[OrderAccepted]
        assert Trade.objects.count() == kinds[TradeMade]
        assert Fill.objects.count() == 2 * kinds[TradeMade]
        check_candles(published)

    return check


def check_candles(published):
    """Every interval against the obvious fold."""
    prices, lots = defaultdict(list), Counter()
    for outcome in published.outcomes:
        for event in outcome.events:
            if isinstance(event, TradeMade):
                for interval in INTERVALS:
                    key = event.market, interval, start_of(interval, outcome.at_ms)
                    prices[key].append(event.price_ticks)
                    lots[key] += event.quantity_lots
    rows = {
        (row.market.symbol, row.interval, int(row.start.timestamp()) * 1000): row
        for row in Kline.objects.select_related("market")
    }
    assert rows.keys() == prices.keys()
    for key, row in rows.items():
        seen = prices[key]
        assert (row.open_ticks, row.high_ticks, row.low_ticks, row.close_ticks, row.trades, row.volume_lots) == (
            seen[0],
            max(seen),
            min(seen),
            seen[-1],
            len(seen),
            lots[key],
        )


def test_every_outcome_becomes_its_rows(published, writers, check):
    published.run(random_commands(1, 3_000), per_entry=37)
    writers.run(published.engine.n)
    check()
    figures = MarketFigures.objects.get(market__symbol="SOL_USDC")
    assert figures.last_trade_id == Trade.objects.filter(market__symbol="SOL_USDC").count()
    assert Checkpoint.objects.get(name=CHECKPOINT).seq == published.engine.seq


def test_legs_of_every_event_sum_to_zero_in_the_database(published, writers):
    published.run(random_commands(2, 1_000))
    writers.run(published.engine.n)
    sums = LedgerEntry.objects.order_by().values("seq", "asset").annotate(total=Sum("units"))
    assert sums.count() > 300
    assert not sums.exclude(total=0).exists()
    held = Balance.objects.aggregate(total=Sum("available_units") + Sum("locked_units"))["total"]
    assert held == 3 * 10_000_000


def test_client_ids_of_older_orders_reach_their_fills(published, writers, check):
    commands = list(random_commands(3, 1_200))
    for start in range(0, len(commands), 100):  # A transaction of its own for each hundred.
        published.run(commands[start : start + 100])
        writers.run(published.engine.n)
    check()
    client_ids = {
        event.order_id: event.client_id
        for outcome in published.outcomes
        for event in outcome.events
        if isinstance(event, OrderAccepted)
    }
    fills = list(Fill.objects.all())
    assert any(fill.client_id is not None and fill.is_maker for fill in fills)
    assert all(fill.client_id == client_ids[fill.order_id] for fill in fills)


def test_the_engine_learns_how_far_the_database_is(published, writers, log):
    published.run(random_commands(4, 50))
    writers.run(published.engine.n)
    assert int(log.hget("eng", "db_n")) == published.engine.n


def test_an_engine_that_lost_its_notes_is_told_again_without_new_outcomes(published, log):
    """After a wiped Redis nothing may happen for long; trimming, snapshots and the faucet wait for this note."""
    log.hset("eng", "term", 1)
    stop = threading.Event()
    writer = threading.Thread(target=WriterLoop(stop).run)
    writer.start()
    try:
        for _ in range(2):
            assert noted(log) == b"0"
            log.hdel("eng", "db_n")
        assert noted(log) == b"0"
    finally:
        stop.set()
        writer.join(10)


def test_a_redis_that_cannot_write_now_is_waited_for(published, writers, check, log):
    """Found by `./exchange chaos`, F29: the note of the position is a write, and its refusal ended the writer."""
    published.run(random_commands(5, 100))
    sessions = []

    class Counted(WriterLoop):
        def _session(self):
            sessions.append(len(sessions))
            try:
                super()._session()
            finally:
                log.config_set("maxmemory", 0)

    log.config_set("maxmemory", 1)
    try:
        writers.run(published.engine.n, loop=Counted)
    finally:
        log.config_set("maxmemory", 0)
    assert len(sessions) > 1
    check()


def noted(log):
    deadline = time.monotonic() + 10
    while (note := log.hget("eng", "db_n")) is None and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return note


def test_g06_racing_writers_write_every_row_once(published, writers, check):
    published.run(random_commands(5, 4_000), per_entry=20)
    writers.run(published.engine.n, count=3)
    check()


class Interrupted(WriterLoop):
    """Loses its connection once in the middle of a transaction, and once just before it hears of the COMMIT."""

    def __init__(self, stop):
        super().__init__(stop)
        self.interruptions = ["before", "after"]

    def _commit(self, store, client, position, batches):
        if batches and self.interruptions:
            when = self.interruptions.pop()
            if when == "after":
                super()._commit(store, client, position, batches)
                raise psycopg.OperationalError("the answer to COMMIT got lost")
            store._write_candles = lambda *_: store._connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return super()._commit(store, client, position, batches)


def test_g06_a_lost_connection_loses_and_doubles_nothing(published, writers, check):
    published.run(random_commands(6, 2_000), per_entry=100)
    writers.run(published.engine.n, loop=Interrupted)
    check()


def test_g06_kill_nine_at_any_moment(published, writers, check, settings):
    commands = list(random_commands(7, 6_000))
    published.run(commands[:3_000], per_entry=25)
    for _ in range(3):
        process = start_process(settings)
        try:
            before = position()
            wait_for(lambda before=before: position() > before or position() == published.engine.n)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
    published.run(commands[3_000:], per_entry=25)
    writers.run(published.engine.n)
    check()


def test_sigterm_ends_the_command_cleanly(published, settings):
    published.run(random_commands(8, 20))
    process = start_process(settings)
    wait_for(lambda: position() == published.engine.n)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


def start_process(settings, **environment):
    name = connection.settings_dict
    url = f"postgresql://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}/{name['NAME']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "run_db_writer"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "exchange_site.settings.test", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def position():
    row = Checkpoint.objects.filter(name=CHECKPOINT).first()
    return row.n if row else 0


def wait_for(condition, tries=1_500):
    for _ in range(tries):
        if condition():
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)")
    pytest.fail("it did not happen in time")


def test_a_postgresql_that_forgets_is_refused(published, settings):
    """The tests' own runs with fsync off."""
    settings.DATABASE_ALLOW_VOLATILE = False
    with pytest.raises(NotDurable, match="fsync=off"):
        WriterLoop(threading.Event()).run()


def test_asserts_must_be_on(settings):
    process = start_process(settings, PYTHONOPTIMIZE="1")
    assert process.wait(20) == 1


def test_a_checkpoint_set_back_is_replayed_without_doubling(published, writers, check):
    published.run(random_commands(9, 1_500), per_entry=64)
    writers.run(published.engine.n)
    Checkpoint.objects.update(n=0, seq=0, chain=b"")
    writers.run(published.engine.n)
    check()


def test_g06_a_gap_asks_for_a_republish_and_waits(published, writers, check, log):
    published.run(random_commands(10, 400))
    log.xtrim("ev", maxlen=1, approximate=False)

    class Helped(WriterLoop):
        def _await_republish(self, gap, client):
            super()._await_republish(gap, client)
            if int(log.hget("eng", "republish_from") or 0) == 1:
                published.republish()

    writers.run(published.engine.n, loop=Helped)
    check()


def test_a_stream_that_lost_its_tail_is_a_gap_too(published, writers, check, log):
    published.run(random_commands(11, 300))
    log.delete("ev")

    class Helped(WriterLoop):
        def _await_republish(self, gap, client):
            assert gap.found_n is None
            published.republish()

    writers.run(published.engine.n, loop=Helped)
    check()


def test_an_unknown_market_stops_the_writer_with_an_error(published, writers):
    Market.objects.filter(symbol="BTC_USDC").delete()
    published.run(random_commands(12, 50))
    with pytest.raises(UnknownName, match="BTC_USDC"):
        writers.run(published.engine.n)
    assert Order.objects.count() == 0


def test_an_unknown_account_stops_the_writer_with_an_error(published, writers):
    Account.objects.filter(id=1003).delete()
    published.run(random_commands(13, 50))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        writers.run(published.engine.n)
    assert position() == 0


def test_an_order_that_vanished_stops_the_writer_with_an_error(published, writers):
    commands = list(random_commands(14, 600))
    published.run(commands[:300])
    writers.run(published.engine.n)
    reached = position()
    Order.objects.all().delete()
    published.run(commands[300:])
    with pytest.raises(RowMissing):
        writers.run(published.engine.n)
    assert position() == reached


def test_another_history_is_refused(published, writers):
    published.run(random_commands(15, 100))
    store = WriterStore()
    try:
        assert store.position().chain == GENESIS_CHAIN
    finally:
        store.close()
    Checkpoint.objects.update(n=20, seq=1, chain=b"x" * 32)
    with pytest.raises(BrokenChain):
        writers.run(published.engine.n)


def test_reconcile_names_what_was_changed_by_hand(published, writers, monkeypatch):
    """G22: each kind of damage is found and named."""
    published.run(random_commands(16, 1_000))
    writers.run(published.engine.n)
    monkeypatch.setattr(reconciling, "engine_dump", lambda n: describe(published.engine, published.chain))
    assert reconciling.reconcile().differences == []
    order = Order.objects.filter(status="New").first()
    Order.objects.filter(pk=order.pk).update(client_id=77)
    balance = Balance.objects.get(account_id=1002, asset__symbol="USDC")
    Balance.objects.filter(account_id=1002, asset=balance.asset).update(available_units=balance.available_units + 1)
    posting = LedgerPosting.objects.filter(account_id=1001).first()
    fill = Fill.objects.filter(account_id=1001).first()
    trade = Trade.objects.exclude(seq=fill.pk // 2).first()
    step = BalanceStep.objects.filter(account_id=1003).order_by("-seq").first()
    with unguarded():
        LedgerPosting.objects.filter(pk=posting.pk).update(units=posting.units + 5)
        Fill.objects.filter(pk=fill.pk).update(fee_units=fill.fee_units + 1)
        Trade.objects.filter(pk=trade.pk).update(quantity_lots=trade.quantity_lots + 1)
        BalanceStep.objects.filter(pk=step.pk).update(locked_units=step.locked_units + 3)
    Market.objects.filter(symbol="BTC_USDC").update(maker_fee_ppm=9_999)
    found = "\n".join(reconciling.reconcile().differences)
    assert f"order {order.pk} client_id: engine has {order.client_id}, database has 77" in found
    wrong = f"engine has {balance.available_units}, database has {balance.available_units + 1}"
    assert f"account 1002 USDC available: {wrong}" in found
    assert "USDC sum of all balances" in found
    assert f"postings of event {posting.seq} in asset {posting.asset_id} sum to 5" in found
    assert re.search(r"account 1001 \w+: the ledger has \d+, the balance \d+", found)
    assert f"trade {trade.seq} {trade.market.symbol}: the trade has" in found
    assert f"account 1003 {step.asset.symbol}: the last step has" in found
    assert "market BTC_USDC maker_fee_ppm" in found
