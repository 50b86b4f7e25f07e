"""What a list page of the admin shows, as CSV of any size: the same rows, filters and columns, sent row by row."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import action

from exchange_site.kernel.csv_text import safe
from marketdata.staff_acts import By, note

ROWS_AT_ONCE = 2_000


class Echo:
    """csv writes to it and gets its line back."""

    def write(self, line: str) -> str:
        return line


class ExportsAdmin:
    """Adds "Export as CSV" to a list. `export_fields` are its columns; without them those of the list."""

    export_fields: tuple[str, ...] = ()
    actions_list = ["export_csv"]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        meta = self.model._meta  # type: ignore[attr-defined]
        own = path(
            "export.csv",
            self.admin_site.admin_view(self.export_file),  # type: ignore[attr-defined]
            name=f"{meta.app_label}_{meta.model_name}_export",
        )
        return [own, *super().get_urls()]  # type: ignore[misc]

    @action(description="Export as CSV", permissions=["export"], icon="download")
    def export_csv(self, request: HttpRequest) -> HttpResponseBase:
        """The button of the list; the filters that are set come along in the address."""
        meta = self.model._meta  # type: ignore[attr-defined]
        query = request.META.get("QUERY_STRING", "")
        if not query and "?" in request.META.get("HTTP_REFERER", ""):
            query = request.META["HTTP_REFERER"].partition("?")[2]
        target = reverse(f"admin:{meta.app_label}_{meta.model_name}_export")
        return redirect(f"{target}?{query}" if query else target)

    def export_file(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_export_permission(request):
            raise PermissionDenied
        changes = self.get_changelist_instance(request)  # type: ignore[attr-defined]
        meta = self.model._meta  # type: ignore[attr-defined]
        asked = request.META.get("QUERY_STRING", "")
        by = By(request.user, "exported in the admin", request.META.get("REMOTE_ADDR") or None)
        note(by, "export", f"{meta.verbose_name_plural}: {asked or 'everything'}"[:128])
        rows = changes.get_queryset(request).iterator(chunk_size=ROWS_AT_ONCE)
        response = StreamingHttpResponse(self._lines(rows), content_type="text/csv; charset=utf-8")
        name = f"{meta.model_name}-{timezone.now():%Y%m%d-%H%M%S}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def _lines(self, rows: Iterator[Any]) -> Iterator[str]:
        names = list(self.export_fields or self.list_display)  # type: ignore[attr-defined]
        writer = csv.writer(Echo())
        yield writer.writerow([label_for_field(name, self.model, self) for name in names])  # type: ignore[attr-defined]
        for row in rows:
            yield writer.writerow([cell(self._value(name, row)) for name in names])

    def _value(self, name: str, row: Any) -> Any:
        try:
            return lookup_field(name, row, self)[2]
        except (FieldDoesNotExist, AttributeError):
            return getattr(row, name)


def cell(value: Any) -> str:
    """Text that no spreadsheet runs as a formula. Numbers stay numbers."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return safe(str(value).replace("\0", ""))
