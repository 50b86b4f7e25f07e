"""Yearly statements and archives over the API (docs/statements.md, docs/history.md). Ours; the contract has neither."""

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit.models import AuditEntry
from accounts.models import Account
from accounts.wallet.value import VALUED_IN
from exchange_site.kernel.api_view import PrivateView
from exchange_site.kernel.clock import iso_of, ms_of
from exchange_site.kernel.errors import MAINTENANCE, PRECONDITION_FAILED, RESOURCE_NOT_FOUND, ApiError
from exchange_site.kernel.money import from_units
from marketdata.api import params
from marketdata.models import Asset
from trading.api.freshness import wait_for_own_writes
from trading.statements.books import AssetYear, TooMany, statement, years_of
from trading.takeout import service
from trading.takeout.models import Takeout

MAX_ENTRIES = 50_000  # Of the ledger, as on the page; the CSV files have no such limit.
LAST_YEAR = 9_999
SHOWN = 10


class Statements(PrivateView):
    """One year, the newest without `year`: a line for each asset that the account had or moved."""

    def get(self, request: Request) -> Response:
        wished = params.whole(self.query(), "year", most=LAST_YEAR)
        headers = wait_for_own_writes()
        account_id, now = request.user.account_id, timezone.now()
        years = years_of(account_id, now)
        if wished is not None and wished not in years:
            raise ApiError(RESOURCE_NOT_FOUND, "There is no statement of this year")
        year = wished if wished is not None else next(iter(years), None)
        answer: dict[str, Any] = {"years": years, "year": year, "valuedIn": VALUED_IN, "ended": False, "assets": []}
        if year is not None:
            try:
                made = statement(account_id, year, now, MAX_ENTRIES)
            except TooMany:
                raise ApiError(MAINTENANCE, "This is too much for one answer; take the CSV files") from None
            decimals = Asset.objects.filter(symbol=VALUED_IN).values_list("decimals", flat=True).first() or 0
            answer |= {"ended": made.ended, "assets": [_asset_year(row, decimals) for row in made.assets]}
        return self.answer(answer, headers)


def _asset_year(row: AssetYear, decimals: int) -> dict[str, Any]:
    """Quantities in the asset; cost, value, proceeds and gain in `valuedIn`, null for that asset itself."""
    own = row.asset.symbol == VALUED_IN

    def amount(units: int) -> str:
        return row.asset.spec().format(units)

    def value(units: int) -> str | None:
        return None if own else from_units(units, decimals)

    return {
        "symbol": row.asset.symbol,
        "opening": amount(row.opening_units),
        "openingCost": value(row.opening_cost),
        "received": amount(row.received_units),
        "receivedValue": value(row.received_value),
        "bought": amount(row.bought_units),
        "boughtCost": value(row.bought_cost),
        "disposed": amount(row.disposed_units),
        "disposedCost": value(row.disposed_cost),
        "proceeds": value(row.proceeds),
        "gain": value(row.gain),
        "sent": amount(row.sent_units),
        "sentCost": value(row.sent_cost),
        "tradeFeesIncluded": amount(row.fee_units),
        "closing": amount(row.closing_units),
        "closingCost": value(row.closing_cost),
        "valuesWithoutPrice": row.unknown_values,
    }


class Takeouts(PrivateView):
    """Archives: GET shows the newest ten, POST asks for one. It is fetched on the page, which asks for the password."""

    write_scope = "withdraw"  # Everything that is kept about somebody is worth as much as money.

    def get(self, request: Request) -> Response:
        rows = Takeout.objects.filter(account_id=request.user.account_id).order_by("-pk")[:SHOWN]
        return self.answer([_takeout(row) for row in rows])

    def post(self, request: Request) -> Response:
        account = Account.objects.get(pk=request.user.account_id)
        try:
            made = service.ask(account)
        except service.NotNow as reason:
            raise ApiError(PRECONDITION_FAILED, str(reason).removesuffix(".")) from None
        AuditEntry.objects.create(
            actor=account.user,
            action="takeout.request",
            subject=f"{made} of account {account.pk}",
            ip_address=request.META.get("REMOTE_ADDR") or None,
        )
        service.wake()
        return self.answer(_takeout(made))


def _takeout(row: Takeout) -> dict[str, Any]:
    done = service.progress(row) if row.state in service.LIVE else None
    return {
        "id": str(row.pk),
        "status": row.state,
        "requestedAt": iso_of(ms_of(row.requested_at)),
        "finishedAt": None if row.finished_at is None else iso_of(ms_of(row.finished_at)),
        "expiresAt": None if row.expires_at is None else iso_of(ms_of(row.expires_at)),
        "outcome": None if row.n is None else str(row.n),
        "sizeBytes": row.size_bytes,
        "sha256": row.sha256 or None,
        "progress": None if done is None else f"{done[0]}/{done[1]}",
        "error": row.error or None,
    }
