"""Django finds the site's own models through this module."""

from exchange_site.news.models import Announcement, Incident, IncidentUpdate, LatencySample
from exchange_site.ops.models import JobRun

__all__ = ["Announcement", "Incident", "IncidentUpdate", "JobRun", "LatencySample"]
