"""Deposits, withdrawals and the address book as pages. Rules live in `accounts.wallet`; a page asks and shows."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Account
from accounts.pages.wallet_rows import deposit_row, in_words, steps_of, waiting_for, withdrawal_row
from accounts.selectors import account_of, balances
from accounts.wallet import addresses, deposits, mail, progress, risk, second_factor, withdrawals
from accounts.wallet.chain import ChainError
from accounts.wallet.models import AssetNetwork, Deposit, Withdrawal
from accounts.wallet.tasks import advance_soon
from accounts.wallet.withdrawals import Wish
from exchange_site.kernel.errors import ApiError
from exchange_site.kernel.speech import told

SHOWN = 50  # Rows of a list on a page.
Page = Callable[..., HttpResponse]


def of_account(page: Page) -> Page:
    """For people with an account, who are handed over to the page; never kept by a cache."""

    @wraps(page)
    @never_cache
    @login_required
    def with_account(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        owner = account_of(request.user)
        if owner is None:
            raise Http404("This login has no account that could hold money.")
        return page(request, owner, *args, **named)

    return with_account


def say(request: HttpRequest, refusal: ApiError) -> None:
    messages.error(request, told(refusal.message or refusal.kind.message))


def _networks() -> list[AssetNetwork]:
    rows = AssetNetwork.objects.select_related("asset").order_by("asset__symbol", "blockchain")
    return [row for row in rows if row.blockchain in settings.WALLET_CHAINS]


def _chosen(request: HttpRequest, networks: list[AssetNetwork]) -> AssetNetwork | None:
    wanted = request.GET.get("asset") or request.POST.get("asset")
    return next((row for row in networks if row.asset.symbol == wanted), networks[0] if networks else None)


@require_safe
@of_account
def deposit(request: HttpRequest, owner: Account) -> HttpResponse:
    """The account's own address on a chain, the rules there, and what has arrived."""
    networks = _networks()
    network = _chosen(request, networks)
    address = None
    if network is not None and network.deposit_enabled:
        try:
            address = deposits.address_of(owner, network.blockchain).address
        except ChainError:
            away = gettext("The node of {chain} is away; try again in a minute.")
            messages.error(request, away.format(chain=network.blockchain))
    rows = Deposit.objects.filter(account=owner).select_related("network__asset").order_by("-created_at")[:SHOWN]
    context = {
        "section": "wallet",
        "networks": networks,
        "network": network,
        "address": address,
        "minimum": network and network.asset.spec().format(network.minimum_deposit_units),
        "rows": [deposit_row(row) for row in rows],
        "simulated": network is not None and is_simulated(network.blockchain),
    }
    return render(request, "accounts/wallet_deposit.html", context)


def is_simulated(blockchain: str) -> bool:
    return settings.DEMO_MODE and settings.WALLET_CHAINS.get(blockchain) == "simulated"


@require_http_methods(["GET", "HEAD", "POST"])
@of_account
def withdraw(request: HttpRequest, owner: Account) -> HttpResponse:
    """Ask for a withdrawal. Everything typed comes back when it is refused, except the code."""
    networks = _networks()
    network = _chosen(request, networks)
    if request.method == "POST" and network is not None:
        wish = Wish(
            symbol=network.asset.symbol,
            blockchain=network.blockchain,
            address=request.POST.get("address", "").strip(),
            quantity=request.POST.get("quantity", "").strip(),
            memo=request.POST.get("memo", "").strip(),
            client_id=f"page:{request.POST['form']}"[:64] if request.POST.get("form") else None,
            code=request.POST.get("code", ""),
            ip_address=request.META.get("REMOTE_ADDR") or None,
        )
        try:
            row = withdrawals.request(owner, wish)
            progress.let_on(row.pk)
            return redirect("withdrawal", row.pk)
        except ApiError as refusal:
            say(request, refusal)
    context = {
        "section": "wallet",
        "networks": networks,
        "network": network,
        "typed": request.POST,
        "book": [row for row in addresses.entries(owner.pk) if network and row.blockchain == network.blockchain],
        "has_second_factor": second_factor.has_one(owner.user) if owner.user else False,
        "form": request.POST.get("form") or secrets.token_hex(8),  # Sent twice, it is one withdrawal.
        "frozen_until": frozen_until if (frozen_until := risk.frozen_until(owner.pk)) > timezone.now() else None,
        "hold": in_words(settings.WALLET_ADDRESS_HOLD_S),
        **_figures(owner, network),
    }
    return render(request, "accounts/wallet_withdraw.html", context)


def _figures(owner: Account, network: AssetNetwork | None) -> dict[str, Any]:
    if network is None:
        return {}
    spec = network.asset.spec()
    held = next((row for row in balances(owner.pk) if row.asset.pk == network.asset_id), None)
    used, _ = risk.used_today(owner.pk)
    limit = network.daily_limit_units
    return {
        "available": spec.format(held.available_units if held else 0),
        "fee": spec.format(network.withdrawal_fee_units),
        "minimum": spec.format(network.minimum_withdrawal_units),
        "left_today": None if limit is None else spec.format(max(0, limit - used.get(network.asset_id, 0))),
    }


@require_safe
@of_account
def one_withdrawal(request: HttpRequest, owner: Account, pk: int) -> HttpResponse:
    """Where a withdrawal stands, and what it waits for."""
    row = _own(owner, pk)
    context = {
        "section": "wallet",
        "row": withdrawal_row(row),
        "steps": steps_of(row),
        "waits_for": waiting_for(row),
        "shows_mail": settings.DEMO_MODE and row.needs_mail and row.confirmed_at is None,
    }
    return render(request, "accounts/wallet_withdrawal.html", context)


def _own(owner: Account, pk: int) -> Withdrawal:
    """Somebody else's is as unknown as one that never was."""
    row = Withdrawal.objects.filter(pk=pk, account=owner).select_related("network__asset").first()
    if row is None:
        raise Http404("There is no such withdrawal.")
    return row


@require_POST
@of_account
def cancel(request: HttpRequest, owner: Account, pk: int) -> HttpResponse:
    _own(owner, pk)
    try:
        withdrawals.cancel(owner, pk)
        advance_soon()
        messages.success(request, gettext("The withdrawal is cancelled; the money is free again."))
    except ApiError as refusal:
        say(request, refusal)
    return redirect("withdrawal", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@of_account
def confirm(request: HttpRequest, owner: Account, pk: int, token: str) -> HttpResponse:
    """The link of the mail. Opening it changes nothing, because mail programs open links too; the button does."""
    row = _own(owner, pk)
    if not mail.is_token_of(row, token):
        messages.error(request, gettext("This link is not valid any more."))
        return redirect("withdrawal", pk)
    if request.method == "POST":
        try:
            withdrawals.confirm(owner, pk)
            progress.let_on(pk)
            messages.success(request, gettext("Confirmed."))
        except ApiError as refusal:
            say(request, refusal)
        return redirect("withdrawal", pk)
    return render(request, "accounts/wallet_confirm.html", {"section": "wallet", "row": withdrawal_row(row)})


@require_http_methods(["GET", "HEAD", "POST"])
@of_account
def book(request: HttpRequest, owner: Account) -> HttpResponse:
    """The address book: a new entry needs the second factor, as every way out does."""
    if request.method == "POST":
        try:
            blockchain, address = request.POST.get("blockchain", ""), request.POST.get("address", "").strip()
            memo, label = request.POST.get("memo", "").strip(), request.POST.get("label", "").strip()
            addresses.check_address(blockchain, address, memo)
            assert owner.user is not None, "only people have a page"
            second_factor.demand(owner.user, request.POST.get("code", ""))
            for_keys = request.POST.get("for_keys") == "on"
            addresses.add(owner, blockchain, address, memo=memo, label=label, for_keys=for_keys)
            messages.success(request, gettext("The address is in the book."))
            return redirect("wallet_addresses")
        except ApiError as refusal:
            say(request, refusal)
    context = {
        "section": "wallet",
        "entries": addresses.entries(owner.pk),
        "chains": sorted({row.blockchain for row in _networks()}),
        "typed": request.POST,
        "has_second_factor": second_factor.has_one(owner.user) if owner.user else False,
        "hold": in_words(settings.WALLET_ADDRESS_HOLD_S),
        "now": timezone.now(),
    }
    return render(request, "accounts/wallet_addresses.html", context)


@require_POST
@of_account
def remove_address(request: HttpRequest, owner: Account, pk: int) -> HttpResponse:
    try:
        addresses.remove(owner, pk)
        messages.success(request, gettext("The address is removed."))
    except ApiError as refusal:
        say(request, refusal)
    return redirect("wallet_addresses")
