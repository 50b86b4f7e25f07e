"""The two time-shaped tables, and how each is made as a plain table, with native partitions, or as a hypertable.

A unique key of a table that is divided by time contains the time. Both keys of a trade get it: an event number has one
moment, so they refuse what they refused. The key of a candle has contained it from the beginning.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection

NEW = "_new"
DEFAULT = "default"  # The partition for moments that no other has: the writer must never be refused a row.
SECONDS = "1s"


class Shape(StrEnum):
    """`VIEW` is only for candles: continuous aggregates of TimescaleDB stand behind it."""

    MISSING = "missing"
    PLAIN = "plain table"
    PARTITIONS = "partitions by month"
    HYPERTABLE = "hypertable"
    VIEW = "continuous aggregates"


class TimeTable(NamedTuple):
    """`columns` with their types, in the order of the migration. Keys: (name of the constraint, columns)."""

    name: str
    time: str
    columns: tuple[tuple[str, str], ...]
    plain_keys: tuple[tuple[str, tuple[str, ...]], ...]
    timed_keys: tuple[tuple[str, tuple[str, ...]], ...]
    checks: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> str:
        return ", ".join(f'"{name}"' for name, _ in self.columns)

    def keys(self, shape: Shape) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The first is the primary key."""
        return self.plain_keys if shape is Shape.PLAIN else self.timed_keys


TRADES = TimeTable(
    "marketdata_trade",
    "at",
    (
        ("seq", "bigint"),
        ("trade_id", "bigint"),
        ("at", "timestamptz"),
        ("price_ticks", "bigint"),
        ("quantity_lots", "bigint"),
        ("quote_units", "bigint"),
        ("buyer_is_maker", "boolean"),
        ("maker_order_id", "bigint"),
        ("taker_order_id", "bigint"),
        ("market_id", "bigint"),
    ),
    (("marketdata_trade_pkey", ("seq",)), ("trade_id_once_per_market", ("market_id", "trade_id"))),
    (("marketdata_trade_pkey", ("seq", "at")), ("trade_id_once_per_market", ("market_id", "trade_id", "at"))),
)
_KLINE_KEYS = (("marketdata_kline_pkey", ("market_id", "interval", "start")),)
KLINES = TimeTable(
    "marketdata_kline",
    "start",
    (
        ("interval", "varchar(6)"),
        ("start", "timestamptz"),
        ("open_ticks", "bigint"),
        ("high_ticks", "bigint"),
        ("low_ticks", "bigint"),
        ("close_ticks", "bigint"),
        ("volume_lots", "bigint"),
        ("quote_units", "numeric(30, 0)"),
        ("trades", "bigint"),
        ("last_seq", "bigint"),
        ("market_id", "bigint"),
    ),
    _KLINE_KEYS,
    _KLINE_KEYS,
    (
        (
            "kline_low_to_high",
            "open_ticks BETWEEN low_ticks AND high_ticks AND close_ticks BETWEEN low_ticks AND high_ticks",
        ),
    ),
)
TABLES = (TRADES, KLINES)


def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows a statement gives, on Django's connection."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def run(statement: str, *values: Any) -> int:
    """The number of rows a statement touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return int(cursor.rowcount)


def shape_of(name: str) -> Shape:
    rows = ask("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(%s)", name)
    if not rows:
        return Shape.MISSING
    kind = rows[0][0]
    if kind == "r" and has_timescale() and _is_hypertable(name):
        return Shape.HYPERTABLE
    return {"r": Shape.PLAIN, "p": Shape.PARTITIONS, "v": Shape.VIEW}[kind]


def has_timescale() -> bool:
    """Whether this database uses the extension; the server may have it all the same."""
    return bool(ask("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"))


def _is_hypertable(name: str) -> bool:
    return bool(ask("SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = %s", name))


# ------------------------------------------------------------------------------------------------------------- making


def make_new(table: TimeTable, shape: Shape, months: list[datetime]) -> str:
    """An empty table of that shape beside the one in use; its name. Partitions for `months` and a default one."""
    new = table.name + NEW
    run(f"DROP TABLE IF EXISTS {new} CASCADE")
    columns = ", ".join(f'"{name}" {kind} NOT NULL' for name, kind in table.columns)
    checks = "".join(f", CONSTRAINT {name}{NEW} CHECK ({text})" for name, text in table.checks)
    dividing = ""
    if shape is Shape.PARTITIONS:
        dividing = " PARTITION BY LIST (interval)" if table is KLINES else f" PARTITION BY RANGE ({table.time})"
    run(f"CREATE TABLE {new} ({columns}{checks}){dividing}")
    if shape is Shape.HYPERTABLE:
        run(f"SELECT create_hypertable('{new}', by_range('{table.time}', INTERVAL '7 days'), "
            "create_default_indexes => false)")  # fmt: skip
    for number, (name, key) in enumerate(table.keys(shape)):
        kind = "UNIQUE" if number else "PRIMARY KEY"
        run(f"ALTER TABLE {new} ADD CONSTRAINT {name}{NEW} {kind} ({', '.join(key)})")
    if shape is Shape.PARTITIONS:
        _make_partitions(table, new, months)
    return new


def parents(table: TimeTable) -> tuple[str, ...]:
    """What months are partitions of. Candles of one second are most of all candles, so they can be dropped alone."""
    return (f"{table.name}_seconds", f"{table.name}_longer") if table is KLINES else (table.name,)


def _make_partitions(table: TimeTable, new: str, months: list[datetime]) -> None:
    if table is KLINES:
        seconds, longer = parents(table)
        run(f"CREATE TABLE {seconds} PARTITION OF {new} FOR VALUES IN ('{SECONDS}') PARTITION BY RANGE (start)")
        run(f"CREATE TABLE {longer} PARTITION OF {new} DEFAULT PARTITION BY RANGE (start)")
    for parent in parents(table):
        held_by = parent if table is KLINES else new
        run(f"CREATE TABLE {parent}_{DEFAULT} PARTITION OF {held_by} DEFAULT")
        for month in months:
            run(f"CREATE TABLE {partition_name(parent, month)} PARTITION OF {held_by} {values_of(month)}")


def partition_name(parent: str, month: datetime) -> str:
    return f"{parent}_{month:%Y%m}"


def values_of(month: datetime) -> str:
    return f"FOR VALUES FROM ('{month.isoformat()}') TO ('{next_month(month).isoformat()}')"


def month_of(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def next_month(month: datetime) -> datetime:
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def months_between(first: datetime, last: datetime) -> Iterator[datetime]:
    """Beginnings of months, both ends included."""
    month = month_of(first)
    while month <= last:
        yield month
        month = next_month(month)
