"""The leader's loop: read commands, journal them, decide them, publish what came out. All I/O is per batch.

Order is everything here. Nothing is decided before its record is synced, nothing leaves before it is decided, and the
position in the cmd stream moves only with the decision.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from exchange_site.kernel import redis_names
from matching import codec
from matching.messages import CommandEntry, MarketState, SetMarketState
from matching.runtime import snapshots
from matching.runtime.applier import Poisoned, decode_entry
from matching.runtime.config import EngineConfig
from matching.runtime.crash import CrashPoint
from matching.runtime.journal import newest_term
from matching.runtime.leadership import RENEW_EVERY_S, Fenced, Forgotten, Notes
from matching.runtime.log_clock import LogClock
from matching.runtime.publisher import EventsTooShort
from matching.runtime.records import Entry, Internal, Poison, Record, Tick
from matching.runtime.snapshotter import Snapshotter
from matching.runtime.takeover import Led, count_waiting, settle
from matching.transport import admit, streams
from matching.transport.connection import ConnectionLost, LogConnection
from matching.transport.streams import RawEntry

logger = logging.getLogger(__name__)

ENTRIES_PER_READ = 64
BATCH_COMMANDS = 1_024  # More would make the first command of a batch wait too long for its answer.
BATCH_BYTES = 1024 * 1024
READ_BLOCK_MS = 250
TICK_EVERY_MS = 100  # Timers are due all the time on a busy exchange; one record per batch would be waste.
RECONNECT_WAITS_S = (0.05, 0.1, 0.2, 0.5, 1.0)
DRAIN_S = 1.5  # On a stop, what was admitted is still answered for this long.
POISONS_ALLOWED = 3
POISON_WINDOW_MS = 60_000

Decoded = tuple[Entry, CommandEntry | None]


class StartOver(Exception):
    """The state on disk is good, but Redis needs more than memory holds: take over again from the disk."""


class Worker:
    """Leads until `stopping()`, or until an exception says why it must not lead any longer."""

    def __init__(
        self, config: EngineConfig, led: Led, log: LogConnection, stopping: Callable[[], bool], idle: bool = False
    ) -> None:
        """With `idle` the loop also ends when there is nothing left to read (tests)."""
        self._config = config
        self._leadership = led.leadership
        self._journal = led.journal
        self._applier = led.applier
        self._publisher = led.publisher
        self._poisons = deque(led.poisons, maxlen=64)
        self._log = log
        self._stopping = stopping
        self._idle = idle
        self._crash = CrashPoint(config.crash_at)
        self._clock = LogClock(led.applier.engine.at_ms)
        self._snapshotter = Snapshotter(config.snapshot_dir, self._crash, config.fork_snapshots, led.snapshot_n)
        self._next_beat = 0.0
        self._last_tick_ms = 0
        self._records = 0  # Since the last snapshot was begun.
        self._last_snapshot = time.monotonic()
        self._request: str | None = None
        self._database_n: int | None = None
        self._commands = 0
        self._marks: deque[tuple[int, str]] = deque()  # (commands so far, cmd entry id), for trimming.

    # ------------------------------------------------------------------------------------------------------- the loop

    def run(self) -> None:
        """Raises Fenced, Poisoned, JournalFailed, StartOver, PublishRefused, EventsTooLong."""
        while True:
            try:
                self._serve()
                return
            except (ConnectionLost, Forgotten) as error:
                logger.error("%s", error)
                self._new_life()

    def stop(self) -> None:
        """Answer what was admitted, write a snapshot, give up the lease. Called when `run` has returned."""
        self._leadership.close(give_up=False)
        until = time.monotonic() + DRAIN_S
        while time.monotonic() < until and self._step(block_ms=0):
            pass
        self._snapshotter.abandon()
        if self._applier.n != self._snapshotter.last_n:
            self._snapshotter.write_now(self._applier, self._journal.position, self._recent_poisons())
        self._leadership.close(give_up=True)

    def _serve(self) -> None:
        while not self._stopping():
            if time.monotonic() >= self._next_beat:
                self._beat()
            if not self._step(1 if self._idle else READ_BLOCK_MS) and self._idle:
                return

    def _step(self, block_ms: int) -> bool:
        """One read and everything that follows from it. False when there was nothing to read."""
        answer = self._log.call(*streams.read_request(self._applier.entry_id, block_ms, ENTRIES_PER_READ))
        entries = streams.entries_of(answer)
        if not entries:
            self._process([])
            return False
        for group in _groups(entries):
            self._process(group)
        return True

    def _process(self, group: list[tuple[RawEntry, CommandEntry | None]]) -> None:
        """One batch, from the journal to the log. An empty group may still be due a tick."""
        at_ms = self._clock.now_ms()
        records: list[Record] = []
        tick = self._due_tick(at_ms)
        if tick is not None:
            records.append(tick)
        decoded: list[Decoded] = []
        for raw, entry in group:
            # What cannot be read is journaled without its bytes: it only moves the position, in replay too.
            record = Entry(raw.entry_id, at_ms, raw.payload if entry is not None else b"")
            records.append(record)
            decoded.append((record, entry))
        if not records:
            return
        applier = self._applier
        self._crash.passed("before_journal")
        self._journal.append(records, applier.n, applier.chain)
        self._crash.passed("after_journal")
        try:
            if tick is not None:
                applier.apply_records((tick,))
            for record, entry in decoded:
                if entry is None:
                    logger.error("The cmd entry %s is no command entry; it is skipped.", record.entry_id)
                applier.apply_entry(record, entry)
        except Poisoned as poisoned:
            self._record_poison(poisoned.poison)
            raise
        batch = applier.take()
        self._records += len(records)
        self._commands += batch.commands
        self._crash.passed("before_publish")
        self._publisher.publish(batch, self._log)
        self._crash.passed("after_publish")

    def _due_tick(self, at_ms: int) -> Tick | None:
        due = self._applier.engine.next_timer_ms()
        if due is None or due > at_ms or at_ms - self._last_tick_ms < TICK_EVERY_MS:
            return None
        self._last_tick_ms = at_ms
        return Tick(at_ms)

    def _record_poison(self, poison: Poison) -> None:
        """First strike: the record makes the next replay answer this command `internal`. Then this process ends."""
        logger.critical("The command %s broke the engine; it will be answered as refused.", poison.command_id)
        self._poisons.append(poison)
        records: list[Record] = [poison]
        recent = [one for one in self._recent_poisons() if one.market == poison.market]
        if poison.market and len(recent) > POISONS_ALLOWED:
            reason = f"{len(recent)} commands broke the engine within a minute"
            close = SetMarketState(market=poison.market, state=MarketState.CLOSED, actor="engine", reason=reason)
            records.append(Internal(f"{poison.command_id}/close", poison.at_ms, codec.encode(close)))
            logger.critical("The market %s is closed: %s.", poison.market, reason)
        self._journal.append(records)
        try:
            self._leadership.close(give_up=True)
        except (ConnectionLost, Forgotten, Fenced) as error:
            logger.error("The lease could not be given up: %s", error)

    def _recent_poisons(self) -> list[Poison]:
        if not self._poisons:
            return []
        since = max(self._applier.engine.at_ms, self._poisons[-1].at_ms) - POISON_WINDOW_MS
        return [poison for poison in self._poisons if poison.at_ms >= since]

    # ----------------------------------------------------------------------------------------- once a second

    def _beat(self) -> None:
        self._next_beat = time.monotonic() + RENEW_EVERY_S
        notes = self._leadership.renew()
        self._database_n = notes.database_n
        mark = (self._commands, self._applier.entry_id)
        if not self._marks or self._marks[-1] != mark:  # An idle engine must not gather them second by second.
            self._marks.append(mark)
        self._trim()
        self._take_snapshots(notes)
        if notes.republish_from is not None:
            self._republish(notes.republish_from)

    def _trim(self) -> None:
        """cmd only behind what is journaled, ev only behind the database; both keep some for slow readers."""
        kept = self._config.kept_behind
        passed: str | None = None
        while self._marks and self._commands - self._marks[0][0] > kept:
            passed = self._marks.popleft()[1]
        if passed is not None:
            streams.trim_below(self._log, redis_names.COMMANDS, passed)
        if self._database_n is not None and self._database_n > kept:
            below = min(self._database_n, self._applier.n) - kept
            streams.trim_below(self._log, redis_names.EVENTS, f"{below}-0")

    def _take_snapshots(self, notes: Notes) -> None:
        snapshotter = self._snapshotter
        if snapshotter.poll():
            self._snapshot_finished()
        if notes.snapshot_requested is not None and self._request is None:
            self._request = notes.snapshot_requested
        if snapshotter.busy:
            return
        # Repeated requests make no outcomes, but their records make the next replay longer all the same.
        many = self._records >= self._config.snapshot_every_records
        changed = many or self._applier.n != snapshotter.last_n
        waited = time.monotonic() - self._last_snapshot
        if changed and (many or waited >= self._config.snapshot_every_s or self._request is not None):
            self._records, self._last_snapshot = 0, time.monotonic()
            if snapshotter.start(self._applier, self._journal.position, self._recent_poisons()):
                self._snapshot_finished()
        elif self._request is not None:
            self._snapshot_finished()

    def _snapshot_finished(self) -> None:
        """Answer a request (one made during the writing gets its own), and drop what is not needed any more."""
        if self._request is not None:
            self._leadership.snapshot_done(self._request, self._snapshotter.last_n)
            self._request = None
        oldest = snapshots.forget_old(self._config.snapshot_dir, self._database_n)
        if oldest is not None:
            self._journal.forget_segments(oldest.segment)

    def _republish(self, request: str) -> None:
        """A reader misses outcomes that ev does not have any more: make them again from a snapshot on."""
        first = streams.first_event_n(self._log)
        wanted = int(request)
        if wanted > self._applier.n or (first is not None and first <= wanted):
            self._leadership.drop_republish(request)
            return
        if not self._can_replay_from(wanted):
            # Starting over would only end here again, with the market closed meanwhile.
            logger.error("A reader asks for outcome %d, which no snapshot and no journal kept reaches back to.", wanted)
            self._leadership.drop_republish(request)
            return
        logger.warning("The event stream begins anew: a reader asks for outcome %d.", wanted)
        self._leadership.reset_events(request)
        raise StartOver("A reader asked for outcomes that only a replay can make again.")

    def _can_replay_from(self, first_n: int) -> bool:
        kept = snapshots.list_snapshots(self._config.snapshot_dir)
        return self._journal.reaches_genesis() or any(n < first_n for n, _ in kept)

    # ------------------------------------------------------------------------------------- after a lost connection

    def _new_life(self) -> None:
        """A new connection may meet a Redis that has forgotten us: look for a later leader, fence, fill up, open."""
        self._log.close()
        for attempt in range(1_000_000):
            if self._stopping():
                raise ConnectionLost("Stopped while Redis was away.")
            time.sleep(RECONNECT_WAITS_S[min(attempt, len(RECONNECT_WAITS_S) - 1)])
            try:
                self._reconnect()
                return
            except (ConnectionLost, Forgotten) as error:
                if attempt % 10 == 0:
                    logger.error("Redis is not back yet: %s", error)

    def _reconnect(self) -> None:
        log = LogConnection(self._config.redis_url)
        later = newest_term(self._config.journal_dir)
        if later > self._leadership.term:
            log.close()
            raise Fenced(f"Term {later} was elected while this engine (term {self._leadership.term}) had no Redis.")
        self._leadership.fence(log)
        self._log = log
        applier = self._applier
        top = streams.event_top(log)
        try:
            self._publisher.check_top(top, applier.n, applier.chain)
        except EventsTooShort as error:
            raise StartOver(str(error)) from error
        self._leadership.anchor(top.n, applier.engine.seq, applier.chain, applier.engine.at_ms)
        self._publisher.fill_up(log, top)
        settle(self._leadership, applier, log)
        self._leadership.open(count_waiting(log, applier.entry_id))
        logger.info("Redis is back; term %d goes on at outcome %d.", self._leadership.term, applier.n)


def _groups(entries: Iterable[RawEntry]) -> Iterator[list[tuple[RawEntry, CommandEntry | None]]]:
    """Entries in batches of bounded commands and bytes; a single entry never exceeds what `admit` lets through."""
    group: list[tuple[RawEntry, CommandEntry | None]] = []
    commands = size = 0
    for raw in entries:
        entry = decode_entry(raw.payload) if len(raw.payload) <= admit.MAX_PAYLOAD_BYTES else None
        count = len(entry.commands) if entry is not None else 0
        if count > admit.MAX_COMMANDS:
            entry, count = None, 0
        if group and (commands + count > BATCH_COMMANDS or size + len(raw.payload) > BATCH_BYTES):
            yield group
            group, commands, size = [], 0, 0
        group.append((raw, entry))
        commands += count
        size += len(raw.payload)
    if group:
        yield group
