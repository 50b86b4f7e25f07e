"""What runs by itself and when: the one table of scheduled jobs. Times are UTC.

A job that waited longer than `dropped_after_s` is dropped: the next one does the same work. Every job may run twice
(delivery is at least once, beat may fire twice), so each is idempotent, and one at a time (`exchange_site.ops.jobs`).
"""

from dataclasses import dataclass

from celery.schedules import crontab

from exchange_site.settings import env


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the table."""

    name: str
    task: str
    when: float | crontab  # Every so many seconds, or at times of the clock.
    dropped_after_s: int
    does: str


def daily(hour: int, minute: int = 0) -> crontab:
    return crontab(hour=str(hour), minute=str(minute))


def hourly(minute: int) -> crontab:
    return crontab(minute=str(minute))


def every_minutes(minutes: int) -> crontab:
    return crontab(minute=f"*/{minutes}")


_PROOFS = hourly(0) if env.flag("EXCHANGE_DEMO", False) else daily(0)

JOBS: tuple[Job, ...] = (
    Job("wallet", "accounts.wallet.tasks.advance", 3.0, 3, "moves deposits and withdrawals on"),
    Job("chains", "accounts.wallet.tasks.scan_chains", 5.0, 5, "reads the blockchains"),
    Job("market statistics", "marketdata.tasks.refresh_market_statistics", 60.0, 50, "figures of the last 24 hours"),
    Job("latency", "exchange_site.tasks.measure_latency", 60.0, 30, "one sample for the status page"),
    Job("takeouts", "trading.tasks.make_takeouts", 60.0, 55, "packs what people asked to take with them"),
    Job(
        "second factor resets",
        "accounts.factor_reset.tasks.advance_factor_resets",
        60.0,
        50,
        "tells of them, does them",
    ),
    Job("audit head", "accounts.audit.tasks.note_audit_head", every_minutes(5), 250, "notes the audit log's head"),
    Job("engine snapshot", "trading.tasks.request_engine_snapshot", every_minutes(10), 500, "asks for a snapshot"),
    Job("fee tiers", "trading.tasks.apply_fee_tiers", hourly(10), 1_800, "gives accounts the tier they trade in"),
    Job("reconciliation of what is new", "trading.tasks.reconcile_new", hourly(20), 1_800, "engine against database"),
    Job("liabilities", "trading.tasks.prove_liabilities", _PROOFS, 1_800, "publishes what customers are owed"),
    Job("what accounts are worth", "accounts.tasks.value_accounts", daily(0, 10), 36_000, "one value a day"),
    Job(
        "partitions", "marketdata.tasks.keep_partitions_ahead", daily(2, 40), 36_000, "months ahead for trades, candles"
    ),
    Job("clean-up", "accounts.tasks.clean_up", daily(3, 30), 36_000, "removes sessions that have run out"),
    Job("audit log", "accounts.audit.tasks.verify_audit_log", daily(3, 50), 36_000, "follows the audit log's chain"),
    Job(
        "reconciliation of everything", "trading.tasks.reconcile_everything", daily(4, 10), 36_000, "from the beginning"
    ),
)

BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    job.name: {"task": job.task, "schedule": job.when, "options": {"expires": job.dropped_after_s}} for job in JOBS
}
