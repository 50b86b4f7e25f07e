"""What is kept: journal, snapshots, audit log, the signer's memory, backups."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from accounts.audit import heads
from accounts.audit.verify import first_wrong
from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.redis_client import log_client
from exchange_site.kernel.redis_names import ENGINE
from exchange_site.ops.doctor.checks import Problem, check, warning
from marketdata.storage import partitions
from marketdata.storage.tables import Shape
from matching.runtime import snapshots
from matching.runtime.journal import JournalDamaged, Position, newest_term, read_history, segments

OLD_SNAPSHOT_MS = 24 * 3_600_000


@check("journal")
def journal() -> Iterator[Problem]:
    folder = Path(settings.JOURNAL_DIR)
    if not folder.is_dir():
        return
    if not segments(folder):
        yield warning(f"There is no journal in {folder} yet.", "Start the engine.")
        return
    restore = "Keep the folder as it is, then restore a backup (docs/runbook.md, Backup and restore)."
    try:
        history = read_history(folder, newest_term(folder) + 1)
        begin = _where_a_start_begins()
        for _ in history.frames_from(begin):
            pass  # What a start would read, down to each frame's checksum.
    except JournalDamaged as error:
        yield Problem(f"The journal is damaged: {error}", restore)
    except FileNotFoundError as error:
        yield Problem(f"A segment of the journal is gone: {error.filename}", restore)


def _where_a_start_begins() -> Position | None:
    folder = Path(settings.SNAPSHOT_DIR)
    for _, path in snapshots.list_snapshots(folder) if folder.is_dir() else []:
        if snapshots.is_good(path):
            return snapshots.read_header(path).position
    return None


@check("snapshots")
def snapshot_files() -> Iterator[Problem]:
    folder = Path(settings.SNAPSHOT_DIR)
    if not folder.is_dir():
        return
    found = snapshots.list_snapshots(folder)
    good = []
    for n, path in found:
        try:
            header, _ = snapshots.check_file(path)
        except snapshots.SnapshotDamaged as error:
            yield Problem(
                f"The snapshot {path.name} cannot be read: {error}",
                "Move it aside: an older one and more journal give the same state. Then look at the disk.",
            )
            continue
        good.append(header)
        assert header.n == n
    if not good:
        yield warning("There is no good snapshot, so a start replays everything.", "manage.py snapshot create")
    elif now_ms() - good[0].at_ms > OLD_SNAPSHOT_MS and _moved_on(good[0].n):
        yield warning("The newest snapshot is older than a day.", "manage.py snapshot create; look at logs engine.")


def _moved_on(n: int) -> bool:
    client = log_client()
    try:
        return int(client.hget(ENGINE, "n") or 0) > n  # type: ignore[arg-type]
    finally:
        client.close()


@check("audit log")
def audit_log() -> Iterator[Problem]:
    mend = "Keep the database as it is and find out who could write to it (docs/runbook.md, The audit log)."
    try:
        wrong = first_wrong(list(heads.noted()))
    except ValueError:
        yield Problem(
            f"The noted heads in {heads.path()} cannot be read.", "Compare with the heads you keep elsewhere."
        )
        return
    if wrong is not None:
        yield Problem(f"The audit log is not whole: {wrong}.", mend)


@check("signer")
def signer() -> Iterator[Problem]:
    """Only where the signer's folder is known, which is the signer's own process and `doctor` beside it."""
    folder = Path(settings.SIGNER_DIR or Path(settings.HOME_DIR) / "signer")
    if not folder.is_dir():
        if settings.SIGNER_DIR:
            yield Problem(
                f"There is no folder {folder} (SIGNER_DIR).", "Correct SIGNER_DIR, or restore it from a backup."
            )
        return
    if folder.stat().st_mode & 0o077:
        yield Problem(f"Others may look into {folder}, where the keys are.", f"chmod 700 {folder}")
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_mode & 0o077:
            yield Problem(f"Others may read {path}.", f"chmod 600 {path}")


@check("time-shaped tables")
def time_shaped() -> Iterator[Problem]:
    mend = "Run: manage.py partitions ahead, and see why the daily job did not (admin, Job runs)."
    for state in partitions.states():
        if state.shape is not Shape.PARTITIONS:
            continue
        if state.in_default:
            yield Problem(f"{state.in_default:,} rows of {state.table} are in no month's partition.", mend)
        if state.last_month < f"{timezone.now() + timedelta(days=partitions.LEAST_DAYS_AHEAD):%Y%m}":
            yield warning(f"{state.table} has partitions only up to {state.last_month}.", mend)
