"""Is everything all right? One look at the whole exchange, in words, each with where to read more.

Each part is asked for on its own and none may take long; a part that cannot be asked is itself bad news.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.ledger.models import Reconciliation
from accounts.wallet.models import WalletAlarm, Withdrawal
from exchange_site.kernel import redis_names
from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.redis_client import fan_client
from exchange_site.news.models import Incident, LatencySample
from exchange_site.ops.figures import CELERY_QUEUE
from exchange_site.ops.models import JobRun
from marketdata.feed.messages import last_n_of
from marketdata.models import Asset, Market, StaffWish
from matching.client.blocking import engine_position
from matching.runtime import snapshots
from trading.venue import kill_switch

GOOD, WATCH, BAD = "good", "watch", "bad"
LAG_WATCH, LAG_BAD = 2_000, 20_000  # Outcomes.
SLOW_US = 50_000
OLD_SNAPSHOT, OLD_BACKUP, OLD_RECONCILE = timedelta(hours=1), timedelta(hours=26), timedelta(hours=26)
OLD_AUDIT = timedelta(hours=26)
AUDIT_JOB = "audit log"
RATE_KEY, RATE_KEPT_S = "ops:outcome-rate", 60
LAST_BACKUP = "backup/last.json"
UNREACHABLE = (RedisError, DatabaseError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Tile:
    """One answer: `word` is read in a second, `detail` when it is not good. `link` leads to more."""

    name: str
    word: str
    tone: str = GOOD
    detail: str = ""
    link: str = ""


def tiles() -> list[Tile]:
    found: list[Tile] = []
    for name, part in PARTS.items():
        try:
            found += list(part())
        except UNREACHABLE as error:
            found.append(Tile(name, "not known", BAD, " ".join(str(error).split())[:120]))
    return found


def verdict(found: list[Tile]) -> Tile:
    """The answer of the whole page."""
    bad = [tile.name for tile in found if tile.tone == BAD]
    watch = [tile.name for tile in found if tile.tone == WATCH]
    if bad:
        return Tile("Everything", "Something is wrong", BAD, ", ".join(bad))
    if watch:
        return Tile("Everything", "Works; keep an eye on it", WATCH, ", ".join(watch))
    return Tile("Everything", "Everything is all right")


def _admin(model: str, query: str = "") -> str:
    return reverse(f"admin:{model}_changelist") + query


def _ago(at: datetime | None) -> str:
    if at is None:
        return "never"
    seconds = int((timezone.now() - at).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{max(0, seconds)} s ago"


# ------------------------------------------------------------------------------------------------------------- trading


def engine() -> Iterator[Tile]:
    at = engine_position()
    venue = _admin("trading_venueswitch")
    leads = int(at.get("lease_until_ms", "0")) > now_ms()
    status = at.get("status", "never ran")
    tone = GOOD if leads and status == "open" else BAD
    yield Tile("Engine", status if leads else "away", tone, "" if leads else "No engine holds the lease", venue)
    yield Tile("Term", at.get("term", "-"))
    yield Tile("Outcomes", _rate(int(at.get("n", "0"))), detail=f"at {at.get('n', '0')}")
    ahead_ms = int(at.get("ahead_ms") or 0)
    if abs(ahead_ms) > 1_000:
        yield Tile("Clock", f"{ahead_ms / 1000:+.1f} s", WATCH, "The log's time is off the wall clock")
    waiting = int(at.get("admitted", "0")) - int(at.get("processed", "0"))
    tone = BAD if waiting > settings.ENGINE_MAX_BACKLOG * 0.8 else GOOD
    yield Tile("Commands waiting", str(max(0, waiting)), tone)
    yield _lag("Database", int(at.get("n", "0")) - int(at.get("db_n", "0")), _admin("trading_checkpoint"))
    yield from _feeds(int(at.get("n", "0")))


def _rate(n: int) -> str:
    """Between this look and one some seconds ago, whoever looked."""
    now = time.time()
    kept: list[tuple[float, int]] = [one for one in cache.get(RATE_KEY) or [] if now - one[0] <= RATE_KEPT_S]
    if not kept or now - kept[-1][0] >= 2:
        cache.set(RATE_KEY, [*kept, (now, n)][-30:], RATE_KEPT_S)
    if not kept or now - kept[0][0] < 1:
        return "measuring"
    return f"{max(0, n - kept[0][1]) / (now - kept[0][0]):.1f}/s"


def _lag(name: str, behind: int, link: str = "") -> Tile:
    behind = max(0, behind)
    tone = BAD if behind > LAG_BAD else WATCH if behind > LAG_WATCH else GOOD
    return Tile(f"{name} behind", f"{behind}", tone, "outcomes", link)


def _feeds(n: int) -> Iterator[Tile]:
    client: Any = fan_client()
    try:
        for name, stream in (("Market feed", redis_names.MARKET_FEED), ("User feed", redis_names.USER_FEED)):
            entries = client.xrevrange(stream, count=1)
            if not entries or not client.exists(redis_names.feed_lease(stream)):
                yield Tile(f"{name} behind", "away", BAD, "No such process runs")
            else:
                yield _lag(name, n - last_n_of(entries[0][1][redis_names.PAYLOAD_FIELD]))
        tasks = client.llen(CELERY_QUEUE)
        yield Tile("Tasks waiting", str(tasks), WATCH if tasks > 100 else GOOD)
    finally:
        client.close()


def venue() -> Iterator[Tile]:
    stopped = kill_switch()
    link = _admin("trading_venueswitch")
    if stopped is not None:
        yield Tile("Kill switch", "engaged", BAD, f"by {stopped.actor}: {stopped.reason}", link)
    shut = [f"{market.symbol} {market.state}" for market in Market.objects.filter(listed=True).exclude(state="Open")]
    yield Tile(
        "Markets", "all open" if not shut else f"{len(shut)} not open", WATCH if shut else GOOD, ", ".join(shut), link
    )
    waiting = StaffWish.objects.filter(state=StaffWish.State.PENDING, expires_at__gt=timezone.now()).count()
    query = "?state__exact=pending"
    yield Tile(
        "Approvals waiting", str(waiting), WATCH if waiting else GOOD, link=_admin("marketdata_staffwish", query)
    )


def latency() -> Iterator[Tile]:
    sample = LatencySample.objects.order_by("-at").first()
    link = _admin("exchange_site_latencysample")
    if sample is None or timezone.now() - sample.at > timedelta(minutes=15):
        yield Tile("Latency", "not measured", WATCH, "No sample of the last quarter of an hour", link)
        return
    if sample.engine_us is None:
        yield Tile("Latency", "no answer", BAD, "The engine did not answer in time", link)
        return
    tone = WATCH if sample.engine_us > SLOW_US else GOOD
    yield Tile("Latency", f"{sample.engine_us / 1000:.1f} ms", tone, f"command to answer, {_ago(sample.at)}", link)


# --------------------------------------------------------------------------------------------------------------- money


def reconciled() -> Iterator[Tile]:
    last = Reconciliation.objects.order_by("-pk").first()
    if last is None:
        yield Tile("Reconciled", "never", WATCH, "Nothing has been compared yet")
        return
    at, link = last.finished_at or last.started_at, _admin("accounts_reconciliation")
    if last.equal is False:
        said = f"{last.difference_count} differences"
        yield Tile("Reconciled", said, BAD, f"{_ago(at)}: {'; '.join(map(str, last.differences[:2]))}"[:200], link)
    elif last.equal is None:
        yield Tile("Reconciled", "unfinished", WATCH, last.error or _ago(at))
    else:
        old = timezone.now() - at > OLD_RECONCILE
        yield Tile("Reconciled", _ago(at), WATCH if old else GOOD, f"everything equal at outcome {last.n}", link)
    yield from _assets(last)


def _assets(last: Reconciliation) -> Iterator[Tile]:
    """Of each asset: is what people are owed there, and since when has that been proven without a break?"""
    since = _proven_since()
    named = " ".join(map(str, last.differences))
    for asset in Asset.objects.order_by("symbol"):
        if last.equal:
            word = f"proven since {since:%d %b %H:%M}" if since else "proven"
            yield Tile(asset.symbol, word, detail="available + locked = deposits - withdrawals")
        else:
            bad = asset.symbol in named
            yield Tile(asset.symbol, "differs" if bad else "not proven", BAD if bad else WATCH)


def _proven_since() -> datetime | None:
    broken = Reconciliation.objects.filter(equal=False).order_by("-pk").values_list("pk", flat=True).first() or 0
    first = Reconciliation.objects.filter(equal=True, pk__gt=broken).order_by("pk").first()
    return None if first is None else first.finished_at or first.started_at


def wallet() -> Iterator[Tile]:
    alarms = WalletAlarm.objects.filter(resolved_at__isnull=True)
    count, link = alarms.count(), _admin("accounts_walletalarm")
    stops = " (the wallet stands still)" if alarms.filter(stops=True).exists() else ""
    yield Tile("Wallet alarms", f"{count}{stops}", BAD if count else GOOD, link=link)
    held = Withdrawal.objects.filter(state=Withdrawal.State.RESERVED).count()
    yield Tile("Withdrawals to decide", str(held), link=_admin("accounts_withdrawal", "?state__exact=reserved"))


# -------------------------------------------------------------------------------------------------------------- upkeep


def disk() -> Iterator[Tile]:
    usage = shutil.disk_usage(settings.JOURNAL_DIR if Path(settings.JOURNAL_DIR).exists() else settings.HOME_DIR)
    share = usage.free / usage.total
    tone = BAD if share < 0.05 or usage.free < 10**9 else WATCH if share < 0.15 else GOOD
    yield Tile("Disk", f"{usage.free / 10**9:.1f} GB free", tone, f"{share:.0%} of the journal's disk")


def kept() -> Iterator[Tile]:
    folder = Path(settings.SNAPSHOT_DIR)
    found = snapshots.list_snapshots(folder) if folder.is_dir() else []
    if found:
        n, path = found[0]
        at = datetime.fromtimestamp(path.stat().st_mtime, tz=timezone.get_current_timezone())
        behind = int(engine_position().get("n", "0")) - n
        old = timezone.now() - at > OLD_SNAPSHOT and behind > 0
        yield Tile("Last snapshot", _ago(at), WATCH if old else GOOD, f"of outcome {n}")
    else:
        yield Tile("Last snapshot", "never", WATCH, "A start replays everything")
    backup = Path(settings.HOME_DIR) / LAST_BACKUP
    if not backup.exists():
        # Play money may be lost, and still nobody should take "never" for all right.
        tone = WATCH if settings.DEMO_MODE else BAD
        yield Tile("Last backup", "never", tone, "Nothing could be restored; manage.py backup make")
        return
    last = json.loads(backup.read_text(encoding="utf-8"))
    at = datetime.fromisoformat(last["at"])
    fine = last.get("verified") and timezone.now() - at < OLD_BACKUP
    said = "restored and compared" if last.get("verified") else "never restored"
    yield Tile("Last backup", _ago(at), GOOD if fine else WATCH, f"outcome {last['n']}, {said}")


def jobs() -> Iterator[Tile]:
    since = timezone.now() - timedelta(hours=1)
    failed = JobRun.objects.filter(state=JobRun.State.FAILED, started_at__gt=since)
    count, link = failed.count(), _admin("exchange_site_jobrun", "?state__exact=failed")
    names = ", ".join(sorted(set(failed.values_list("job", flat=True))))
    yield Tile("Jobs failed (1 h)", str(count), WATCH if count else GOOD, names, link)


def audit() -> Iterator[Tile]:
    """What the last reading of the chain found, however long ago: a broken chain does not mend itself."""
    last = JobRun.objects.filter(job=AUDIT_JOB).exclude(state=JobRun.State.SKIPPED).order_by("-pk").first()
    link = _admin("accounts_auditentry")
    if last is None or last.state == JobRun.State.RUNNING:
        yield Tile("Audit log", "being read" if last else "not read yet", detail="once a day", link=link)
    elif last.state == JobRun.State.FAILED:
        yield Tile("Audit log", "broken", BAD, f"{_ago(last.started_at)}: {last.said}"[:200], link)
    else:
        old = timezone.now() - last.started_at > OLD_AUDIT
        yield Tile("Audit log", "whole", WATCH if old else GOOD, f"read {_ago(last.started_at)}", link)


def incidents() -> Iterator[Tile]:
    running = list(Incident.objects.filter(ended_at__isnull=True).values_list("title", flat=True))
    tone = WATCH if running else GOOD
    yield Tile("Open incidents", str(len(running)), tone, "; ".join(running)[:200], _admin("exchange_site_incident"))


PARTS: dict[str, Callable[[], Iterator[Tile]]] = {
    "Engine": engine,
    "Venue": venue,
    "Latency": latency,
    "Reconciled": reconciled,
    "Wallet": wallet,
    "Disk": disk,
    "Snapshots and backups": kept,
    "Jobs": jobs,
    "Audit log": audit,
    "Incidents": incidents,
}
