"""Making a backup beside a running exchange: database first, then keys and snapshots, the journal last.

Whatever is behind the journal can be made again from it; nothing in a backup may be ahead of it.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError

from exchange_site.ops.backup import BackupFailed, crypt
from exchange_site.ops.backup.tables import Snapshot
from matching.client.blocking import engine_position
from matching.runtime import snapshots
from matching.runtime.journal import segments

FORMAT = 1
READ_BYTES = 2**20
TRIES = 3  # Old segments may go while the journal is copied.
MANIFEST = "manifest"
KEYS = ("secrets.json", "demo.json", "keys", "signer", "audit/heads.txt")
FOLDERS = {"snapshots": "SNAPSHOT_DIR", "journal": "JOURNAL_DIR"}
LAST = "backup/last.json"


@dataclass
class Manifest:
    """What a backup holds. `n` and `chain` are the engine's when the journal was copied, `database_n` the rows'."""

    at: str
    n: int = 0
    chain: str = ""
    database_n: int = 0
    format: int = FORMAT
    migrations: list[list[str]] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, tuple[int, str]] = field(default_factory=dict)  # Name to length and SHA-256.


def database_url() -> str:
    """The address of the database that Django uses now."""
    at = connection.settings_dict
    login = f"{quote(at['USER'], safe='')}:{quote(at['PASSWORD'], safe='')}"
    return f"postgresql://{login}@{at['HOST']}:{at['PORT']}/{quote(at['NAME'], safe='')}"


def make(store: Path, key: bytes) -> Path:
    """A new backup in a folder of its own below `store`; the folder. Raises BackupFailed, and leaves nothing then."""
    manifest = Manifest(at=timezone.now().isoformat())
    folder = store / f"{timezone.now():%Y%m%d-%H%M%S}"
    partial = store / f".{folder.name}.partial"
    try:
        partial.mkdir(parents=True, mode=0o700)
        writer = _Writer(partial, key, manifest)
        _database(writer)
        _keys(writer)
        at = _engine()
        manifest.n, manifest.chain = int(at.get("n", "0")), at.get("chain", "")
        _snapshots(writer)
        _journal(writer)
        text = json.dumps(asdict(manifest)).encode()
        crypt.seal(MANIFEST, [text], partial / MANIFEST, key)
        partial.rename(folder)
    except (OSError, RedisError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BackupFailed(f"The backup was not finished: {error}") from error
    return folder


def note_last(where: str, manifest: Manifest, *, verified: bool) -> None:
    """For the dashboard and for `doctor`."""
    path = Path(settings.HOME_DIR) / LAST
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    said = {"at": manifest.at, "n": manifest.n, "verified": verified, "folder": where}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(said), encoding="utf-8")
    partial.replace(path)


def read_manifest(folder: Path, key: bytes) -> Manifest:
    """Raises BackupFailed."""
    if not (folder / MANIFEST).exists():
        raise BackupFailed(f"There is no backup in {folder}.")
    content: dict[str, Any] = json.loads(b"".join(crypt.unseal(MANIFEST, folder / MANIFEST, key)))
    if content.get("format") != FORMAT:
        raise BackupFailed(f"The backup in {folder} was made by another version (format {content.get('format')}).")
    return Manifest(**content)


def file_of(folder: Path, part: str) -> Path:
    return folder / part.replace("/", "~")


class _Writer:
    def __init__(self, folder: Path, key: bytes, manifest: Manifest) -> None:
        self._folder, self._key, self.manifest = folder, key, manifest

    def add(self, part: str, content: Iterator[bytes]) -> None:
        self.manifest.parts[part] = crypt.seal(part, content, file_of(self._folder, part), self._key)

    def drop(self, prefix: str) -> None:
        for part in [name for name in self.manifest.parts if name.startswith(prefix)]:
            del self.manifest.parts[part]
        for path in self._folder.glob(prefix.replace("/", "~") + "*"):
            path.unlink()


def _engine() -> dict[str, str]:
    at = engine_position()
    return {} if at.get("n") is None else at


def _database(writer: _Writer) -> None:
    snapshot = Snapshot(database_url())
    try:
        writer.manifest.migrations = snapshot.migrations()
        writer.manifest.database_n = snapshot.database_n()
        for table in snapshot.tables():
            writer.manifest.columns[table] = snapshot.columns(table)
            writer.add(f"database/{table}", snapshot.rows_of(table))
    finally:
        snapshot.close()


def _keys(writer: _Writer) -> None:
    home = Path(settings.HOME_DIR)
    for name in KEYS:
        path = Path(settings.SIGNER_DIR) if name == "signer" and settings.SIGNER_DIR else home / name
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and os.access(file, os.R_OK):
                writer.add(f"keys/{Path(name) / file.relative_to(path)}", _bytes_of(file))


def _snapshots(writer: _Writer) -> None:
    folder = Path(settings.SNAPSHOT_DIR)
    for _, path in snapshots.list_snapshots(folder) if folder.is_dir() else []:
        try:
            writer.add(f"snapshots/{path.name}", _bytes_of(path))
        except FileNotFoundError:
            continue  # Forgotten by the engine this moment; newer ones are here.


def _journal(writer: _Writer) -> None:
    folder = Path(settings.JOURNAL_DIR)
    for attempt in range(TRIES):
        try:
            for name in segments(folder) if folder.is_dir() else []:
                writer.add(f"journal/{name}", _bytes_of(folder / name))
            return
        except FileNotFoundError:
            if attempt + 1 == TRIES:
                raise
            writer.drop("journal/")


def _bytes_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            yield piece
