"""What the admin modules share: tables the engine owns are for reading only, and figures are shown in whole coins."""

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from marketdata.admin_export import ExportsAdmin
from marketdata.models import Asset, Market


class ReadOnlyAdmin(ExportsAdmin, ModelAdmin):
    """Nobody adds, edits or deletes rows here, whatever rights they have. Every list can be exported."""

    show_full_result_count = False  # Counting millions of rows for a list page is not worth it.
    list_per_page = 50
    list_filter_submit = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def coins(asset: Asset, units: int | None) -> str:
    """Units as whole coins with the symbol; a dash for nothing."""
    return "-" if units is None else f"{asset.spec().format(units)} {asset.symbol}"


def price(market: Market, ticks: int | None) -> str:
    return "-" if ticks is None else market.spec().format_price(ticks)


def quantity(market: Market, lots: int | None) -> str:
    return "-" if lots is None else market.spec().format_quantity(lots)
