"""One whole comparison: engine, database, ledger and chains; its result is kept, and what does not add up stops money.

Several causes of a difference are not one: a block between two looks, an answer on its way. Only what is there in each
of several looks is reported. A surplus is named and stops nothing: anybody can send coins to a wallet.
"""

import logging
import time
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.ledger.models import Reconciliation
from accounts.wallet import alarms
from accounts.wallet.chain import ChainError
from accounts.wallet.holdings import Place, places
from accounts.wallet.locks import only_one
from exchange_site.kernel.errors import ApiError
from marketdata import rules
from marketdata.staff_acts import By
from matching.client.dump import DumpFailed
from trading.models import Checkpoint
from trading.reconcile import Report, reconcile
from trading.venue import kill_switch
from trading.writer.store import CHECKPOINT

LOCK = "reconcile"
LOOKS, PAUSE_S = 3, 2.0
KEPT = timedelta(days=400)
SUBJECT = "reconcile"

log = logging.getLogger(__name__)


@dataclass
class Look:
    """What one look found."""

    report: Report
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # What is said and stops nothing.
    places: list[Place] = field(default_factory=list)

    def names(self) -> set[str]:
        return {_subject(one) for one in self.differences}


def run(*, full: bool, stop: bool, stop_trading: bool = False) -> Reconciliation | None:
    """Compare, keep the result, and stop what must stop. None: another process is at it, or was just now.

    `full` looks at every trade there is, else at those after the last comparison that found nothing. `stop` halts the
    wallet when money does not add up, `stop_trading` the venue as well.
    """
    with only_one(LOCK) as mine:
        if not mine:
            return None
        Reconciliation.objects.filter(started_at__lt=timezone.now() - KEPT).delete()
        scope = Reconciliation.Scope.FULL if full else Reconciliation.Scope.NEW
        row = Reconciliation.objects.create(started_at=timezone.now(), scope=scope)
        try:
            look = look_until_it_stays(0 if full else proven_seq())
        except (DumpFailed, ChainError) as error:
            row.error = str(error)[:256]
            row.finished_at = timezone.now()
            row.save()
            log.error("The comparison could not be finished: %s", error)
            return row
        _keep(row, look)
        if row.equal is False and stop:
            _stop(row, stop_trading)
        return row


def proven_seq() -> int:
    """Trades up to this event were compared and found right; 0 before the first time.

    Also 0 in a database that has not come so far: it was made anew since, and its trades were never looked at.
    """
    last = Reconciliation.objects.filter(equal=True).order_by("-pk").first()
    here = Checkpoint.objects.filter(name=CHECKPOINT).values_list("seq", flat=True).first() or 0
    return 0 if last is None or last.seq > here else last.seq


def look_until_it_stays(since_seq: int) -> Look:
    """The last look, without what an earlier one did not have. Raises DumpFailed, ChainError."""
    found = _look(since_seq)
    for _ in range(LOOKS - 1):
        if not found.differences:
            break
        time.sleep(PAUSE_S)
        before, found = found.names(), _look(since_seq)
        found.differences = [one for one in found.differences if _subject(one) in before]
    return found


def _look(since_seq: int) -> Look:
    found = places()  # First, so that the ledger knows what the chains show.
    report = reconcile(since_seq, books=True)
    look = Look(report, [*report.differences], places=found)
    for place in look.places:
        look.differences += place.differences()
        look.notes += place.notes()
    return look


def _subject(difference: str) -> str:
    return difference.partition(":")[0]


def _keep(row: Reconciliation, look: Look) -> None:
    row.n, row.seq = look.report.n, look.report.seq
    row.differences = [*look.differences, *look.notes]
    row.difference_count = len(look.differences) + look.report.more
    row.equal = not row.difference_count  # Beyond what is named nobody knows whether an earlier look had it too.
    row.holdings = [asdict(place) for place in look.places]
    row.counts = look.report.counts
    row.finished_at = timezone.now()
    row.save()


def _stop(row: Reconciliation, stop_trading: bool) -> None:
    first = row.differences[0] if row.differences else "more than can be named, and others each time"
    detail = f"{row} at outcome {row.n} found this, of {row.difference_count}: {first}"
    alarms.raise_alarm(alarms.DIFFERENCE, SUBJECT, detail, stops=True)
    if not (stop_trading or settings.RECONCILE_STOPS_TRADING) or kill_switch() is not None:
        return
    try:
        rules.stop_venue(By(None, f"Money does not add up: {row}"))
    except ApiError as error:
        log.critical("Trading could not be stopped after %s: %s", row, error)
        return
    row.stopped_trading = True
    row.save(update_fields=["stopped_trading"])


def as_dict(row: Reconciliation) -> dict[str, Any]:
    """For `--json` and for programs."""
    names = ("scope", "n", "seq", "equal", "differences", "difference_count", "holdings", "counts", "error")
    return {name: getattr(row, name) for name in names}
