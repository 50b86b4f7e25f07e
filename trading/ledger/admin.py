"""The invariant monitor: what is held and owed now, since when it is proven, and every comparison so far."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.ledger.models import LedgerEntry, Reconciliation, WalletEntry
from accounts.models import LedgerPosting
from accounts.wallet import alarms
from marketdata.admin_base import ReadOnlyAdmin, coins, links
from marketdata.admin_pages import Table
from marketdata.models import Asset
from matching.symbols import AssetSpec
from trading.ledger import monitor

SHOWN = 50


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    """Its list is the monitor; each row has a page with what was found."""

    fields = [
        "started_at",
        "finished_at",
        "scope",
        "n",
        "equal",
        "found",
        "on_chains",
        "counts",
        "error",
        "stopped_trading",
    ]
    readonly_fields = ["found", "on_chains"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        stop = alarms.stopped_by()
        context = {
            **self.admin_site.each_context(request),
            "opts": Reconciliation._meta,
            "title": "Money",
            "proof": monitor.last_proof(),
            "last": Reconciliation.objects.order_by("-pk").first(),
            "stop": stop,
            "stop_link": reverse("admin:accounts_walletalarm_change", args=[stop.pk]) if stop else "",
            "assets": _assets(),
            "history": _history(),
        }
        return render(request, "admin/staff/money.html", context)

    @admin.display(description="differences")
    def found(self, row: Reconciliation) -> SafeString | str:
        return format_html_join("", "<p>{}</p>", ((one,) for one in row.differences)) or "none"

    @admin.display(description="wallets")
    def on_chains(self, row: Reconciliation) -> SafeString | str:
        specs = {asset.symbol: asset.spec() for asset in Asset.objects.all()}
        lines = [_place(specs[place["symbol"]], place) for place in row.holdings if place["symbol"] in specs]
        return format_html_join("", "<p>{}</p>", ((line,) for line in lines)) or "-"


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """The whole ledger of one account, legs of trades and fees too. Of no account it shows nothing: the view would read
    every fill there is."""

    list_display = ["id", "at", "kind", "account", "amount", "reference", "event"]
    list_display_links = None
    list_filter = ["kind", "asset"]
    list_select_related = ["account__user", "asset"]
    search_fields = ["=account__id"]
    search_help_text = "Number of an account."
    empty_text = "Search for the number of an account, or come from an order, a fill, a user or an account."
    ordering = ["-id"]

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.has_perm("accounts.view_ledgerposting"))

    def get_queryset(self, request: HttpRequest) -> "QuerySet[LedgerEntry]":
        rows: QuerySet[LedgerEntry] = super().get_queryset(request)
        return rows if "account" in request.GET or _number(request.GET.get("q", "")) else rows.none()

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[LedgerEntry]", search_term: str
    ) -> "tuple[QuerySet[LedgerEntry], bool]":
        number = _number(search_term)
        return (queryset.filter(account_id=number), False) if number else (queryset, False)

    @admin.display(description="amount")
    def amount(self, row: LedgerEntry) -> str:
        return coins(row.asset, row.units)

    @admin.display(description="of")
    def event(self, row: LedgerEntry) -> SafeString:
        if row.kind in (LedgerPosting.Kind.TRADE, LedgerPosting.Kind.FEE):
            return links({"trade": ("marketdata_trade", f"seq={row.seq}")})
        return links({"posting": ("accounts_ledgerposting", f"id={row.pk}")})


def _number(text: str) -> int:
    """Of an account; 0 for what is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


@admin.register(WalletEntry)
class WalletEntryAdmin(ReadOnlyAdmin):
    list_display = ["id", "at", "kind", "payer", "payee", "amount", "blockchain", "account", "reference"]
    list_filter = ["kind", "asset", "blockchain"]
    search_fields = ["=key", "=reference", "=account__id", "account__user__email"]
    list_select_related = ["account__user", "asset"]
    ordering = ["-id"]

    @admin.display(description="amount")
    def amount(self, row: WalletEntry) -> str:
        return coins(row.asset, row.units)


def _place(spec: AssetSpec, place: dict[str, Any]) -> str:
    show = {name: spec.format(units) for name, units in place.items() if isinstance(units, int) and units >= 0}
    return (
        f"{place['symbol']} on {place['blockchain']}: hot {show.get('hot_on_chain')} on the chain, {show.get('hot')} "
        f"in the ledger; cold {show.get('cold_on_chain')} and {show.get('cold')}"
    )


def _assets() -> Table:
    headers = [
        "Asset",
        "Hot wallet",
        "Cold wallet",
        "Owed to users",
        "Owed in all",
        "Coming in",
        "Going out",
        "Difference",
    ]
    rows = []
    for line in monitor.lines():
        show = line.asset.spec().format
        sign = "" if line.difference >= 0 else "missing "
        amounts = [show(units) for units in (line.hot, line.cold, line.owed_to_users, line.owed)]
        ways = [show(max(0, line.coming)), show(max(0, line.leaving))]
        rows.append([line.asset.symbol, *amounts, *ways, f"{sign}{show(abs(line.difference))}"])
    return {"headers": headers, "rows": rows}


def _history() -> Table:
    rows = []
    for row in Reconciliation.objects.order_by("-pk")[:SHOWN]:
        link = reverse("admin:accounts_reconciliation_change", args=[row.pk])
        word = "equal" if row.equal else "not finished" if row.equal is None else f"{row.difference_count} differences"
        name = format_html('<a class="underline" href="{}">{}</a>', link, f"{row.started_at:%d %b %H:%M:%S}")
        took = "-" if row.finished_at is None else f"{(row.finished_at - row.started_at).total_seconds():.1f} s"
        rows.append([name, row.get_scope_display(), row.n or "-", word, took, row.error or "-"])
    return {"headers": ["Started (UTC)", "Trades", "Outcome", "Found", "Took", "Trouble"], "rows": rows}


__all__ = ["LedgerEntryAdmin", "ReconciliationAdmin", "WalletEntryAdmin"]
