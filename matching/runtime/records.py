"""What the journal holds, and how a frame of it looks on disk.

A frame is one batch: magic, length, CRC32, body. It is written and synced as a whole, so a torn frame is a batch nobody
was told about. The CRC covers the frame's place in the file and its length too, so that neither a wrong length nor a
frame at the wrong place can pass. The body carries the engine's position *before* its records: replay compares it, and
a single deviation stops the start.
"""

import struct
import zlib

import msgspec

from matching.core.venue import NEWEST_RULES

FORMAT = 1
RULES_VERSION = NEWEST_RULES  # What this program knows; a journal or snapshot of newer rules is refused.
GENESIS_CHAIN = bytes(32)
UNKNOWN_N = -1  # A frame that does not say at which outcome it stands.

MAGIC = b"\xf5XJ1"
_HEAD = struct.Struct(">4sII")
_PLACE = struct.Struct(">QI")
HEAD_BYTES = _HEAD.size
MAX_BODY_BYTES = 8 * 1024 * 1024  # No batch comes near; a larger length is damage.


class Entry(msgspec.Struct, frozen=True, array_like=True, tag="e", gc=False):
    """One entry of the cmd stream with the time it takes effect. `payload` is msgpack `CommandEntry`, as it came."""

    entry_id: str
    at_ms: int
    payload: bytes


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="t", gc=False):
    """Time passed and a timer of the engine was due."""

    at_ms: int


class Poison(msgspec.Struct, frozen=True, array_like=True, tag="p", gc=False):
    """The command with this id broke the engine: replay answers it `internal` instead of applying it."""

    command_id: str
    at_ms: int
    market: str


class Internal(msgspec.Struct, frozen=True, array_like=True, tag="i", gc=False):
    """A command of the engine itself (closing a market after repeated poison). Nobody waits for an answer."""

    command_id: str
    at_ms: int
    payload: bytes


class Header(msgspec.Struct, frozen=True, array_like=True, tag="h", gc=False):
    """First record of a segment. `manifest` says of every older segment how many of its bytes count; the newest
    complete header alone decides. `genesis` marks the beginning of history: nothing came before. `rules_version` is
    the one in force where the segment begins."""

    format: int
    rules_version: int
    term: int
    number: int
    genesis: bool
    manifest: dict[str, int]


Record = Entry | Tick | Poison | Internal | Header


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One batch. `n` and `chain` are the position before it (UNKNOWN_N: not said)."""

    n: int
    chain: bytes
    records: list[Record]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


class BadFrame(ValueError):
    """The bytes at this place are not a whole frame."""


def encode_frame(frame: Frame, offset: int) -> bytes:
    """The bytes of a frame that will stand at `offset` of its segment."""
    body = _encoder.encode(frame)
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"A journal frame has at most {MAX_BODY_BYTES} bytes, not {len(body)}.")
    return _HEAD.pack(MAGIC, len(body), _checksum(body, offset)) + body


def _checksum(body: bytes | memoryview, offset: int) -> int:
    return zlib.crc32(body, zlib.crc32(_PLACE.pack(offset, len(body))))


def body_bytes(data: bytes) -> int | None:
    """How long the body of the frame is that `data` begins with; None when there is no frame."""
    if len(data) < HEAD_BYTES:
        return None
    magic, length, _ = _HEAD.unpack_from(data)
    return length if magic == MAGIC and length <= MAX_BODY_BYTES else None


def decode_frame(data: memoryview, offset: int, base: int = 0) -> tuple[Frame, int]:
    """The frame at `offset` of `data` and where the next one begins. `data` stands at byte `base` of its segment.
    Raises BadFrame."""
    start = offset + HEAD_BYTES
    if start > len(data):
        raise BadFrame("the file ends inside a frame's head")
    magic, length, checksum = _HEAD.unpack_from(data, offset)
    if magic != MAGIC:
        raise BadFrame("there is no frame")
    if length > MAX_BODY_BYTES or start + length > len(data):
        raise BadFrame("the frame is longer than the file")
    body = data[start : start + length]
    if _checksum(body, base + offset) != checksum:
        raise BadFrame("the checksum does not match")
    try:
        return _decoder.decode(body), start + length
    except msgspec.DecodeError as error:
        raise BadFrame(f"the frame cannot be read ({error})") from error
