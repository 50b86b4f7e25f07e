"""Scheduled work around the engine."""

import logging

from celery import shared_task

from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.redis_client import log_client
from matching.client.engine_notes import ask_for_snapshot
from trading.fee_tiers import daily
from trading.ledger import reconciling
from trading.liabilities import proving
from trading.takeout import service as takeouts

log = logging.getLogger(__name__)


@shared_task
def request_engine_snapshot() -> bool:
    """Ask the engine for a snapshot; False when there is no engine. Asking twice makes one snapshot."""
    client = log_client()
    try:
        return ask_for_snapshot(client, now_ms())
    finally:
        client.close()


@shared_task
def prove_liabilities() -> bool:
    """Publish what customers are owed, and forget paths older than promised. False when there is nothing new."""
    proving.forget_old_paths()
    try:
        return proving.prove()[1]
    except proving.NothingToProve as reason:
        log.info("No proof of liabilities was made: %s", reason)
        return False


@shared_task(time_limit=1_800)
def make_takeouts() -> int:
    """Make the archives that people wait for, and remove those that have run out. The sweeper of both."""
    return takeouts.make_all()


@shared_task
def reconcile_new() -> bool:
    """Compare engine, database, ledger and chains, trades since the last time. False when something differs."""
    row = reconciling.run(full=False, stop=True)
    return row is None or row.equal is not False


@shared_task(time_limit=3 * 3600)
def reconcile_everything() -> bool:
    """The same with every trade there is."""
    row = reconciling.run(full=True, stop=True)
    return row is None or row.equal is not False


@shared_task
def apply_fee_tiers() -> int:
    """Once a day, after it has ended: fee tiers by the volume of 30 days; how many accounts changed theirs."""
    return daily.run()
