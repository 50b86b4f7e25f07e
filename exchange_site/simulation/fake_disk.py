"""A disk that keeps its promises and nothing more, in the shape of `matching.runtime.disk`.

What was written is seen by every process at once (the page cache), but only what was synced is sure to survive a power
failure: of the rest each page, each file's length and each name in a directory may be there or not. A file's name is
durable when its directory was synced. A failed sync drops the pages: they read as written, count as clean, and no later
sync of them writes anything.
"""

import errno
from pathlib import Path
from random import Random

PAGE = 512


class Inode:
    """One file: `seen` is what processes read, `kept` what the platters hold."""

    __slots__ = ("dirty", "kept", "resized", "seen")

    def __init__(self) -> None:
        self.seen = bytearray()
        self.kept = bytearray()
        self.dirty: set[int] = set()
        self.resized = False

    def write(self, data: bytes | memoryview, offset: int) -> None:
        end = offset + len(data)
        if end > len(self.seen):
            self.resize(end)
        self.seen[offset:end] = data
        self.dirty.update(range(offset // PAGE, (end + PAGE - 1) // PAGE))

    def resize(self, size: int) -> None:
        if size < len(self.seen):
            del self.seen[size:]
        else:
            self.seen.extend(bytes(size - len(self.seen)))
        self.resized = True

    def sync(self) -> None:
        if self.resized:
            _set_length(self.kept, len(self.seen))
        for page in self.dirty:
            self._keep(page, PAGE)
        self.dirty.clear()
        self.resized = False

    def drop_pages(self) -> None:
        """A sync failed: nothing is written, and nothing is known to be unwritten any more."""
        self.dirty.clear()
        self.resized = False

    def lose_power(self, rng: Random) -> None:
        if self.resized and rng.random() < 0.5:
            _set_length(self.kept, len(self.seen))
        pages = sorted(self.dirty)
        how = rng.choice(("none", "all", "some", "first"))
        if how == "all":
            chosen = pages
        elif how == "some":
            chosen = [page for page in pages if rng.random() < 0.5]
        elif how == "first" and pages:
            chosen = pages[: rng.randrange(len(pages))]
            self._keep(pages[len(chosen)], rng.randrange(PAGE))  # Torn inside the page.
        else:
            chosen = []
        for page in chosen:
            self._keep(page, PAGE)
        self.seen = bytearray(self.kept)
        self.dirty.clear()
        self.resized = False

    def _keep(self, page: int, size: int) -> None:
        start = page * PAGE
        end = min(start + size, len(self.seen))
        if end <= start:
            return
        if len(self.kept) < end:
            _set_length(self.kept, end)
        self.kept[start:end] = self.seen[start:end]


def _set_length(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


Names = dict[str, Inode]
Change = list[tuple[str, Inode | None]]  # Names that change together; None takes a name away.


class Directory:
    """Names as processes see them, as the platters hold them, and the changes in between."""

    def __init__(self) -> None:
        self.seen: Names = {}
        self.kept: Names = {}
        self.changes: list[Change] = []

    def change(self, change: Change) -> None:
        _apply(self.seen, change)
        self.changes.append(change)

    def sync(self) -> None:
        for change in self.changes:
            _apply(self.kept, change)
        self.changes.clear()

    def lose_power(self, rng: Random) -> None:
        """Most file systems keep a first part of the changes; POSIX allows any of them to be missing."""
        if rng.random() < 0.7:
            kept = self.changes[: rng.randrange(len(self.changes) + 1)]
        else:
            kept = [change for change in self.changes if rng.random() < 0.5]
        for change in kept:
            _apply(self.kept, change)
        self.changes.clear()
        self.seen = dict(self.kept)
        for inode in self.kept.values():
            inode.lose_power(rng)


def _apply(names: Names, change: Change) -> None:
    for name, inode in change:
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


class Disk:
    """Directories and files without any notion of processes; `matching.runtime.disk` is put on top by `machine`."""

    def __init__(self) -> None:
        self.directories: dict[Path, Directory] = {}
        self._made: list[Path] = []  # Directories whose own name is not durable yet.
        self.archive: dict[str, bytes] = {}  # Segments that were removed, for the auditor.

    def make_directory(self, path: Path) -> None:
        if path not in self.directories:
            self.directories[path] = Directory()
            self._made.append(path)

    def file(self, path: Path) -> Inode:
        inode = self.directory(path.parent).seen.get(path.name)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(path))
        return inode

    def directory(self, path: Path) -> Directory:
        found = self.directories.get(path)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such directory", str(path))
        return found

    def create(self, path: Path) -> Inode:
        inode = Inode()
        self.directory(path.parent).change([(path.name, inode)])
        return inode

    def rename(self, path: Path, new: Path) -> None:
        assert path.parent == new.parent, "a rename stays inside its directory"
        inode = self.file(path)
        self.directory(path.parent).change([(path.name, None), (new.name, inode)])

    def link(self, path: Path, new: Path) -> bool:
        assert path.parent == new.parent, "a second name stays inside its directory"
        directory = self.directory(path.parent)
        if new.name in directory.seen:
            return False
        directory.change([(new.name, self.file(path))])
        return True

    def remove(self, path: Path) -> None:
        directory = self.directory(path.parent)
        inode = directory.seen.get(path.name)
        if inode is None:
            return
        self.archive[path.name] = bytes(inode.seen)
        directory.change([(path.name, None)])

    def sync_directory(self, path: Path) -> None:
        directory = self.directories.get(path)
        if directory is not None:
            directory.sync()
        self._made = [made for made in self._made if made.parent != path]

    def lose_power(self, rng: Random) -> None:
        for path in self._made:
            if rng.random() < 0.5:
                del self.directories[path]
        self._made.clear()
        for directory in self.directories.values():
            directory.lose_power(rng)
