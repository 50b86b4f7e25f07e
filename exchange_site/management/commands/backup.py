"""`manage.py backup make|verify|list|prune|new-key`: encrypted backups of everything that may not be lost."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange_site.ops.backup import BackupFailed, crypt, making, restoring
from exchange_site.ops.backup.stores import open_backup, open_store


class Command(BaseCommand):
    help = (
        "make: database, journal, snapshots and keys below STORE (a folder, or s3://bucket/prefix), encrypted, beside "
        "a running exchange; then restored into a scratch place and compared. verify: that again. list: what is there. "
        "prune: delete all but the newest. new-key: make the key file; keep a copy of it elsewhere, without it no "
        "backup can be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        make = verbs.add_parser("make")
        make.add_argument("--no-verify", action="store_true", help="Do not restore it into a scratch place.")
        verify = verbs.add_parser("verify")
        prune = verbs.add_parser("prune")
        prune.add_argument("--keep", type=int, required=True, metavar="N", help="The newest N stay; at least one.")
        prune.add_argument("--yes", action="store_true", help="Do it; otherwise only say what would go.")
        for one in (make, prune, verbs.add_parser("list")):
            one.add_argument("store", metavar="STORE", help="A folder, or s3://bucket/prefix.")
        verify.add_argument("backup", metavar="STORE/NAME")
        for one in (make, verify, verbs.choices["list"]):
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
        store = open_store(options["store"])
        name = store.make(key)
        with store.local(name, only_manifest=options["no_verify"]) as folder:
            manifest = making.read_manifest(folder, key)
            parts, at = len(manifest.parts), store.where(name)
            self.stdout.write(f"{at}: {parts} parts, outcome {manifest.n}, chain {manifest.chain[:16]}")
            if not options["no_verify"]:
                restoring.verify(folder, key, self.stdout.write)
        making.note_last(at, manifest, verified=not options["no_verify"])

    def _verify(self, options: dict[str, Any]) -> None:
        key = crypt.read_key(options["key"])
        store, name = open_backup(options["backup"])
        with store.local(name) as folder:
            manifest = restoring.verify(folder, key, self.stdout.write)
        making.note_last(store.where(name), manifest, verified=True)
        self.stdout.write(f"{store.where(name)} can be restored.")

    def _list(self, options: dict[str, Any]) -> None:
        key = crypt.read_key(options["key"])
        store = open_store(options["store"])
        for name in store.names():
            with store.local(name, only_manifest=True) as folder:
                manifest = making.read_manifest(folder, key)
            size = store.size(name)
            self.stdout.write(f"{name}  outcome {manifest.n}  database {manifest.database_n}  {size:,} bytes")

    def _prune(self, options: dict[str, Any]) -> None:
        if options["keep"] < 1:
            raise CommandError("At least one backup stays.")
        store = open_store(options["store"])
        names = store.names()[: -options["keep"]]
        if not options["yes"]:
            self.stdout.write(
                f"{len(names)} backups would be deleted: {', '.join(names) or 'none'}. Add --yes to do it."
            )
            return
        for name in names:
            store.remove(name)
            self.stdout.write(f"{store.where(name)} was deleted.")
        unfinished = store.remove_unfinished()
        if unfinished:
            self.stdout.write(f"{unfinished} unfinished attempts were deleted.")
