"""`manage.py bench_writer`: how fast the db writer turns outcomes into committed rows, in a database of its own."""

import os
import time
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from psycopg import sql

from accounts.models import Account, User
from marketdata.models import Asset, Market
from matching.client.event_log import GENESIS_CHAIN
from matching.management import bench
from matching.management.bench_outcomes import outcomes_of_trading
from trading.writer.loop import OUTCOMES_PER_TRANSACTION
from trading.writer.projector import Projector
from trading.writer.store import WriterStore

DATABASE = "bench_writer"


class Command(BaseCommand):
    help = (
        "Makes the database bench_writer beside the configured one, writes the outcomes of orders into it with the db "
        "writer's own projector and store, prints orders and rows a second, and drops it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, default=100_000)
        parser.add_argument("--accounts", type=int, default=2_000, help="Traders, taking turns at random.")
        parser.add_argument("--runs", type=int, default=3)

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["accounts"] <= 100_000 or not 0 < options["orders"] <= 10_000_000:
            raise CommandError("Between 1 and 100,000 accounts, and between 1 and 10,000,000 orders.")
        outcomes, listed = outcomes_of_trading(options["orders"], options["accounts"])
        for _ in range(options["runs"]):
            _in_scratch(lambda: self._measure(outcomes, listed, options["accounts"]))

    def _measure(self, outcomes: list[Any], listed: int, accounts: int) -> None:
        _make_rows(accounts)
        store = WriterStore()
        try:
            position = store.position()
            position = _write(store, position, outcomes[:listed])
            rows_before, server = _rows(), _Server(store)
            started, used = time.perf_counter(), time.process_time()
            for first in range(listed, len(outcomes), OUTCOMES_PER_TRANSACTION):
                position = _write(store, position, outcomes[first : first + OUTCOMES_PER_TRANSACTION])
            seconds, used, server_used = time.perf_counter() - started, time.process_time() - used, server.seconds()
        finally:
            store.close()
        count, rows = len(outcomes) - listed, {name: now - rows_before[name] for name, now in _rows().items()}
        size = _scalar("SELECT pg_database_size(current_database())")
        told = ", ".join(f"{number:,} {name}" for name, number in rows.items())
        processor = f"writer {used / count * 1e6:.1f} µs, its PostgreSQL backend {server_used / count * 1e6:.1f} µs"
        self.stdout.write(f"{count / seconds:,.0f} orders/s committed; processor time of one order: {processor};")
        self.stdout.write(f"  {told}; database {size / 2**20:,.0f} MiB")


class _Server:
    """What the store's backend has used of the processors since this was made (Linux, server on this machine)."""

    def __init__(self, store: WriterStore) -> None:
        self._stat = Path(f"/proc/{store.backend_pid()}/stat")
        self._before = self._now()

    def seconds(self) -> float:
        return self._now() - self._before

    def _now(self) -> float:
        try:
            fields = self._stat.read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _in_scratch(work: Any) -> None:
    """Runs it on a fresh database, which is dropped afterwards. Existing connections are closed before and after."""
    name, ours = sql.Identifier(DATABASE), connections["default"].settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name).as_string(cursor.connection))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(name).as_string(cursor.connection))
    try:
        _connect_to(DATABASE)
        call_command("migrate", verbosity=0)
        work()
    finally:
        _connect_to(ours)
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name).as_string(cursor.connection))


def _connect_to(name: str) -> None:
    connections["default"].close()
    connections["default"].settings_dict["NAME"] = name


def _make_rows(accounts: int) -> None:
    assets = {
        symbol: Asset.objects.create(symbol=symbol, name=symbol, decimals=decimals, blockchain="Bitcoin")
        for symbol, decimals in (("BTC", 8), ("USDC", 6))
    }
    Market.objects.create(
        symbol=bench.MARKET,
        base=assets["BTC"],
        quote=assets["USDC"],
        tick_size=Decimal("0.1"),
        step_size=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
    )
    people = [User(email=f"bench{number}@example.org") for number in range(accounts)]
    User.objects.bulk_create(people)
    first = bench.FIRST_ACCOUNT
    Account.objects.bulk_create(Account(id=first + number, user=user) for number, user in enumerate(people))


def _write(store: WriterStore, before: Any, outcomes: list[Any]) -> Any:
    after = store.write(before, Projector(store.references).project(outcomes), GENESIS_CHAIN)
    assert after is not None, "somebody else writes into the scratch database"
    return after


def _rows() -> dict[str, int]:
    tables = {"orders": "trading_order", "trades": "marketdata_trade", "postings": "accounts_ledgerposting"}
    return {name: _scalar(f"SELECT count(*) FROM {table}") for name, table in tables.items()}  # noqa: S608


def _scalar(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])
