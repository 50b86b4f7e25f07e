"""`manage.py replay_engine [--verify] [--from-snapshot N|genesis]`: the journal replayed, and compared on the way."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from matching.runtime import audit, snapshots
from matching.runtime.journal import JournalDamaged
from matching.runtime.recovery import RecoveryRefused
from matching.runtime.snapshots import SnapshotDamaged


class Command(BaseCommand):
    help = (
        "Replay the journal and compare every frame's position on the way; with --verify from the beginning and from "
        "each kept snapshot, with the state of every snapshot that is passed. Only reads. Exit 1 on a difference."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--verify", action="store_true", help="From every beginning there is, not only one.")
        parser.add_argument(
            "--from-snapshot", metavar="N", help="Begin with the snapshot of outcome N, or at `genesis`, only."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        differences = 0
        try:
            kept, broken = self._load()
            found = audit.history(settings.JOURNAL_DIR)
            begins = self._begins(options, found.genesis)
            for begin in begins:
                differences += self._replay(found, begin, kept)
        except (RecoveryRefused, SnapshotDamaged, JournalDamaged, FileNotFoundError) as error:
            raise CommandError(str(error)) from error
        if differences or broken:
            raise CommandError(f"{differences} differences, {broken} damaged snapshots.")
        self.stdout.write("Everything agrees.")

    def _load(self) -> tuple[list[audit.Kept], int]:
        kept, broken = [], 0
        for _, path in snapshots.list_snapshots(settings.SNAPSHOT_DIR):
            try:
                kept.append(audit.load(path))
            except (SnapshotDamaged, FileNotFoundError) as error:
                broken += isinstance(error, SnapshotDamaged)  # The engine drops old ones while we look.
                self.stdout.write(f"snapshot {path.name}: {error}")
        return kept, broken

    def _begins(self, options: dict[str, Any], genesis: bool) -> list[Path | None]:
        kept = dict(snapshots.list_snapshots(settings.SNAPSHOT_DIR))
        chosen = options["from_snapshot"]
        if chosen == "genesis":
            return [None]
        if chosen is not None:
            if not chosen.isdecimal() or int(chosen) not in kept:
                raise CommandError(f"There is no snapshot of outcome {chosen}; there are {sorted(kept)} and `genesis`.")
            return [kept[int(chosen)]]
        begins: list[Path | None] = [None] if genesis else []
        begins += [kept[n] for n in sorted(kept)]
        if not begins:
            raise CommandError("There is neither a snapshot nor the beginning of the journal.")
        return begins if options["verify"] else begins[:1]

    def _replay(self, found: Any, begin: Path | None, kept: list[audit.Kept]) -> int:
        try:
            result = audit.replay(found, begin, kept)
        except SnapshotDamaged:
            return 0  # Named and counted already.
        where = "the beginning" if begin is None else f"the snapshot of outcome {result.begin_n}"
        self.stdout.write(
            f"from {where}: {result.records} records in {result.seconds:.2f} s ({result.records_per_s} records/s) to "
            f"outcome {result.end_n}, chain {result.chain}; {result.frames} positions and "
            f"{len(result.met)} snapshots compared."
        )
        for difference in result.differences:
            self.stdout.write(f"  {difference}")
        return len(result.differences)
