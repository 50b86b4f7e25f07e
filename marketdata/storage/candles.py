"""Candles as queries over trades: what continuous aggregates are made of, and what the kept candles are compared with.

The order of trades is that of their event numbers, never of their moments: several share a millisecond. Sums of bigint
are numeric in PostgreSQL, so nothing here can overflow or round.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from marketdata.intervals import INTERVALS
from marketdata.storage.tables import KLINES, TRADES, ask

SQL_INTERVALS = {
    "1s": "1 second",
    "1m": "1 minute",
    "3m": "3 minutes",
    "5m": "5 minutes",
    "15m": "15 minutes",
    "30m": "30 minutes",
    "1h": "1 hour",
    "2h": "2 hours",
    "4h": "4 hours",
    "6h": "6 hours",
    "8h": "8 hours",
    "12h": "12 hours",
    "1d": "1 day",
    "3d": "3 days",
    "1w": "7 days",
    "1month": "1 month",
}
MADE_OF = {  # Everything else is made of the trades themselves.
    **dict.fromkeys(("3m", "5m", "15m", "30m", "1h"), "1m"),
    **dict.fromkeys(("2h", "4h", "6h", "8h", "12h", "1d"), "1h"),
    **dict.fromkeys(("3d", "1w", "1month"), "1d"),
}
ORIGIN = "2000-01-03 00:00:00+00"  # TimescaleDB's own: a Monday, and a whole number of 3 days after 1970.
EXAMPLES = 3


class Dialect(NamedTuple):
    """How the database says: the bucket of a moment, and a value of the first and the last row by a number."""

    bucket: str
    month: str
    first: str
    last: str


PLAIN = Dialect(
    "date_bin(INTERVAL '{width}', {at}, TIMESTAMPTZ '" + ORIGIN + "')",
    "date_trunc('month', {at}, 'UTC')",
    "(array_agg({value} ORDER BY {by}))[1]",
    "(array_agg({value} ORDER BY {by} DESC))[1]",
)
TIMESCALE = Dialect(
    "time_bucket(INTERVAL '{width}', {at})",
    "time_bucket(INTERVAL '{width}', {at})",
    "first({value}, {by})",
    "last({value}, {by})",
)


def of_trades(interval: str, dialect: Dialect, source: str = TRADES.name) -> str:
    """A query for the candles of one interval, of every market, from the trades."""
    at = _bucket(interval, dialect, "at")
    return (
        f"SELECT market_id, {at} AS start, {dialect.first.format(value='price_ticks', by='seq')} AS open_ticks, "  # noqa: S608
        f"max(price_ticks) AS high_ticks, min(price_ticks) AS low_ticks, "
        f"{dialect.last.format(value='price_ticks', by='seq')} AS close_ticks, sum(quantity_lots) AS volume_lots, "
        f"sum(quote_units) AS quote_units, count(*) AS trades, max(seq) AS last_seq "
        f"FROM {source} GROUP BY market_id, {at}"
    )


def of_shorter(interval: str, dialect: Dialect, source: str) -> str:
    """A query for the candles of one interval from shorter candles, which divide it."""
    at = _bucket(interval, dialect, "start")
    return (
        f"SELECT market_id, {at} AS start, {dialect.first.format(value='open_ticks', by='last_seq')} AS open_ticks, "  # noqa: S608
        f"max(high_ticks) AS high_ticks, min(low_ticks) AS low_ticks, "
        f"{dialect.last.format(value='close_ticks', by='last_seq')} AS close_ticks, sum(volume_lots) AS volume_lots, "
        f"sum(quote_units) AS quote_units, sum(trades) AS trades, max(last_seq) AS last_seq "
        f"FROM {source} GROUP BY market_id, {at}"
    )


def as_row(interval: str, query: str) -> str:
    """The candles of such a query in the columns and types of the table."""
    columns = ", ".join(
        f"'{interval}'::{kind} AS \"interval\"" if name == "interval" else f'"{name}"::{kind} AS "{name}"'
        for name, kind in KLINES.columns
    )
    return f"SELECT {columns} FROM ({query}) candles"  # noqa: S608 - our own words


def layered(interval: str, dialect: Dialect) -> str:
    """The query that builds an interval the way the continuous aggregates do, layer upon layer."""
    if interval not in MADE_OF:
        return of_trades(interval, dialect)
    return of_shorter(interval, dialect, f"({layered(MADE_OF[interval], dialect)}) shorter")


def differences(kept: str, made: dict[str, str], since: datetime | None = None) -> Iterator[str]:
    """Candles of the relation `kept` that are not what the queries `made` (by interval) say, a sentence an interval.

    `since`: only those that begin then or later.
    """
    late = "" if since is None else f" AND start >= '{since.isoformat()}'"
    for interval, query in made.items():
        mine = f"SELECT {KLINES.names} FROM {kept} WHERE \"interval\" = '{interval}'{late}"  # noqa: S608 - our own words
        theirs = f"SELECT * FROM ({query}) made WHERE true{late}"  # noqa: S608 - our own words
        rows = ask(
            f"SELECT market_id, start FROM (({mine} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {mine})) d "  # noqa: S608
            f"GROUP BY 1, 2 ORDER BY 2, 1"
        )
        if rows:
            shown = ", ".join(f"market {market_id} at {start.isoformat()}" for market_id, start in rows[:EXAMPLES])
            yield f"{interval}: {len(rows):,} candles are not what the trades make, for example {shown}."


def of_kept_trades(dialect: Dialect = PLAIN) -> dict[str, str]:
    """Each interval's candles straight from the trades."""
    return {interval: as_row(interval, of_trades(interval, dialect)) for interval in INTERVALS}


def trimmed_until() -> datetime | None:
    """The first trade that is kept where older ones were dropped; None where every trade is there."""
    [(first, least)] = ask(
        "SELECT min(at), max(least) FROM (SELECT min(at) AS at, min(trade_id) AS least FROM marketdata_trade "
        "GROUP BY market_id) firsts"
    )
    return first if least is not None and least > 1 else None


def _bucket(interval: str, dialect: Dialect, at: str) -> str:
    form = dialect.month if interval == "1month" else dialect.bucket
    return form.format(width=SQL_INTERVALS[interval], at=at)
