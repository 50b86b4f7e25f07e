"""Scheduled work on accounts."""

from importlib import import_module

from celery import shared_task
from django.conf import settings


@shared_task
def clean_up() -> None:
    """Remove sessions that have run out."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
