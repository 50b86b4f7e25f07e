"""Sends the outbox to the engine: one row at a time, each until its answer is known.

The rule that makes every effect happen exactly once (decision 0006): a number is on disk before it is sent; the engine
executes only the number after its last and answers "done" to a repetition; a refused row gives its number to the next.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.wallet import alarms, completions, crash
from accounts.wallet.locks import only_one
from accounts.wallet.models import OutboxCommand
from accounts.wallet.outbox import command_of
from accounts.wallet.wake import DRAIN, wake
from matching.client import blocking
from matching.client.errors import NotAdmitted, OutcomeUnknown
from matching.messages import Answer, RefusalReason, Refused

log = logging.getLogger(__name__)

_State = OutboxCommand.State
LOCK = "outbox"
ANSWER_TIMEOUT_S = 5
DOUBT = timedelta(seconds=15)  # How long bytes of a broken connection may still reach Redis, with a wide margin.
WAKE_AGAIN_S = 0.5
MAX_ROWS = 500  # One run; the sweeper comes again.
OUT_OF_STEP = frozenset({RefusalReason.IDEMPOTENCY_KEY_REUSED, RefusalReason.OUT_OF_SEQUENCE})
NOT_NOW = frozenset({RefusalReason.OVERLOADED, RefusalReason.RULES_NOT_ACTIVE, RefusalReason.EXPIRED_IN_QUEUE})


def drain(max_rows: int = MAX_ROWS) -> int:
    """Send what waits; how many rows got their answer. Does nothing while another process is at it."""
    answered = 0
    with only_one(LOCK) as mine:
        while mine and answered < max_rows and _send_next():
            answered += 1
    return answered


def drain_until(row: OutboxCommand, timeout_s: float) -> OutboxCommand:
    """Drain until this row is answered or time is up; the row as it then is.

    A process whose role may not write the wallet's ledger has Celery do it, and tells it again now and then: a task
    that comes while another one ends finds nothing to do.
    """
    wake_at = time.monotonic()
    deadline = wake_at + timeout_s
    while True:
        if settings.WALLET_DRAINS_HERE:
            drain()
        elif time.monotonic() >= wake_at:
            wake(DRAIN)
            wake_at = time.monotonic() + WAKE_AGAIN_S
        row = OutboxCommand.objects.get(pk=row.pk)
        if row.state not in (_State.WAITING, _State.SENT) or time.monotonic() > deadline:
            return row
        time.sleep(0.02)


def _send_next() -> bool:
    """Whether a row was answered for good."""
    if alarms.stopped_by() is not None:
        return False
    row = _numbered_row()
    if row is None:
        return False
    crash.passed("outbox_numbered")
    try:
        answer = blocking.send(command_of(row), ANSWER_TIMEOUT_S)
    except NotAdmitted as error:
        log.warning("The engine takes no commands of the wallet now: %s.", error)
        _unsend(row)
        return False
    except OutcomeUnknown as error:
        log.warning("Wallet number %s (%s) is unanswered and will be sent again: %s", row.number, row.key, error)
        OutboxCommand.objects.filter(pk=row.pk, state=_State.SENT).update(doubt_until=timezone.now() + DOUBT)
        return False
    crash.passed("outbox_answered")
    return _finish(row, answer)


def _numbered_row() -> OutboxCommand | None:
    """The row under way, else the oldest that waits with the next number, committed as sent."""
    with transaction.atomic(durable=True):
        row = OutboxCommand.objects.select_for_update().filter(state=_State.SENT).first()
        if row is None:
            row = OutboxCommand.objects.select_for_update().filter(state=_State.WAITING).order_by("pk").first()
            if row is None:
                return None
            row.state = _State.SENT
            row.number = last_number() + 1
        row.attempts += 1
        row.sent_at = timezone.now()
        row.save(update_fields=["state", "number", "attempts", "sent_at"])
        return row


def last_number() -> int:
    """The last number that the engine has consumed, as far as this database knows; 0 before the first."""
    done = OutboxCommand.objects.filter(state=_State.DONE).order_by("-number").first()
    return 0 if done is None or done.number is None else done.number


def _unsend(row: OutboxCommand) -> None:
    """Certainly not enqueued. Unless an earlier copy may have been, the row waits again, and can be dropped."""
    OutboxCommand.objects.filter(pk=row.pk, state=_State.SENT, doubt_until__isnull=True).update(
        state=_State.WAITING, number=None
    )


def _finish(row: OutboxCommand, answer: Answer) -> bool:
    refusal = answer.reply.reason if isinstance(answer.reply, Refused) else None
    if refusal in OUT_OF_STEP:
        detail = (
            f"The engine refused number {row.number} ({row.key}) as {refusal}: it has seen other numbers than this "
            "database knows, as after the restore of an older one. See docs/wallet.md before going on."
        )
        alarms.raise_alarm(alarms.NUMBER_TAKEN, f"number {row.number}", detail, stops=True)
        return False
    if refusal in NOT_NOW:
        log.warning("The engine refused wallet number %s for now: %s.", row.number, refusal)
        _unsend(row)
        return False
    if refusal is not None and row.doubt_until is not None and timezone.now() < row.doubt_until:
        return False  # An earlier copy may still arrive and succeed; the next run asks again.
    with transaction.atomic(durable=True):
        mine = OutboxCommand.objects.select_for_update().get(pk=row.pk)
        if mine.state != _State.SENT or mine.number != row.number:
            return False
        mine.state = _State.DONE if refusal is None else _State.REFUSED
        mine.refusal = "" if refusal is None else refusal.value
        mine.outcome_n = answer.n
        mine.finished_at = timezone.now()
        mine.save(update_fields=["state", "refusal", "outcome_n", "finished_at"])
        completions.complete(mine)
    crash.passed("outbox_finished")
    return True
