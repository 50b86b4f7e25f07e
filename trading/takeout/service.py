"""Asking for an archive, making it, handing it out, and letting it run out. Making may be tried by any Celery process,
any number of times: one at a time does it, and what a killed one left behind is made again."""

import logging
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from typing import IO

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.models import Account
from accounts.wallet.locks import only_one
from exchange_site.kernel.clock import iso_of
from trading.models import Checkpoint
from trading.takeout.archive import PART_BYTES, STEPS, Sink, TooLarge, write
from trading.takeout.models import Takeout, TakeoutPart
from trading.writer.store import CHECKPOINT

log = logging.getLogger(__name__)
TASK = "trading.tasks.make_takeouts"
State = Takeout.State
LIVE = (State.WAITING, State.RUNNING)
PROGRESS_KEPT_S = 3_600


TOO_LARGE = "It would be too large. Take the files of your history instead."


class NotNow(Exception):
    """Why there is no new archive. The message is a sentence for its reader."""


def ask(account: Account) -> Takeout:
    """A new request. Raises NotNow: one at a time, and TAKEOUT_EVERY_S between two.

    One that failed because of us does not count; one that was too large does, because the next will be as large.
    """
    now = timezone.now()
    counted = Takeout.objects.filter(account=account).filter(~Q(state=State.FAILED) | Q(error=TOO_LARGE))
    recent = counted.order_by("-pk").first()
    if recent is not None and recent.state in LIVE:
        raise NotNow("An archive is being made already.")
    wait_until = None if recent is None else recent.requested_at + timedelta(seconds=settings.TAKEOUT_EVERY_S)
    if wait_until is not None and wait_until > now:
        raise NotNow(f"The next archive can be asked for after {wait_until:%H:%M} UTC.")
    try:
        with transaction.atomic():
            return Takeout.objects.create(account=account)
    except IntegrityError:
        raise NotNow("An archive is being made already.") from None


def wake() -> None:
    """Have it made at once. A broker that is away costs a minute: the sweeper finds it."""
    if not settings.WALLET_WAKE_TASKS:
        return
    try:
        current_app.send_task(TASK, retry=False, expires=60)
    except OperationalError as error:
        log.warning("The broker is away; the sweeper will make the archive: %s", error)


def progress(takeout: Takeout) -> tuple[int, int] | None:
    """(steps done, steps) of one that is being made; None when nobody knows."""
    done = cache.get(_progress_key(takeout.pk))
    return None if done is None else (int(done), STEPS)


def _progress_key(pk: int) -> str:
    return f"takeout:{pk}:progress"


def make_all() -> int:
    """Make every archive that waits, one after the other; one left by a killed process is begun again."""
    made = 0
    with only_one("takeout") as mine:
        if not mine:
            return 0
        expire()
        while (takeout := Takeout.objects.filter(state__in=LIVE).order_by("pk").first()) is not None:
            _make(takeout)
            made += 1
    return made


def _make(takeout: Takeout) -> None:
    """The advisory lock is held, so a running one has nobody who makes it any more."""
    if takeout.state == State.RUNNING and takeout.started_at is not None:
        if timezone.now() - takeout.requested_at > timedelta(seconds=settings.TAKEOUT_GIVEN_UP_S):
            _fail(takeout, "It could not be made in time.")
            return
        TakeoutPart.objects.filter(takeout=takeout).delete()
    Takeout.objects.filter(pk=takeout.pk).update(state=State.RUNNING, started_at=timezone.now())
    with tempfile.TemporaryFile() as kept:
        sink = Sink(kept.write)
        try:
            n = _write(takeout, sink)
        except TooLarge:
            _fail(takeout, TOO_LARGE)
            return
        sha256 = sink.sha256()
        kept.seek(0)
        _store(takeout, kept)
    Takeout.objects.filter(pk=takeout.pk).update(
        state=State.READY,
        n=n,
        size_bytes=sink.size,
        sha256=sha256,
        finished_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=settings.TAKEOUT_KEPT_DAYS),
    )
    cache.delete(_progress_key(takeout.pk))


def _write(takeout: Takeout, sink: Sink) -> int:
    """Everything at one cut of the database; its outcome number."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        checkpoint = Checkpoint.objects.filter(name=CHECKPOINT).first() or Checkpoint(name=CHECKPOINT)
        at = iso_of(checkpoint.at_ms) + "Z"
        write(sink, takeout.account, checkpoint.n, at, lambda done: _tell(takeout.pk, done))
    return checkpoint.n


def _tell(pk: int, done: int) -> None:
    cache.set(_progress_key(pk), done, PROGRESS_KEPT_S)


def _store(takeout: Takeout, kept: IO[bytes]) -> None:
    with transaction.atomic():
        for number, data in enumerate(iter(lambda: kept.read(PART_BYTES), b"")):
            TakeoutPart.objects.create(takeout=takeout, number=number, data=data)


def _fail(takeout: Takeout, why: str) -> None:
    Takeout.objects.filter(pk=takeout.pk).update(state=State.FAILED, error=why, finished_at=timezone.now())


def expire() -> int:
    """Remove the bytes of archives that have run out. How many there were."""
    old = Takeout.objects.filter(state=State.READY, expires_at__lte=timezone.now())
    pks = list(old.values_list("pk", flat=True))
    with transaction.atomic():
        TakeoutPart.objects.filter(takeout_id__in=pks).delete()
        Takeout.objects.filter(pk__in=pks).update(state=State.EXPIRED)
    return len(pks)


def ready(account: Account, pk: int) -> Takeout | None:
    """The account's own archive, if it can be downloaded now."""
    rows = Takeout.objects.filter(pk=pk, account=account, state=State.READY)
    return rows.filter(expires_at__gt=timezone.now()).first()


def pieces(takeout: Takeout) -> Iterator[bytes]:
    """Its bytes, a part at a time; no transaction stays open while somebody reads slowly."""
    Takeout.objects.filter(pk=takeout.pk).update(downloads=F("downloads") + 1)
    for number in range(-(-takeout.size_bytes // PART_BYTES)):
        data = TakeoutPart.objects.filter(takeout=takeout, number=number).values_list("data", flat=True).first()
        if data is None:
            raise FileNotFoundError(f"part {number} of {takeout} is gone")
        yield bytes(data)
