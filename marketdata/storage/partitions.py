"""Native partitions by month: switching to them and back, months ahead, and dropping old ones."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from marketdata.storage import Say, StorageRefused
from marketdata.storage.moving import move, only_one
from marketdata.storage.tables import (
    DEFAULT,
    KLINES,
    TABLES,
    TRADES,
    Shape,
    TimeTable,
    ask,
    next_month,
    parents,
    run,
    shape_of,
)

LEAST_TRADE_DAYS, LEAST_SECOND_DAYS = 120, 7  # Order pages and a rebuild look at trades, charts at seconds.
LEAST_DAYS_AHEAD = 90  # With less, somebody is asked for.


@dataclass
class State:
    """How one table lies, for people and for `doctor`."""

    table: str
    shape: Shape
    rows: int  # As PostgreSQL estimates.
    partitions: int = 0
    last_month: str = ""
    in_default: int = 0
    notes: list[str] = field(default_factory=list)


def enable(say: Say) -> None:
    """Both tables in partitions by month. Raises StorageRefused."""
    with only_one():
        _demand_no_timescale()
        for table in TABLES:
            if shape_of(table.name) is Shape.PARTITIONS:
                say(f"{table.name} has partitions already.")
                continue
            move(table, Shape.PARTITIONS, say)
            say(f"{table.name} now has partitions by month.")


def disable(say: Say) -> None:
    """Both tables plain again. Raises StorageRefused."""
    with only_one():
        _demand_no_timescale()
        for table in TABLES:
            if shape_of(table.name) is Shape.PLAIN:
                say(f"{table.name} is a plain table already.")
                continue
            move(table, Shape.PLAIN, say)
            say(f"{table.name} is a plain table again.")


def _demand_no_timescale() -> None:
    if any(shape_of(table.name) in (Shape.HYPERTABLE, Shape.VIEW) for table in TABLES):
        raise StorageRefused("These tables are TimescaleDB's. First: manage.py timescale disable --yes")


# --------------------------------------------------------------------------------------------------------------- months


def make_ahead() -> int:
    """Partitions for the next months; how many were made. Rows that waited in the default one move to theirs.

    Each in a transaction of its own, by a function of the database that has the owner's rights (migration 0005), so
    that the scheduled job can do it with its own role.
    """
    made = 0
    while ask("SELECT marketdata_make_next_month()")[0][0] is not None:
        made += 1
    return made


def drop_before(parent: str, day: datetime) -> list[str]:
    """Drop the partitions of whole months that end before `day`; their names."""
    dropped = []
    for name, until in _months_of(parent):
        if until <= day:
            run(f"DROP TABLE {name}")
            dropped.append(name)
    return dropped


def old(keep_trade_days: int | None, keep_second_days: int | None, now: datetime) -> list[tuple[str, datetime]]:
    """What a retention in days means: parents and the day before which their months go. Raises StorageRefused."""
    found = []
    for days, least, parent, table in (
        (keep_trade_days, LEAST_TRADE_DAYS, TRADES.name, TRADES),
        (keep_second_days, LEAST_SECOND_DAYS, parents(KLINES)[0], KLINES),
    ):
        if days is None:
            continue
        if days < least:
            raise StorageRefused(f"Keep {parent} for at least {least} days, not {days}.")
        if shape_of(table.name) is not Shape.PARTITIONS:
            raise StorageRefused(f"{table.name} has no partitions. First: manage.py partitions enable --yes")
        found.append((parent, now - timedelta(days=days)))
    return found


def names_before(parent: str, day: datetime) -> list[str]:
    return [name for name, until in _months_of(parent) if until <= day]


def _months_of(parent: str) -> list[tuple[str, datetime]]:
    """Partitions of months with the moment each ends, oldest first."""
    rows = ask(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = %s::regclass AND c.relname ~ '_[0-9]{6}$' ORDER BY 1",
        parent,
    )
    return [(name, next_month(datetime.strptime(name[-6:], "%Y%m").replace(tzinfo=UTC))) for (name,) in rows]


# -------------------------------------------------------------------------------------------------------------- looking


def states() -> list[State]:
    return [_state(table) for table in TABLES]


def _state(table: TimeTable) -> State:
    shape = shape_of(table.name)
    [(rows,)] = ask("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", table.name)
    state = State(table.name, shape, max(0, rows))
    if shape is Shape.PARTITIONS:
        for parent in parents(table):
            months = _months_of(parent)
            state.partitions += len(months)
            last = months[-1][0][-6:] if months else ""
            state.last_month = min(state.last_month, last) if state.last_month else last
            state.in_default += ask(f"SELECT count(*) FROM {parent}_{DEFAULT}")[0][0]  # noqa: S608 - our own names
    return state
