"""The leader's loop: read commands, journal them, decide them, publish what came out. All I/O is per batch.

Order is everything here. Nothing is decided before its record is synced, nothing leaves before it is decided, and the
position in the cmd stream moves only with the decision.
"""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from matching import codec, order_log
from matching.messages import CommandEntry, MarketState, SetMarketState
from matching.runtime import metrics
from matching.runtime.applier import (
    Poisoned,
    decode_entry,
    key_of,
    tick_id,
)
from matching.runtime.config import EngineConfig
from matching.runtime.crash import CrashPoint
from matching.runtime.housekeeping import Housekeeping, StartOver
from matching.runtime.journal import newest_term
from matching.runtime.leadership import RENEW_EVERY_S, DirectoryLock, Fenced, Forgotten
from matching.runtime.log_clock import LogClock
from matching.runtime.publisher import EventsTooLong, EventsTooShort
from matching.runtime.records import Entry, Internal, Poison, Record, Tick
from matching.runtime.snapshotter import Snapshotter
from matching.runtime.standby import standbys
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
BROKEN_KEPT_MS = 600_000  # As long as idempotency keys are kept.
TICKS_PER_PUBLISH = 16
TIMERS_REST_MS = 60_000  # After a timer broke the engine: it would do so again at once, and nobody could trade.

Decoded = tuple[Entry, CommandEntry | None]


class Worker:
    """Leads until `stopping()`, or until an exception says why it must not lead any longer."""

    def __init__(
        self,
        config: EngineConfig,
        led: Led,
        log: LogConnection,
        stopping: Callable[[], bool],
        idle: bool = False,
        lock: DirectoryLock | None = None,
    ) -> None:
        """With `idle` the loop also ends when there is nothing left to read (tests); `lock` is taken when free."""
        self._config = config
        self._leadership = led.leadership
        self._journal = led.journal
        self._applier = led.applier
        self._publisher = led.publisher
        self._poisons = deque(led.poisons, maxlen=64)
        self._log = log
        self._stopping = stopping
        self._idle = idle
        self._lock = lock
        self._crash = CrashPoint(config.crash_at)
        self._clock = LogClock(led.applier.engine.at_ms)
        self._snapshotter = Snapshotter(config.snapshot_dir, self._crash, config.fork_snapshots, led.snapshot_n)
        self._house = Housekeeping(
            config, led.leadership, led.journal, led.applier, self._snapshotter, led.watch, self._recent_poisons
        )
        self._next_beat = 0.0
        self._last_tick_ms = led.applier.engine.at_ms
        self._timers_rest_until_ms = max(
            (poison.at_ms + TIMERS_REST_MS for poison in led.poisons if poison.command_id == tick_id(poison.at_ms)),
            default=0,
        )

    # ------------------------------------------------------------------------------------------------------- the loop

    def run(self) -> None:
        """Raises Fenced, Poisoned, JournalFailed, StartOver, SteppedDown, PublishRefused, EventsTooLong."""
        while True:
            try:
                self._serve()
                return
            except (ConnectionLost, Forgotten) as error:
                logger.error("%s", error)
                self._new_life()

    def stop(self) -> None:
        """Answer what was admitted, write a snapshot unless a standby is there, give up the lease.

        Called when `run` has returned.
        """
        self._leadership.close(give_up=False)
        until = time.monotonic() + DRAIN_S
        while time.monotonic() < until and self._step(block_ms=0):
            pass
        self._snapshotter.abandon()
        if self._applier.n != self._snapshotter.last_n and not standbys(self._log):
            # A standby has the state already; without one the next start would have to replay.
            self._snapshotter.write_now(self._applier, self._journal.position, self._recent_poisons())
        self._leadership.renew()  # Raises Fenced when another one may have adopted our segment already.
        self._journal.close(tidy=True)
        self._leadership.close(give_up=True)

    def leave(self) -> None:
        """Let go of what is held, whatever the reason for the end."""
        self._snapshotter.abandon()
        self._journal.close(tidy=False)

    def _serve(self) -> None:
        while not self._stopping():
            if time.monotonic() >= self._next_beat:
                self._beat()
            if not self._step(1 if self._idle else READ_BLOCK_MS) and self._idle:
                return

    def _step(self, block_ms: int) -> bool:
        """One read and everything that follows from it. False when there was nothing to read."""
        block_ms = self._until_timer(block_ms)
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
        began = time.perf_counter()
        applier = self._applier
        at_ms = self._now_ms()
        fired = self._fire_timers(at_ms)
        at_ms = max(at_ms, applier.engine.at_ms)  # Not a new look at the clock: more could be due by then.
        records: list[Record] = []
        tick = self._due_forgetting(at_ms)
        if tick is not None:
            records.append(tick)
            at_ms = tick.at_ms
        decoded: list[Decoded] = []
        for raw, entry in group:
            # What cannot be read is journaled without its bytes: it only moves the position, in replay too.
            decoded.append((Entry(raw.entry_id, at_ms, raw.payload if entry is not None else b""), entry))
        records += self._broken_again(decoded, at_ms)
        records += [record for record, _ in decoded]
        if records:
            self._journal_records(records)
            with self._poison_recorded():
                if tick is not None:
                    applier.apply_records((tick,))
                for record, entry in decoded:
                    if entry is None:
                        logger.error("The cmd entry %s is no command entry; it is skipped.", record.entry_id)
                    applier.apply_entry(record, entry)
            self._journal.follow_rules(applier.engine.rules_version)
        if records or fired:
            self._publish()
        if group:
            metrics.batch_seconds.observe(time.perf_counter() - began)

    def _journal_records(self, records: list[Record]) -> None:
        self._crash.passed("before_journal")
        began = time.perf_counter()
        self._journal.append(records, self._applier.n, self._applier.chain)
        metrics.journal_seconds.observe(time.perf_counter() - began)
        self._crash.passed("after_journal")

    def _publish(self) -> None:
        batch = self._applier.take()
        self._house.decided(batch.commands)
        self._crash.passed("before_publish")
        began = time.perf_counter()
        self._publisher.publish(batch, self._log)
        if self._config.log_orders_one_in:
            for origin, answers in batch.answers.items():
                told = codec.decode_answers(codec.encode(answers))  # Some replies are packed already.
                order_log.answered("decided", self._config.log_orders_one_in, origin, told)
        metrics.published(batch.commands, len(batch.outcomes), batch.last_n, time.perf_counter() - began)
        self._crash.passed("after_publish")

    # ------------------------------------------------------------------------------------------------------ timers

    def _now_ms(self) -> int:
        return max(self._clock.now_ms(), self._applier.engine.at_ms)

    def _fire_timers(self, at_ms: int) -> bool:
        """Let every order timer due by `at_ms` fire before any command of that time. One tick fires a bounded number.

        Each tick is a frame of its own: how many are needed is known only when one has been applied.
        """
        fired = 0
        while (due := self._order_timer_ms(at_ms)) is not None and due <= max(at_ms, self._applier.engine.at_ms):
            tick = self._tick(at_ms)
            before = self._applier.n
            self._journal_records([tick])
            with self._poison_recorded():
                self._applier.apply_records((tick,))
            fired += 1
            if self._applier.n == before and self._order_timer_ms(at_ms) == due:
                logger.critical("A timer due at %d does not fire; timers rest for a minute.", due)
                self._timers_rest_until_ms = at_ms + TIMERS_REST_MS
            if fired % TICKS_PER_PUBLISH == 0:
                self._publish()
                if time.monotonic() >= self._next_beat:
                    self._beat()
        return fired > 0

    def _order_timer_ms(self, at_ms: int) -> int | None:
        return None if at_ms < self._timers_rest_until_ms else self._applier.engine.next_timer_ms()

    def _due_forgetting(self, at_ms: int) -> Tick | None:
        """Keys run out all the time on a busy exchange; a record in every batch for that would be waste."""
        due = self._applier.engine.next_forget_ms()
        if due is None or due > at_ms or at_ms - self._last_tick_ms < TICK_EVERY_MS:
            return None
        return self._tick(at_ms)

    def _tick(self, at_ms: int) -> Tick:
        """A tick's time is its name (poison is recorded by name), so no two have the same."""
        self._last_tick_ms = max(at_ms, self._last_tick_ms + 1)
        return Tick(self._last_tick_ms)

    def _until_timer(self, block_ms: int) -> int:
        """Wait for commands only until the next timer is due."""
        due = self._order_timer_ms(self._applier.engine.at_ms)
        if due is None or block_ms <= 1:
            return block_ms
        return max(1, min(block_ms, due - self._now_ms()))

    # ------------------------------------------------------------------------------------------------------ poison

    def _broken_again(self, decoded: list[Decoded], at_ms: int) -> list[Poison]:
        """A command with the key of one that broke the engine would break it again: it is poison before it is tried."""
        broken = self._applier.broken_keys
        if not broken:
            return []
        for key, broken_ms in list(broken.items()):
            if broken_ms + BROKEN_KEPT_MS < at_ms:
                del broken[key]
        found = [
            Poison(f"{record.entry_id}/{index}", at_ms, "")
            for record, entry in decoded
            if entry is not None
            for index, raw in enumerate(entry.commands)
            if key_of(raw) in broken
        ]
        self._applier.poisoned.update(poison.command_id for poison in found)
        return found

    @contextlib.contextmanager
    def _poison_recorded(self) -> Iterator[None]:
        try:
            yield
        except Poisoned as poisoned:
            self._record_poison(poisoned.poison)
            raise

    def _record_poison(self, poison: Poison) -> None:
        """First strike: the record makes the next replay answer this command `internal`. Then this process ends."""
        logger.critical("The command %s broke the engine; it will be answered as refused.", poison.command_id)
        self._poisons.append(poison)
        metrics.poisons.inc()
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

    # ---------------------------------------------------------------------------------------------- once a second

    def _beat(self) -> None:
        self._next_beat = time.monotonic() + RENEW_EVERY_S
        if self._lock is not None and not self._lock.held and self._lock.try_take():
            self._lock.sign(self._leadership.owner)
        self._house.beat(self._clock.ahead_ms())
        metrics.clock_ahead.set(self._clock.ahead_ms() / 1000)
        metrics.refresh()

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
        try:
            self._check_election()
        except Fenced:
            log.close()
            raise
        self._leadership.fence(log)
        self._log = log
        applier = self._applier
        top = streams.event_top(log)
        try:
            self._publisher.check_top(top, applier.n, applier.chain)
        except EventsTooShort as error:
            raise StartOver(str(error)) from error
        except EventsTooLong:
            self._check_election()  # Whoever was elected since our fence has published beyond us, as is right.
            raise
        self._leadership.anchor(top.n, applier.engine.seq, applier.chain, applier.engine.at_ms)
        self._publisher.fill_up(log, top)
        settle(self._leadership, applier, log)
        self._leadership.open(count_waiting(log, applier.entry_id), self._house.watch.admission)
        self._house.opened()
        metrics.reconnects.inc()
        logger.info("Redis is back; term %d goes on at outcome %d.", self._leadership.term, applier.n)

    def _check_election(self) -> None:
        """Raises Fenced when a later term was elected."""
        later = newest_term(self._config.journal_dir)
        if later > self._leadership.term:
            raise Fenced(f"Term {later} was elected while this engine (term {self._leadership.term}) had no Redis.")


def _groups(entries: Iterable[RawEntry]) -> Iterator[list[tuple[RawEntry, CommandEntry | None]]]:
    """Entries in batches of bounded commands and bytes; a single entry never exceeds what `admit` lets through."""
    group: list[tuple[RawEntry, CommandEntry | None]] = []
    commands = size = 0
    for raw in entries:
        entry = decode_entry(raw.payload) if len(raw.payload) <= admit.MAX_PAYLOAD_BYTES else None
        if entry is not None and len(entry.commands) > admit.MAX_COMMANDS:
            entry = None
        count = entry.counted if entry is not None else 0
        if group and (commands + count > BATCH_COMMANDS or size + len(raw.payload) > BATCH_BYTES):
            yield group
            group, commands, size = [], 0, 0
        group.append((raw, entry))
        commands += count
        size += len(raw.payload)
    if group:
        yield group
