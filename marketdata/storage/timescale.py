"""TimescaleDB: trades as a hypertable, candles as continuous aggregates behind the name of the candles' table.

Sixteen aggregates in layers, real-time: what is not materialised yet is added at reading. What is materialised ends
before the newest trade's candle, so a candle never changes behind a reader's back. Before the aggregates take the place
of the kept candles they are compared with them, every candle to the last digit.
"""

from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction

from exchange_site.kernel.clock import datetime_of
from marketdata.intervals import INTERVALS, start_of
from marketdata.storage import Say, StorageRefused, candles
from marketdata.storage.candles import MADE_OF, TIMESCALE
from marketdata.storage.moving import alone_with, give, grants_of, move, newest_trade_ms, only_one
from marketdata.storage.tables import KLINES, TRADES, Shape, ask, has_timescale, run, shape_of

COMPRESS_AFTER = "30 days"
REFRESH_FROM, REFRESH_UNTIL = "100 days", "10 minutes"  # At least two months, for the candles of a month.
REFRESH_EVERY = {"1s": "5 minutes", "1m": "5 minutes"}
REFRESH_EVERY_ELSE = "30 minutes"
LEAST_TRADE_DAYS, LEAST_SECOND_DAYS = 120, 7  # Trades must outlive REFRESH_FROM.


def aggregate(interval: str) -> str:
    """The continuous aggregate of an interval."""
    return f"marketdata_candles_{interval}"


def demand_available() -> None:
    """Raises StorageRefused, in words an operator can act on."""
    if ask("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"):
        return
    version = ask("SHOW server_version")[0][0].partition(" ")[0]
    raise StorageRefused(
        f"This PostgreSQL ({version}) has no TimescaleDB. Install the extension on the database server and add it to "
        "shared_preload_libraries (the image timescale/timescaledb has it), or use native partitions, which need "
        "nothing: manage.py partitions enable"
    )


def enable(say: Say, keep_trade_days: int | None = None, keep_second_days: int | None = None) -> None:
    """Switch both tables over; goes on where an earlier attempt ended. Raises StorageRefused."""
    demand_available()
    for days, least, what in (
        (keep_trade_days, LEAST_TRADE_DAYS, "trades"),
        (keep_second_days, LEAST_SECOND_DAYS, "candles of one second"),
    ):
        if days is not None and days < least:
            raise StorageRefused(f"Keep {what} for at least {least} days, not {days}.")
    with only_one():
        if candles.trimmed_until() is not None:
            raise StorageRefused(
                "Old trades were dropped, so the candles before them could not be made of trades. Nothing was changed."
            )
        _create_extension()
        if shape_of(TRADES.name) is not Shape.HYPERTABLE:
            move(TRADES, Shape.HYPERTABLE, say)
            say("Trades are a hypertable.")
        _compress(say)
        if shape_of(KLINES.name) is not Shape.VIEW:
            _make_aggregates(say)
            _put_aggregates_in_place(say)
        _keep_fresh()
        _forget_old(TRADES.name, keep_trade_days, say)
        _forget_old(aggregate("1s"), keep_second_days, say)


def disable(say: Say) -> None:
    """Both tables plain again, made of what the aggregates say. The extension stays. Raises StorageRefused."""
    with only_one():
        if not has_timescale():
            say("TimescaleDB is not in use.")
            return
        if shape_of(KLINES.name) is Shape.VIEW:
            move(KLINES, Shape.PLAIN, say)
            say("Candles are a plain table again, and the writer fills it.")
        _drop_aggregates()
        if shape_of(TRADES.name) is Shape.HYPERTABLE:
            move(TRADES, Shape.PLAIN, say)
            say("Trades are a plain table again.")


def _create_extension() -> None:
    if has_timescale():
        return
    try:
        run("CREATE EXTENSION timescaledb")
    except DatabaseError as error:
        text = " ".join(str(error).split())[:300]
        raise StorageRefused(
            f"The extension could not be switched on: {text}. It must stand in shared_preload_libraries, and the role "
            "of DATABASE_URL must own the database."
        ) from error


def _compress(say: Say) -> None:
    if ask("SELECT 1 FROM timescaledb_information.jobs WHERE proc_name IN ('policy_compression', 'policy_columnstore') "
           "AND hypertable_name = %s", TRADES.name):  # fmt: skip
        return
    run(
        f"ALTER TABLE {TRADES.name} SET (timescaledb.compress, timescaledb.compress_segmentby = 'market_id', "
        "timescaledb.compress_orderby = 'seq DESC')"
    )
    ask(f"SELECT add_compression_policy('{TRADES.name}', INTERVAL '{COMPRESS_AFTER}')")
    say(f"Trades older than {COMPRESS_AFTER} will be compressed.")


# ---------------------------------------------------------------------------------------------------------- aggregates


def definition(interval: str) -> str:
    """The statement that makes an interval's aggregate, empty."""
    source = MADE_OF.get(interval)
    query = (
        candles.of_trades(interval, TIMESCALE)
        if source is None
        else candles.of_shorter(interval, TIMESCALE, aggregate(source))
    )
    return (
        f"CREATE MATERIALIZED VIEW {aggregate(interval)} WITH (timescaledb.continuous, "
        f"timescaledb.materialized_only = false) AS {query} WITH NO DATA"
    )


def rows_of_aggregates() -> str:
    """The query behind the name of the candles' table."""
    one = (candles.as_row(interval, f"SELECT * FROM {aggregate(interval)}") for interval in INTERVALS)  # noqa: S608
    return " UNION ALL ".join(one)


def _make_aggregates(say: Say) -> None:
    _drop_aggregates()
    with transaction.atomic():
        for interval in INTERVALS:
            run(definition(interval))
    until = datetime_of(newest_trade_ms())
    for number, interval in enumerate(INTERVALS, 1):
        _refresh(interval, until)
        [(count,)] = ask(f"SELECT count(*) FROM {aggregate(interval)}")  # noqa: S608 - our own names
        say(f"Candles of {interval}: {count:,} ({number} of {len(INTERVALS)})")


def _refresh(interval: str, until: datetime) -> None:
    """Materialise every bucket that ended before the newest trade."""
    begin = datetime_of(start_of(interval, int(until.timestamp()) * 1000))
    if ask(f"SELECT 1 FROM {TRADES.name} WHERE at < %s LIMIT 1", begin):  # noqa: S608 - our own names
        run(f"CALL refresh_continuous_aggregate('{aggregate(interval)}', NULL, %s::timestamptz)", begin)


def _put_aggregates_in_place(say: Say) -> None:
    made = {interval: candles.as_row(interval, f"SELECT * FROM {aggregate(interval)}") for interval in INTERVALS}  # noqa: S608
    with transaction.atomic():
        run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        compared_ms = newest_trade_ms()
        _demand_equal(made, None)
    say("Every candle of the aggregates is the one that was kept, to the last digit.")
    grants = grants_of(KLINES.name)
    with alone_with(KLINES):
        for interval in INTERVALS:
            since = datetime_of(start_of(interval, compared_ms))
            _demand_equal({interval: made[interval]}, since)
        run(f"DROP TABLE {KLINES.name}")
        run(f"CREATE VIEW {KLINES.name} AS {rows_of_aggregates()}")
        give(KLINES.name, [(grantee, right) for grantee, right in grants if right == "SELECT"])
    say("Candles now come from continuous aggregates.")


def _demand_equal(made: dict[str, str], since: datetime | None) -> None:
    found = list(candles.differences(KLINES.name, made, since))
    if found:
        raise StorageRefused(f"The candles stay where they are. {' '.join(found)}")


def _drop_aggregates() -> None:
    """Longest first: they stand upon each other."""
    for interval in reversed(INTERVALS):
        run(f"DROP MATERIALIZED VIEW IF EXISTS {aggregate(interval)}")


def _keep_fresh() -> None:
    for interval in INTERVALS:
        every = REFRESH_EVERY.get(interval, REFRESH_EVERY_ELSE)
        ask(
            f"SELECT add_continuous_aggregate_policy('{aggregate(interval)}', INTERVAL '{REFRESH_FROM}', "
            f"INTERVAL '{REFRESH_UNTIL}', INTERVAL '{every}', if_not_exists => true)"
        )


def _forget_old(name: str, days: int | None, say: Say) -> None:
    if days is not None:
        ask(f"SELECT remove_retention_policy('{name}', if_exists => true)")
        ask(f"SELECT add_retention_policy('{name}', INTERVAL '{days} days')")
        say(f"{name}: rows older than {days} days will be dropped.")


# -------------------------------------------------------------------------------------------------------------- looking


def status() -> dict[str, Any]:
    """What is in use: for people, and for tests."""
    available = ask("SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'")
    found: dict[str, Any] = {
        "available": available[0][0] if available else None,
        "in use": has_timescale(),
        "trades": shape_of(TRADES.name).value,
        "candles": shape_of(KLINES.name).value,
    }
    if shape_of(TRADES.name) is Shape.HYPERTABLE:
        [(chunks, compressed)] = ask(
            "SELECT count(*), count(*) FILTER (WHERE is_compressed) FROM timescaledb_information.chunks "
            "WHERE hypertable_name = %s",
            TRADES.name,
        )
        found["chunks"], found["compressed"] = chunks, compressed
        found["policies"] = [
            f"{proc} of {name}: every {every}, last {state or 'never'}"
            for proc, name, every, state in ask(
                "SELECT j.proc_name, j.hypertable_name, j.schedule_interval::text, s.last_run_status "
                "FROM timescaledb_information.jobs j LEFT JOIN timescaledb_information.job_stats s USING (job_id) "
                "WHERE j.proc_name LIKE 'policy_%%' AND j.hypertable_name IS NOT NULL AND %s ORDER BY 1, 2",
                True,
            )
        ]
    return found
