"""Scheduled work on accounts."""

from importlib import import_module

from celery import shared_task
from django.conf import settings

from accounts.audit import tasks as audit_tasks  # noqa: F401 - Celery finds tasks through this module.
from accounts.site.day_values import value_all
from accounts.wallet import tasks as wallet_tasks  # noqa: F401 - likewise.


@shared_task
def clean_up() -> None:
    """Remove sessions that have run out."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task
def value_accounts() -> int:
    """What every account was worth when the last days ended; the number of rows made. Safe to run again."""
    return value_all()
