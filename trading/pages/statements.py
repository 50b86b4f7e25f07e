"""Yearly statements as pages and files. Rules: docs/statements.md."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.pages.wallet import of_account
from accounts.wallet.value import VALUED_IN
from exchange_site.kernel.money import from_units
from marketdata import figures
from marketdata.models import Asset
from trading.history.csv_stream import Busy, export
from trading.history.kinds import KINDS
from trading.pages.history import BUSY, csv_answer
from trading.statements import files
from trading.statements.books import AssetYear, TooMany, statement, years_of

MAX_ENTRIES = 50_000  # Of the ledger that a page walks through; files have no such limit.
CENTS = 2
FILES = {"summary": (files.SUMMARY_HEAD, files.summary_lines), "lots": (files.LOTS_HEAD, files.lot_lines)}


@require_safe
@of_account
def statements(request: HttpRequest, owner: Account, year: int | None = None) -> HttpResponse:
    """One year; the newest without one."""
    now = timezone.now()
    years = years_of(owner.pk, now)
    if year is not None and year not in years:
        raise Http404("There is no statement of this year.")
    shown = year if year is not None else (years[0] if years else None)
    context: dict[str, Any] = {
        "section": "history",
        "kinds": list(KINDS.values()),
        "years": years,
        "year": shown,
        "valued_in": VALUED_IN,
        "account": owner.pk,
        "too_many": False,
    }
    if shown is not None:
        try:
            made = statement(owner.pk, shown, now, MAX_ENTRIES)
        except TooMany:
            context["too_many"] = True
        else:
            decimals = _decimals()
            context |= {"rows": [_row(row, decimals) for row in made.assets], "ended": made.ended}
            context["gain"] = _value(sum(row.gain for row in made.assets), decimals)
    return render(request, "trading/statements.html", context)


@require_safe
@of_account
def statement_csv(request: HttpRequest, owner: Account, year: int, name: str) -> HttpResponse:
    """`summary`: a line for each asset; `lots`: every disposal with the lots it used up."""
    if name not in FILES or year not in years_of(owner.pk, timezone.now()):
        raise Http404("There is no such file.")
    head, lines = FILES[name]
    try:
        pieces = export(owner.pk, head, lines(owner.pk, year, _decimals()))
    except Busy:
        return HttpResponse(BUSY, status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": "10"})
    return csv_answer(pieces, f"statement-{year}-{name}.csv")


def _decimals() -> int:
    return Asset.objects.filter(symbol=VALUED_IN).values_list("decimals", flat=True).first() or 0


def _value(units: int, decimals: int) -> str:
    return figures.grouped(figures.at_least(from_units(units, decimals), CENTS))


def _row(row: AssetYear, decimals: int) -> dict[str, Any]:
    own = row.asset.symbol == VALUED_IN

    def amount(units: int) -> str:
        return figures.grouped(row.asset.spec().format(units))

    def value(units: int) -> str:
        return figures.UNKNOWN if own else _value(units, decimals)

    return {
        "symbol": row.asset.symbol,
        "opening": amount(row.opening_units),
        "received": amount(row.received_units),
        "bought": amount(row.bought_units),
        "disposed": amount(row.disposed_units),
        "sent": amount(row.sent_units),
        "closing": amount(row.closing_units),
        "fees": amount(row.fee_units),
        "cost": value(row.disposed_cost),
        "proceeds": value(row.proceeds),
        "gain": value(row.gain),
        "direction": "" if own else figures.direction(row.gain),
        "closing_cost": value(row.closing_cost),
        "unknown": row.unknown_values,
    }
