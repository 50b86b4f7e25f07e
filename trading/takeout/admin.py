"""Requests for archives, for staff: that one was made and fetched, never what is in it."""

from django.contrib import admin

from marketdata.admin_base import ReadOnlyAdmin
from trading.takeout.models import Takeout


@admin.register(Takeout)
class TakeoutAdmin(ReadOnlyAdmin):
    list_display = ["id", "requested_at", "account", "state", "finished_at", "expires_at", "size_bytes", "downloads"]
    list_filter = ["state"]
    search_fields = ["=id", "=account__id", "account__user__email"]
    list_select_related = ["account__user"]
    ordering = ["-id"]
