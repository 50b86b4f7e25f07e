"""Scheduled work on the audit log."""

import logging

from celery import shared_task
from django.utils import timezone

from accounts.audit import heads, verified
from accounts.audit.heads import note_head
from accounts.audit.verify import first_wrong, head

log = logging.getLogger(__name__)

SUNDAY = 6


class AuditLogBroken(Exception):
    """Somebody has been at the audit log. The job's failure shows on the first page of the admin."""


@shared_task
def note_audit_head() -> int:
    """Note the head outside of the database. Doing it twice notes it once."""
    noted = note_head()
    log.info("audit head %s", noted)
    return noted.number


@shared_task
def verify_audit_log() -> str:
    """Read what is new since the last reading; on Sundays everything. Raises AuditLogBroken."""
    everything = timezone.now().weekday() == SUNDAY
    now, after = head(), None if everything else verified.last()
    wrong = first_wrong(list(heads.noted()), after)
    if wrong is not None:
        raise AuditLogBroken(f"The audit log is not whole: {wrong}")
    verified.remember(now, everything)
    return f"whole up to row {now.number}, read from row {after.number if after else 1} on"
