"""Assets, markets and public trades for staff. What the engine decides is asked of it, never edited in a row."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin
from unfold.decorators import action

from exchange_site.kernel.errors import ApiError
from marketdata import services
from marketdata.admin_base import Follows, ReadOnlyAdmin, fills_of, price, quantity
from marketdata.admin_rules import MarketRules
from marketdata.admin_wishes import StaffWishAdmin
from marketdata.models import Asset, Market, Trade
from marketdata.staff_acts import in_words
from matching.symbols import InvalidNumber

__all__ = ["AssetAdmin", "MarketAdmin", "StaffWishAdmin", "TradeAdmin"]


class MarketForm(forms.ModelForm):
    class Meta:
        model = Market
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        wanted = ("symbol", "base", "quote", "tick_size", "step_size", "min_quantity")
        if all(cleaned.get(name) is not None for name in wanted):
            try:
                Market(**{name: cleaned[name] for name in wanted}).spec()
            except InvalidNumber as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned


def _explain(request: HttpRequest, error: ApiError) -> None:
    messages.error(request, in_words(error))


def _address(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR") or None


@admin.register(Asset)
class AssetAdmin(ModelAdmin):
    list_display = ["symbol", "name", "decimals", "blockchain"]
    search_fields = ["symbol", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["symbol", "decimals"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Asset, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        obj.save()
        try:
            services.list_asset(obj, actor=request.user, reason="Added in the admin", ip_address=_address(request))
        except ApiError as error:
            _explain(request, error)


@admin.register(Market)
class MarketAdmin(MarketRules, ModelAdmin):
    form = MarketForm
    list_display = ["symbol", "state", "state_reason", "state_since", "listed", "maker_fee_ppm", "taker_fee_ppm"]
    list_filter = ["state", "listed"]
    search_fields = ["symbol"]
    actions_detail = MarketRules.rule_actions
    actions_detail_hide_default = True  # The audit log has it all.

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        rules = ["symbol", "base", "quote", "tick_size", "step_size", "min_quantity", "max_open_orders"]
        if not obj:
            return [*rules, "maker_fee_ppm", "taker_fee_ppm", "position"]
        told = ["state", "state_reason", "state_actor", "state_since", "listed"]
        return ["symbol", *told, *self.rule_fields, "base", "quote", "tick_size", "step_size", "position"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name != "position"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"show_save_and_add_another": False, "show_save_and_continue": False}  # Only the position is saved.
        answer: HttpResponse = super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})
        return answer

    def save_model(self, request: HttpRequest, obj: Market, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["position"])  # The db writer may change the other columns at any moment.
            return
        obj.save()
        self._list(request, obj)

    @action(description="List in the engine", permissions=["change"])
    def list_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        market = self.market_of(request, object_id)
        self._list(request, market)
        return redirect("admin:marketdata_market_change", market.pk)

    def _list(self, request: HttpRequest, market: Market) -> None:
        try:
            services.list_market(market, actor=request.user, reason="Listed in the admin", ip_address=_address(request))
            messages.success(request, f"The engine knows {market.symbol}.")
        except ApiError as error:
            _explain(request, error)


@admin.register(Trade)
class TradeAdmin(Follows, ReadOnlyAdmin):
    search_help_text = "Number of a trade or of an order."
    fields = [
        "seq", "market", "trade_id", "at", "shown_price", "shown_quantity", "buyer_is_maker", "maker_order_id",
        "taker_order_id",
    ]  # fmt: skip
    readonly_fields = ["shown_price", "shown_quantity"]
    list_display = ["seq", "market", "trade_id", "at", "shown_price", "shown_quantity", "buyer_is_maker"]
    list_filter = ["market", "buyer_is_maker"]
    search_fields = ["=trade_id", "=maker_order_id", "=taker_order_id"]
    ordering = ["-seq"]

    def followed(self, row: Trade) -> dict[str, tuple[str, str]]:
        return {
            "Both orders": ("trading_order", f"id__in={row.maker_order_id},{row.taker_order_id}"),
            "Both fills (their legs in the ledger)": fills_of(row.seq),
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trade]:
        return super().get_queryset(request).select_related("market__base", "market__quote")

    @admin.display(description="price")
    def shown_price(self, trade: Trade) -> str:
        return price(trade.market, trade.price_ticks)

    @admin.display(description="quantity")
    def shown_quantity(self, trade: Trade) -> str:
        return quantity(trade.market, trade.quantity_lots)
