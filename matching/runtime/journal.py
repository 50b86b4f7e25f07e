"""The journal: the commit point of the exchange. What is synced here happened; what is not was never answered.

Segments `t<term>-<number>.wal` are preallocated, so that a full disk strikes between batches and not inside one. The
first segment of a term is created exclusively: that file *is* the election.
"""

import logging
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from matching.runtime import disk
from matching.runtime.records import (
    FORMAT,
    GENESIS_CHAIN,
    HEAD_BYTES,
    MAGIC,
    MAX_BODY_BYTES,
    RULES_VERSION,
    UNKNOWN_N,
    BadFrame,
    Frame,
    Header,
    Record,
    decode_frame,
    encode_frame,
)

logger = logging.getLogger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
_NAME = re.compile(r"t(\d{10})-(\d{6})\.wal")


class JournalFailed(Exception):
    """A write or sync failed. The kernel may have dropped the pages, so the only safe step is to end the process."""


class JournalDamaged(Exception):
    """The journal cannot be trusted; the message names segment and byte. Nothing is guessed."""


class Position(NamedTuple):
    """A place between two frames: everything before it has been applied."""

    segment: str
    offset: int


def segment_name(term: int, number: int) -> str:
    """Zero-padded, so that names sort as (term, number)."""
    return f"t{term:010d}-{number:06d}.wal"


def term_of(name: str) -> int:
    match = _NAME.fullmatch(name)
    assert match is not None, f"{name} is no segment name"
    return int(match.group(1))


def segments(directory: Path) -> list[str]:
    """All segment names, oldest first."""
    return sorted(name for name in disk.names(directory) if _NAME.fullmatch(name))


def newest_term(directory: Path) -> int:
    """The highest term that any engine was ever elected for here; 0 when there was none."""
    names = segments(directory)
    return term_of(names[-1]) if names else 0


# ------------------------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True, slots=True)
class SegmentFrame:
    """A frame and where it ends."""

    frame: Frame
    start: int
    end: int


def sealed_frames(path: Path, valid_bytes: int, start: int = 0) -> Iterator[SegmentFrame]:
    """Every frame up to `valid_bytes`, all of which must be good. Raises JournalDamaged."""
    view = disk.view(path)
    if len(view) < valid_bytes:
        raise JournalDamaged(f"Journal segment {path.name} ends at byte {len(view)}, but {valid_bytes} bytes count.")
    offset = start
    while offset < valid_bytes:
        try:
            frame, end = decode_frame(view[:valid_bytes], offset)
        except BadFrame as error:
            raise JournalDamaged(f"Journal segment {path.name} is damaged at byte {offset}: {error}.") from error
        yield SegmentFrame(frame, offset, end)
        offset = end
    if offset != valid_bytes:
        raise JournalDamaged(f"Journal segment {path.name}: no frame ends at byte {valid_bytes}.")


def count_valid_bytes(path: Path) -> int:
    """How far the newest segment is good. A torn last frame is normal; a good frame behind a bad one is damage."""
    view = disk.view(path)
    offset = 0
    while True:
        try:
            _, offset = decode_frame(view, offset)
        except BadFrame:
            break
    later = _good_frame_after(view, offset)
    if later is not None:
        raise JournalDamaged(
            f"Journal segment {path.name} is damaged at byte {offset}: a good frame follows at byte {later}."
        )
    return offset


def _good_frame_after(view: memoryview, offset: int) -> int | None:
    buffer = view.obj
    assert isinstance(buffer, mmap.mmap | bytes)
    found = buffer.find(MAGIC, offset + 1)
    while found != -1:
        try:
            decode_frame(view, found)
        except BadFrame:
            found = buffer.find(MAGIC, found + 1)
        else:
            return found
    return None


def read_header(path: Path) -> Header | None:
    """The segment's header; None when its writer died before it was complete. Raises JournalDamaged."""
    try:
        frame, _ = decode_frame(disk.view(path), 0)
    except BadFrame:
        count_valid_bytes(path)  # Refuses when good frames follow the missing header.
        return None
    return check_header(path.name, frame)


def check_header(name: str, frame: Frame) -> Header:
    """The header in the first frame of segment `name`. Raises JournalDamaged, also for one of a newer version."""
    header = frame.records[0] if frame.records else None
    if not isinstance(header, Header):
        raise JournalDamaged(f"Journal segment {name} does not begin with a header.")
    if header.format > FORMAT or header.rules_version > RULES_VERSION:
        raise JournalDamaged(
            f"Journal segment {name} was written by a newer version of the exchange "
            f"(format {header.format}, rules {header.rules_version})."
        )
    return header


@dataclass(frozen=True, slots=True)
class History:
    """All segments that exist, oldest first, with the number of bytes of each that count."""

    directory: Path
    valid: dict[str, int]
    genesis: bool  # The oldest bytes that count are the beginning of history.
    rules_version: int  # In force where the newest segment that counts begins.

    def end(self) -> Position | None:
        counted = [name for name, size in self.valid.items() if size]
        return Position(counted[-1], self.valid[counted[-1]]) if counted else None

    def first_rules(self) -> int:
        """The rules that history began with; the newest for one that has not begun yet. Raises JournalDamaged."""
        header = _first_header(self.directory, self.valid)
        return RULES_VERSION if header is None else header.rules_version

    def frames_from(self, start: Position | None) -> Iterator[tuple[Position, SegmentFrame]]:
        """Every frame from `start` (None: from the beginning) with the position behind it. Raises JournalDamaged."""
        for name, size in self.valid.items():
            if start is not None and name < start.segment:
                continue
            first = start.offset if start is not None and name == start.segment else 0
            for found in sealed_frames(self.directory / name, size, first):
                yield Position(name, found.end), found


def read_history(directory: Path, before_term: int) -> History:
    """What counts among the segments of terms below `before_term`, as the newest complete header says.

    Raises JournalDamaged.
    """
    names = [name for name in segments(directory) if term_of(name) < before_term]
    for index in range(len(names) - 1, -1, -1):
        header = read_header(directory / names[index])
        if header is None:
            continue
        older = {name: header.manifest.get(name, 0) for name in names[:index]}
        missing = [name for name, size in header.manifest.items() if size and name not in older and name > names[0]]
        if missing:
            raise JournalDamaged(f"Journal segment {missing[0]} is missing.")
        valid = older | {names[index]: count_valid_bytes(directory / names[index])}
        valid |= dict.fromkeys(names[index + 1 :], 0)
        return History(directory, valid, _starts_at_genesis(directory, valid), header.rules_version)
    return History(directory, dict.fromkeys(names, 0), True, RULES_VERSION)


def _starts_at_genesis(directory: Path, valid: dict[str, int]) -> bool:
    if not any(valid.values()):
        return True
    header = _first_header(directory, valid)
    return header is not None and header.genesis


def _first_header(directory: Path, valid: dict[str, int]) -> Header | None:
    """Of the oldest segment of which anything counts."""
    first = next((name for name, size in valid.items() if size), None)
    return None if first is None else read_header(directory / first)


# ------------------------------------------------------------------------------------------------------------ writing


class JournalWriter:
    """Appends frames of one term. Any failure is final: raises JournalFailed, and the process must end."""

    def __init__(self, directory: Path, term: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Create the term's first segment. Raises FileExistsError when another engine was elected for this term."""
        self._directory = directory
        self._term = term
        self._segment_bytes = segment_bytes
        self._number = 0
        self._offset = 0
        self._manifest: dict[str, int] = {}
        self._fresh = True  # Nothing but the header is in the segment yet.
        self._genesis = False
        self._rules_version = RULES_VERSION
        self._closed = False
        self._name = segment_name(term, 0)
        self._file = self._create(self._name)

    @property
    def position(self) -> Position:
        return Position(self._name, self._offset)

    @property
    def term(self) -> int:
        return self._term

    def adopt(self, history: History) -> None:
        """Take over what counts: sync it, then say so in our header. Only after Redis knows our term (fence first)."""
        try:
            for name, size in history.valid.items():
                if size:
                    _sync_file(history.directory / name)
            end = history.end()
            if end is not None:
                _write_end_again(history.directory / end.segment, end.offset)
        except FileNotFoundError:
            raise  # Not the disk's fault: a later leader removes segments.
        except OSError as error:
            raise JournalFailed(f"Cannot sync the journal: {error}") from error
        self._manifest = dict(history.valid)
        self._genesis = history.genesis and not any(history.valid.values())
        self._rules_version = history.rules_version
        self._write_header()

    def append(self, records: list[Record], n: int = UNKNOWN_N, chain: bytes = GENESIS_CHAIN) -> Position:
        """Write one frame and sync it. On return its records survive everything but the loss of the disk."""
        frame = Frame(n, chain, records)
        data = encode_frame(frame, self._offset)
        if self._offset + len(data) > self._segment_bytes and self._offset > 0 and not self._fresh:
            self._rotate()
            data = encode_frame(frame, self._offset)
        self._write(data)
        self._fresh = False
        return Position(self._name, self._offset)

    def follow_rules(self, version: int) -> None:
        """Begin a new segment when other rules are in force, so that an older program refuses it by its header."""
        if version != self._rules_version:
            self._rules_version = version
            self._rotate()

    def forget_segments(self, before: str) -> None:
        """Delete segments older than `before`. The caller knows that a kept snapshot makes them unnecessary."""
        for name in [name for name in self._manifest if name < before]:
            disk.remove(self._directory / name)
            del self._manifest[name]
        disk.sync_directory(self._directory)

    def reaches_genesis(self) -> bool:
        """Whether the oldest segment that is kept is the beginning of history."""
        return _starts_at_genesis(self._directory, {**self._manifest, self._name: self._offset})

    def release_adopted_tails(self) -> None:
        """Give the unused room of older segments back; what does not count is no longer needed as evidence."""
        for name, size in self._manifest.items():
            path = self._directory / name
            if disk.exists(path) and disk.size(path) > size:
                disk.truncate(path, size)

    def close(self, tidy: bool) -> None:
        """End, once. The segment stays: its name is the proof of the election.

        `tidy` gives the unused room back. Only for an engine that was neither overtaken nor failed to write: what
        another one may have adopted must not be cut off.
        """
        if self._closed:
            return
        self._closed = True
        if tidy:
            disk.ftruncate(self._file, self._offset)
        disk.close(self._file)

    def _create(self, name: str) -> int:
        try:
            handle = disk.create_exclusive(self._directory / name)
        except FileExistsError:
            raise
        except OSError as error:
            raise JournalFailed(f"Cannot create {name}: {error}") from error
        try:
            disk.reserve(handle, self._segment_bytes)
            disk.fsync(handle)
            disk.sync_directory(self._directory)
        except OSError as error:
            disk.close(handle)
            raise JournalFailed(f"Cannot reserve {self._segment_bytes} bytes for {name}: {error}") from error
        return handle

    def _rotate(self) -> None:
        sealed, sealed_bytes = self._name, self._offset
        self._number += 1
        name = segment_name(self._term, self._number)
        try:
            file = self._create(name)
        except FileExistsError as error:
            raise JournalFailed(f"Somebody else wrote {name}.") from error
        disk.close(self._file)
        self._manifest[sealed] = sealed_bytes
        self._name, self._file, self._offset, self._genesis = name, file, 0, False
        self._write_header()

    def _write_header(self) -> None:
        header = Header(FORMAT, self._rules_version, self._term, self._number, self._genesis, dict(self._manifest))
        self._write(encode_frame(Frame(UNKNOWN_N, GENESIS_CHAIN, [header]), 0))
        self._fresh = True

    def _write(self, data: bytes) -> None:
        try:
            written = disk.pwrite(self._file, data, self._offset)
            if written != len(data):
                raise JournalFailed(f"Only {written} of {len(data)} bytes fitted into {self._name}.")
            disk.fdatasync(self._file)
        except OSError as error:
            raise JournalFailed(f"Cannot write {self._name}: {error}") from error
        self._offset += len(data)


def write_all(handle: int, data: bytes, offset: int) -> None:
    """A single call may write less than it was given. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = disk.pwrite(handle, rest, offset)
        offset += written
        rest = rest[written:]


def _write_end_again(path: Path, size: int) -> None:
    """Make the last frame durable, whatever became of its writer's sync.

    When that failed, the kernel may have dropped the pages: they still read as written, but count as clean, so that
    another sync writes nothing and reports success. Only the last frame can be in doubt, for its writer ended there.
    """
    start = max(0, size - HEAD_BYTES - MAX_BODY_BYTES)
    end = disk.read_at(path, start, size - start)
    handle = disk.open_to_patch(path)
    try:
        write_all(handle, end, start)
        disk.fsync(handle)
    finally:
        disk.close(handle)


def _sync_file(path: Path) -> None:
    handle = disk.open_to_patch(path)
    try:
        disk.fsync(handle)
    finally:
        disk.close(handle)
