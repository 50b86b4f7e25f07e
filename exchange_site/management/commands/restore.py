"""`manage.py restore BACKUP`: an empty home becomes what the backup holds."""

import json
import logging
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange_site.ops.backup import BackupFailed, crypt, making, restoring
from exchange_site.ops.backup.restoring import Backup, cut_after, engine_ends_at, migrate
from exchange_site.ops.backup.stores import open_backup
from matching.runtime.recovery import RecoveryRefused

log = logging.getLogger(__name__)

SECRETS = "secrets.json"
SERVERS = ("postgres", "redis", "signer")  # Passwords of roles that this home has made.
ASIDE = ".before-restore"


class Command(BaseCommand):
    help = (
        "Restores database, journal, snapshots and keys of a backup into this home and DATABASE_URL. Without --yes it "
        "only says what it would do. The engine and everything else must be stopped, and its Redis must be empty."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", metavar="BACKUP", help="STORE/NAME, or s3://bucket/prefix/NAME.")
        parser.add_argument("--key", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--to-outcome", type=int, metavar="N", help="Take back what was decided after the last whole batch up to N."
        )
        parser.add_argument("--yes", action="store_true", help="Do it.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = crypt.read_key(options["key"])
            store, name = open_backup(options["backup"])
            with store.local(name, only_manifest=not options["yes"]) as folder:
                backup = Backup(folder, key)
                self._tell(backup, options["to_outcome"])
                self._demand_empty()
                if not options["yes"]:
                    self.stdout.write("Nothing was changed. Add --yes to do it.")
                    return
                self._restore(backup, options["to_outcome"])
        except (BackupFailed, RecoveryRefused, psycopg.Error) as error:
            raise CommandError(str(error)) from error

    def _tell(self, backup: Backup, to_outcome: int | None) -> None:
        manifest = backup.manifest
        self.stdout.write(f"The backup of {manifest.at}, outcome {manifest.n}, database at {manifest.database_n}.")
        if to_outcome is not None and to_outcome < manifest.database_n:
            raise BackupFailed(
                f"Its database is at outcome {manifest.database_n} already; for {to_outcome} take an older backup."
            )
        self.stdout.write(f"  {len(backup.parts('journal'))} segments to {settings.JOURNAL_DIR}")
        self.stdout.write(f"  {len(backup.parts('snapshots'))} snapshots to {settings.SNAPSHOT_DIR}")
        self.stdout.write(
            f"  {len(backup.parts('keys'))} files of keys to {settings.HOME_DIR}; its own are moved aside"
        )
        self.stdout.write(
            f"  {len(manifest.columns)} tables into the database of DATABASE_URL, whose rows are replaced"
        )
        if to_outcome is not None:
            self.stdout.write(f"  then everything after outcome {to_outcome} is taken back")

    def _demand_empty(self) -> None:
        """Raises BackupFailed: a restore never overwrites what may be the better copy."""
        for name in restoring.FOLDERS.values():
            folder = Path(getattr(settings, name))
            if folder.is_dir() and any(folder.iterdir()):
                raise BackupFailed(f"{folder} is not empty. Move it aside; a restore overwrites nothing.")
        with psycopg.connect(making.database_url()) as connection:
            found = connection.execute("SELECT to_regclass('trading_checkpoint') IS NOT NULL").fetchone()
            if found and found[0] and connection.execute("SELECT 1 FROM trading_checkpoint WHERE n > 0").fetchone():
                raise BackupFailed("The database holds an exchange. Restore into an empty one (DATABASE_URL).")

    def _restore(self, backup: Backup, to_outcome: int | None) -> None:
        for kind, name in restoring.FOLDERS.items():
            folder = Path(getattr(settings, name))
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            backup.write_files(kind, folder)
        self._keys(backup)
        migrate(making.database_url())
        backup.fill_database(making.database_url())
        journal, snapshot_dir = Path(settings.JOURNAL_DIR), Path(settings.SNAPSHOT_DIR)
        if to_outcome is not None:
            self.stdout.write(f"The journal now ends with outcome {cut_after(journal, snapshot_dir, to_outcome)}.")
        if backup.parts("journal"):
            n, chain = engine_ends_at(journal, snapshot_dir, None)
            self.stdout.write(f"The engine will start at outcome {n} with chain {chain}.")
        self.stdout.write("Restored. Start the exchange, then: manage.py reconcile, manage.py audit verify.")
        log.warning("A backup of %s was restored.", backup.manifest.at)

    def _keys(self, backup: Backup) -> None:
        """The restored rows belong to the backup's keys; what a new home made for itself is moved aside."""
        home = Path(settings.HOME_DIR)
        merged = _merge_secrets(backup, home)
        for part in backup.parts("keys"):
            path = home / part.partition("/")[2]
            if path.exists() and path != merged:
                path.rename(path.with_name(f"{path.name}{ASIDE}"))
                self.stdout.write(f"{path.name} of this home is kept as {path.name}{ASIDE}")
        backup.write_files("keys", home, without=merged)


def _merge_secrets(backup: Backup, home: Path) -> Path | None:
    """What the restored rows are signed and sealed with comes from the backup; servers here keep their passwords.

    The file, where there was one to merge with.
    """
    part, path = f"keys/{SECRETS}", home / SECRETS
    if part not in backup.manifest.parts or not path.exists():
        return None
    here = json.loads(path.read_text(encoding="utf-8"))
    saved = json.loads(b"".join(backup.content(part)))
    merged = {**here, **saved, **{name: here[name] for name in SERVERS if name in here}}
    partial = path.with_suffix(".partial")
    with open(partial, "w", encoding="utf-8") as file:
        partial.chmod(0o600)
        json.dump(merged, file, indent=1)
    partial.replace(path)
    return path
