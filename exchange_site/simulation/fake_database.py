"""PostgreSQL as the db writer's loop sees it: rows and a position that change together, or not at all.

The fake stands at the interface of `trading.writer.store.WriterStore`, because that class is SQL from end to end; its
SQL is proved against a real server by the tests of `trading.writer`. Loop, reader and projector are the real ones.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import psycopg

from matching.client.event_log import GENESIS_CHAIN
from trading.writer.changes import Changes, IcebergLevels, MarketRef, OrderUpdate, UnknownName
from trading.writer.store import Position, RowMissing
from trading.writer.tables import KEPT_OF_VIEWED, ORDERS, VIEWED_ORDERS

StoreMaker = Callable[[], "SimulatedStore"]


class DoubledRow(Exception):
    """A row came twice: something was written that the database had already."""


class Database:
    """What is committed."""

    def __init__(self) -> None:
        self.position = Position(0, 0, GENESIS_CHAIN)
        self.orders: dict[int, dict[str, Any]] = {}
        self.rows: dict[str, dict[Any, Any]] = {"fills": {}, "trades": {}, "postings": {}}
        self.balances: dict[tuple[int, str], tuple[int, int]] = {}
        self.markets: dict[Any, dict[str, Any]] = {}
        self.timers: dict[int, str | None] = {}
        self.fee_versions: dict[Any, int] = {}
        self.iceberg_levels: IcebergLevels = {}

    def commit(self, before: Position, changes: Changes, chain: bytes) -> Position | None:
        """The whole of `changes`, or nothing: None when somebody else moved the position."""
        if self.position.n != before.n:
            return None
        for order_id, row in changes.orders.items():
            if order_id in self.orders and order_id not in changes.viewed:
                raise DoubledRow(f"order {order_id}")
            columns = VIEWED_ORDERS.columns if order_id in changes.viewed else ORDERS.columns
            self.orders[order_id] = {**dict(zip(columns, row, strict=True)), **self._kept_of(order_id)}
        for order_id, update in changes.order_updates.items():
            if order_id not in self.orders:
                raise RowMissing(f"order {order_id}")
            self.orders[order_id].update(_news(update))
        for name, rows in self.rows.items():
            new = [*getattr(changes, name), *(changes.older_fills if name == "fills" else [])]
            for row in new:
                if row[0] in rows:
                    raise DoubledRow(f"{name} {row[0]}")
                rows[row[0]] = row
        for (account_id, asset), amounts in changes.balances.items():
            self.balances[account_id, str(asset)] = amounts
        for market, news in changes.markets.items():
            self.markets.setdefault(market, {}).update(news)
        self.timers.update(changes.cancel_after)
        self.fee_versions.update(changes.fee_versions)
        self.iceberg_levels = changes.iceberg_levels
        self.position = Position(changes.n, changes.seq, chain)
        return self.position

    def _kept_of(self, order_id: int) -> dict[str, Any]:
        """What a whole view of an order that is known already does not replace."""
        known = self.orders.get(order_id, {})
        return {name: known[name] for name in KEPT_OF_VIEWED if name in known}


def _news(update: OrderUpdate) -> dict[str, Any]:
    values = {field.name: getattr(update, field.name) for field in fields(update)}
    return {name: value for name, value in values.items() if value is not None}


class Names:
    """Symbols are their own primary keys here. The other numbers are those of the database at this moment."""

    def __init__(self, lots: dict[str, int], database: Database) -> None:
        self._lots = lots
        self._fee_versions = dict(database.fee_versions)
        self.iceberg_levels = database.iceberg_levels

    def market(self, symbol: str) -> MarketRef:
        if symbol not in self._lots:
            raise UnknownName(symbol)
        base, quote = symbol.split("_")
        key: Any = symbol
        version = self._fee_versions.get(symbol, 1)
        return MarketRef(key, _key(base), _key(quote), self._lots[symbol], fee_version=version)

    def asset_id(self, symbol: str) -> int:
        return _key(symbol)


def _key(symbol: str) -> Any:
    return symbol


class SimulatedStore:
    """One connection. `step` may say that the line broke before or after the COMMIT."""

    def __init__(self, database: Database, lots: dict[str, int], step: Callable[[str, str], str]) -> None:
        step("database.connect", "")
        self.references = Names(lots, database)
        self._lots = lots
        self._database = database
        self._step = step
        self._broken = False

    def close(self) -> None:
        self._broken = True

    def check_durable(self, allow_volatile: bool) -> None:
        """The simulated database keeps what it committed."""

    def position(self) -> Position:
        self._check()
        self._step("database.read", "")
        self.references = Names(self._lots, self._database)
        return self._database.position

    def write(self, before: Position, changes: Changes, chain: bytes) -> Position | None:
        self._check()
        fault = self._step("database.commit", f"{before.n} to {changes.n}")
        if fault == "database_before":
            self._break()
        after = self._database.commit(before, changes, chain)
        if after is not None:
            self.references = Names(self._lots, self._database)
        if fault == "database_after":
            self._break()
        return after

    def _check(self) -> None:
        if self._broken:
            self._break()

    def _break(self) -> None:
        self._broken = True
        raise psycopg.OperationalError("server closed the connection unexpectedly")
