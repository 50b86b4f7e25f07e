"""Scheduled work on resets of second factors."""

from celery import shared_task

from accounts.factor_reset.resets import advance


@shared_task
def advance_factor_resets() -> int:
    """Mails and resets that are due; how many took effect. Safe to run twice."""
    return advance()
