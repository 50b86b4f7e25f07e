"""From the disk to the state: the newest snapshot that fits, then every journaled record after it.

Replay compares the position written in each frame with its own, so a snapshot of another history, a lost record or
rules that changed their mind stop the start instead of forking the exchange.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from matching.core.engine import Engine
from matching.runtime import snapshots
from matching.runtime.applier import Applier, Batch, Core
from matching.runtime.journal import History, Position
from matching.runtime.records import GENESIS_CHAIN, UNKNOWN_N, Frame, Poison
from matching.runtime.snapshots import SnapshotHeader
from matching.transport.streams import EventTop

logger = logging.getLogger(__name__)

OUTCOMES_PER_BATCH = 512  # Outcomes published again at once.


class RecoveryRefused(Exception):
    """Snapshots and journal do not lead to a state that can be trusted. The message says what does not fit."""


class Makers(NamedTuple):
    """How to make an engine; tests put a small one in its place."""

    new: Callable[[], Engine] = Engine
    load: Callable[[dict[str, Any]], Engine] = Engine.load


class Start(NamedTuple):
    """The state a replay begins with, and where in the journal it goes on (None: at the beginning)."""

    applier: Applier
    position: Position | None
    poisons: list[Poison]


def load_start(directory: Path, history: History, at_most_n: int | None, makers: Makers) -> Start:
    """The newest good snapshot with n <= `at_most_n`, or the beginning of history. Raises RecoveryRefused."""
    loaded = snapshots.load_newest(directory, at_most_n)
    if loaded is None:
        if not history.genesis:
            raise RecoveryRefused("There is no usable snapshot, and the journal does not reach back to the beginning.")
        return start_from(None, history.first_rules(), makers)
    header = loaded[0]
    counted = history.valid.get(header.segment, 0)
    if header.offset > counted:
        raise RecoveryRefused(
            f"The snapshot of outcome {header.n} stands at byte {header.offset} of journal segment {header.segment}, "
            f"of which only {counted} bytes count: the journal has lost records."
        )
    return start_from(loaded, header.rules_version, makers)


def start_from(loaded: tuple[SnapshotHeader, dict[str, Any]] | None, first_rules: int, makers: Makers) -> Start:
    """The state of a snapshot, or (None) a new engine that begins with `first_rules`. Raises RecoveryRefused."""
    if loaded is None:
        return Start(Applier(begin(makers, first_rules), GENESIS_CHAIN), None, [])
    header, state = loaded
    applier = Applier(makers.load(state), header.chain, header.entry_id)
    if (applier.n, applier.engine.seq) != (header.n, header.seq):
        raise RecoveryRefused(f"The snapshot of outcome {header.n} holds the state of outcome {applier.n}.")
    applier.broken_keys.update({(account_id, key): at_ms for account_id, key, at_ms in header.broken_keys})
    return Start(applier, header.position, list(header.poisons))


def begin(makers: Makers, rules_version: int) -> Core:
    """An engine before its first command. One whose history began with older rules keeps them until told otherwise."""
    engine = makers.new()
    engine.venue.rules_version = rules_version
    return engine


def can_start(directory: Path, history: History, at_most_n: int) -> bool:
    """Is there anything good to start from that is not later than `at_most_n`?"""
    kept = snapshots.list_snapshots(directory)
    return history.genesis or any(n <= at_most_n and snapshots.is_good(path) for n, path in kept)


def start_for_new_events(directory: Path, history: History, database_n: int | None) -> int:
    """With an ev that is gone, everything behind the database is published again, or else all that can be made."""
    if database_n is not None and can_start(directory, history, database_n):
        return database_n
    if history.genesis:
        return 0
    good = [n for n, path in snapshots.list_snapshots(directory) if snapshots.is_good(path)]
    return good[-1] if good else 0


def read_ahead(history: History, start: Position | None) -> list[Poison]:
    """Every Poison record from the start on: replay must know them before it meets the commands."""
    return [
        record
        for _, found in history.frames_from(start)
        for record in found.frame.records
        if isinstance(record, Poison)
    ]


def replay(
    start: Start,
    history: History,
    top: EventTop,
    deliver: Callable[[Batch], None],
    breathe: Callable[[], None],
) -> None:
    """Apply every record from the start on. `deliver` gets what came out, `breathe` is called often (lease).

    The state must pass the end of ev (`top`) with the chain that stands there. Raises RecoveryRefused, JournalDamaged,
    or Poisoned for a command not known to be poison yet.
    """
    applier = start.applier
    check_anchor(applier, top)
    applier.told_n = top.n
    for count, (position, found) in enumerate(history.frames_from(start.position)):
        check_position(applier, found.frame, f"segment {position.segment} byte {found.start}")
        applier.apply_records(found.frame.records)
        check_anchor(applier, top)
        if applier.pending() >= OUTCOMES_PER_BATCH:
            deliver(applier.take())
        if count % 256 == 0:
            breathe()
    if applier.n < top.n:
        raise RecoveryRefused(
            f"The event stream ends at outcome {top.n}, but the journal only leads to outcome {applier.n}: it has lost "
            f"records, or belongs to another exchange."
        )
    deliver(applier.take())


def check_anchor(applier: Applier, top: EventTop) -> None:
    """Where ev ends, both must have the same history."""
    if applier.n == top.n and top.chain is not None and applier.chain != top.chain:
        raise RecoveryRefused(
            f"The event stream and the journal tell different histories up to outcome {top.n} "
            f"(chains {top.chain.hex()[:16]} and {applier.chain.hex()[:16]})."
        )


def check_position(applier: Applier, frame: Frame, place: str) -> None:
    if frame.n == UNKNOWN_N or (frame.n, frame.chain) == (applier.n, applier.chain):
        return
    raise RecoveryRefused(
        f"Journal {place}: the record was written after outcome {frame.n} with chain {frame.chain.hex()[:16]}, but the "
        f"replay stands at outcome {applier.n} with chain {applier.chain.hex()[:16]}."
    )
