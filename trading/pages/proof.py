"""Proof of liabilities as a page: what is published, for everybody; the reader's own part, to check in the browser."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.pages.wallet import of_account
from accounts.selectors import account_of
from exchange_site.kernel.money import from_units
from marketdata import figures
from trading.liabilities import selectors
from trading.liabilities.models import LiabilityProof
from trading.liabilities.paths import PathsGone, proof_of
from trading.liabilities.proving import paths_kept_until
from trading.pages.rows import iso

SHOWN = 20  # Older proofs on a page.
LEAST_PLACES = 2


@require_safe
@never_cache
def proof(request: HttpRequest) -> HttpResponse:
    """The newest proof or the one asked for, and the list of all."""
    shown = selectors.one(_outcome(request, "n"))
    before = _outcome(request, "before")
    if shown is None and "n" in request.GET:
        raise Http404("There is no proof at this outcome.")
    history = selectors.newest(SHOWN + 1, before)
    owner = account_of(request.user)
    context = {
        "section": "proof",
        "proof": None if shown is None else _shown(shown),
        "history": [_line(row) for row in history[:SHOWN]],
        "older": history[SHOWN - 1].n if len(history) > SHOWN else None,
        "is_later_page": before is not None,
        "owner": owner,
        "mine": None if owner is None or shown is None else _mine(owner, shown),
    }
    return render(request, "trading/proof.html", context)


@require_safe
@of_account
def mine(request: HttpRequest, owner: Account) -> HttpResponse:
    """The reader's leaves and paths, as a file for the verifiers."""
    shown = selectors.one(_outcome(request, "n"))
    if shown is None:
        raise Http404("There is no proof at this outcome.")
    try:
        answer = JsonResponse(proof_of(owner.pk, shown), json_dumps_params={"indent": 1})
    except PathsGone:
        raise Http404("The paths of this proof are not kept any more.") from None
    answer["Content-Disposition"] = f'attachment; filename="liabilities-{shown.n}.json"'
    return answer


def _outcome(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Http404("An outcome is a whole number.")
    return int(text)


def _amount(units: int, decimals: int) -> str:
    return figures.at_least(from_units(units, decimals), LEAST_PLACES)


def _shown(row: LiabilityProof) -> dict[str, Any]:
    stated = row.parsed()
    return {
        **_line(row),
        "statement": row.statement,
        "previous": stated.previous,
        "kept_until": paths_kept_until(row),
        "roots": [
            {"asset": root.asset, "total": _amount(root.units, root.decimals), "hash": root.hash}
            for root in stated.roots
        ],
    }


def _line(row: LiabilityProof) -> dict[str, Any]:
    return {"n": row.n, "at": row.at, "iso": iso(row.at), "commitment": row.commitment}


def _mine(owner: Account, row: LiabilityProof) -> dict[str, Any]:
    """What the proof says the reader had; `gone` when its paths are not kept any more."""
    try:
        found = proof_of(owner.pk, row)
    except PathsGone:
        return {"gone": True}
    decimals = {root.asset: root.decimals for root in row.parsed().roots}
    leaves = [
        {"asset": leaf["asset"], "amount": _amount(int(leaf["units"]), decimals[leaf["asset"]])}
        for leaf in found["leaves"]
    ]
    return {"account": found["account"], "leaves": leaves}
