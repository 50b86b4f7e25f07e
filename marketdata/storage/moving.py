"""Moving a table's rows into one of another shape while the exchange runs, and putting that in its place.

Rows are copied in portions; what changed meanwhile is copied after them, again and again until little is left; both
tables are compared in one snapshot; then the writer is kept out for a moment, the rest copied, and the names exchanged.
Trades are only ever added, in the order of their event numbers. A candle that changes after a trade begins no earlier
than the candle of that trade, because engine time never goes back.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import OperationalError, transaction

from exchange_site.kernel.clock import datetime_of, ms_of
from marketdata.intervals import INTERVALS, start_of
from marketdata.storage import Say, StorageRefused
from marketdata.storage.tables import (
    KLINES,
    NEW,
    TRADES,
    Shape,
    TimeTable,
    ask,
    make_new,
    month_of,
    months_between,
    run,
    shape_of,
)

PORTION = 50_000
FEW = 10_000  # Rows that may be copied while the writer waits.
PASSES = 20
LOCK_TRIES, LOCK_WAIT_S = 20, 3
SAY_EVERY_S = 2.0
MONTHS_AHEAD = 12
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def move(table: TimeTable, shape: Shape, say: Say) -> None:
    """Give a table another shape. Nothing is changed before everything was compared. Raises StorageRefused."""
    old_shape = shape_of(table.name)
    _refuse_strangers(table)
    grants = grants_of(table.name)
    if old_shape is Shape.VIEW:  # Whoever adds trades now writes candles too.
        adding = [grantee for grantee, right in grants_of(TRADES.name) if right == "INSERT"]
        grants += [(grantee, right) for grantee in adding for right in ("INSERT", "UPDATE")]
    owner = ask("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass", table.name)[0][0]
    make_new(table, shape, list(_months(table)) if shape is Shape.PARTITIONS else [])
    try:
        copier = _Trades(say) if table is TRADES else _Candles(say)
        copier.everything()
        for _ in range(PASSES):
            if copier.what_changed() < FEW:
                break
        with transaction.atomic():
            run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            copier.what_changed()
            _demand_equal(table)
        say(f"{table.name}: {copier.copied:,} rows are equal in both; exchanging the tables.")
        with alone_with(table):
            copier.what_changed()
            run(f"DROP {'VIEW' if old_shape is Shape.VIEW else 'TABLE'} {table.name}")
            rename_new(table, shape)
            run(f'ALTER TABLE {table.name} OWNER TO "{owner}"')
            give(table.name, grants)
    except BaseException:
        if shape_of(table.name + NEW) is not Shape.MISSING:
            run(f"DROP TABLE {table.name}{NEW} CASCADE")
        raise
    run(f"ANALYZE {table.name}")


class _Copier(ABC):
    """Copies rows of a table into the new one beside it."""

    def __init__(self, table: TimeTable, say: Say) -> None:
        self._table, self._say = table, say
        self._total = max(0, ask("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", table.name)[0][0])
        self._said_at = time.monotonic()
        self.copied = 0

    def _insert(self, condition: str, *values: Any, then: str = "") -> tuple[int, Any]:
        """Copy what meets the condition: how many rows, and the last value of the column that orders them."""
        table = self._table
        order = "seq" if table is TRADES else table.time
        [(count, last)] = ask(
            f"WITH done AS (INSERT INTO {table.name}{NEW} ({table.names}) "  # noqa: S608 - our own names
            f"SELECT {table.names} FROM {table.name} WHERE {condition} {then} RETURNING {order}) "
            f"SELECT count(*), max({order}) FROM done",
            *values,
        )
        return count, last

    def _progress(self, count: int) -> None:
        self.copied += count
        if time.monotonic() - self._said_at >= SAY_EVERY_S:
            self._said_at = time.monotonic()
            about = f" of about {self._total:,}" if self._total >= self.copied else ""
            self._say(f"{self._table.name}: {self.copied:,} rows{about}")

    @abstractmethod
    def everything(self) -> None:
        """Copy all rows there are, in portions."""

    @abstractmethod
    def what_changed(self) -> int:
        """Copy what was added or changed since the last call; about how many rows."""


class _Trades(_Copier):
    def __init__(self, say: Say) -> None:
        super().__init__(TRADES, say)
        self._last_seq = -1

    def everything(self) -> None:
        while self._portion() == PORTION:
            pass

    def what_changed(self) -> int:
        count = 0
        while portion := self._portion():
            count += portion
            if portion < PORTION:
                break
        return count

    def _portion(self) -> int:
        count, last = self._insert("seq > %s", self._last_seq, then=f"ORDER BY seq LIMIT {PORTION}")
        if count:
            self._last_seq = last
            self._progress(count)
        return count


class _Candles(_Copier):
    def __init__(self, say: Say) -> None:
        super().__init__(KLINES, say)
        self._since_ms = newest_trade_ms()
        self._markets = [pk for (pk,) in ask("SELECT id FROM marketdata_market ORDER BY id")]

    def everything(self) -> None:
        for market_id in self._markets:
            for interval in INTERVALS:
                after = BEGINNING
                while True:
                    count, last = self._insert(
                        'market_id = %s AND "interval" = %s AND start > %s',
                        *(market_id, interval, after),
                        then=f"ORDER BY start LIMIT {PORTION}",
                    )
                    self._progress(count)
                    if count < PORTION:
                        break
                    after = last

    def what_changed(self) -> int:
        """Open candles are copied each time, so this never says nothing for long."""
        since_ms, count = self._since_ms, 0
        self._since_ms = newest_trade_ms()
        sets = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name, _ in KLINES.columns)
        for market_id in self._markets:
            for interval in INTERVALS:
                count += self._insert(
                    'market_id = %s AND "interval" = %s AND start >= %s',
                    *(market_id, interval, datetime_of(start_of(interval, since_ms))),
                    then=f'ON CONFLICT (market_id, "interval", start) DO UPDATE SET {sets}',
                )[0]
        return count


def newest_trade_ms() -> int:
    rows = ask("SELECT at FROM marketdata_trade ORDER BY seq DESC LIMIT 1")
    return ms_of(rows[0][0]) if rows else 0


def _months(table: TimeTable) -> Iterator[datetime]:
    """From the first row to a year from now."""
    [(first,)] = ask(f"SELECT min({table.time}) FROM {table.name}")  # noqa: S608 - our own names
    now = datetime.now(UTC)
    return months_between(min(first or now, now), month_ahead(now))


def month_ahead(now: datetime) -> datetime:
    month = month_of(now)
    for _ in range(MONTHS_AHEAD):
        month = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
    return month


def _demand_equal(table: TimeTable) -> None:
    found = [
        ask(
            f"SELECT count(*), COALESCE(sum(hashtextextended(t::text, 0)::numeric), 0) "  # noqa: S608 - our own names
            f"FROM (SELECT {table.names} FROM {name}) t"
        )[0]
        for name in (table.name, table.name + NEW)
    ]
    if found[0] != found[1]:
        raise StorageRefused(
            f"{table.name} has {found[0][0]:,} rows and its copy {found[1][0]:,}, or they differ in content. "
            "The table in use was not changed."
        )


def _refuse_strangers(table: TimeTable) -> None:
    """What hangs on the table and would not come along. Raises StorageRefused."""
    strangers = ask(
        "SELECT conname::text FROM pg_constraint WHERE confrelid = %s::regclass AND conparentid = 0 UNION ALL "
        "SELECT tgname::text FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal "
        "AND tgname <> 'ts_insert_blocker' UNION ALL "
        "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attname <> ALL (%s)",
        *(table.name, table.name, table.name, [name for name, _ in table.columns]),
    )
    if strangers:
        names = ", ".join(name for (name,) in strangers)
        raise StorageRefused(f"{table.name} has something this command does not know: {names}. Nothing was changed.")


# -------------------------------------------------------------------------------------------------------- in its place


@contextmanager
def alone_with(table: TimeTable) -> Iterator[None]:
    """A transaction in which nobody writes trades and nobody reads the table. Raises StorageRefused.

    The writer takes the lock on trades before the one on candles, so this order cannot block the two for ever.
    """
    for attempt in range(LOCK_TRIES):
        taken = False
        try:
            with transaction.atomic():
                run(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
                run(f"LOCK TABLE {TRADES.name} IN {'ACCESS EXCLUSIVE' if table is TRADES else 'SHARE'} MODE")
                if table is not TRADES and shape_of(table.name) is not Shape.VIEW:
                    run(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE")
                run("SET LOCAL lock_timeout = 0")
                taken = True
                yield
            return
        except OperationalError as error:
            if taken or "lock timeout" not in str(error):
                raise
            if attempt + 1 == LOCK_TRIES:
                raise StorageRefused(
                    f"{table.name} was in use all the time. Look for a long query (pg_stat_activity), then try again."
                ) from error


def rename_new(table: TimeTable, shape: Shape) -> None:
    """The new table and its constraints get the names that Django knows."""
    run(f"ALTER TABLE {table.name}{NEW} RENAME TO {table.name}")
    for name in (*(name for name, _ in table.keys(shape)), *(name for name, _ in table.checks)):
        run(f"ALTER TABLE {table.name} RENAME CONSTRAINT {name}{NEW} TO {name}")


def grants_of(name: str) -> list[tuple[str, str]]:
    """Who else may do what with a table."""
    return [
        (grantee, right)
        for grantee, right in ask(
            "SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, "
            "a.privilege_type FROM pg_class c, aclexplode(c.relacl) a "
            "WHERE c.oid = %s::regclass AND a.grantee <> c.relowner",
            name,
        )
    ]


def give(name: str, grants: list[tuple[str, str]]) -> None:
    for grantee, right in grants:
        run(f"GRANT {right} ON {name} TO {grantee}")


@contextmanager
def only_one() -> Iterator[None]:
    """One change of shapes at a time. Raises StorageRefused."""
    key = "hashtext('marketdata.storage')"
    if not ask(f"SELECT pg_try_advisory_lock({key})")[0][0]:
        raise StorageRefused("Another process changes the shape of these tables right now.")
    try:
        yield
    finally:
        ask(f"SELECT pg_advisory_unlock({key})")
