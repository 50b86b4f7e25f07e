"""Assets, markets and public trades for staff. What the engine decides is asked of it, never edited in a row."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from exchange_site.kernel.errors import ApiError
from marketdata import services
from marketdata.admin_base import ReadOnlyAdmin, price, quantity
from marketdata.models import MAX_FEE_PPM, Asset, Market, Trade
from matching.messages import MarketState
from matching.symbols import InvalidNumber


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=256, help_text="Kept in the audit trail and in the engine's log.", widget=UnfoldAdminTextInputWidget
    )


class FeesForm(ReasonForm):
    maker_fee_ppm = forms.IntegerField(min_value=0, max_value=MAX_FEE_PPM, widget=UnfoldAdminIntegerFieldWidget)
    taker_fee_ppm = forms.IntegerField(min_value=0, max_value=MAX_FEE_PPM, widget=UnfoldAdminIntegerFieldWidget)


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
    messages.error(request, f"{error.message or error.kind.message} ({error.kind.code}).")


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
class MarketAdmin(ModelAdmin):
    form = MarketForm
    list_display = ["symbol", "state", "state_reason", "state_since", "listed", "maker_fee_ppm", "taker_fee_ppm"]
    list_filter = ["state", "listed"]
    search_fields = ["symbol"]
    actions_detail = ["halt", "resume", "change_fees", "list_again"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        rules = ["symbol", "base", "quote", "tick_size", "step_size", "min_quantity", "max_open_orders"]
        told = ["state", "state_reason", "state_since", "listed"] if obj else []
        return [*rules, "maker_fee_ppm", "taker_fee_ppm", "position", *told]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name != "position"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Market, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["position"])  # The db writer may change the other columns at any moment.
            return
        obj.save()
        self._list(request, obj)

    @action(description="Halt", permissions=["change"])
    def halt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """CancelOnly: orders stay, cancelling works, nothing new comes in."""
        return self._set_state(request, object_id, MarketState.CANCEL_ONLY, "Halt")

    @action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_state(request, object_id, MarketState.OPEN, "Resume")

    @action(description="Change fees", permissions=["change"])
    def change_fees(self, request: HttpRequest, object_id: str) -> HttpResponse:
        market = self._market(request, object_id)
        now = {"maker_fee_ppm": market.maker_fee_ppm, "taker_fee_ppm": market.taker_fee_ppm}
        form = FeesForm(request.POST or None, initial=now)
        if not form.is_valid():
            return self._ask(request, market, form, f"Change the fees of {market.symbol}")
        try:
            n = services.set_market_fees(market, actor=request.user, ip_address=_address(request), **form.cleaned_data)
            messages.success(request, f"The fees of {market.symbol} changed with outcome {n}.")
        except ApiError as error:
            _explain(request, error)
        return redirect("admin:marketdata_market_change", market.pk)

    @action(description="List in the engine", permissions=["change"])
    def list_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        market = self._market(request, object_id)
        self._list(request, market)
        return redirect("admin:marketdata_market_change", market.pk)

    def _market(self, request: HttpRequest, object_id: str) -> Market:
        market = get_object_or_404(Market.objects.select_related("base", "quote"), pk=object_id)
        if not self.has_change_permission(request, market):
            raise PermissionDenied
        return market

    def _list(self, request: HttpRequest, market: Market) -> None:
        try:
            services.list_market(market, actor=request.user, reason="Listed in the admin", ip_address=_address(request))
            messages.success(request, f"The engine knows {market.symbol}.")
        except ApiError as error:
            _explain(request, error)

    def _set_state(self, request: HttpRequest, object_id: str, state: MarketState, verb: str) -> HttpResponse:
        market = self._market(request, object_id)
        form = ReasonForm(request.POST or None)
        if not form.is_valid():
            return self._ask(request, market, form, f"{verb} {market.symbol}")
        try:
            n = services.set_market_state(
                market, state, actor=request.user, reason=form.cleaned_data["reason"], ip_address=_address(request)
            )
            messages.success(request, f"{market.symbol} is {state} since outcome {n}.")
        except ApiError as error:
            _explain(request, error)
        return redirect("admin:marketdata_market_change", market.pk)

    def _ask(self, request: HttpRequest, market: Market, form: forms.Form, title: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "form": form,
            "opts": Market._meta,
            "back": reverse("admin:marketdata_market_change", args=[market.pk]),
        }
        return render(request, "admin/marketdata/market/ask.html", context)


@admin.register(Trade)
class TradeAdmin(ReadOnlyAdmin):
    list_display = ["seq", "market", "trade_id", "at", "shown_price", "shown_quantity", "buyer_is_maker"]
    list_filter = ["market", "buyer_is_maker"]
    search_fields = ["=trade_id", "=maker_order_id", "=taker_order_id"]
    ordering = ["-seq"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trade]:
        return super().get_queryset(request).select_related("market__base", "market__quote")

    @admin.display(description="price")
    def shown_price(self, trade: Trade) -> str:
        return price(trade.market, trade.price_ticks)

    @admin.display(description="quantity")
    def shown_quantity(self, trade: Trade) -> str:
        return quantity(trade.market, trade.quantity_lots)
