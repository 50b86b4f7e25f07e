"""Scheduled work on accounts."""

from importlib import import_module

from celery import shared_task
from django.conf import settings

from accounts.wallet import tasks as wallet_tasks  # noqa: F401 - Celery finds tasks through this module.


@shared_task
def clean_up() -> None:
    """Remove sessions that have run out."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
