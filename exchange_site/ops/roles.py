"""The roles of staff: which rights each has, in one readable table. `manage.py roles sync` makes groups of them.

Nobody has every right but superusers, who are for emergencies. Who decides about money (treasury) does not give out
roles, and who gives out roles (administrator) does not decide about money.
"""

from django.contrib.auth.models import Group, Permission

SUPPORT = "support"
MARKET_OPERATIONS = "market operations"
TREASURY = "treasury"
SECURITY = "security"
ADMINISTRATOR = "administrator"
AUDITOR = "auditor"


def view(*models: str) -> set[str]:
    return {f"{label.partition('.')[0]}.view_{label.partition('.')[2]}" for label in models}


_PEOPLE = view(
    "accounts.user", "accounts.account", "accounts.apikey", "accounts.ratetier", "accounts.secondfactorreset",
)  # fmt: skip
_TRADING = view(
    "trading.order", "trading.fill", "marketdata.trade", "marketdata.market", "marketdata.asset",
    "accounts.ledgerposting",
)  # fmt: skip
_MONEY = view(
    "accounts.deposit", "accounts.depositaddress", "accounts.withdrawal", "accounts.withdrawaladdress",
    "accounts.withdrawalfreeze",
)  # fmt: skip
_WALLET = view("accounts.walletentry", "accounts.walletalarm", "accounts.outboxcommand", "accounts.assetnetwork")
_SITE = view(
    "exchange_site.announcement", "exchange_site.incident", "exchange_site.latencysample", "exchange_site.jobrun",
    "trading.checkpoint", "trading.venueswitch", "trading.liabilityproof", "trading.takeout",
    "trading.volumetier", "trading.tierrun", "accounts.reconciliation",
    "marketdata.staffwish",
)  # fmt: skip
_AUDIT = view("accounts.auditentry")
_NEWS = {
    f"exchange_site.{verb}_{model}" for verb in ("add", "change", "delete") for model in ("announcement", "incident")
} | {"exchange_site.add_incidentupdate"}
_DASHBOARD = {"exchange_site.view_dashboard"}
EVERYTHING_TO_SEE = _PEOPLE | _TRADING | _MONEY | _WALLET | _SITE | _AUDIT | _DASHBOARD

ROLES: dict[str, set[str]] = {
    # Answers people's questions: looks, and changes nothing. What it asks for about second factors, security decides.
    SUPPORT: _PEOPLE
    | _TRADING
    | _MONEY
    | _DASHBOARD
    | view("marketdata.staffwish")
    | {"exchange_site.view_as_user", "accounts.ask_factor_reset"},
    # Lists, halts and reopens markets, sets limits and fees, blocks accounts, tells people about it.
    MARKET_OPERATIONS: _PEOPLE
    | _TRADING
    | _SITE
    | _NEWS
    | _DASHBOARD
    | {
        "marketdata.add_asset", "marketdata.change_asset", "marketdata.add_market", "marketdata.change_market",
        "marketdata.stop_venue", "marketdata.change_staffwish", "accounts.change_account", "trading.add_volumetier",
        "trading.change_volumetier", "trading.delete_volumetier",
    },
    # Decides about withdrawals and deposits, and sets the rules of chains.
    TREASURY: _PEOPLE
    | _TRADING
    | _MONEY
    | _WALLET
    | _SITE
    | _DASHBOARD
    | {"accounts.approve_withdrawal", "accounts.add_assetnetwork", "accounts.change_assetnetwork"},
    # Freezes people and keys, stops everything, reads the audit log.
    SECURITY: EVERYTHING_TO_SEE
    | {
        "accounts.change_user", "accounts.change_apikey", "accounts.change_account", "accounts.export_auditentry",
        "marketdata.stop_venue", "marketdata.change_staffwish", "exchange_site.view_as_user",
        "accounts.ask_factor_reset", "accounts.approve_factor_reset",
    },
    # Gives out roles, runs jobs, sets tiers; never money or markets.
    ADMINISTRATOR: EVERYTHING_TO_SEE
    | _NEWS
    | {
        "accounts.change_user", "accounts.add_ratetier", "accounts.change_ratetier", "accounts.delete_ratetier",
        "exchange_site.assign_roles", "exchange_site.run_job", "marketdata.change_staffwish",
    },
    # Sees everything, takes the audit log with it, changes nothing.
    AUDITOR: EVERYTHING_TO_SEE | {"accounts.export_auditentry"},
}  # fmt: skip


class UnknownRight(Exception):
    """The table names a right that no table or page has: a typing mistake, or the database is not migrated."""


def sync() -> list[str]:
    """Make the groups what the table says; what changed. Doing it again changes nothing. Raises UnknownRight."""
    rows = Permission.objects.select_related("content_type")
    known = {f"{row.content_type.app_label}.{row.codename}": row for row in rows}
    changes = []
    for role, rights in ROLES.items():
        if missing := sorted(rights - set(known)):
            raise UnknownRight(f"The role {role} names rights that do not exist: {', '.join(missing)}")
        group, is_new = Group.objects.get_or_create(name=role)
        wanted = {known[right].pk for right in rights}
        if is_new or set(group.permissions.values_list("pk", flat=True)) != wanted:
            group.permissions.set(wanted)
            changes.append(f"{role}: {len(wanted)} rights")
    return changes
