"""History as pages and files. Works without script; every list has its filters in its address."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.pages.wallet import of_account
from exchange_site.kernel.speech import told
from marketdata.models import Asset, Market
from trading.history.csv_stream import Busy, export
from trading.history.kinds import KINDS, Kind, TooSlow, newest
from trading.history.lines import Cell
from trading.history.wishes import LEDGER_KINDS, ROLES, SIDES, BadFilter, Wish, wish_of

SHOWN = 50
SLOW = gettext_noop("This filter has to look through too much at once. Choose fewer filters, or take the file.")
BUSY = "A file is being made already. Try again when it is done."


@require_safe
@of_account
def history(request: HttpRequest, owner: Account, kind: str = "orders") -> HttpResponse:
    """One list, newest first. A filter that cannot be meant is answered with a sentence and no rows."""
    shown = _kind(kind)
    status, older = 200, None
    rows: list[list[Cell]] = []
    try:
        rows, older = _page(owner, shown, wish_of(request.GET, shown.filters))
    except BadFilter as refusal:
        messages.error(request, told(str(refusal)))
        status = 400
    except TooSlow:
        messages.error(request, gettext(SLOW))
        status = 503
    kept = {name: request.GET[name] for name in (*shown.filters, "from", "to") if request.GET.get(name)}
    context = {
        "section": "history",
        "kind": shown,
        "kinds": list(KINDS.values()),
        "rows": rows,
        "failed": status != 200,
        "is_later_page": bool(request.GET.get("before")),
        "is_filtered": bool(kept),
        "typed": request.GET,
        "query": urlencode(kept),
        "older": None if older is None else urlencode({**kept, "before": str(older)}),
        "choices": _choices(shown),
        "now": timezone.now(),
    }
    return render(request, "trading/history.html", context, status=status)


def _page(owner: Account, kind: Kind, wish: Wish) -> tuple[list[list[Cell]], int | None]:
    """The rows, and the cursor of the next page."""
    found = newest(kind, owner.pk, wish, SHOWN + 1)
    older = kind.cursor(found[SHOWN - 1]) if len(found) > SHOWN else None
    return [kind.cells(row) for row in found[:SHOWN]], older


def _choices(kind: Kind) -> list[dict[str, Any]]:
    """The drop-down fields of a list's form."""
    fields = {
        "market": (gettext("Market"), [(symbol, symbol.replace("_", "/")) for symbol in _symbols(Market)]),
        "asset": (gettext("Asset"), [(symbol, symbol) for symbol in _symbols(Asset)]),
        "side": (gettext("Side"), [(word, word.capitalize()) for word in SIDES]),
        "role": (gettext("Role"), [(word, word.capitalize()) for word in ROLES]),
        "state": (gettext("State"), [(value, gettext(word)) for value, word in kind.states]),
        "kind": (gettext("Kind"), [(value, gettext(word)) for value, word in LEDGER_KINDS.items()]),
    }
    return [{"name": name, "label": fields[name][0], "options": fields[name][1]} for name in kind.filters]


def _symbols(model: type[Market] | type[Asset]) -> list[str]:
    return list(model.objects.values_list("symbol", flat=True))


@require_safe
@of_account
def history_csv(request: HttpRequest, owner: Account, kind: str) -> HttpResponse:
    """The same list as a file, oldest first, all of it."""
    shown = _kind(kind)
    try:
        wish = wish_of(request.GET, shown.filters)
        pieces = export(owner.pk, shown.head, map(shown.line, shown.rows(owner.pk, wish, False)))
    except BadFilter as refusal:
        return HttpResponse(str(refusal), status=400, content_type="text/plain; charset=utf-8")
    except Busy:
        return HttpResponse(BUSY, status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": "10"})
    return csv_answer(pieces, f"{shown.name}-{timezone.now():%Y-%m-%d}.csv")


def csv_answer(pieces: Any, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise Http404("There is no such list.")
    return KINDS[name]
