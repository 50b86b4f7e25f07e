"""Restoring a backup, for good or into a scratch place to see that it would work."""

import hashlib
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from django.conf import settings
from psycopg import sql

from exchange_site.ops.backup import BackupFailed, crypt
from exchange_site.ops.backup.making import FOLDERS, Manifest, database_url, file_of, read_manifest
from exchange_site.ops.backup.tables import Snapshot, fill
from exchange_site.settings import env
from matching.runtime import snapshots
from matching.runtime.journal import Position, newest_term, read_history, segments
from matching.runtime.readonly import load_engine_readonly
from matching.runtime.recovery import Makers, RecoveryRefused, load_start, read_ahead

Say = Callable[[str], None]


class Backup:
    """One backup, opened with its key. Raises BackupFailed."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder, self._key = folder, key
        self.manifest: Manifest = read_manifest(folder, key)

    def content(self, part: str) -> Iterator[bytes]:
        """The part's bytes, checked against the manifest as they come to their end. Raises BackupFailed."""
        digest = hashlib.sha256()
        for piece in crypt.unseal(part, file_of(self.folder, part), self._key):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self.manifest.parts[part][1]:
            raise BackupFailed(f"The part {part} is not what the manifest says.")

    def parts(self, kind: str) -> list[str]:
        return [part for part in self.manifest.parts if part.startswith(f"{kind}/")]

    def write_files(self, kind: str, folder: Path, without: Path | None = None) -> None:
        for part in self.parts(kind):
            path = folder / part.partition("/")[2]
            if path == without:
                continue
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(path, "wb") as file:
                path.chmod(0o600)
                for piece in self.content(part):
                    file.write(piece)

    def fill_database(self, url: str) -> None:
        fill(url, self.manifest.columns, lambda table: self.content(f"database/{table}"))


def engine_ends_at(journal: Path, snapshot_dir: Path, n: int | None) -> tuple[int, str]:
    """Outcome and chain that an engine started there would reach (or has at `n`). Raises BackupFailed."""
    try:
        engine, chain = load_engine_readonly(journal, snapshot_dir, n)
    except RecoveryRefused as error:
        raise BackupFailed(f"The engine would not start from this: {error}") from error
    return engine.n, chain.hex()


def cut_after(journal: Path, snapshot_dir: Path, n: int) -> int:
    """Take back everything decided after outcome `n`: the outcome it ends at, the last whole batch up to `n`.

    Only for a journal that was just restored: nobody may know more than it. Raises BackupFailed, RecoveryRefused.
    """
    history = read_history(journal, newest_term(journal) + 1)
    start = load_start(snapshot_dir, history, n, Makers())
    start.applier.poisoned.update(poison.command_id for poison in read_ahead(history, start.position))
    end, reached = start.position, start.applier.n
    for position, found in history.frames_from(start.position):
        start.applier.apply_records(found.frame.records)
        start.applier.take()
        if start.applier.n > n:
            break
        end, reached = position, start.applier.n
    if end is None:
        raise BackupFailed(f"The journal has nothing up to outcome {n}.")
    _truncate(journal, end)
    for kept_n, path in snapshots.list_snapshots(snapshot_dir):
        if kept_n > reached:
            path.unlink()
    return reached


def _truncate(journal: Path, end: Position) -> None:
    for name in segments(journal):
        if name > end.segment:
            (journal / name).unlink()
    with open(journal / end.segment, "r+b") as file:
        file.truncate(end.offset)


# ------------------------------------------------------------------------------------------------------------- verify


def verify(folder: Path, key: bytes, say: Say) -> Manifest:
    """Restore everything into a scratch place and compare hashes. Raises BackupFailed."""
    backup = Backup(folder, key)
    manifest = backup.manifest
    with tempfile.TemporaryDirectory(prefix="exchange-restore-") as name:
        scratch = Path(name)
        for kind in (*FOLDERS, "keys"):
            (scratch / kind).mkdir()
            backup.write_files(kind, scratch / kind)
        if backup.parts("journal"):
            n, chain = engine_ends_at(scratch / "journal", scratch / "snapshots", manifest.n or None)
            if manifest.chain and chain != manifest.chain:
                raise BackupFailed(f"The restored engine has chain {chain[:16]} at {n}, not {manifest.chain[:16]}.")
            say(f"The engine reaches outcome {n} with chain {chain[:16]}.")
    _verify_database(backup, say)
    return manifest


def _verify_database(backup: Backup, say: Say) -> None:
    with ScratchDatabase() as url:
        migrate(url)
        backup.fill_database(url)
        snapshot = Snapshot(url)
        try:
            for table in backup.manifest.columns:
                digest = hashlib.sha256()
                for piece in snapshot.rows_of(table):
                    digest.update(piece)
                if digest.hexdigest() != backup.manifest.parts[f"database/{table}"][1]:
                    raise BackupFailed(f"The restored table {table} differs from what was saved.")
        finally:
            snapshot.close()
    say(f"{len(backup.manifest.columns)} tables of the database are equal.")


class ScratchDatabase:
    """A database for a moment, beside ours. Needs the right to make databases. Raises BackupFailed."""

    def __init__(self) -> None:
        self._url = database_url()
        self._name = f"exchange_scratch_{secrets.token_hex(6)}"

    def __enter__(self) -> str:
        try:
            self._run("CREATE DATABASE {} TEMPLATE template0")
        except psycopg.Error as error:
            raise BackupFailed(f"A scratch database cannot be made: {error}. Give the role CREATEDB.") from error
        return f"{self._url.rpartition('/')[0]}/{self._name}"

    def __exit__(self, *_: object) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(f"{self._url.rpartition('/')[0]}/postgres", autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self._name)))


def migrate(url: str) -> None:
    """Bring an empty database to this program's schema, in a process of its own. Raises BackupFailed."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--no-input", "--verbosity", "0"]
    done = subprocess.run(
        command, env=env.for_child(DATABASE_URL=url), capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise BackupFailed(f"The schema could not be made: {done.stderr.strip()[-300:]}")
