"""Rows and the position they stand for, committed together (G6).

One transaction first moves the checkpoint from the old outcome number to the new one. That must hit exactly one row:
of several writers one wins each portion, and a portion whose COMMIT got no answer is never written twice.
"""

import logging
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import psycopg
from django.db import connections

from exchange_site.kernel.clock import datetime_of, ms_of
from marketdata.intervals import start_of
from marketdata.klines import Candle, CandleKey
from matching.client.event_log import GENESIS_CHAIN
from trading.writer import statements, tables
from trading.writer.changes import Changes, IcebergLevels, MarketRef, UnknownName

CHECKPOINT = "db_writer"
FILL_ORDER_ID, FILL_CLIENT_ID = 3, 4  # Positions in a fill's tuple.
CONNECT_TIMEOUT_S = 5

log = logging.getLogger(__name__)


class RowMissing(Exception):
    """An outcome speaks of a row that the database should have: it was changed by hand or is damaged."""


class NotDurable(Exception):
    """PostgreSQL would forget at a power failure what it has confirmed. The message says what to change."""


class Position(NamedTuple):
    """What the database holds: everything up to outcome `n` and event `seq`, with the hash chain up to there."""

    n: int
    seq: int
    chain: bytes


class CachedReferences:
    """Symbols to primary keys, read again only when a name is new or fees have changed."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._markets: dict[str, MarketRef] = {}
        self._assets: dict[str, int] = {}
        self.iceberg_levels: IcebergLevels = {}
        self.reload()

    def reload(self) -> None:
        """What follows from the position of the database is only true there; names stay known."""
        self._markets = {}
        self.iceberg_levels = {}
        for market_id, side, price_ticks in self._connection.execute(statements.SELECT_ICEBERGS).fetchall():
            self.iceberg_levels.setdefault(market_id, set()).add((side, price_ticks))

    def market(self, symbol: str) -> MarketRef:
        known = self._markets.get(symbol)
        if known is None:
            self._load()
            known = self._markets.get(symbol)
            if known is None:
                raise UnknownName(f"The engine trades the market {symbol!r}, which the database does not have.")
        return known

    def asset_id(self, symbol: str) -> int:
        known = self._assets.get(symbol)
        if known is None:
            self._load()
            known = self._assets.get(symbol)
            if known is None:
                raise UnknownName(f"The engine holds the asset {symbol!r}, which the database does not have.")
        return known

    def _load(self) -> None:
        self._assets = dict(self._connection.execute("SELECT symbol, id FROM marketdata_asset").fetchall())
        versions = dict(self._connection.execute(statements.SELECT_FEE_VERSIONS, (CHECKPOINT,)).fetchall())
        rows = self._connection.execute(
            "SELECT m.symbol, m.id, m.base_id, m.quote_id, m.step_size, b.decimals "
            "FROM marketdata_market m JOIN marketdata_asset b ON b.id = m.base_id"
        )
        for symbol, market_id, base_id, quote_id, step_size, decimals in rows:
            lot = int(step_size.scaleb(decimals))
            version = versions.get(market_id, 1)
            self._markets[symbol] = MarketRef(market_id, base_id, quote_id, lot, step_size, version)


class WriterStore:
    """One connection to PostgreSQL and what is worth keeping between its transactions.

    Any exception leaves the transaction undone and the store unusable: make a new one and read the position again.
    """

    def __init__(self) -> None:
        self._connection = psycopg.connect(
            **connection_arguments(), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="db_writer"
        )
        self._connection.execute("SET synchronous_commit = on")
        self._connection.execute("SET TIME ZONE 'UTC'")
        self._connection.execute("SET statement_timeout = '60s'")
        self._connection.execute(tables.CREATE_ORDER_STAGE)
        self._connection.execute(tables.CREATE_BALANCE_STAGE)
        self._connection.execute(tables.CREATE_CHECKPOINT, (CHECKPOINT, GENESIS_CHAIN))
        self.references = CachedReferences(self._connection)
        self._candles: dict[CandleKey, Candle] = {}
        self._replaying = False

    def close(self) -> None:
        self._connection.close()

    def backend_pid(self) -> int:
        """The server process that works for this store."""
        return self._connection.info.backend_pid

    def check_durable(self, allow_volatile: bool) -> None:
        """`allow_volatile` is for tests. Raises NotDurable: outcomes are trimmed behind what was committed here."""
        if allow_volatile:
            return
        for setting in ("fsync", "full_page_writes"):
            row = self._connection.execute(f"SHOW {setting}").fetchone()
            if row is None or row[0] != "on":
                raise NotDurable(
                    f"PostgreSQL runs with {setting}=off and may lose or tear what it confirmed; turn it on."
                )

    def position(self) -> Position:
        """Where the database stands. Another writer may have moved it on, so what was remembered of the rows is read
        again, and after the position: read before, it could be older than the outcomes it is used for."""
        row = self._connection.execute(tables.READ_CHECKPOINT, (CHECKPOINT,)).fetchone()
        if row is None:
            raise RowMissing(f"The row {CHECKPOINT!r} of trading_checkpoint is gone.")
        self.references.reload()
        self._candles.clear()
        return Position(row[0], row[1], bytes(row[2]) or GENESIS_CHAIN)

    def write(self, before: Position, changes: Changes, chain: bytes) -> Position | None:
        """Commit `changes`, which follow `before`; the new position, or None when another writer was faster."""
        try:
            return self._write(before, changes, chain, staged=False)
        except psycopg.errors.UniqueViolation as error:
            # The checkpoint was set back by hand (a replay): rows that exist already are kept.
            if not self._replaying:
                self._replaying = True
                table = error.diag.table_name
                log.warning("Rows of %s up to outcome %d exist already; writing the others.", table, changes.n)
            self._candles.clear()
            return self._write(before, changes, chain, staged=True)

    def _write(self, before: Position, changes: Changes, chain: bytes, *, staged: bool) -> Position | None:
        after = Position(changes.n, changes.seq, chain)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                tables.ADVANCE_CHECKPOINT, (after.n, after.seq, after.chain, changes.at_ms, CHECKPOINT, before.n)
            )
            if cursor.rowcount != 1:
                self._candles.clear()
                return None
            self._write_rows(cursor, changes, staged)
        self._forget_finished_candles(changes.at_ms)
        if changes.fee_versions:
            self.references.reload()
        else:
            self.references.iceberg_levels = changes.iceberg_levels
        return after

    def _write_rows(self, cursor: psycopg.Cursor[Any], changes: Changes, staged: bool) -> None:
        if changes.older_fills:
            _add_client_ids(cursor, changes)
        for table, rows in (
            (tables.ORDERS, _plain_orders(changes)),
            (tables.FILLS, changes.fills),
            (tables.TRADES, changes.trades),
            (tables.POSTINGS, changes.postings),
        ):
            if rows:
                _insert(cursor, table, rows, staged)
        if changes.viewed:
            _upsert_orders(cursor, changes)
        self._update_orders(cursor, changes)
        if changes.balances:
            balances = ((*key, *amounts, *changes.steps[key]) for key, amounts in changes.balances.items())
            _copy(cursor, tables.COPY_BALANCES, balances)
            cursor.execute(tables.UPSERT_BALANCES)
            cursor.execute(tables.INSERT_STEPS)
        if changes.trades and self._keeps_candles(cursor):
            self._write_candles(cursor, changes)
        if changes.figures:
            _write_figures(cursor, changes)
        for market_id, columns in changes.markets.items():
            assignments = ", ".join(f"{column} = %s" for column in columns)
            cursor.execute(
                f"UPDATE marketdata_market SET {assignments} WHERE id = %s",  # noqa: S608 - names from the projector
                (*columns.values(), market_id),
            )
        _write_rare(cursor, changes)

    @staticmethod
    def _update_orders(cursor: psycopg.Cursor[Any], changes: Changes) -> None:
        if not changes.order_updates:
            return
        rows = (
            (order_id, new.executed_lots, new.executed_quote_units, new.status, new.end_reason, new.updated_at)
            for order_id, new in changes.order_updates.items()
        )
        _copy(cursor, tables.COPY_ORDER_UPDATES, rows)
        cursor.execute(tables.UPDATE_ORDERS)
        if cursor.rowcount != len(changes.order_updates):
            raise RowMissing(
                f"Outcomes up to {changes.n} change {len(changes.order_updates)} older orders, "
                f"but the database has {cursor.rowcount} of them."
            )

    def _keeps_candles(self, cursor: psycopg.Cursor[Any]) -> bool:
        """False where TimescaleDB makes candles of the trades (`manage.py timescale`).

        Asked in each transaction, after its trades: whoever switches keeps the writer from adding trades meanwhile.
        """
        row = cursor.execute(tables.CANDLES_ARE_KEPT).fetchone()
        if row is not None and row[0]:
            return True
        self._candles.clear()
        return False

    def _write_candles(self, cursor: psycopg.Cursor[Any], changes: Changes) -> None:
        missing = changes.ticks.keys() - self._candles.keys()
        if missing:
            markets, intervals, starts = _columns((k.market_id, k.interval, datetime_of(k.start_ms)) for k in missing)
            for row in cursor.execute(tables.SELECT_CANDLES, (markets, intervals, starts)):
                market_id, interval, start, *figures = row
                figures[5] = int(figures[5])  # numeric(30, 0): a sum of quote units may pass 63 bits.
                self._candles[CandleKey(market_id, interval, ms_of(start))] = Candle(*figures)
        changed = changes.ticks.fold_into(self._candles)
        if changed:
            rows = (_candle_row(key, self._candles[key]) for key in sorted(changed))
            cursor.execute(tables.UPSERT_CANDLES, _columns(rows))

    def _forget_finished_candles(self, at_ms: int) -> None:
        """Engine time never goes back, so only candles that contain it can still change."""
        finished = [key for key in self._candles if start_of(key.interval, at_ms) != key.start_ms]
        for key in finished:
            del self._candles[key]


def connection_arguments() -> dict[str, Any]:
    """How Django would connect, as arguments for psycopg (the tests' database included)."""
    settings = connections["default"].settings_dict
    arguments = {
        "dbname": settings["NAME"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
        "host": settings["HOST"],
        "port": settings["PORT"],
    }
    return {name: value for name, value in arguments.items() if value}


def _copy(cursor: psycopg.Cursor[Any], statement: str, rows: Iterable[Any]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _insert(cursor: psycopg.Cursor[Any], table: tables.Table, rows: Iterable[Any], staged: bool) -> None:
    """Add the rows; `staged` goes through a temporary table to leave out those that exist."""
    if not staged:
        _copy(cursor, table.copy(table.name), rows)
        return
    cursor.execute(table.create_stage())
    _copy(cursor, table.copy(table.stage), rows)
    cursor.execute(table.insert_from_stage())


def _plain_orders(changes: Changes) -> Collection[list[Any]]:
    if not changes.viewed:
        return changes.orders.values()
    return [row for order_id, row in changes.orders.items() if order_id not in changes.viewed]


def _upsert_orders(cursor: psycopg.Cursor[Any], changes: Changes) -> None:
    """Orders that were reported whole: new ones with terms, and older ones that have changed."""
    table = tables.VIEWED_ORDERS
    cursor.execute(table.create_stage())
    _copy(cursor, table.copy(table.stage), (changes.orders[order_id] for order_id in sorted(changes.viewed)))
    cursor.execute(table.upsert_from_stage(kept=tables.KEPT_OF_VIEWED))


def _write_rare(cursor: psycopg.Cursor[Any], changes: Changes) -> None:
    """What staff, auctions, timers and icebergs did; nothing in most transactions."""
    for statement, values in changes.statements:
        cursor.execute(statement, values)
    for values in changes.indications.values():
        cursor.execute(statements.INDICATE_AUCTION, values)
    if changes.cancel_after:
        cursor.execute(statements.UPSERT_CANCEL_AFTER, _columns(sorted(changes.cancel_after.items())))
    if changes.visible:
        levels = ((*level, lots) for level, lots in sorted(changes.visible.items()))
        cursor.execute(statements.UPSERT_VISIBLE, _columns(levels))


def _add_client_ids(cursor: psycopg.Cursor[Any], changes: Changes) -> None:
    """Complete the fills of orders from earlier transactions: an execution does not repeat the order's client id."""
    order_ids = {fill[FILL_ORDER_ID] for fill in changes.older_fills}
    found = dict(cursor.execute(tables.SELECT_CLIENT_IDS, (list(order_ids),)).fetchall())
    for fill in changes.older_fills:
        client_id = found.get(fill[FILL_ORDER_ID])
        changes.fills.append((*fill[:FILL_CLIENT_ID], client_id, *fill[FILL_CLIENT_ID + 1 :]))
    changes.older_fills.clear()


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _candle_row(key: CandleKey, candle: Candle) -> tuple[Any, ...]:
    return (
        key.market_id,
        key.interval,
        datetime_of(key.start_ms),
        candle.open_ticks,
        candle.high_ticks,
        candle.low_ticks,
        candle.close_ticks,
        candle.volume_lots,
        candle.quote_units,
        candle.trades,
        candle.last_seq,
    )


def _write_figures(cursor: psycopg.Cursor[Any], changes: Changes) -> None:
    rows = (
        (market_id, news.book_update_id, news.last_trade_id, news.last_price_ticks, news.last_trade_at)
        for market_id, news in sorted(changes.figures.items())
    )
    cursor.execute(tables.UPSERT_FIGURES, _columns(rows))
