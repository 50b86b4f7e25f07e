"""Orders, fills and the writer's position for staff, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from marketdata.admin_base import ReadOnlyAdmin, coins, price, quantity
from trading.admin_rights import TradingAccountAdmin
from trading.admin_venue import VenueAdmin
from trading.fee_tiers.admin import VolumeTierAdmin
from trading.ledger.admin import ReconciliationAdmin
from trading.liabilities.admin import LiabilityProofAdmin
from trading.models import Checkpoint, Fill, Order
from trading.takeout.admin import TakeoutAdmin

__all__ = [
    "CheckpointAdmin",
    "FillAdmin",
    "LiabilityProofAdmin",
    "OrderAdmin",
    "ReconciliationAdmin",
    "TakeoutAdmin",
    "TradingAccountAdmin",
    "VenueAdmin",
    "VolumeTierAdmin",
]  # fmt: skip


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "created_at",
        "account",
        "market",
        "side",
        "order_type",
        "shown_price",
        "shown_quantity",
        "executed",
        "status",
        "end_reason",
    ]
    list_filter = ["market", "status", "side", "order_type"]
    search_fields = ["=id", "=account__id", "account__user__email", "=client_id"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return super().get_queryset(request).select_related("account__user", "market__base", "market__quote")

    @admin.display(description="price")
    def shown_price(self, order: Order) -> str:
        return price(order.market, order.price_ticks)

    @admin.display(description="quantity")
    def shown_quantity(self, order: Order) -> str:
        if order.quantity_lots is None:
            return coins(order.market.quote, order.quote_units)
        return quantity(order.market, order.quantity_lots)

    @admin.display(description="executed")
    def executed(self, order: Order) -> str:
        return quantity(order.market, order.executed_lots)


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    list_display = ["id", "at", "account", "market", "order_id", "side", "shown_price", "shown_quantity", "fee"]
    list_filter = ["market", "side", "is_maker"]
    search_fields = ["=order_id", "=trade_id", "=account__id", "account__user__email"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fill]:
        rows = super().get_queryset(request)
        return rows.select_related("account__user", "market__base", "market__quote", "fee_asset")

    @admin.display(description="price")
    def shown_price(self, fill: Fill) -> str:
        return price(fill.market, fill.price_ticks)

    @admin.display(description="quantity")
    def shown_quantity(self, fill: Fill) -> str:
        return quantity(fill.market, fill.quantity_lots)

    @admin.display(description="fee")
    def fee(self, fill: Fill) -> str:
        return coins(fill.fee_asset, fill.fee_units)


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ["name", "n", "seq"]
    fields = ["name", "n", "seq", "at_ms"]
