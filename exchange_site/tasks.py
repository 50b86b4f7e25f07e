"""Scheduled work of the site itself."""

from celery import shared_task

from exchange_site.news import probe


@shared_task
def measure_latency() -> None:
    """One row for the status page."""
    probe.measure()
