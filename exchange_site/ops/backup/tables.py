"""The database as parts: every table by COPY, in the order of its key, so that the same rows give the same bytes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg
from psycopg import sql

LEFT_OUT = frozenset({"django_migrations", "django_session", "usersessions_usersession"})  # Nobody stays logged in.

# Where TimescaleDB makes the candles, their table is a view; a backup has its rows all the same, and is restored plain.
VIEWS = {"marketdata_kline": ["market_id", "interval", "start"]}

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'public' AND NOT c.relispartition
AND (c.relkind IN ('r', 'p') OR c.relkind = 'v' AND c.relname = ANY (%s)) ORDER BY 1
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_KEY = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int[], a.attnum::int)
"""
_SEQUENCES = """
SELECT attrelid::regclass::text, attname, pg_get_serial_sequence(attrelid::regclass::text, attname)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace s ON s.oid = relnamespace
WHERE s.nspname = 'public' AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
AND pg_get_serial_sequence(attrelid::regclass::text, attname) IS NOT NULL
"""


class Snapshot:
    """One moment of a database: everything read through it belongs together."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True

    def close(self) -> None:
        self._connection.close()

    def tables(self) -> list[str]:
        return [name for (name,) in self._rows(_TABLES, list(VIEWS)) if name not in LEFT_OUT]

    def columns(self, table: str) -> list[str]:
        return [name for (name,) in self._rows(_COLUMNS, table)]

    def migrations(self) -> list[list[str]]:
        return [[app, name] for app, name in self._rows("SELECT app, name FROM django_migrations ORDER BY id")]

    def database_n(self) -> int:
        """The last outcome that is in these rows."""
        rows = self._rows("SELECT n FROM trading_checkpoint ORDER BY n DESC LIMIT 1")
        return int(rows[0][0]) if rows else 0

    def rows_of(self, table: str) -> Iterator[bytes]:
        columns = self.columns(table)
        key = [name for (name,) in self._rows(_KEY, table)] or VIEWS.get(table, columns)
        query = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(
            _list(columns), sql.Identifier(table), _list(key)
        )
        with self._connection.cursor() as cursor, cursor.copy(query) as copy:
            yield from map(bytes, copy)

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]


def fill(url: str, tables: Mapping[str, list[str]], content: Any) -> None:
    """Replace the rows of these tables (name to columns) with `content(table)`, all or nothing.

    The owner's triggers rest meanwhile: rows were checked when they were first written. Foreign keys are checked.
    """
    with psycopg.connect(url) as connection:
        names = sql.SQL(", ").join(sql.Identifier(table) for table in tables)
        connection.execute("SET CONSTRAINTS ALL DEFERRED")
        for table in tables:
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
        for table, columns in tables.items():
            _copy_in(connection, table, columns, content(table))
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))
        _set_sequences(connection)


def _copy_in(connection: Any, table: str, columns: list[str], content: Iterable[bytes]) -> None:
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), _list(columns))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for piece in content:
            copy.write(piece)


def _set_sequences(connection: Any) -> None:
    for table, column, sequence in connection.execute(_SEQUENCES).fetchall():
        query = sql.SQL("SELECT setval({}, GREATEST((SELECT max({}) FROM {}), 1))").format(
            sql.Literal(sequence), sql.Identifier(column), sql.Identifier(table)
        )
        connection.execute(query)


def _list(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
