"""Scheduled work around the engine."""

from celery import shared_task

from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.redis_client import log_client
from matching.client.engine_notes import ask_for_snapshot


@shared_task
def request_engine_snapshot() -> bool:
    """Ask the engine for a snapshot; False when there is no engine. Asking twice makes one snapshot."""
    client = log_client()
    try:
        return ask_for_snapshot(client, now_ms())
    finally:
        client.close()
