"""`manage.py backup make|verify|list|new-key`: encrypted backups of everything that may not be lost."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange_site.ops.backup import BackupFailed, crypt, making, restoring


class Command(BaseCommand):
    help = (
        "make: database, journal, snapshots and keys into a folder of their own below STORE, encrypted, beside a "
        "running exchange; then restored into a scratch place and compared. verify: that again. list: what is there. "
        "new-key: make the key file; keep a copy of it elsewhere, without it no backup can be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        make = verbs.add_parser("make")
        make.add_argument("--no-verify", action="store_true", help="Do not restore it into a scratch place.")
        verify = verbs.add_parser("verify")
        for one in (make, verbs.add_parser("list")):
            one.add_argument("store", type=Path, metavar="STORE")
        verify.add_argument("folder", type=Path, metavar="BACKUP")
        for one in verbs.choices.values():
            one.add_argument("--key", type=Path, required=True, metavar="FILE")
        verbs.add_parser("new-key").add_argument("key", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, "_" + options["verb"].replace("-", "_"))(options)
        except BackupFailed as error:
            raise CommandError(str(error)) from error

    def _new_key(self, options: dict[str, Any]) -> None:
        try:
            crypt.new_key(options["key"])
        except FileExistsError:
            raise CommandError(f"{options['key']} is there already; a key is never replaced.") from None
        self.stdout.write(f"The key is in {options['key']}. Keep a copy of it where the backups are not.")

    def _make(self, options: dict[str, Any]) -> None:
        key = crypt.read_key(options["key"])
        folder = making.make(options["store"], key)
        manifest = making.read_manifest(folder, key)
        self.stdout.write(f"{folder}: {len(manifest.parts)} parts, outcome {manifest.n}, chain {manifest.chain[:16]}")
        if not options["no_verify"]:
            restoring.verify(folder, key, self.stdout.write)
        making.note_last(folder, manifest, verified=not options["no_verify"])

    def _verify(self, options: dict[str, Any]) -> None:
        manifest = restoring.verify(options["folder"], crypt.read_key(options["key"]), self.stdout.write)
        making.note_last(options["folder"], manifest, verified=True)
        self.stdout.write(f"{options['folder']} can be restored.")

    def _list(self, options: dict[str, Any]) -> None:
        key = crypt.read_key(options["key"])
        for folder in sorted(options["store"].iterdir() if options["store"].is_dir() else []):
            if (folder / making.MANIFEST).exists():
                manifest = making.read_manifest(folder, key)
                size = sum(path.stat().st_size for path in folder.iterdir())
                self.stdout.write(
                    f"{folder.name}  outcome {manifest.n}  database {manifest.database_n}  {size:,} bytes"
                )
