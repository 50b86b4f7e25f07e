"""What a leader does once a second: keep its lease, trim, take snapshots, watch the database, hear what others ask."""

import logging
import time
from collections import deque
from collections.abc import Callable

from exchange_site.kernel import redis_names
from matching.runtime import metrics, snapshots
from matching.runtime.applier import Applier
from matching.runtime.config import EngineConfig
from matching.runtime.journal import JournalWriter
from matching.runtime.leadership import Leadership, Notes
from matching.runtime.records import Poison
from matching.runtime.snapshotter import Snapshotter
from matching.transport import streams
from matching.transport.admit import Admission
from matching.transport.connection import LogConnection

logger = logging.getLogger(__name__)


class StartOver(Exception):
    """The state on disk is good, but Redis needs more than memory holds: take over again from the disk.

    `first_n` is the outcome a reader misses first, None when nobody asked.
    """

    def __init__(self, message: str, first_n: int | None = None) -> None:
        super().__init__(message)
        self.first_n = first_n


class SteppedDown(Exception):
    """Somebody asked for another engine to lead; the lease is given up. The message says who and why."""


class DatabaseWatch:
    """Decides what may be let in while the database is behind (reliability 4.7).

    Outcomes wait in Redis until the database has them, so trading without it is bounded: first no new orders, then
    nothing. A log that no database writer has ever reported to is not bounded.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._database_n: int | None = None
        self._moved_at = time.monotonic()
        self.admission = Admission.OPEN

    def look(self, n: int, database_n: int | None) -> Admission:
        """`n` is the engine's last outcome, `database_n` the last one committed there."""
        now = time.monotonic()
        if database_n is None or database_n >= n or database_n != self._database_n:
            self._moved_at = now
        self._database_n = database_n
        lag = 0 if database_n is None else max(0, n - database_n)
        stalled = lag > 0 and now - self._moved_at >= self._config.unwritten_for_s
        self.admission = self._decide(lag, stalled)
        return self.admission

    def _decide(self, lag: int, stalled: bool) -> Admission:
        bound = self._config.unwritten_cancel_only
        if lag >= self._config.unwritten_closed:
            return Admission.CLOSED
        if lag >= bound or stalled:
            return Admission.CANCEL_ONLY
        if self.admission is not Admission.OPEN and lag > bound // 2:
            return Admission.CANCEL_ONLY  # Opening at the bound itself would flap.
        return Admission.OPEN


class Housekeeping:
    """The duties of one leader beside its commands, which the worker counts (`decided`)."""

    def __init__(
        self,
        config: EngineConfig,
        leadership: Leadership,
        journal: JournalWriter,
        applier: Applier,
        snapshotter: Snapshotter,
        watch: DatabaseWatch,
        recent_poisons: Callable[[], list[Poison]],
    ) -> None:
        self._config = config
        self._leadership = leadership
        self._journal = journal
        self._applier = applier
        self._snapshotter = snapshotter
        self._recent_poisons = recent_poisons
        self.watch = watch
        self._admission = watch.admission  # What `eng` says.
        self._commands = 0
        # Decided since the last snapshot was begun: what the next start would have to replay. This one may have.
        self._unsaved = max(0, applier.n - snapshotter.last_n)
        self._last_snapshot = time.monotonic()
        self._bound = min(config.snapshot_first_commands, config.snapshot_every_commands)
        self._request: str | None = None
        self._database_n: int | None = None
        self._marks: deque[tuple[int, str]] = deque()  # (commands so far, cmd entry id), for trimming.

    def decided(self, commands: int) -> None:
        """So many commands more, also those that a key gave an old answer: they make the next replay longer all the
        same."""
        self._commands += commands
        self._unsaved += commands

    def beat(self, ahead_ms: int) -> None:
        """Raises Fenced, Forgotten, ConnectionLost, StartOver, SteppedDown."""
        notes = self._leadership.renew(ahead_ms, self._applier.engine.rules_version)
        if notes.stepdown is not None:
            self._leadership.step_down()
            raise SteppedDown(f"Term {self._leadership.term} steps down, asked by {notes.stepdown}")
        self._database_n = notes.database_n
        metrics.database_lag.set(max(0, self._applier.n - (notes.database_n or 0)))
        mark = (self._commands, self._applier.entry_id)
        if not self._marks or self._marks[-1] != mark:  # An idle engine must not gather them second by second.
            self._marks.append(mark)
        self._let_in()
        self._trim()
        self._take_snapshots(notes)
        if notes.republish_from is not None:
            self._republish(notes.republish_from)

    def opened(self) -> None:
        """`eng` says now what the watch decided last."""
        self._admission = self.watch.admission

    def _let_in(self) -> None:
        admission = self.watch.look(self._applier.n, self._database_n)
        metrics.accepts.set(admission is Admission.OPEN)
        if admission is self._admission:
            return
        behind = self._applier.n - (self._database_n or 0)
        logger.error("The database is %d outcomes behind; admission is now %r.", behind, admission.value)
        self._leadership.let_in(admission)
        self._admission = admission

    # ---------------------------------------------------------------------------------------------------- trimming

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

    # --------------------------------------------------------------------------------------------------- snapshots

    def _take_snapshots(self, notes: Notes) -> None:
        snapshotter = self._snapshotter
        if snapshotter.poll():
            self._snapshot_finished()
        if notes.snapshot_requested is not None and self._request is None:
            self._request = notes.snapshot_requested
        if snapshotter.busy:
            return
        many = self._unsaved >= self._bound
        changed = many or self._applier.n != snapshotter.last_n
        waited = time.monotonic() - self._last_snapshot
        if changed and (many or waited >= self._config.snapshot_every_s or self._request is not None):
            self._unsaved, self._last_snapshot = 0, time.monotonic()
            self._bound = self._config.snapshot_every_commands
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

    # --------------------------------------------------------------------------------------------------- republish

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
        raise StartOver("A reader asked for outcomes that only a replay can make again.", wanted)

    def _can_replay_from(self, first_n: int) -> bool:
        kept = snapshots.list_snapshots(self._config.snapshot_dir)
        return self._journal.reaches_genesis() or any(n < first_n and snapshots.is_good(path) for n, path in kept)

    @property
    def _log(self) -> LogConnection:
        log = self._leadership.log
        assert log is not None, "a leader has fenced"
        return log
