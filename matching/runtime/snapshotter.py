"""Taking snapshots while trading goes on: a forked child has the state frozen and all the time it needs."""

import hashlib
import logging
import os
import signal
import threading
from pathlib import Path

from matching.runtime import metrics, snapshots
from matching.runtime.applier import Applier
from matching.runtime.crash import CrashPoint
from matching.runtime.journal import Position
from matching.runtime.records import Poison

logger = logging.getLogger(__name__)


class Snapshotter:
    """One snapshot at a time. `last_n` is the outcome of the newest one known to be good."""

    def __init__(self, directory: Path, crash: CrashPoint, fork: bool, last_n: int) -> None:
        self._directory = directory
        self._crash = crash
        self._fork = fork
        self._child: int | None = None
        self._child_n = 0
        self.last_n = last_n

    @property
    def busy(self) -> bool:
        return self._child is not None

    def start(self, applier: Applier, position: Position, poisons: list[Poison]) -> bool:
        """Begin a snapshot between two batches. True when it is finished already (written inline)."""
        assert self._child is None, "one snapshot at a time"
        if not self._fork or threading.active_count() > 1:
            # A thread could hold a lock that the child would wait for until the end of time.
            return self.write_now(applier, position, poisons)
        parent = os.getpid()
        # The child is as important as we are: with a lower priority it found no time under full load, and a start
        # had to replay all of that.
        pid = os.fork()
        if pid:
            self._child, self._child_n = pid, applier.n
            return False
        status = 1
        try:
            status = 0 if self._write(applier, position, poisons, parent) else 1
        finally:
            os._exit(status)

    def poll(self) -> bool:
        """Has the child just finished a good snapshot?"""
        if self._child is None:
            return False
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if pid == 0:
            return False
        self._child = None
        if os.waitstatus_to_exitcode(status) != 0:
            logger.error("The snapshot of outcome %d failed; the one before it stays in use.", self._child_n)
            return False
        self.last_n = self._child_n
        metrics.snapshot_written()
        return True

    def write_now(self, applier: Applier, position: Position, poisons: list[Poison]) -> bool:
        """Write in this process and return when it is safe. False when it failed (the log says why)."""
        if not self._write(applier, position, poisons, None):
            return False
        self.last_n = applier.n
        metrics.snapshot_written()
        return True

    def abandon(self) -> None:
        """Stop a child that is still writing; its unfinished file does not count."""
        if self._child is not None:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = None

    def _write(self, applier: Applier, position: Position, poisons: list[Poison], parent: int | None) -> bool:
        engine = applier.engine
        try:
            engine.check_invariants()
            body = snapshots.pack_state(engine.dump())
            header = snapshots.SnapshotHeader(
                format=snapshots.FORMAT,
                rules_version=engine.rules_version,
                n=engine.n,
                seq=engine.seq,
                at_ms=engine.at_ms,
                chain=applier.chain,
                segment=position.segment,
                offset=position.offset,
                entry_id=applier.entry_id,
                poisons=poisons,
                body_sha256=hashlib.sha256(body).digest(),
                body_bytes=len(body),
                broken_keys=[(*key, at_ms) for key, at_ms in applier.broken_keys.items()],
            )
            snapshots.write_snapshot(self._directory, header, body, self._crash, parent)
        except Exception:
            # A state that fails its invariants, a full disk: the snapshot is not taken and somebody must look.
            logger.exception("Cannot write a snapshot of outcome %d.", engine.n)
            return False
        logger.info("Snapshot of outcome %d written (%d bytes).", header.n, header.body_bytes)
        return True
