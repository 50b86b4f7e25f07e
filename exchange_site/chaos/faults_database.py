"""Faults behind the engine: the database writer and PostgreSQL (F10 to F13, F18). Trading must not notice."""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from exchange_site.chaos.program import Program
from exchange_site.chaos.stage import KILLED, WARM_TAKEOVER_S, Fault, Stage
from exchange_site.launcher.processes import manage

ROOM_BYTES = 4_096


def writer_killed(stage: Stage) -> None:
    writer = stage.place.programs["db_writer"]
    for _ in range(stage.rng.randrange(1, 4)):
        stage.place.wait(lambda: writer.running, "the writer's start", 20)
        stage.pause(0.3, 1.5)
        stage.trading_again(writer.kill())
    _writer_goes_on(stage)


def postgres_killed(stage: Stage) -> None:
    """The postmaster and every backend at once, as if the power had failed."""
    postgres = stage.place.programs["postgres"]
    assert postgres.pid is not None
    began = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(postgres.pid, signal.SIGKILL)
    postgres.join()
    stage.trading_again(began)
    _writer_goes_on(stage)


def sessions_ended(stage: Stage) -> None:
    """Every session at once, the writer's in the middle of its work."""
    with _owner(stage) as connection:
        for _ in range(stage.rng.randrange(1, 4)):
            stage.pause(0.1, 0.5)
            began = time.monotonic()
            [ended] = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchone() or (0,)
            stage.note(f"{ended} sessions ended")
            stage.trading_again(began)
    _writer_goes_on(stage)


def table_locked(stage: Stage) -> None:
    """Somebody holds a table that every batch is written to."""
    with _owner(stage) as connection, connection.transaction():
        connection.execute("LOCK TABLE trading_order IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        stage.pause(1.0, 3.0)
        stage.trading_again(began)
    _writer_goes_on(stage)


def postgres_disk_full(stage: Stage) -> None:
    """No file of it may grow. It gives up (PANIC) rather than lose a commit; with room again the writer goes on."""
    postgres = stage.place.programs["postgres"]
    assert postgres.pid is not None
    began = time.monotonic()
    for pid in [*_children(postgres.pid), postgres.pid]:
        _limit_files(pid, ROOM_BYTES)
    stage.trading_again(began)
    stage.pause(0.5, 1.5)
    for pid in [*_children(postgres.pid or 0), *([postgres.pid] if postgres.pid else [])]:
        _limit_files(pid, resource.RLIM_INFINITY)
    _writer_goes_on(stage)


def set_back(stage: Stage) -> None:
    """The database is replaced by a copy of an earlier moment, as a restored dump would."""
    writer = stage.place.programs["db_writer"]
    with _owner(stage, "postgres") as connection:
        for how in (
            "CREATE DATABASE yesterday TEMPLATE exchange",
            "DROP DATABASE exchange WITH (FORCE)",
        ):
            writer.stop()
            connection.execute(how)
            if how.startswith("CREATE"):
                writer.start()
                stage.pause(1.0, 2.0)
        connection.execute("ALTER DATABASE yesterday RENAME TO exchange")
    began = time.monotonic()
    stage.trading_again(began)
    writer.start()
    _writer_goes_on(stage)


def two_writers(stage: Stage) -> None:
    """Somebody has started a second one. Every batch is written by one of them."""
    began = time.monotonic()
    second = Program(
        "db_writer_2", manage("run_db_writer"), stage.place.environment, stage.place.home.logs / "second.log"
    )
    second.start()
    try:
        stage.pause(3.0, 5.0)
        stage.trading_again(began)
    finally:
        second.stop()
    _writer_goes_on(stage)


@contextlib.contextmanager
def _owner(stage: Stage, database: str = "exchange") -> Iterator["psycopg.Connection[tuple[int]]"]:
    url = stage.place.environment["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{url}/{database}", autocommit=True) as connection:
        yield connection


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(status.parent.name))
    return found


def _limit_files(pid: int, size_bytes: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # It has ended meanwhile.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def _writer_goes_on(stage: Stage) -> None:
    began = time.monotonic()
    wanted = int(stage.place.field("n"))
    stage.place.wait(lambda: stage.place.database_n() >= wanted, "the writer to have written what was missing", 60)
    stage.note(f"the database had everything {time.monotonic() - began:.1f} s later")


FAULTS = (
    Fault("F10", "writer killed", writer_killed, WARM_TAKEOVER_S, frozenset({KILLED}), needs_database=True),
    *(
        Fault(number, variant, act, WARM_TAKEOVER_S, frozenset({KILLED}), needs_database=True)
        for number, variant, act in (
            ("F11", "sessions ended", sessions_ended),
            ("F11", "table locked", table_locked),
            ("F12", "database set back", set_back),
            ("F13", "two writers", two_writers),
        )
    ),
    # PostgreSQL calls EFBIG, which the limit gives, an internal error, and that ends the writer. (ENOSPC it waits for.)
    Fault(
        "F18",
        "PostgreSQL's disk full",
        postgres_disk_full,
        WARM_TAKEOVER_S,
        frozenset({KILLED}),
        "^Traceback",
        needs_database=True,
    ),
    Fault(
        "F11", "PostgreSQL killed", postgres_killed, WARM_TAKEOVER_S, frozenset({KILLED, 0, 1, 2}), needs_database=True
    ),
)
