"""Tell Celery that there is something to do. Only to be quick: the sweepers find the same work by themselves."""

import logging

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

ADVANCE = "accounts.wallet.tasks.advance"
DRAIN = "accounts.wallet.tasks.drain_outbox"
SCAN = "accounts.wallet.tasks.scan_chains"
BOOK_DUST = "accounts.wallet.tasks.book_dust"


def wake(task: str = ADVANCE) -> None:
    """Never fails: a broker that is away costs a few seconds, not the step that was just committed."""
    if not settings.WALLET_WAKE_TASKS:
        return
    try:
        current_app.send_task(task, retry=False, expires=60)
    except OperationalError as error:
        log.warning("The broker is away; the sweeper will go on: %s", error)
