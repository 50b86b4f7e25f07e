"""Scheduled work on the audit log."""

import logging

from celery import shared_task

from accounts.audit.heads import note_head

log = logging.getLogger(__name__)


@shared_task
def note_audit_head() -> int:
    """Note the head outside of the database. Doing it twice notes it once."""
    noted = note_head()
    log.info("audit head %s", noted)
    return noted.number
