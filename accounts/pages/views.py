"""The balances of the wallet, the faucet and the account page."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from accounts.pages.wallet_rows import deposit_row, withdrawal_row
from accounts.selectors import account_of, balances
from accounts.services import credit_demo_funds
from accounts.wallet.models import Deposit, Withdrawal
from accounts.wallet.value import CENTS, VALUED_IN, last_prices, value_cents
from exchange_site.kernel.errors import ApiError
from exchange_site.kernel.money import from_units
from exchange_site.kernel.speech import told
from marketdata import figures
from marketdata.selectors import listed_markets

RECENT = 10  # Deposits and withdrawals shown.


@require_safe
@login_required
def wallet(request: HttpRequest) -> HttpResponse:
    """Every asset with what is free, what orders hold, and its value at the last price."""
    owner = account_of(request.user)
    if owner is None:
        return render(request, "accounts/wallet.html", {"section": "wallet", "rows": [], "total": None})
    prices = last_prices()
    rows, total = [], 0
    for money in balances(owner.pk):
        spec = money.asset.spec()
        value = value_cents(money.asset, money.total_units, prices)
        total += value or 0
        rows.append(
            {
                "symbol": money.asset.symbol,
                "name": money.asset.name,
                "available": figures.at_least(spec.format(money.available_units), CENTS),
                "locked": figures.at_least(spec.format(money.locked_units), CENTS),
                "total": figures.at_least(spec.format(money.total_units), CENTS),
                "value": figures.UNKNOWN if value is None else _cents(value),
                "markets": [
                    market.symbol for market in listed_markets() if money.asset.symbol in market.symbol.split("_")
                ][:1],
            }
        )
    came = Deposit.objects.filter(account=owner).select_related("network__asset").order_by("-created_at")[:RECENT]
    went = Withdrawal.objects.filter(account=owner).select_related("network__asset").order_by("-pk")[:RECENT]
    context = {
        "section": "wallet",
        "rows": rows,
        "total": _cents(total),
        "valued_in": VALUED_IN,
        "deposits": [deposit_row(row) for row in came],
        "withdrawals": [withdrawal_row(row) for row in went],
    }
    return render(request, "accounts/wallet.html", context)


def _cents(value: int) -> str:
    return figures.at_least(from_units(value, CENTS), CENTS)


@require_POST
@login_required
def faucet(request: HttpRequest) -> HttpResponse:
    """Demo money, from the house. Answers JSON to a script that asks for it, else goes back with a sentence."""
    if not settings.DEMO_MODE:
        raise Http404("There are no demo funds here.")
    wants_json = "application/json" in request.headers.get("Accept", "")
    owner = account_of(request.user)
    try:
        if owner is None:
            raise Http404("This login has no trading account.")
        credit_demo_funds(owner)
    except ApiError as refusal:
        if wants_json:
            return JsonResponse(refusal.body(), status=refusal.status)
        messages.error(request, told(refusal.message or refusal.kind.message))
        return HttpResponseRedirect(_back(request))
    if wants_json:
        return JsonResponse({"status": "Ok"})
    messages.success(request, gettext("Demo funds have arrived."))
    return HttpResponseRedirect(_back(request))


def _back(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return target
    return reverse("wallet")


@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Where a reader changes the password and the second factor, or leaves."""
    return render(request, "accounts/account.html", {"section": "account"})
