"""The menu of the admin, by what people come for. Everybody sees what their rights let them see, and nothing else."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

# Group to its entries: table, and the word in the menu.
MENU: dict[str, dict[str, str]] = {
    "Trading": {
        "trading.venueswitch": "Venue and kill switch",
        "marketdata.market": "Markets",
        "marketdata.asset": "Assets",
        "trading.order": "Orders",
        "trading.fill": "Fills",
        "marketdata.trade": "Trades",
        "trading.volumetier": "Fee tiers by volume",
    },
    "People": {
        "accounts.user": "Users",
        "accounts.account": "Accounts",
        "accounts.apikey": "API keys",
        "accounts.secondfactorreset": "Resets of second factors",
        "accounts.ratetier": "Rate limits",
        "trading.takeout": "Copies of one's data",
    },
    "Money": {
        "accounts.withdrawal": "Withdrawals",
        "accounts.deposit": "Deposits",
        "accounts.ledgerentry": "Ledger of an account",
        "accounts.ledgerposting": "Money in and out",
        "accounts.walletalarm": "Wallet alarms",
        "accounts.walletentry": "Wallet's books",
        "accounts.assetnetwork": "Assets on chains",
        "accounts.depositaddress": "Deposit addresses",
        "accounts.withdrawaladdress": "Withdrawal addresses",
        "accounts.withdrawalfreeze": "Withdrawal freezes",
        "accounts.reconciliation": "Reconciliations",
        "trading.liabilityproof": "Proofs of liabilities",
    },
    "Staff": {
        "marketdata.staffwish": "Approvals",
        "accounts.auditentry": "Audit log",
    },
    "Site": {
        "exchange_site.announcement": "Announcements",
        "exchange_site.incident": "Incidents",
    },
    "Machinery": {
        "exchange_site.jobrun": "Jobs",
        "exchange_site.latencysample": "Latency",
        "trading.checkpoint": "Database writer",
        "accounts.outboxcommand": "Wallet's commands",
        "trading.tierrun": "Runs of fee tiers",
    },
}


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """For unfold's sidebar: groups with at least one entry that this person may open."""
    found: list[dict[str, Any]] = [{"items": [{"title": "Overview", "link": reverse("admin:index")}]}]
    for title, entries in MENU.items():
        items = [
            {"title": word, "link": reverse(f"admin:{label.replace('.', '_')}_changelist")}
            for label, word in entries.items()
            if _sees(request, label)
        ]
        if items:
            found.append({"title": title, "items": items})
    return found


def _sees(request: HttpRequest, label: str) -> bool:
    model_admin = admin.site._registry.get(apps.get_model(label))
    return model_admin is not None and bool(model_admin.has_view_permission(request))
