"""The engine's state at one outcome, built beside a running engine: newest fitting snapshot and journal, only read."""

import time
from pathlib import Path
from typing import Any

from matching.core.engine import Applied, Engine
from matching.runtime import disk
from matching.runtime.applier import Applier, Poisoned
from matching.runtime.journal import JournalDamaged, newest_term, read_history
from matching.runtime.recovery import Makers, RecoveryRefused, check_position, load_start, read_ahead

# A frame that is just being written looks torn, and old segments may go while we read: look again before complaining.
TRIES, PAUSE_S = 4, 0.25


class _Reached(Exception):
    """The wanted outcome is there."""


class _LimitedApplier(Applier):
    """Stops before the first command after outcome `up_to_n`, even in the middle of an entry."""

    up_to_n: int | None = None

    def _decide(self, raw: Any, command_id: str, at_ms: int) -> Applied:
        if self.up_to_n is not None and self.engine.n >= self.up_to_n:
            raise _Reached
        return super()._decide(raw, command_id, at_ms)


def load_engine_readonly(journal_dir: Path, snapshot_dir: Path, up_to_n: int | None = None) -> tuple[Engine, bytes]:
    """The engine after outcome `up_to_n` (None: the last one journaled) and the hash chain there.

    Raises RecoveryRefused when the journal does not reach that outcome or nothing old enough is kept, JournalDamaged
    for bytes that cannot be trusted.
    """
    if not disk.is_directory(journal_dir):
        raise RecoveryRefused(f"There is no journal in {journal_dir}.")
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            return _load(journal_dir, snapshot_dir, up_to_n)
        except (JournalDamaged, FileNotFoundError):
            if not tries_left:
                raise
            time.sleep(PAUSE_S)
    raise AssertionError("the last try returns or raises")


def _load(journal_dir: Path, snapshot_dir: Path, up_to_n: int | None) -> tuple[Engine, bytes]:
    history = read_history(journal_dir, newest_term(journal_dir) + 1)
    start = load_start(snapshot_dir, history, up_to_n, Makers())
    applier = _LimitedApplier(start.applier.engine, start.applier.chain, start.applier.entry_id)
    applier.up_to_n = up_to_n
    applier.poisoned.update(poison.command_id for poison in read_ahead(history, start.position))
    try:
        for position, found in history.frames_from(start.position):
            check_position(applier, found.frame, f"segment {position.segment} byte {found.start}")
            applier.apply_records(found.frame.records)
            applier.take()  # What came out is known to everybody already.
    except _Reached:
        pass  # The rest of the journal is younger than what was asked for.
    except Poisoned as poisoned:
        name = poisoned.poison.command_id
        raise RecoveryRefused(f"Command {name} stops the engine and is not recorded as poison yet.") from None
    if up_to_n is not None and applier.n != up_to_n:
        raise RecoveryRefused(f"The journal ends at outcome {applier.n}; outcome {up_to_n} was asked for.")
    engine = applier.engine
    assert isinstance(engine, Engine)
    return engine, applier.chain
