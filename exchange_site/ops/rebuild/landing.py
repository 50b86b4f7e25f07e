"""Putting a rebuilt state where an engine starts from: a term of its own, a journal that begins here, a snapshot.

The order is that of a takeover (`matching.runtime.takeover`): the term's segment, the fence, then everything else. Once
fenced, an engine that still runs on deleted files can publish nothing, and nothing more enters the command stream.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from exchange_site.kernel import redis_names
from exchange_site.ops.rebuild import RebuildRefused
from exchange_site.ops.rebuild.state import Rebuilt
from matching.runtime import disk, snapshots
from matching.runtime.config import EngineConfig
from matching.runtime.crash import CrashPoint
from matching.runtime.journal import History, JournalWriter, newest_term, segments
from matching.runtime.leadership import DirectoryLock, Leadership, read_lease
from matching.transport import streams
from matching.transport.connection import LogConnection

LEASE_ENDS_IN_S = 10.0
LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Gap:
    """What is lost: outcomes after `n` up to `published_n` that were published once, and `waiting` entries of
    commands that nobody will decide. `term` is the one that the rebuilt history begins with."""

    n: int
    published_n: int
    waiting: int
    term: int


def look(config: EngineConfig, log: LogConnection, rebuilt: Rebuilt, *, replace: bool) -> Gap:
    """What landing would mean; changes nothing. Raises RebuildRefused where something better may exist."""
    _demand_nobody_leads(log)
    names = segments(config.journal_dir) if disk.is_directory(config.journal_dir) else []
    if names and not replace:
        raise RebuildRefused(
            f"There is a journal in {config.journal_dir} ({len(names)} segments). It is the truth, not the database: "
            "start the engine with it. Only when it is of no use, say --replace-journal; it is moved aside then."
        )
    _demand_nothing_newer(config, rebuilt.n)
    top = streams.event_top(log)
    if top.n > rebuilt.n:
        raise RebuildRefused(
            f"The event stream ends at outcome {top.n}, the database at {rebuilt.n}: let the db writer finish first."
        )
    if top.n == rebuilt.n and top.chain is not None and top.chain != rebuilt.chain:
        raise RebuildRefused("Event stream and database tell different histories: they are not of one exchange.")
    known, published = log.call("HMGET", redis_names.ENGINE, "term", "n")
    older = newest_term(config.journal_dir) if names else 0
    return Gap(rebuilt.n, max(int(published or 0), rebuilt.n), _waiting(log), max(int(known or 0), older) + 1)


def _demand_nobody_leads(log: LogConnection) -> None:
    """A lease that a dead engine left runs out by itself; one that is renewed belongs to a living one."""
    first = read_lease(log)
    deadline = time.monotonic() + LEASE_ENDS_IN_S
    while (lease := read_lease(log)).left_ms > 0:
        if lease.until_ms != first.until_ms or time.monotonic() > deadline:
            raise RebuildRefused(f"An engine leads ({lease.owner}). Stop it first; its state is better than this one.")
        time.sleep(LOOK_EVERY_S)


def _demand_nothing_newer(config: EngineConfig, n: int) -> None:
    found = snapshots.list_snapshots(config.snapshot_dir) if disk.is_directory(config.snapshot_dir) else []
    newer = next(((at, path) for at, path in found if at > n and snapshots.is_good(path)), None)
    if newer is not None:
        raise RebuildRefused(
            f"{newer[1].name} is newer than the database, which ends at outcome {n}: it knows more. Move it aside "
            "yourself if what it knows shall be lost."
        )


def _waiting(log: LogConnection) -> int:
    """Entries of the command stream; some of them were decided, none of them will be."""
    return int(log.call("XLEN", redis_names.COMMANDS))


def land(config: EngineConfig, log: LogConnection, rebuilt: Rebuilt, gap: Gap) -> Path:
    """Do it; the snapshot's path. What was there before lies in folders `aside-<time>` afterwards.

    Raises RebuildRefused, FileExistsError (somebody else was elected), Fenced, OSError. Whatever fails before the
    snapshot is written leaves a journal from which no engine starts; the next try then needs --replace-journal.
    """
    for directory in (config.journal_dir, config.snapshot_dir):
        disk.make_directory(directory)
    lock = DirectoryLock(config.journal_dir)
    if not lock.try_take():
        raise RebuildRefused("An engine is running on this journal; stop it first.")
    try:
        _aside(config.journal_dir, segments(config.journal_dir))
        _aside(config.snapshot_dir, [path.name for _, path in snapshots.list_snapshots(config.snapshot_dir)])
        return _write(config, log, rebuilt, gap)
    finally:
        lock.release()


def _aside(directory: Path, names: list[str]) -> None:
    if not names:
        return
    aside = directory / f"aside-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    disk.make_directory(aside)
    for name in names:
        disk.rename(directory / name, aside / name)
    disk.sync_directory(aside)
    disk.sync_directory(directory)


def _write(config: EngineConfig, log: LogConnection, rebuilt: Rebuilt, gap: Gap) -> Path:
    engine, chain = rebuilt.engine, rebuilt.chain
    journal = JournalWriter(config.journal_dir, gap.term, config.segment_bytes)
    try:
        leadership = Leadership(gap.term, config.lease_ms)
        leadership.fence(log)
        journal.adopt(History(config.journal_dir, {}, False, engine.rules_version))
        position = journal.append([], engine.n, chain)
        # Commands that stand in the stream may have been decided before: none of them is read again.
        entry_id = streams.last_id(log, redis_names.COMMANDS)
        body = snapshots.pack_state(engine.dump())
        header = snapshots.SnapshotHeader(
            snapshots.FORMAT,
            engine.rules_version,
            engine.n,
            engine.seq,
            engine.at_ms,
            chain,
            position.segment,
            position.offset,
            entry_id,
            [],
            hashlib.sha256(body).digest(),
            len(body),
        )
        path = snapshots.write_snapshot(config.snapshot_dir, header, body, CrashPoint(""), None)
        leadership.anchor(engine.n, engine.seq, chain, engine.at_ms)
        leadership.close(give_up=True)
        return path
    finally:
        journal.close(tidy=True)
