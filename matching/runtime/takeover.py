"""Becoming the leader, in the one order that is safe (reliability: start, steps a to e).

(a) create our term's first segment exclusively; (b) fence; (c) adopt what counts of the older segments; (d) load and
replay; (e) publish what ev lacks, and open. Any other order lets a paused leader slip something in between.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from exchange_site.kernel import redis_names
from matching.runtime import recovery
from matching.runtime.applier import Applier, Batch, Poisoned, decode_entry
from matching.runtime.config import EngineConfig
from matching.runtime.journal import History, JournalDamaged, JournalWriter, newest_term, read_history
from matching.runtime.leadership import RENEW_EVERY_S, DirectoryLock, Leadership, lease_left_ms
from matching.runtime.publisher import Publisher
from matching.runtime.records import Poison
from matching.runtime.recovery import Makers, RecoveryRefused
from matching.transport import streams
from matching.transport.connection import LogConnection
from matching.transport.streams import EventTop

logger = logging.getLogger(__name__)

STANDBY_LOOKS_EVERY_S = 0.2
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


def wait_for_vacancy(config: EngineConfig, lock: DirectoryLock, stopping: Callable[[], bool]) -> LogConnection | None:
    """Stand by until nobody leads: the old leader's process is gone, or its lease has run out. None when stopping."""
    announced = False
    log = LogConnection(config.redis_url)
    while not stopping():
        if lock.try_take() or lease_left_ms(log) <= 0:
            return log
        if not announced:
            logger.info("Another engine leads; this one stands by, ready to take over.")
            announced = True
        time.sleep(STANDBY_LOOKS_EVERY_S)
    log.close()
    return None


def take_over(config: EngineConfig, log: LogConnection, makers: Makers, stopping: Callable[[], bool]) -> Led:
    """Steps a to e. Raises FileExistsError (another candidate was faster), Fenced, RecoveryRefused, JournalDamaged,
    JournalFailed, ConnectionLost, Forgotten, Poisoned (recorded already) or StoppedEarly."""
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
        return _replay_and_open(config, log, makers, journal, leadership, history, stopping)
    except BaseException as error:
        journal.close(tidy=isinstance(error, RecoveryRefused | JournalDamaged))
        raise


def _replay_and_open(
    config: EngineConfig,
    log: LogConnection,
    makers: Makers,
    journal: JournalWriter,
    leadership: Leadership,
    history: History,
    stopping: Callable[[], bool],
) -> Led:
    top = streams.event_top(log)
    database_n = leadership.renew().database_n
    if top.n > 0 and not recovery.can_start(config.snapshot_dir, history, top.n):
        logger.error("The event stream ends at outcome %d, before every snapshot; it begins anew.", top.n)
        leadership.reset_events("")
        top = streams.event_top(log)
    latest = top.n or recovery.start_for_new_events(config.snapshot_dir, history, database_n)
    start = recovery.load_start(config.snapshot_dir, history, latest, makers)
    applier = start.applier
    snapshot_n = applier.n
    if top.n == 0:
        top = EventTop(applier.n, applier.chain, True)  # ev begins anew after the state we start from.
    ahead = recovery.read_ahead(history, start.position)
    applier.poisoned.update(poison.command_id for poison in ahead)
    publisher = Publisher(leadership, top.n)
    leadership.anchor(top.n, applier.engine.seq, top.chain or applier.chain, applier.engine.at_ms)

    def deliver(batch: Batch) -> None:
        publisher.publish(batch.after(top.n), log)

    try:
        recovery.replay(start, history, top, deliver, _breathing(leadership, stopping))
    except Poisoned as poisoned:
        journal.append([poisoned.poison])
        raise
    settle(leadership, applier, log)
    journal.append([], applier.n, applier.chain)
    journal.release_adopted_tails()
    leadership.open(count_waiting(log, applier.entry_id))
    return Led(leadership, journal, applier, publisher, [*start.poisons, *ahead], snapshot_n)


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
            waiting += len(decoded.commands) if decoded else 0
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
