"""Announcements and incidents, written by staff in the admin, and latencies, measured by `exchange_site.news.probe`."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone


class Announcement(models.Model):
    """Shown on the page of announcements from `starts_at` on; as a banner, too, until `ends_at` where it says so."""

    class Tone(models.TextChoices):
        NEWS = "news", "News"
        WARNING = "warning", "Warning: something people should act on"

    title = models.CharField(max_length=120)
    text = models.TextField(max_length=4000, help_text="Plain text. An empty line begins a new paragraph.")
    tone = models.CharField(max_length=8, choices=Tone.choices, default=Tone.NEWS)
    is_banner = models.BooleanField("banner", default=False, help_text="Also a line on top of every page.")
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="When the banner goes away. Empty: it stays.")

    class Meta:
        ordering = ["-starts_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": "It would end before it starts."})


class Incident(models.Model):
    """Something that went wrong, from start to end. It is open while `ended_at` is empty."""

    class Severity(models.TextChoices):
        MINOR = "minor", "Slow or partly away"
        MAJOR = "major", "Trading or money was affected"
        PLANNED = "planned", "Planned work"

    title = models.CharField(max_length=120)
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.MINOR)
    affected = models.CharField(max_length=200, blank=True, help_text="Markets or parts, in words.")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it lasts.")

    class Meta:
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.ended_at is not None and self.ended_at < self.started_at:
            raise ValidationError({"ended_at": "It would end before it starts."})


class IncidentUpdate(models.Model):
    """What was known at a moment. Updates are added, not rewritten."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="updates")
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField(max_length=2000)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class LatencySample(models.Model):
    """One measurement, in microseconds; null where there was no answer in time."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    engine_us = models.BigIntegerField(null=True, help_text="A command sent, journalled, answered.")
    database_us = models.BigIntegerField(null=True, help_text="One small question to the database.")
    web_us = models.BigIntegerField(null=True, help_text="One small request to our own web server.")

    def __str__(self) -> str:
        return f"{self.at}"
