"""The audit log for staff: to search, filter and export. Nobody writes here."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.audit.models import AuditEntry
from marketdata.admin_base import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["number", "at", "actor_name", "action", "subject", "reason", "ip_address"]
    list_filter = ["action", "at"]
    search_help_text = "Words of subject, reason or action, an email address, a command's or request's id, a hash."
    search_fields = ["subject", "reason", "actor_name", "=command_id", "=request_id", "=hash", "action"]
    ordering = ["-number"]
    fields = [
        "number", "at", "actor_name", "actor", "action", "subject", "reason", "what_exactly", "command_id",
        "request_id", "ip_address", "previous_hash", "hash",
    ]  # fmt: skip
    readonly_fields = ["number", "at", "what_exactly", "previous_hash", "hash"]
    export_fields = (
        "number", "at", "actor_id", "actor_name", "action", "subject", "reason", "details", "command_id", "request_id",
        "ip_address", "previous_hash", "hash",
    )  # fmt: skip

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("accounts.export_auditentry"))

    @admin.display(description="details")
    def what_exactly(self, row: AuditEntry) -> SafeString | str:
        return format_html_join("", "<p>{}: {}</p>", sorted(row.details.items())) or "none"
