"""Announcements and incidents for staff. Every change leaves an audit entry."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from accounts.admin import note
from exchange_site.news.models import Announcement, Incident, IncidentUpdate, LatencySample
from marketdata.admin_base import ReadOnlyAdmin


class Noted(ModelAdmin):
    """Writes who changed what."""

    kind = ""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        what = "change" if change else "add"
        note(request, f"{self.kind}.{what}", f"{obj.pk}: {obj.title}", ", ".join(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        note(request, f"{self.kind}.delete", f"{obj.pk}: {obj.title}")
        super().delete_model(request, obj)


@admin.register(Announcement)
class AnnouncementAdmin(Noted):
    empty_text = "Nothing is announced."
    kind = "announcement"
    list_display = ["title", "tone", "is_banner", "starts_at", "ends_at"]
    list_filter = ["tone", "is_banner"]
    search_fields = ["title", "text"]


class UpdateInline(TabularInline):
    model = IncidentUpdate
    extra = 1

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # What was said stays said; a correction is another update.

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Incident)
class IncidentAdmin(Noted):
    empty_text = "Nothing has gone wrong, or nobody has written about it. What stands here is on the status page."
    kind = "incident"
    list_display = ["title", "severity", "affected", "started_at", "ended_at"]
    list_filter = ["severity"]
    search_fields = ["title"]
    inlines = [UpdateInline]


@admin.register(LatencySample)
class LatencySampleAdmin(ReadOnlyAdmin):
    list_display = ["at", "engine_us", "database_us", "web_us"]
    ordering = ["-at"]
