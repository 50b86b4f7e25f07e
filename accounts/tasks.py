"""Scheduled work on accounts."""

from importlib import import_module

from celery import shared_task
from django.conf import settings

from accounts.audit import tasks as audit_tasks  # noqa: F401 - Celery finds tasks through this module.
from accounts.factor_reset import tasks as factor_reset_tasks  # noqa: F401 - likewise.
from accounts.site.day_values import value_all
from accounts.wallet import tasks as wallet_tasks


@shared_task
def clean_up() -> None:
    """Remove sessions that have run out, and enter dust of which nobody was told when the broker was away."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    wallet_tasks.book_dust()


@shared_task
def value_accounts() -> int:
    """What every account was worth when the last days ended; the number of rows made. Safe to run again."""
    return value_all()
