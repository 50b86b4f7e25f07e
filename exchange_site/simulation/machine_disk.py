"""The functions of `matching.runtime.disk` on the simulated disk: every call is a step at which anything may happen."""

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random

from exchange_site.simulation.fake_disk import Disk, Inode
from exchange_site.simulation.scheduler import Killed, Process, Scheduler

Step = Callable[[str, str], str]


class Handle:
    __slots__ = ("adopting", "inode", "path")

    def __init__(self, path: Path, inode: Inode, adopting: bool) -> None:
        self.path = path
        self.inode = inode
        self.adopting = adopting


class MachineDisk:
    """One object for all processes; `step` knows which one is asking. Ablations switch a promise of ours off."""

    def __init__(self, disk: Disk, scheduler: Scheduler, step: Step, rng: Random, ablation: str) -> None:
        self.disk = disk
        self._scheduler = scheduler
        self._step = step
        self._rng = rng
        self._ablation = ablation
        self._handles: dict[int, Handle] = {}
        self._next_handle = 1000
        self._locks: dict[Path, Process] = {}

    # ------------------------------------------------------------------------------------------------------- handles

    def create_exclusive(self, path: Path) -> int:
        self._check(self._step("disk.create", path.name))
        if path.name in self.disk.directory(path.parent).seen:
            raise FileExistsError(errno.EEXIST, "the file exists", str(path))
        return self._opened(path, self.disk.create(path))

    def create(self, path: Path) -> int:
        self._check(self._step("disk.create", path.name))
        return self._opened(path, self.disk.create(path))

    def open_to_patch(self, path: Path) -> int:
        return self._opened(path, self.disk.file(path), adopting=True)

    def close(self, handle: int) -> None:
        self._scheduler.alive_actor()
        del self._handles[handle]

    def pwrite(self, handle: int, data: bytes | memoryview, offset: int) -> int:
        opened = self._handles[handle]
        fault = self._step("disk.write", f"{opened.path.name} {offset} {len(data)}")
        if fault == "torn":
            opened.inode.write(data[: self._rng.randrange(len(data) + 1)], offset)
            raise Killed
        if fault == "disk":
            if self._rng.random() < 0.5 and len(data) > 1:
                opened.inode.write(data[: len(data) // 2], offset)
                return len(data) // 2
            raise OSError(errno.ENOSPC, "No space left on device")
        if not (opened.adopting and self._ablation == "rewrite"):
            opened.inode.write(data, offset)
        return len(data)

    def reserve(self, handle: int, size: int) -> None:
        opened = self._handles[handle]
        self._check(self._step("disk.reserve", opened.path.name))
        if size > len(opened.inode.seen):
            opened.inode.resize(size)

    def ftruncate(self, handle: int, size: int) -> None:
        opened = self._handles[handle]
        self._step("disk.truncate", f"{opened.path.name} {size}")
        opened.inode.resize(size)

    def fdatasync(self, handle: int) -> None:
        self._sync(handle, "disk.fdatasync")

    def fsync(self, handle: int) -> None:
        self._sync(handle, "disk.fsync")

    def _sync(self, handle: int, kind: str) -> None:
        opened = self._handles[handle]
        if self._step(kind, opened.path.name) in {"disk", "dropped"}:
            opened.inode.drop_pages()
            raise OSError(errno.EIO, "Input/output error")
        if self._ablation == "fdatasync" and kind == "disk.fdatasync":
            return
        if self._ablation == "adoption" and opened.adopting:
            return
        opened.inode.sync()

    # --------------------------------------------------------------------------------------------------------- names

    def truncate(self, path: Path, size: int) -> None:
        self._step("disk.truncate", f"{path.name} {size}")
        self.disk.file(path).resize(size)

    def sync_directory(self, directory: Path) -> None:
        self._check(self._step("disk.fsync", directory.name))
        if self._ablation != "directory":
            self.disk.sync_directory(directory)

    def make_directory(self, directory: Path) -> None:
        if directory not in self.disk.directories:
            self._step("disk.create", directory.name)
            self.disk.make_directory(directory)
            self.sync_directory(directory.parent)

    def names(self, directory: Path) -> list[str]:
        self._step("disk.names", directory.name)
        return list(self.disk.directory(directory).seen)

    def is_directory(self, path: Path) -> bool:
        return path in self.disk.directories

    def exists(self, path: Path) -> bool:
        return path.name in self.disk.directory(path.parent).seen

    def size(self, path: Path) -> int:
        return len(self.disk.file(path).seen)

    def rename(self, path: Path, new: Path) -> None:
        self._check(self._step("disk.rename", new.name))
        self.disk.rename(path, new)

    def link(self, path: Path, new: Path) -> bool:
        self._check(self._step("disk.link", new.name))
        return self.disk.link(path, new)

    def remove(self, path: Path) -> None:
        self._step("disk.remove", path.name)
        self.disk.remove(path)

    def read(self, path: Path) -> bytes:
        self._step("disk.read", path.name)
        return bytes(self.disk.file(path).seen)

    def read_at(self, path: Path, offset: int, length: int) -> bytes:
        self._step("disk.read", f"{path.name} {offset} {length}")
        return bytes(self.disk.file(path).seen[offset : offset + length])

    def view(self, path: Path) -> memoryview:
        return memoryview(self.read(path))

    # --------------------------------------------------------------------------------------------------------- locks

    def open_lock(self, path: Path) -> int:
        found = self.disk.directory(path.parent).seen.get(path.name)
        return self._opened(path, found or self.disk.create(path))

    def try_lock(self, handle: int) -> bool:
        path, asking = self._handles[handle].path, self._scheduler.alive_actor().process
        holder = self._locks.get(path)
        if holder is not None and holder is not asking and holder.alive:
            return False
        self._locks[path] = asking
        return True

    def unlock(self, handle: int) -> None:
        path = self._handles[handle].path
        if self._locks.get(path) is self._scheduler.alive_actor().process:
            del self._locks[path]

    def _opened(self, path: Path, inode: Inode, adopting: bool = False) -> int:
        self._next_handle += 1
        self._handles[self._next_handle] = Handle(path, inode, adopting)
        return self._next_handle

    @staticmethod
    def _check(fault: str) -> None:
        if fault == "disk":
            raise OSError(errno.ENOSPC, "No space left on device")
