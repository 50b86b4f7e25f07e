"""One part of a backup as a file: compressed with zstandard, then sealed with AES-256-GCM in chunks.

A chunk's nonce is seven random bytes of the file, the chunk's number and whether it is the last one, and the part's
name is authenticated with each: chunks cannot be reordered, cut off, or put into another part without being noticed.
"""

import base64
import hashlib
import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exchange_site.ops.backup import BackupFailed

MAGIC = b"exchange backup 1\n"
CHUNK_BYTES = 2**20
KEY_BYTES, PREFIX_BYTES, TAG_BYTES = 32, 7, 16
_LENGTH, _NUMBER = struct.Struct(">I"), struct.Struct(">IB")


def new_key(path: Path) -> None:
    """Make a key file, readable by its owner only. Raises FileExistsError: a key is never replaced."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="ascii") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")


def read_key(path: Path) -> bytes:
    """Raises BackupFailed."""
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, ValueError) as error:
        raise BackupFailed(
            f"The key in {path} cannot be read ({error}). Make one: manage.py backup new-key FILE"
        ) from None
    if len(key) != KEY_BYTES:
        raise BackupFailed(f"{path} holds no key of {KEY_BYTES} bytes.")
    return key


def seal(name: str, content: Iterable[bytes], path: Path, key: bytes) -> tuple[int, str]:
    """Write one part; its length and SHA-256 before compression. On disk when this returns."""
    digest, size = hashlib.sha256(), 0
    compressor = zstandard.ZstdCompressor(level=3).compressobj()

    def compressed() -> Iterator[bytes]:
        nonlocal size
        for piece in content:
            digest.update(piece)
            size += len(piece)
            yield compressor.compress(piece)
        yield compressor.flush()

    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        prefix = secrets.token_bytes(PREFIX_BYTES)
        file.write(MAGIC + prefix)
        _seal_chunks(file, AESGCM(key), prefix, name.encode(), compressed())
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _seal_chunks(file: BinaryIO, cipher: AESGCM, prefix: bytes, name: bytes, pieces: Iterator[bytes]) -> None:
    waiting, number = bytearray(), 0
    for piece in pieces:
        waiting += piece
        while len(waiting) > CHUNK_BYTES:  # One more byte is there, so this chunk is not the last.
            _write_chunk(file, cipher, prefix, name, number, False, bytes(waiting[:CHUNK_BYTES]))
            del waiting[:CHUNK_BYTES]
            number += 1
    _write_chunk(file, cipher, prefix, name, number, True, bytes(waiting))


def _write_chunk(
    file: BinaryIO, cipher: AESGCM, prefix: bytes, name: bytes, number: int, last: bool, chunk: bytes
) -> None:
    sealed = cipher.encrypt(prefix + _NUMBER.pack(number, last), chunk, name)
    file.write(_LENGTH.pack(len(sealed)) + sealed)


def unseal(name: str, path: Path, key: bytes) -> Iterator[bytes]:
    """What was sealed, piece by piece. Raises BackupFailed for a wrong key and for every changed byte."""
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    cipher, number, last = AESGCM(key), 0, False
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BackupFailed(f"{path} is no part of a backup.")
        prefix = file.read(PREFIX_BYTES)
        while head := file.read(_LENGTH.size):
            sealed = _chunk(file, head, path)
            last_here = not _peek(file)
            try:
                chunk = cipher.decrypt(prefix + _NUMBER.pack(number, last_here), sealed, name.encode())
            except InvalidTag:
                raise BackupFailed(f"{path} has been changed or cut, or this is not its key.") from None
            number, last = number + 1, last_here
            if piece := decompressor.decompress(chunk):
                yield piece
    if not last:
        raise BackupFailed(f"{path} is cut.")


def _chunk(file: BinaryIO, head: bytes, path: Path) -> bytes:
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    if not TAG_BYTES <= length <= CHUNK_BYTES + TAG_BYTES:
        raise BackupFailed(f"{path} is damaged.")
    return file.read(length)


def _peek(file: BinaryIO) -> bytes:
    here = file.tell()
    byte = file.read(1)
    file.seek(here)
    return byte
