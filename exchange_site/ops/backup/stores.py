"""Where backups are kept: a folder, or a bucket of a store that speaks S3 (`s3://bucket/prefix`).

A backup is the same files in both, each sealed before it gets here; its manifest comes last, so what has none is not
a backup.
"""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from exchange_site.ops.backup import BackupFailed
from exchange_site.ops.backup.making import MANIFEST, make

S3 = "s3://"


class Store(Protocol):
    """One place with backups, each known by its name. Everything raises BackupFailed."""

    def make(self, key: bytes) -> str:
        """A new backup; its name."""

    def names(self) -> list[str]:
        """Finished backups, oldest first."""

    def size(self, name: str) -> int:
        """Bytes it takes."""

    def remove(self, name: str) -> None:
        """Delete a backup, the manifest first: what is left of it when this is cut off is not a backup."""

    def remove_unfinished(self) -> int:
        """Delete what attempts of more than a day ago have left; how many."""

    def local(self, name: str, *, only_manifest: bool = False) -> AbstractContextManager[Path]:
        """The backup as a folder here, while the context lasts."""

    def where(self, name: str) -> str:
        """Its whole address."""


class FolderStore:
    """Backups as folders below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, key: bytes) -> str:
        return make(self._folder, key).name

    def names(self) -> list[str]:
        found = self._folder.iterdir() if self._folder.is_dir() else []
        return sorted(path.name for path in found if (path / MANIFEST).exists() and not path.name.startswith("."))

    def size(self, name: str) -> int:
        return sum(path.stat().st_size for path in (self._folder / name).iterdir())

    def remove(self, name: str) -> None:
        try:
            (self._folder / name / MANIFEST).unlink()
            shutil.rmtree(self._folder / name)
        except OSError as error:
            raise BackupFailed(f"{self.where(name)} could not be removed: {error}") from error

    def remove_unfinished(self) -> int:
        return 0  # An attempt here takes its own folder away.

    @contextmanager
    def local(self, name: str, *, only_manifest: bool = False) -> Iterator[Path]:
        yield self._folder / name

    def where(self, name: str) -> str:
        return str(self._folder / name)


def open_store(text: str) -> Store:
    """The store an argument names. Raises BackupFailed."""
    if text.startswith(S3):
        from exchange_site.ops.backup.s3 import S3Store  # Its library is only imported where it is used.

        return S3Store(text)
    return FolderStore(Path(text))


def open_backup(text: str) -> tuple[Store, str]:
    """The store and the name in STORE/NAME. Raises BackupFailed."""
    if not text.startswith(S3):
        path = Path(text).absolute()
        return FolderStore(path.parent), path.name
    store, _, name = text.rstrip("/").rpartition("/")
    if store.count("/") < 2 or not name:
        raise BackupFailed(f"{text} names no backup: s3://bucket/prefix/NAME.")
    return open_store(store), name
