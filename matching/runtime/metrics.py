"""The engine's figures. It counts once per batch and writes them to a file once a second; a child process shows them.

The engine must stay without threads (a snapshot is a fork, and a thread could hold a lock that the fork then waits for
until the end of time), so it cannot serve them itself.
"""

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from exchange_site.kernel.metrics import FAST_SECONDS, SIZES, Counter, Gauge, Histogram, page

logger = logging.getLogger(__name__)

SERVER = Path(__file__).with_name("metrics_server.py")
WRITE_EVERY_S = 1.0

commands = Counter("exchange_engine_commands", "Commands decided")
outcomes = Counter("exchange_engine_outcomes", "Outcomes published")
batches = Counter("exchange_engine_batches", "Batches processed")
poisons = Counter("exchange_engine_poisons", "Commands and timers that broke the engine")
reconnects = Counter("exchange_engine_reconnects", "Times the connection to Redis was lost and made again")
snapshots = Counter("exchange_engine_snapshots", "Snapshots written")
batch_commands = Histogram("exchange_engine_batch_commands", "Commands of one batch", buckets=SIZES)
batch_seconds = Histogram("exchange_engine_batch_seconds", "One batch, from read to published", buckets=FAST_SECONDS)
journal_seconds = Histogram(
    "exchange_engine_journal_seconds", "Writing and syncing the journal of one batch", buckets=FAST_SECONDS
)
publish_seconds = Histogram("exchange_engine_publish_seconds", "Handing one batch to Redis", buckets=FAST_SECONDS)
outcome_number = Gauge("exchange_engine_outcome_number", "Number of the last outcome")
term_number = Gauge("exchange_engine_term_number", "The term this engine leads; 0 while it stands by")
leads = Gauge("exchange_engine_leads_bool", "1 while this process leads")
warm = Gauge("exchange_engine_standby_warm_bool", "1 while this process stands by with a state")
database_lag = Gauge("exchange_engine_database_lag_outcomes", "Outcomes the database is behind, as the engine knows")
clock_ahead = Gauge("exchange_engine_clock_ahead_seconds", "How far the log's time is ahead of the wall clock")
snapshot_time = Gauge("exchange_engine_snapshot_timestamp_seconds", "When the newest snapshot of this process was good")
accepts = Gauge("exchange_engine_accepts_bool", "1 while everything is let in, 0 while new orders or all are refused")


def published(command_count: int, outcome_count: int, last_n: int, seconds: float) -> None:
    """One batch has left."""
    commands.inc(command_count)
    outcomes.inc(outcome_count)
    batches.inc()
    batch_commands.observe(command_count)
    publish_seconds.observe(seconds)
    outcome_number.set(last_n)


def leading(term: int, n: int) -> None:
    """This engine leads in `term` from outcome `n` on; 0: no longer."""
    leads.set(term > 0)
    term_number.set(term)
    outcome_number.set(n)
    warm.set(0)


def standing_by(n: int, is_warm: bool) -> None:
    outcome_number.set(n)
    warm.set(is_warm)


def snapshot_written() -> None:
    snapshots.inc()
    snapshot_time.set_to_current_time()


class FileOfFigures:
    """Writes the figures where the child that shows them reads. `port` 0: nobody asked for them."""

    def __init__(self, port: int, host: str, path: Path) -> None:
        self._path = path
        self._next = 0.0
        self._child: subprocess.Popen[bytes] | None = None
        if port:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write()
            command = [sys.executable, "-I", "-S", str(SERVER), str(path), host, str(port), str(os.getpid())]
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=True)

    def refresh(self) -> None:
        """Call as often as you like. A full disk costs the figures, never the engine."""
        if self._child is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + WRITE_EVERY_S
        try:
            self._write()
        except OSError as error:
            logger.warning("The engine's figures could not be written: %s", error)
            self._next += 30

    def close(self) -> None:
        if self._child is not None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(2)
            self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        partial = self._path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(page())
        partial.replace(self._path)


_file: FileOfFigures | None = None


@contextlib.contextmanager
def shown(port: int, host: str, path: Path) -> Iterator[None]:
    """Show the figures of this process while the block runs."""
    global _file
    _file = FileOfFigures(port, host, path)
    try:
        yield
    finally:
        _file.close()
        _file = None


def refresh() -> None:
    if _file is not None:
        _file.refresh()
