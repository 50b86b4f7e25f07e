"""Reading announcements, incidents and latencies."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from exchange_site.news.models import Announcement, Incident, LatencySample

SHOWN = 50  # Rows of a page.
WINDOW = timedelta(hours=24)


def banner_for(seen: int) -> Announcement | None:
    """The newest banner of now that was not closed yet."""
    now = timezone.now()
    running = Q(ends_at=None) | Q(ends_at__gt=now)
    rows = Announcement.objects.filter(running, is_banner=True, starts_at__lte=now, pk__gt=seen)
    return rows.order_by("-pk").first()


def announcements() -> list[Announcement]:
    """Published ones, newest first."""
    return list(Announcement.objects.filter(starts_at__lte=timezone.now())[:SHOWN])


def incidents() -> list[Incident]:
    """What has begun, the open ones first, then newest first."""
    rows = Incident.objects.filter(started_at__lte=timezone.now()).prefetch_related("updates")[:SHOWN]
    return sorted(rows, key=lambda row: row.ended_at is not None)


def planned() -> list[Incident]:
    """Work that is still to come, soonest first."""
    rows = Incident.objects.filter(started_at__gt=timezone.now(), severity=Incident.Severity.PLANNED)
    return list(rows.order_by("started_at").prefetch_related("updates")[:SHOWN])


@dataclass(frozen=True, slots=True)
class Latency:
    """What was measured of one part in the last 24 hours; microseconds. None where nothing was answered."""

    part: str
    measured: int
    answered: int
    median_us: int | None
    most_us: int | None  # 95 of 100 were as quick or quicker.


def latencies() -> list[Latency]:
    rows = list(
        LatencySample.objects.filter(at__gt=timezone.now() - WINDOW).values_list("engine_us", "database_us", "web_us")
    )
    return [_latency(part, [row[index] for row in rows]) for index, part in enumerate(("engine", "database", "web"))]


def _latency(part: str, values: list[int | None]) -> Latency:
    known = sorted(value for value in values if value is not None)
    if not known:
        return Latency(part, len(values), 0, None, None)
    return Latency(part, len(values), len(known), known[len(known) // 2], known[(len(known) * 95 - 1) // 100])


def last_sample() -> LatencySample | None:
    return LatencySample.objects.order_by("-at").first()
