"""The standby's warm state: it follows the journal directory and applies what the leader has written.

Nothing is published here. What came out is kept for a while, so that a takeover can hand Redis what it lacks without a
replay. Two rules keep the state true:

* A frame is applied only when a later frame shows that the leader survived it. A command that breaks the engine is
  therefore known as poison (its record is that later frame) before it is met.
* Which bytes of a segment count is said by the newest complete header. Bytes of an overtaken leader behind that may
  have been read here; then the whole state is thrown away, and the next one is loaded from a snapshot.
"""

import logging
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from matching.runtime import disk, garbage, snapshots
from matching.runtime.applier import Applier, Batch, Poisoned
from matching.runtime.journal import History, Position, check_header, segments
from matching.runtime.records import (
    GENESIS_CHAIN,
    HEAD_BYTES,
    RULES_VERSION,
    BadFrame,
    Frame,
    Header,
    Poison,
    body_bytes,
    decode_frame,
)
from matching.runtime.recovery import Makers, RecoveryRefused, Start, check_position, start_from
from matching.transport.streams import EventTop

logger = logging.getLogger(__name__)

READ_BYTES = 1024 * 1024
HEADER_BYTES = 1024 * 1024  # A header names every segment; no real one comes near.
SLICE_S = 0.05  # Between two looks at lock and lease.
KEPT_BYTES = 16 * 1024 * 1024
ANSWER_BYTES = 500  # About what an answer takes in memory.
POISONS_KEPT = 64
LOAD_AGAIN_S = 1.0


class _Held(NamedTuple):
    frame: Frame
    start: Position
    end: Position


class _Kept(NamedTuple):
    """What one frame produced, and the chain before it."""

    chain_before: bytes
    batch: Batch
    size: int


class Follower:
    """Call `step` often. `applier` is None while there is no state (yet, or any more)."""

    def __init__(self, journal_dir: Path, snapshot_dir: Path, makers: Makers) -> None:
        self._journal_dir = journal_dir
        self._snapshot_dir = snapshot_dir
        self._makers = makers
        self._load_at = 0.0
        self._segment, self._offset = "", 0  # What has been read,
        self._applied = Position("", 0)  # and what of it has been applied.
        self._held: deque[_Held] = deque()
        self._kept: deque[_Kept] = deque()
        self._kept_bytes = 0
        self._passed: dict[str, int] = {}  # Segments that are done, and how many bytes of each were read.
        self._poisons: deque[Poison] = deque(maxlen=POISONS_KEPT)
        self._headers: dict[str, Header] = {}
        self.applier: Applier | None = None

    @property
    def n(self) -> int:
        return 0 if self.applier is None else self.applier.n

    @property
    def position(self) -> Position:
        """Everything before it has been applied."""
        return self._applied

    def step(self) -> bool:
        """Follow for a moment. False when there is nothing new. Raises RecoveryRefused when the journal tells another
        history than this process, JournalDamaged for a journal of a newer version."""
        try:
            if self.applier is None and not self._load():
                return False
            until = time.monotonic() + SLICE_S
            moved = False
            while time.monotonic() < until and self._advance():
                moved = True
            return moved
        except _Lost as lost:
            logger.warning("The standby's state is thrown away: %s", lost)
        except FileNotFoundError as error:
            logger.warning("The standby's state is thrown away: %s is gone, it was too far behind.", error.filename)
        except Poisoned as poisoned:
            # Only a bug of this process alone comes here: what breaks the leader too is known before it is met.
            logger.critical("%s The standby starts afresh.", poisoned, exc_info=poisoned.__cause__)
        self._forget()
        return False

    # ------------------------------------------------------------------------------------------------------ takeover

    def start(self, history: History, top: EventTop) -> tuple[Start, list[Batch]] | None:
        """The state to go on with, and the batches that ev lacks of it; None when only a cold start is safe.

        `history` is what counts now, `top` where ev ends.
        """
        applier = self.applier
        if applier is None:
            return None
        for name, end in self._passed.items():
            if history.valid.get(name, end) != end:
                logger.warning("Of segment %s other bytes count than the standby has read.", name)
                return None
        if self._segment not in history.valid:
            logger.warning("Segment %s is gone before the standby has read it.", self._segment)
            return None
        if self._offset > history.valid[self._segment]:
            logger.warning("The standby has read more of %s than counts.", self._segment)
            return None
        missing = self._missing(top)
        if missing is None:
            return None
        return Start(applier, self._applied, list(self._poisons)), missing

    def _missing(self, top: EventTop) -> list[Batch] | None:
        assert self.applier is not None
        if top.n == 0 and self.applier.n > 0:
            logger.warning("The event stream is empty; a standby cannot fill it.")
            return None
        if top.n >= self.applier.n:
            return []
        missing = [kept for kept in self._kept if kept.batch.last_n > top.n]
        first = missing[0] if missing else None
        if first is None or first.batch.first_n != top.n + 1 or top.chain not in (None, first.chain_before):
            logger.warning("The event stream ends at outcome %d, which the standby cannot continue.", top.n)
            return None
        return [kept.batch for kept in missing]

    # ------------------------------------------------------------------------------------------------------- reading

    def _advance(self) -> bool:
        """Read what is there of the current segment, or go to the next one. False when nothing is new."""
        limit, following = self._limit()
        if limit is not None and self._offset > limit:
            raise _Lost(f"of segment {self._segment} only {limit} bytes count, {self._offset} were read.")
        if self._read(limit):
            return True
        if limit is None:
            return False
        if self._offset < limit:
            raise RecoveryRefused(f"Journal segment {self._segment} is damaged at byte {self._offset}.")
        if following is None:
            return False
        self._passed[self._segment] = self._offset
        self._segment, self._offset = following, 0
        return True

    def _read(self, limit: int | None) -> bool:
        """Take every whole frame of the next bytes. A torn one is being written, or its writer is dead."""
        path = self._journal_dir / self._segment
        wanted = body_bytes(disk.read_at(path, self._offset, HEAD_BYTES))
        if wanted is None:
            return False  # Nothing more yet, as nearly always: the reserved room behind is not worth reading.
        length = max(READ_BYTES, HEAD_BYTES + wanted)
        data = disk.read_at(path, self._offset, length if limit is None else min(length, limit - self._offset))
        view, base, offset = memoryview(data), self._offset, 0
        while offset < len(view):
            try:
                frame, end = decode_frame(view, offset, base)
            except BadFrame:
                break
            self._take(frame, Position(self._segment, base + offset), Position(self._segment, base + end))
            offset = end
            self._offset = base + end
        return offset > 0

    def _limit(self) -> tuple[int | None, str | None]:
        """How many bytes of our segment count (None: it may still grow), and the segment after it."""
        names = segments(self._journal_dir)
        if self._segment not in names:
            raise _Lost(f"segment {self._segment} is gone, it was too far behind.")
        for name in reversed(names[names.index(self._segment) + 1 :]):
            header = self._header(name)
            if header is None:
                continue
            for passed, end in self._passed.items():
                if header.manifest.get(passed, end) != end:
                    raise _Lost(f"of segment {passed} {header.manifest[passed]} bytes count, {end} were read.")
            if self._segment not in header.manifest:
                raise _Lost(f"segment {self._segment} does not count.")
            later = [other for other, size in sorted(header.manifest.items()) if other > self._segment and size]
            return header.manifest[self._segment], next(iter(later), name)
        return None, None

    def _header(self, name: str) -> Header | None:
        """A segment's header, None while it is not complete. Headers never change, so each is read once."""
        known = self._headers.get(name)
        if known is None:
            data = disk.read_at(self._journal_dir / name, 0, HEADER_BYTES)
            try:
                frame, _ = decode_frame(memoryview(data), 0)
            except BadFrame:
                return None
            known = self._headers[name] = check_header(name, frame)
        return known

    # ------------------------------------------------------------------------------------------------------ applying

    def _take(self, frame: Frame, start: Position, end: Position) -> None:
        assert self.applier is not None
        poisons = [record for record in frame.records if isinstance(record, Poison)]
        self._poisons.extend(poisons)
        self.applier.poisoned.update(poison.command_id for poison in poisons)
        if frame.records and isinstance(frame.records[0], Header):
            # A new leader writes its header before it has replayed what is held, so it proves nothing.
            check_header(start.segment, frame)
        else:
            self._apply_held()
        self._held.append(_Held(frame, start, end))

    def _apply_held(self) -> None:
        applier = self.applier
        assert applier is not None
        for held in self._held:
            check_position(applier, held.frame, f"segment {held.start.segment} byte {held.start.offset}")
            before = applier.chain
            applier.apply_records(held.frame.records)
            self._applied = held.end
            self._keep(before, applier.take())
        self._held.clear()

    def _keep(self, chain_before: bytes, batch: Batch) -> None:
        if not batch.outcomes and not batch.answers:
            return
        size = sum(map(len, batch.outcomes)) + ANSWER_BYTES * sum(map(len, batch.answers.values()))
        self._kept.append(_Kept(chain_before, batch, size))
        self._kept_bytes += size
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popleft().size

    def settle(self, published_n: int) -> None:
        """Apply what is held when the leader has published beyond where it begins: then it has survived it."""
        if self.applier is not None and self._held and published_n > self.applier.n:
            try:
                self._apply_held()
            except Poisoned as poisoned:
                logger.critical("%s The standby starts afresh.", poisoned, exc_info=poisoned.__cause__)
                self._forget()

    # ------------------------------------------------------------------------------------------------------- loading

    def _load(self) -> bool:
        """Begin with the newest good snapshot whose segment is there, or at the beginning of history."""
        if time.monotonic() < self._load_at:
            return False
        self._load_at = time.monotonic() + LOAD_AGAIN_S
        names = segments(self._journal_dir)
        if not names:
            return False
        loaded = snapshots.load_newest(self._snapshot_dir, None)
        if loaded is not None and loaded[0].segment not in names:
            return False
        header = self._header(names[0])
        if loaded is None and (header is None or not header.genesis):
            return False
        start = start_from(loaded, header.rules_version if header is not None else RULES_VERSION, self._makers)
        self._segment, self._offset = start.position or Position(names[0], 0)
        self._applied = Position(self._segment, self._offset)
        self._poisons.extend(start.poisons)
        self.applier = start.applier
        self.applier.poisoned.update(poison.command_id for poison in start.poisons)
        logger.info("The standby follows from outcome %d on.", self.applier.n)
        return True

    def _forget(self) -> None:
        self.applier = None
        self._segment, self._offset = "", 0
        self._applied = Position("", 0)
        self._kept_bytes = 0
        for gathered in (self._held, self._kept, self._passed, self._poisons, self._headers):
            gathered.clear()
        garbage.state_dropped()

    def describe(self) -> dict[str, object]:
        """For `engine status`: where this standby is."""
        applier = self.applier
        chain = GENESIS_CHAIN if applier is None else applier.chain
        return {
            "warm": applier is not None,
            "n": self.n,
            "chain": chain.hex(),
            "at": self._applied,
            "knows_rules": RULES_VERSION,
        }


class _Lost(Exception):
    """What was applied is not what counts."""
