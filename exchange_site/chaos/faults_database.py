"""Faults behind the engine: the database writer and PostgreSQL (F10, F11). Trading must not notice."""

import contextlib
import os
import signal
import time

from exchange_site.chaos.stage import KILLED, WARM_TAKEOVER_S, Fault, Stage


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


def _writer_goes_on(stage: Stage) -> None:
    began = time.monotonic()
    wanted = int(stage.place.field("n"))
    stage.place.wait(lambda: stage.place.database_n() >= wanted, "the writer to have written what was missing", 60)
    stage.note(f"the database had everything {time.monotonic() - began:.1f} s later")


FAULTS = (
    Fault("F10", "writer killed", writer_killed, WARM_TAKEOVER_S, frozenset({KILLED}), needs_database=True),
    Fault(
        "F11", "PostgreSQL killed", postgres_killed, WARM_TAKEOVER_S, frozenset({KILLED, 0, 1, 2}), needs_database=True
    ),
)
