"""Replaying what is on disk to prove it, beside a running engine: nothing is written.

Each frame says at which outcome and chain it stands, and each snapshot holds a whole state: a replay must meet all of
them exactly, wherever it begins.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgpack

from matching.core.balances import InvariantBroken
from matching.core.engine import Engine
from matching.runtime import snapshots
from matching.runtime.applier import Core, Poisoned
from matching.runtime.journal import History, JournalDamaged, Position, newest_term, read_history
from matching.runtime.readonly import PAUSE_S, TRIES
from matching.runtime.recovery import Makers, RecoveryRefused, check_position, read_ahead, start_from
from matching.runtime.snapshots import SnapshotDamaged, SnapshotHeader


class Kept(NamedTuple):
    """A snapshot that is whole, and a hash of its state as this program holds it."""

    header: SnapshotHeader
    state_hash: str


@dataclass
class Replay:
    """One replay: where it began and ended, how fast, what it met, and every difference as a sentence."""

    begin_n: int
    end_n: int = 0
    chain: str = ""
    records: int = 0
    frames: int = 0
    seconds: float = 0.0
    met: list[int] = field(default_factory=list)  # The snapshots passed, by their n.
    differences: list[str] = field(default_factory=list)

    @property
    def records_per_s(self) -> int:
        return int(self.records / self.seconds) if self.seconds else 0


def state_hash(engine: Core) -> str:
    """Equal hashes mean equal engines: every number they hold."""
    packed: bytes = msgpack.packb(engine.dump(), use_bin_type=True)
    return hashlib.sha256(packed).hexdigest()


def history(journal_dir: Path) -> History:
    """What counts of the journal now. Raises JournalDamaged, RecoveryRefused."""
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            return read_history(journal_dir, newest_term(journal_dir) + 1)
        except (JournalDamaged, FileNotFoundError) as error:
            if not tries_left:
                raise RecoveryRefused(str(error)) from error
            time.sleep(PAUSE_S)  # A frame that is just being written looks torn.
    raise AssertionError("the last try returns or raises")


def load(path: Path) -> Kept:
    """Checksum, content and every invariant of one snapshot. Raises SnapshotDamaged."""
    header, state = snapshots.read_snapshot(path)
    try:
        engine = Engine.load(state)
    except (InvariantBroken, KeyError, TypeError, ValueError) as error:
        raise SnapshotDamaged(f"its state is not sound ({error})") from error
    if (engine.n, engine.seq) != (header.n, header.seq):
        raise SnapshotDamaged(f"it holds the state of outcome {engine.n}, not {header.n}")
    return Kept(header, state_hash(engine))


def replay(found: History, begin: Path | None, kept: list[Kept], until: Position | None = None) -> Replay:
    """From a snapshot file, or (None) from the beginning, to `until` or the end; compares with every one of `kept`.

    Raises SnapshotDamaged when the begin itself is of no use, RecoveryRefused when the beginning is not there.
    """
    if begin is None and not found.genesis:
        raise RecoveryRefused("The journal does not reach back to the beginning any more.")
    loaded = None if begin is None else snapshots.read_snapshot(begin)
    start = start_from(loaded, found.first_rules(), Makers())
    applier = start.applier
    applier.poisoned.update(poison.command_id for poison in read_ahead(found, start.position))
    expected = {one.header.position: one for one in kept if one.header.n != applier.n}
    result = Replay(applier.n)
    began = time.perf_counter()
    try:
        for position, frame in found.frames_from(start.position):
            check_position(applier, frame.frame, f"segment {position.segment} byte {frame.start}")
            applier.apply_records(frame.frame.records)
            applier.take()  # What came out is known to everybody already.
            result.records += len(frame.frame.records)
            result.frames += 1
            if position in expected:
                result.met.append(expected[position].header.n)
                result.differences += _compare(applier.engine, applier.chain, expected[position])
            if position == until:
                break
        applier.engine.check_invariants()
    except (RecoveryRefused, JournalDamaged, InvariantBroken) as error:
        result.differences.append(str(error))
    except Poisoned as poisoned:
        result.differences.append(f"{poisoned} It is not recorded as poison.")
    result.seconds = time.perf_counter() - began
    result.end_n, result.chain = applier.n, applier.chain.hex()
    return result


def _compare(engine: Core, chain: bytes, kept: Kept) -> Iterator[str]:
    header = kept.header
    for what, ours, theirs in (
        ("outcome", engine.n, header.n),
        ("event", engine.seq, header.seq),
        ("chain", chain.hex(), header.chain.hex()),
        ("state", state_hash(engine), kept.state_hash),
    ):
        if ours != theirs:
            yield f"At the snapshot of outcome {header.n} the replay's {what} is {ours}, the snapshot's {theirs}."
