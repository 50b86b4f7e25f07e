"""Becoming the leader, in the one order that is safe (reliability: start, steps a to e).

(a) create our term's first segment exclusively; (b) fence; (c) adopt what counts of the older segments; (d) load and
replay; (e) publish what ev lacks, and open. Any other order lets a paused leader slip something in between.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from exchange_site.kernel import redis_names
from matching.runtime import recovery, snapshots
from matching.runtime.applier import Applier, Batch, Poisoned, decode_entry
from matching.runtime.config import EngineConfig
from matching.runtime.follower import Follower
from matching.runtime.housekeeping import DatabaseWatch
from matching.runtime.journal import History, JournalDamaged, JournalWriter, newest_term, read_history
from matching.runtime.leadership import RENEW_EVERY_S, Leadership
from matching.runtime.publisher import Publisher
from matching.runtime.records import Poison
from matching.runtime.recovery import Makers, RecoveryRefused, Start
from matching.transport import streams
from matching.transport.connection import LogConnection
from matching.transport.streams import EventTop

logger = logging.getLogger(__name__)

WAITING_PER_READ = 1_000


class StoppedEarly(Exception):
    """The process shall end, and the replay was not finished. The next start does it again."""


@dataclass(slots=True)
class Led:
    """Everything a leader works with."""

    leadership: Leadership
    journal: JournalWriter
    applier: Applier
    publisher: Publisher
    poisons: list[Poison]  # In the replayed part, oldest first.
    snapshot_n: int
    watch: DatabaseWatch


def take_over(
    config: EngineConfig,
    log: LogConnection,
    makers: Makers,
    stopping: Callable[[], bool],
    follower: Follower | None = None,
    republish_from: int | None = None,
) -> Led:
    """Steps a to e; with a `follower` that is warm, (d) only needs the end of the journal.

    Where ev begins anew, it begins behind the database, or before outcome `republish_from` if that is earlier.

    Raises FileExistsError (another candidate was faster), Fenced, RecoveryRefused, JournalDamaged, JournalFailed,
    ConnectionLost, Forgotten, Poisoned (recorded already) or StoppedEarly.
    """
    known = int(log.call("HGET", redis_names.ENGINE, "term") or 0)
    term = newest_term(config.journal_dir) + 1
    if known >= term:
        raise RecoveryRefused(
            f"Redis has seen term {known}, but the newest segment in {config.journal_dir} is of term {term - 1}: "
            f"this is not the journal that belongs to this Redis."
        )
    journal = JournalWriter(config.journal_dir, term, config.segment_bytes)
    try:
        leadership = Leadership(term, config.lease_ms)
        leadership.fence(log)
        history = read_history(config.journal_dir, term)
        journal.adopt(history)
        top = streams.event_top(log)
        database_n = leadership.renew().database_n
        wanted = None if database_n is None else min(database_n, (republish_from or database_n + 1) - 1)
        warm = follower.start(history, top) if follower is not None else None
        if warm is not None:
            start, missing = warm
        else:
            (start, top), missing = _cold_start(config, log, makers, leadership, history, wanted), []
        led = _replay(config, journal, leadership, history, start, top, missing, stopping)
        leadership.open(count_waiting(log, led.applier.entry_id), led.watch.look(led.applier.n, database_n))
        return led
    except FileNotFoundError as error:
        journal.close(tidy=False)
        if newest_term(config.journal_dir) > term:
            raise FileExistsError(f"A leader later than term {term} has removed what it did not need.") from error
        raise JournalDamaged(f"A file vanished during the takeover: {error}") from error
    except (RecoveryRefused, JournalDamaged) as error:
        later = newest_term(config.journal_dir) > term
        journal.close(tidy=not later)
        if later:  # Its snapshots stand in segments that we know nothing of: we slept, and nothing is damaged.
            raise FileExistsError(f"A leader later than term {term} has gone on: {error}") from error
        raise
    except BaseException:
        journal.close(tidy=False)
        raise


def _cold_start(
    config: EngineConfig,
    log: LogConnection,
    makers: Makers,
    leadership: Leadership,
    history: History,
    reader_n: int | None,
) -> tuple[Start, EventTop]:
    """The newest snapshot from which everything can be made that ev lacks, and where ev ends.

    An ev that is gone begins anew behind `reader_n` (None: as far back as can be).
    """
    top = streams.event_top(log)
    if top.n > 0 and not recovery.can_start(config.snapshot_dir, history, top.n):
        logger.error("The event stream ends at outcome %d, before every snapshot; it begins anew.", top.n)
        leadership.reset_events("")
        top = streams.event_top(log)
    latest = top.n or recovery.start_for_new_events(config.snapshot_dir, history, reader_n)
    start = recovery.load_start(config.snapshot_dir, history, latest, makers)
    if top.n == 0:
        top = EventTop(start.applier.n, start.applier.chain, True)  # ev begins anew after the state we start from.
    return start, top


def _replay(
    config: EngineConfig,
    journal: JournalWriter,
    leadership: Leadership,
    history: History,
    start: Start,
    top: EventTop,
    missing: list[Batch],
    stopping: Callable[[], bool],
) -> Led:
    """Apply the rest of the journal and publish what ev lacks, `missing` first."""
    log = leadership.log
    assert log is not None, "fence comes first"
    applier = start.applier
    newest = next(iter(snapshots.list_snapshots(config.snapshot_dir)), (0, None))[0]
    snapshot_n = min(newest, applier.n)
    ahead = recovery.read_ahead(history, start.position)
    applier.poisoned.update(poison.command_id for poison in ahead)
    publisher = Publisher(leadership, top.n)
    leadership.anchor(top.n, applier.engine.seq, top.chain or applier.chain, applier.engine.at_ms)

    def deliver(batch: Batch) -> None:
        publisher.publish(batch.after(top.n), log)

    for batch in missing:
        deliver(batch)
    try:
        recovery.replay(start, history, top, deliver, _breathing(leadership, stopping))
    except Poisoned as poisoned:
        journal.append([poisoned.poison])
        raise
    settle(leadership, applier, log)
    journal.append([], applier.n, applier.chain)
    journal.follow_rules(applier.engine.rules_version)
    journal.release_adopted_tails()
    poisons = {poison.command_id: poison for poison in [*start.poisons, *ahead]}
    return Led(leadership, journal, applier, publisher, list(poisons.values()), snapshot_n, DatabaseWatch(config))


def settle(leadership: Leadership, applier: Applier, log: LogConnection) -> None:
    """Write the exact position to `eng`, and keep new cmd ids above those we have seen (a clock may have stepped)."""
    leadership.anchor(applier.n, applier.engine.seq, applier.chain, applier.engine.at_ms)
    if streams.raise_last_id(log, redis_names.COMMANDS, applier.entry_id):
        logger.warning("The command stream had lost its end; its ids continue after %s.", applier.entry_id)


def count_waiting(log: LogConnection, after: str) -> int:
    """Commands in cmd that are not decided yet; while the status is closed nobody adds to them."""
    waiting = 0
    while entries := streams.range_after(log, after, WAITING_PER_READ):
        for entry in entries:
            decoded = decode_entry(entry.payload)
            waiting += decoded.counted if decoded else 0
        after = entries[-1].entry_id
    return waiting


def _breathing(leadership: Leadership, stopping: Callable[[], bool]) -> Callable[[], None]:
    """Renews the lease now and then during a long replay, and ends it when the process shall stop."""
    due = time.monotonic() + RENEW_EVERY_S

    def breathe() -> None:
        nonlocal due
        if stopping():
            leadership.close(give_up=True)
            raise StoppedEarly("Stopped during the replay; nothing was changed.")
        if time.monotonic() >= due:
            leadership.renew()
            due = time.monotonic() + RENEW_EVERY_S

    return breathe
