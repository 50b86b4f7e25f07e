"""What the admin modules share: tables the engine owns are for reading only, and figures are shown in whole coins."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from marketdata.admin_export import ExportsAdmin
from marketdata.models import Asset, Market


class OffersWhatWorks:
    """A row's page has only the buttons that would do something: not those that would be refused, for this person and
    for the state the row is in. Comes before ModelAdmin among the bases."""

    def is_offered(self, request: HttpRequest, row: Any, name: str) -> bool:
        """Whether the act `name` (of `actions_detail`) makes sense now. Rights are asked before."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        if row is None:
            return []
        return [each for each in offered if self.is_offered(request, row, each.method.__name__)]


class ReadOnlyAdmin(OffersWhatWorks, ExportsAdmin, ModelAdmin):
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
