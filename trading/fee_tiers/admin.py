"""The schedule of fee tiers for staff. What a tier costs is set at each market; who gets it, by the volume."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.wallet.value import CENTS, VALUED_IN
from exchange_site.kernel.money import from_units
from marketdata.admin_base import ReadOnlyAdmin
from marketdata.staff_acts import By, note
from trading.fee_tiers.models import TierRun, VolumeTier


@admin.register(VolumeTier)
class VolumeTierAdmin(ModelAdmin):
    list_display = ["tier", "volume"]

    @admin.display(description=f"from a volume of 30 days, {VALUED_IN}")
    def volume(self, row: VolumeTier) -> str:
        return from_units(row.from_cents, CENTS)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["tier"] if obj else []

    def save_model(self, request: HttpRequest, obj: VolumeTier, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._note(request, "fees.tier.change", obj)

    def delete_model(self, request: HttpRequest, obj: VolumeTier) -> None:
        self._note(request, "fees.tier.delete", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    @staticmethod
    def _note(request: HttpRequest, action: str, row: VolumeTier) -> None:
        by = By(request.user, f"from {row.from_cents} cents", request.META.get("REMOTE_ADDR") or None)
        note(by, action, str(row))


@admin.register(TierRun)
class TierRunAdmin(ReadOnlyAdmin):
    list_display = ["day", "counted_at", "finished_at", "accounts", "changed"]
