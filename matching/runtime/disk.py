"""Every file operation of journal, snapshots and lock, and nothing else.

It is the seam of the simulation (`exchange_site.simulation`), which puts a disk that forgets, tears and fails in the
place of these functions. So callers write `disk.pwrite(...)` and never take a function out of the module, and no other
module of the runtime touches a file. All raise OSError.
"""

import fcntl
import mmap
import os
from pathlib import Path

FILE_MODE = 0o600

pwrite = os.pwrite
fdatasync = os.fdatasync
fsync = os.fsync
close = os.close


def create_exclusive(path: Path) -> int:
    """A new file for writing; FileExistsError when somebody else made it."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)


def create(path: Path) -> int:
    """An empty file for writing, whatever was there."""
    return os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)


def open_to_patch(path: Path) -> int:
    """An existing file for reading and writing in place."""
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


def reserve(handle: int, size: int) -> None:
    """Room for `size` bytes, so that writing them cannot meet a full disk."""
    os.posix_fallocate(handle, 0, size)


def truncate(path: Path, size: int) -> None:
    os.truncate(path, size)


def ftruncate(handle: int, size: int) -> None:
    os.ftruncate(handle, size)


def sync_directory(directory: Path) -> None:
    """Names made, changed and removed in it before this call survive a power failure."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(directory: Path) -> None:
    """The directory and those above it, as durable as a file's name."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_directory(path.parent)


def names(directory: Path) -> list[str]:
    """The names in a directory, in no particular order."""
    return os.listdir(directory)


def is_directory(path: Path) -> bool:
    return path.is_dir()


def exists(path: Path) -> bool:
    return path.exists()


def size(path: Path) -> int:
    return path.stat().st_size


def rename(path: Path, new: Path) -> None:
    """Atomic: at any moment one of the two names has the whole file."""
    path.rename(new)


def link(path: Path, new: Path) -> bool:
    """Gives the file a second name in the same directory; False when that name is taken. Nobody else's can get lost."""
    try:
        new.hardlink_to(path)
    except FileExistsError:
        return False
    return True


def remove(path: Path) -> None:
    """Takes the name away; nothing happens when it is gone already."""
    path.unlink(missing_ok=True)


def read(path: Path) -> bytes:
    return path.read_bytes()


def read_at(path: Path, offset: int, length: int) -> bytes:
    """At most `length` bytes from `offset` on, of a file that its writer may be changing or shortening meanwhile."""
    with path.open("rb") as file:
        return os.pread(file.fileno(), length, offset)


def view(path: Path) -> memoryview:
    """The file's bytes without copying them; `obj` of the view is an mmap, or bytes for an empty file."""
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        return memoryview(mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ)) if length else memoryview(b"")


def open_lock(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)


def try_lock(handle: int) -> bool:
    """A POSIX lock: it ends with the process, and a forked child does not inherit it."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def unlock(handle: int) -> None:
    fcntl.lockf(handle, fcntl.LOCK_UN)
