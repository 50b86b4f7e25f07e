"""Snapshots: the engine's whole state at one outcome, so that a start replays minutes and not years.

A file is one line of magic, a header (length, CRC32, msgpack) and the compressed state. It is written beside its final
name, synced, given that name, and read back before it counts. A damaged one is skipped: an older one and more journal
do.
"""

import hashlib
import logging
import os
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from matching.runtime import disk
from matching.runtime.crash import CrashPoint
from matching.runtime.journal import Position, write_all
from matching.runtime.records import RULES_VERSION, Poison

logger = logging.getLogger(__name__)

FORMAT = 2  # Since 2 the answers to idempotency keys are packed; both are read.
KEEP = 5
COMPRESSION_LEVEL = 1  # Of a state it makes the same size as 3, in two thirds of the time.
_MAGIC = b"exchange snapshot 1\n"
_HEAD = struct.Struct(">II")
_NAME = re.compile(r"snapshot-(\d{20})\.snap")


class SnapshotDamaged(Exception):
    """The file is not what was written, or comes from a newer version."""


class SnapshotHeader(msgspec.Struct, frozen=True, array_like=True):
    """Where the state stands. `segment` and `offset` are the journal position behind it, `entry_id` the last cmd entry
    in it, `poisons` what was poisonous in the minute before (newest last), `broken_keys` the keys (account, idempotency
    key, since when) of commands that broke the engine."""

    format: int
    rules_version: int
    n: int
    seq: int
    at_ms: int
    chain: bytes
    segment: str
    offset: int
    entry_id: str
    poisons: list[Poison]
    body_sha256: bytes
    body_bytes: int
    broken_keys: list[tuple[int, str, int]] = []

    @property
    def position(self) -> Position:
        return Position(self.segment, self.offset)


_header_decoder = msgspec.msgpack.Decoder(SnapshotHeader)


def snapshot_path(directory: Path, n: int) -> Path:
    return directory / f"snapshot-{n:020d}.snap"


def list_snapshots(directory: Path) -> list[tuple[int, Path]]:
    """Every finished snapshot as (n, path), newest first."""
    found = [
        (int(match.group(1)), directory / name) for name in disk.names(directory) if (match := _NAME.fullmatch(name))
    ]
    return sorted(found, reverse=True)


def pack_state(state: dict[str, object]) -> bytes:
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(msgspec.msgpack.encode(state))


def write_snapshot(directory: Path, header: SnapshotHeader, body: bytes, crash: CrashPoint, parent: int | None) -> Path:
    """Write, sync, name, sync the directory, read back. Raises OSError or SnapshotDamaged; then it does not count."""
    path = snapshot_path(directory, header.n)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    head = msgspec.msgpack.encode(header)
    data = _MAGIC + _HEAD.pack(len(head), zlib.crc32(head)) + head + body
    middle = len(data) - len(body) // 2
    handle = disk.create(unfinished)
    try:
        write_all(handle, data[:middle], 0)
        crash.passed("mid_snapshot", parent)
        write_all(handle, data[middle:], middle)
        disk.fsync(handle)
    finally:
        disk.close(handle)
    _take_name(unfinished, path, header.position)
    disk.sync_directory(directory)
    check_file(path)
    return path


def _take_name(unfinished: Path, path: Path, position: Position) -> None:
    """Give the file its final name, unless another engine wrote the same outcome from further on in the journal.

    A leader that was overtaken may sleep in the middle of a snapshot. Put over the newer one, its file would lead back
    to segments that are gone by then.
    """
    if disk.link(unfinished, path) or _position_in(path) > position:
        disk.remove(unfinished)
    else:
        disk.rename(unfinished, path)


def _position_in(path: Path) -> Position:
    """Where a snapshot goes on in the journal; before everything else when it is of no use."""
    try:
        return read_header(path).position
    except (SnapshotDamaged, OSError):
        return Position("", 0)


def read_header(path: Path) -> SnapshotHeader:
    return _split(disk.read(path))[0]


def check_file(path: Path) -> tuple[SnapshotHeader, bytes]:
    """Header and packed state, every byte compared with its checksum. Raises SnapshotDamaged."""
    header, body = _split(disk.read(path))
    if len(body) != header.body_bytes or hashlib.sha256(body).digest() != header.body_sha256:
        raise SnapshotDamaged("its content does not match its checksum")
    return header, body


def is_good(path: Path) -> bool:
    """Whether every byte is what was written. What is not is named in the log."""
    try:
        check_file(path)
    except (SnapshotDamaged, OSError) as error:
        logger.error("Snapshot %s is of no use: %s.", path.name, error)
        return False
    return True


def read_snapshot(path: Path) -> tuple[SnapshotHeader, dict[str, Any]]:
    """Header and state. Raises SnapshotDamaged."""
    header, body = check_file(path)
    try:
        state = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(body))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise SnapshotDamaged(f"its content cannot be read ({error})") from error
    if not isinstance(state, dict):
        raise SnapshotDamaged("its content is no state")
    return header, state


def _split(data: bytes) -> tuple[SnapshotHeader, bytes]:
    start = len(_MAGIC) + _HEAD.size
    if not data.startswith(_MAGIC) or len(data) < start:
        raise SnapshotDamaged("it does not begin like a snapshot")
    length, checksum = _HEAD.unpack_from(data, len(_MAGIC))
    head = data[start : start + length]
    if zlib.crc32(head) != checksum:
        raise SnapshotDamaged("its header is damaged")
    try:
        header = _header_decoder.decode(head)
    except msgspec.DecodeError as error:
        raise SnapshotDamaged(f"its header cannot be read ({error})") from error
    if header.format > FORMAT or header.rules_version > RULES_VERSION:
        raise SnapshotDamaged("it was written by a newer version of the exchange")
    return header, data[start + length :]


def load_newest(directory: Path, at_most_n: int | None) -> tuple[SnapshotHeader, dict[str, Any]] | None:
    """The newest good snapshot with n <= `at_most_n` (None: any). Damaged ones are named in the log and skipped."""
    for n, path in list_snapshots(directory):
        if at_most_n is not None and n > at_most_n:
            continue
        try:
            return read_snapshot(path)
        except (SnapshotDamaged, OSError) as error:
            logger.error("Snapshot %s is of no use: %s.", path.name, error)
    return None


def forget_old(directory: Path, database_n: int | None) -> Position | None:
    """Keep the newest few and the newest one the database has passed; returns the oldest kept one's journal position.

    With an unknown database position nothing is deleted. Unfinished files of dead writers go as well.
    """
    for name in disk.names(directory):
        if name.startswith("snapshot-") and name.endswith(".tmp"):
            disk.remove(directory / name)
    found = list_snapshots(directory)
    if database_n is None or not found:
        return None
    behind_database = [n for n, _ in found if n <= database_n]
    if not behind_database:
        return None
    oldest = min(behind_database[0], found[:KEEP][-1][0])
    for n, path in found:
        if n < oldest:
            disk.remove(path)
    try:
        return read_header(snapshot_path(directory, oldest)).position
    except SnapshotDamaged as error:
        logger.error("Snapshot of outcome %d is damaged (%s); the journal before it stays.", oldest, error)
        return None
