"""What the admin modules share: tables the engine owns are for reading only, and figures are shown in whole coins."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
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
    actions_detail_hide_default = True  # No "History": nobody changes rows here, and the audit log has who did what.

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Follows:
    """A row's page begins with links to what belongs to it, as far as its reader may open them. Comes before ModelAdmin
    among the bases."""

    def followed(self, row: Any) -> dict[str, tuple[str, str]]:
        """Word to table and query, as `links` takes them. Nothing belongs to a row of which no class says more."""
        return {}

    @admin.display(description="follow it to")
    def follow(self, row: Any) -> SafeString:
        """The row of a page carries who reads it (`get_fields`): what Django calls here knows no request."""
        return links({word: to for word, to in self.followed(row).items() if _may_open(row.read_for, to[0])})

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "follow"]  # type: ignore[misc]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        fields = super().get_fields(request, obj)  # type: ignore[misc]
        if obj is not None:
            obj.read_for = request  # type: ignore[attr-defined]
        return ["follow", *(name for name in fields if name != "follow")]


def _may_open(request: HttpRequest, table: str) -> bool:
    app, _, model = table.partition("_")
    return bool(admin.site._registry[apps.get_model(app, model)].has_view_permission(request))


def postings_of(seq: int) -> tuple[str, str]:
    """The ledger's rows of one event, found by their ids (`LedgerPosting.id`)."""
    return "accounts_ledgerposting", f"id__gte={seq * 8}&id__lte={seq * 8 + 7}"


def fills_of(seq: int) -> tuple[str, str]:
    """Both sides of the trade of one event (`Fill.id`)."""
    return "trading_fill", f"id__gte={seq * 2}&id__lte={seq * 2 + 1}"


def links(found: dict[str, tuple[str, str]]) -> SafeString:
    """Links to lists of the admin: word to table and query."""
    rows = ((f"{reverse(f'admin:{table}_changelist')}?{query}", word) for word, (table, query) in found.items())
    return format_html_join(" ", '<a class="mr-4 underline" href="{}">{}</a>', rows)


def coins(asset: Asset, units: int | None) -> str:
    """Units as whole coins with the symbol; a dash for nothing."""
    return "-" if units is None else f"{asset.spec().format(units)} {asset.symbol}"


def price(market: Market, ticks: int | None) -> str:
    return "-" if ticks is None else market.spec().format_price(ticks)


def quantity(market: Market, lots: int | None) -> str:
    return "-" if lots is None else market.spec().format_quantity(lots)
