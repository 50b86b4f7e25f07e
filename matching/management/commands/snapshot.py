"""`manage.py snapshot create | list | verify | restore`: the engine's snapshots, by hand."""

import datetime
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_site.kernel import clock, redis_names
from exchange_site.kernel.redis_client import log_client
from matching.client import engine_notes
from matching.runtime import audit, disk, snapshots
from matching.runtime.journal import JournalDamaged
from matching.runtime.leadership import DirectoryLock
from matching.runtime.recovery import RecoveryRefused
from matching.runtime.snapshots import SnapshotDamaged

LOOK_EVERY_S = 0.1


class Command(BaseCommand):
    help = "Make, list and prove snapshots, or choose an older one for the next start."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="Ask the engine for one and wait until it is safe on disk.")
        create.add_argument("--timeout", type=int, default=30, metavar="SECONDS")
        verbs.add_parser("list", help="Every snapshot with its size, and whether its bytes are what was written.")
        verify = verbs.add_parser("verify", help="Load it, check every invariant, and replay to the next one.")
        verify.add_argument("n", type=int, nargs="?", help="Outcome of the snapshot; the newest by default.")
        verify.add_argument("--all", action="store_true")
        restore = verbs.add_parser("restore", help="Start from an older one next time (engine stopped).")
        restore.add_argument("n", type=int)
        restore.add_argument("--yes", action="store_true", help="Do it; without this only what would be done is said.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, "_" + options["verb"])(options)
        except (SnapshotDamaged, RecoveryRefused, JournalDamaged) as error:
            raise CommandError(str(error)) from error

    # -------------------------------------------------------------------------------------------------------- create

    def _create(self, options: dict[str, Any]) -> None:
        client: Any = log_client()
        wish = clock.now_ms()
        if not engine_notes.ask_for_snapshot(client, wish):
            raise CommandError("There is no engine to ask.")
        until = time.monotonic() + options["timeout"]
        while time.monotonic() < until:
            open_wish, n = client.hmget(redis_names.ENGINE, engine_notes.SNAPSHOT_REQUESTED, "snapshot_n")
            if open_wish is None or int(open_wish) != wish:
                self.stdout.write(f"Snapshot of outcome {int(n or 0)} is on disk.")
                return
            time.sleep(LOOK_EVERY_S)
        raise CommandError(f"No snapshot within {options['timeout']} seconds; the engine's log says why.")

    # ---------------------------------------------------------------------------------------------------------- list

    def _list(self, options: dict[str, Any]) -> None:
        found = snapshots.list_snapshots(settings.SNAPSHOT_DIR) if settings.SNAPSHOT_DIR.is_dir() else []
        for n, path in found:
            try:
                header, _ = snapshots.check_file(path)
            except (SnapshotDamaged, OSError) as error:
                self.stdout.write(f"{n:>14}  DAMAGED: {error}")
                continue
            self.stdout.write(
                f"{n:>14}  {_time(header.at_ms)}  {disk.size(path):>12} bytes  rules {header.rules_version}  "
                f"journal {header.segment}:{header.offset}  ok"
            )
        self.stdout.write(f"{len(found)} snapshots in {settings.SNAPSHOT_DIR}")

    # -------------------------------------------------------------------------------------------------------- verify

    def _verify(self, options: dict[str, Any]) -> None:
        found = snapshots.list_snapshots(settings.SNAPSHOT_DIR)
        if options["n"] is not None:
            chosen = [one for one in found if one[0] == options["n"]]
        else:
            chosen = found if options["all"] else found[:1]
        if not chosen:
            raise CommandError(f"There is no such snapshot; there are {[n for n, _ in found]}.")
        bad = sum(not self._verify_one(path, found) for _, path in chosen)
        if bad:
            raise CommandError(f"{bad} of {len(chosen)} snapshots are of no use.")

    def _verify_one(self, path: Path, found: list[tuple[int, Path]]) -> bool:
        try:
            own = audit.load(path)
            later = [other for n, other in reversed(found) if n > own.header.n]
            following = [audit.load(other) for other in later[:1]]
            until = following[0].header.position if following else None
            result = audit.replay(audit.history(settings.JOURNAL_DIR), path, following, until)
        except (SnapshotDamaged, RecoveryRefused, JournalDamaged) as error:
            self.stdout.write(f"{path.name}: {error}")
            return False
        goal = f"the snapshot of outcome {following[0].header.n}" if following else "the journal's end"
        if following and not result.met and not result.differences:
            result.differences.append(f"The replay never came to {goal}.")
        for difference in result.differences:
            self.stdout.write(f"{path.name}: {difference}")
        if result.differences:
            return False
        self.stdout.write(
            f"{path.name}: loads, every invariant holds, and {result.records} records lead from it to {goal}, outcome "
            f"{result.end_n}, chain {result.chain}."
        )
        return True

    # ------------------------------------------------------------------------------------------------------- restore

    def _restore(self, options: dict[str, Any]) -> None:
        directory = settings.SNAPSHOT_DIR
        found = dict(snapshots.list_snapshots(directory))
        if options["n"] not in found:
            raise CommandError(f"There is no snapshot of outcome {options['n']}; there are {sorted(found)}.")
        lock = DirectoryLock(settings.JOURNAL_DIR)
        if not lock.try_take():
            raise CommandError("An engine is running on this journal; stop it first.")
        try:
            own = audit.load(found[options["n"]])
            history = audit.history(settings.JOURNAL_DIR)
            result = audit.replay(history, found[options["n"]], [])
            if result.differences:
                raise CommandError(f"From this snapshot the engine would not start: {result.differences[0]}")
            newer = sorted(n for n in found if n > own.header.n)
            self.stdout.write(
                f"The next start loads the snapshot of outcome {own.header.n} ({_time(own.header.at_ms)}) and replays "
                f"{result.records} records of the journal, to outcome {result.end_n}. No outcome is lost: the journal "
                f"is not touched, only what is loaded before it changes."
            )
            aside = directory / f"aside-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
            for n in newer:
                self.stdout.write(f"  moved to {aside.name}/: {found[n].name}")
            if not newer:
                self.stdout.write("  nothing to move: it is the newest already")
            elif not options["yes"]:
                self.stdout.write("Nothing was done; say --yes to do it.")
            else:
                disk.make_directory(aside)
                for n in newer:
                    disk.rename(found[n], aside / found[n].name)
                disk.sync_directory(aside)
                disk.sync_directory(directory)
                self.stdout.write("Done. Moving the files back undoes it.")
        finally:
            lock.release()


def _time(at_ms: int) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
