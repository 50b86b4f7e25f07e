"""Orders, fills and the writer's position for staff, to look at."""

from datetime import datetime, timedelta
from urllib.parse import quote

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from marketdata.admin_base import Follows, ReadOnlyAdmin, coins, fills_of, price, quantity
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


PRICES = (
    "trigger_price_ticks", "trailing_ticks", "stop_loss_trigger_ticks", "stop_loss_price_ticks",
    "take_profit_trigger_ticks", "take_profit_price_ticks", "slippage_ticks",
)  # fmt: skip
OTHERS = ("fires_above", "triggered_at", "expires_at", "slippage_ppm", "related_order_id")


def _between(since: datetime, until: datetime) -> str:
    return f"at__gte={quote(since.isoformat())}&at__lte={quote(until.isoformat())}"


def _around(at: datetime) -> str:
    return _between(at - timedelta(seconds=1), at + timedelta(seconds=1))


@admin.register(Order)
class OrderAdmin(Follows, ReadOnlyAdmin):
    search_help_text = "Number of an order or an account, a client's own number, an email address."
    fields = [
        "id", "account", "market", "side", "order_type", "status", "end_reason", "shown_price", "shown_quantity",
        "executed", "executed_quote", "time_in_force", "post_only", "self_trade_prevention", "terms_in_words",
        "client_id", "created_at", "updated_at", "n", "fee_version", "trace",
    ]  # fmt: skip
    readonly_fields = ["shown_price", "shown_quantity", "executed", "executed_quote", "terms_in_words", "trace"]
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

    def followed(self, row: Order) -> dict[str, tuple[str, str]]:
        of_account = f"account={row.account_id}"
        while_it_lived = _between(row.created_at, row.updated_at)
        return {
            "Fills": ("trading_fill", f"order_id={row.pk}"),
            "Ledger of its account while it lived": ("accounts_ledgerentry", f"{of_account}&{while_it_lived}"),
            "Account": ("accounts_account", f"id={row.account_id}"),
            "Orders of the account": ("trading_order", of_account),
        }

    @admin.display(description="in the logs")
    def trace(self, order: Order) -> str:
        return f"grep -h '\"order_id\":{order.pk}[,}}]' logs/*.log   (accepted with outcome {order.n})"

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

    @admin.display(description="for")
    def executed_quote(self, order: Order) -> str:
        return coins(order.market.quote, order.executed_quote_units)

    @admin.display(description="conditions")
    def terms_in_words(self, order: Order) -> SafeString | str:
        """What few orders have, without what this one has not."""
        prices = {
            name: price(order.market, getattr(order, name)) for name in PRICES if getattr(order, name) is not None
        }
        others = {name: getattr(order, name) for name in OTHERS if getattr(order, name) is not None}
        if order.display_lots is not None:
            others["display_quantity"] = quantity(order.market, order.display_lots)
        rows = ((name.removesuffix("_ticks").replace("_", " "), value) for name, value in {**prices, **others}.items())
        return format_html_join("", "<p>{}: {}</p>", rows) or "none"


@admin.register(Fill)
class FillAdmin(Follows, ReadOnlyAdmin):
    search_help_text = "Number of an order, a trade or an account, an email address."
    fields = [
        "id", "at", "account", "market", "order_id", "client_id", "trade_id", "side", "is_maker", "shown_price",
        "shown_quantity", "for_quote", "fee",
    ]  # fmt: skip
    readonly_fields = ["shown_price", "shown_quantity", "for_quote", "fee"]
    list_display = ["id", "at", "account", "market", "order_id", "side", "shown_price", "shown_quantity", "fee"]
    list_filter = ["market", "side", "is_maker"]
    search_fields = ["=order_id", "=trade_id", "=account__id", "account__user__email"]
    ordering = ["-id"]

    def followed(self, row: Fill) -> dict[str, tuple[str, str]]:
        seq = row.pk // 2
        return {
            "Order": ("trading_order", f"id={row.order_id}"),
            "Trade": ("marketdata_trade", f"seq={seq}"),
            "Both sides": fills_of(seq),
            "Ledger of its account that second": (
                "accounts_ledgerentry",
                f"account={row.account_id}&{_around(row.at)}",
            ),
            "Account": ("accounts_account", f"id={row.account_id}"),
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fill]:
        rows = super().get_queryset(request)
        return rows.select_related("account__user", "market__base", "market__quote", "fee_asset")

    @admin.display(description="price")
    def shown_price(self, fill: Fill) -> str:
        return price(fill.market, fill.price_ticks)

    @admin.display(description="quantity")
    def shown_quantity(self, fill: Fill) -> str:
        return quantity(fill.market, fill.quantity_lots)

    @admin.display(description="for")
    def for_quote(self, fill: Fill) -> str:
        return coins(fill.market.quote, fill.quote_units)

    @admin.display(description="fee")
    def fee(self, fill: Fill) -> str:
        return coins(fill.fee_asset, fill.fee_units)


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ["name", "n", "seq"]
    fields = ["name", "n", "seq", "at_ms"]
