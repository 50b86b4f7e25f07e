"""The engine's settings in one immutable value, so that tests can run several engines with different ones."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from exchange_site.kernel import redis_names
from matching.runtime.journal import SEGMENT_BYTES


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Directories and limits of one engine process; times in the unit their name says.

    A snapshot is begun after so many commands or seconds, whichever comes first: this bounds what a start replays. The
    first one of a leader comes after fewer commands, and those that its own start replayed count: until it is there, a
    new standby has the same before it, and meanwhile nobody stands by.
    `unwritten_*` bound how many outcomes, and for how long, the database may be behind: first only cancels are let in,
    then nothing.
    """

    journal_dir: Path
    snapshot_dir: Path
    redis_url: str
    lease_ms: int = 3_000
    segment_bytes: int = SEGMENT_BYTES
    snapshot_every_commands: int = 250_000
    snapshot_every_s: int = 60
    snapshot_first_commands: int = 20_000
    kept_behind: int = redis_names.LOG_KEPT_BEHIND_READERS
    unwritten_cancel_only: int = 1_000_000
    unwritten_for_s: int = 300
    unwritten_closed: int = 2_000_000
    crash_at: str = ""
    fork_snapshots: bool = True
    log_orders_one_in: int = 0


def from_settings() -> EngineConfig:
    return EngineConfig(
        journal_dir=Path(settings.JOURNAL_DIR),
        snapshot_dir=Path(settings.SNAPSHOT_DIR),
        redis_url=settings.REDIS_LOG_URL,
        lease_ms=settings.ENGINE_LEASE_MS,
        segment_bytes=settings.ENGINE_SEGMENT_BYTES,
        snapshot_every_commands=settings.ENGINE_SNAPSHOT_EVERY_COMMANDS,
        snapshot_every_s=settings.ENGINE_SNAPSHOT_EVERY_S,
        unwritten_cancel_only=settings.ENGINE_UNWRITTEN_CANCEL_ONLY,
        unwritten_for_s=settings.ENGINE_UNWRITTEN_FOR_S,
        unwritten_closed=settings.ENGINE_UNWRITTEN_CLOSED,
        crash_at=settings.ENGINE_CRASH_AT,
        log_orders_one_in=settings.LOG_ORDERS_ONE_IN,
    )
