"""Placing, changing and cancelling from a plain form: what the trading page does where no script runs."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext
from django.views.decorators.http import require_POST

from accounts.selectors import account_of
from exchange_site.kernel.errors import INVALID_ORDER, TRADING_PAUSED, ApiError
from exchange_site.kernel.speech import told
from marketdata import figures, halt
from marketdata.market_state import state_words
from marketdata.selectors import listed_markets, market_specs
from matching.messages import OrderStatus, OrderView, Side
from matching.symbols import MarketSpec
from trading.inputs import AmendInput, CancelAllInput, OcoInput, OrderRef, PlaceOrderInput, idempotency_key
from trading.pages.review import facts_of
from trading.pages.wishes import KEPT, wish_of
from trading.services import orders

NO_ANSWER = gettext_noop("No answer yet. Look at your open orders and fills before you send this order again.")
NOT_NOW = (INVALID_ORDER, TRADING_PAUSED)  # Refusals that the state of the market may explain.
KEY_FIELD = "key"  # The review page names its order: sending it twice places it once.


@require_POST
@login_required
def review(request: HttpRequest, symbol: str) -> HttpResponse:
    """What the order would do, and a button that sends it. Nothing is placed here."""
    spec, account_id = _market(symbol), _account_id(request)
    try:
        wish = _input(request.POST, spec)
    except ApiError as refusal:
        return _refused(request, refusal, spec)
    context = {
        "section": "trade",
        "spec": spec,
        "name": spec.symbol.replace("_", "/"),
        "fields": [(name, request.POST[name]) for name in KEPT if request.POST.get(name)],
        "key": secrets.token_hex(16),
        "back": f"{reverse('trade', args=[spec.symbol])}?{urlencode(_kept(request))}",
        **facts_of(wish, account_id),
    }
    return render(request, "trading/review.html", context)


@require_POST
@login_required
def place(request: HttpRequest, symbol: str) -> HttpResponse:
    """Send the order, go back to the page with a sentence; a refused one keeps what was typed."""
    spec, account_id = _market(symbol), _account_id(request)
    try:
        wish, key = _input(request.POST, spec), idempotency_key(request.POST.get(KEY_FIELD) or None)
        if isinstance(wish, OcoInput):
            orders.place_oco_sync(account_id, wish, key=key)
            said = gettext("Both orders wait. When one trades or fires, the other is cancelled.")
        else:
            said = _what_happened(orders.place_sync(account_id, wish, key=key).order, spec)
    except ApiError as refusal:
        return _refused(request, refusal, spec)
    messages.success(request, said)
    return _back(spec, {"view": "orders", "side": request.POST.get("side", "buy")})


@require_POST
@login_required
def cancel(request: HttpRequest, symbol: str) -> HttpResponse:
    """Take one order back; the form names its own market, which may be another one than the page's."""
    spec, account_id = _market(symbol), _account_id(request)
    wish = {"symbol": request.POST.get("symbol", symbol), "orderId": request.POST.get("order", "")}
    try:
        orders.cancel_sync(account_id, OrderRef.from_data(wish, market_specs()))
    except ApiError as refusal:
        messages.error(request, gettext("Not cancelled: {reason}").format(reason=_sentence(refusal)))
    else:
        messages.success(request, gettext("Order cancelled."))
    return _back(spec, {"view": "orders"})


@require_POST
@login_required
def cancel_all(request: HttpRequest, symbol: str) -> HttpResponse:
    """Take back every open order of this market."""
    spec, account_id = _market(symbol), _account_id(request)
    try:
        gone = orders.cancel_all_sync(account_id, CancelAllInput.from_data({"symbol": symbol}, market_specs())).orders
    except ApiError as refusal:
        messages.error(request, gettext("Not cancelled: {reason}").format(reason=_sentence(refusal)))
    else:
        messages.success(
            request,
            ngettext("{count} order cancelled.", "{count} orders cancelled.", len(gone)).format(count=len(gone)),
        )
    return _back(spec, {"view": "orders"})


@require_POST
@login_required
def amend(request: HttpRequest, symbol: str) -> HttpResponse:
    """Change price, amount or trigger of an open order; an empty field leaves its value."""
    spec, account_id = _market(symbol), _account_id(request)
    wish: dict[str, object] = {"symbol": symbol, "orderId": request.POST.get("order", "")}
    for member, field in (("price", "price"), ("quantity", "amount"), ("triggerPrice", "trigger")):
        text = figures.entered(request.POST.get(field, ""))
        if text:
            wish[member] = text
    try:
        changed = orders.amend_sync(account_id, AmendInput.from_data(wish, market_specs())).order
    except ApiError as refusal:
        messages.error(request, gettext("Not changed: {reason}").format(reason=_sentence(refusal)))
    else:
        messages.success(request, gettext("Changed. {fact}").format(fact=_what_happened(changed, spec)))
    return _back(spec, {"view": "orders"})


def _input(form: Mapping[str, str], spec: MarketSpec) -> PlaceOrderInput | OcoInput:
    """Raises ApiError."""
    wish = wish_of(form, spec)
    if isinstance(wish, list):
        return OcoInput.from_data(wish, market_specs())
    return PlaceOrderInput.from_data(wish, market_specs())


def _kept(request: HttpRequest) -> dict[str, str]:
    kept = {name: request.POST.get(name, "")[:40] for name in KEPT}
    return {"view": "trade", **{name: value for name, value in kept.items() if value}}


def _refused(request: HttpRequest, refusal: ApiError, spec: MarketSpec) -> HttpResponse:
    """Back to the form, with what was typed. Where nobody knows what happened it is not called a refusal."""
    if refusal.extra.get("executed") == "unknown":
        messages.warning(request, gettext(NO_ANSWER))
    else:
        market = next((each for each in listed_markets() if each.symbol == spec.symbol), None)
        reason = state_words(market, halt.current()).sentence if market and refusal.kind in NOT_NOW else ""
        messages.error(request, gettext("Not placed: {reason}").format(reason=reason or _sentence(refusal)))
    return _back(spec, _kept(request))


def _market(symbol: str) -> MarketSpec:
    spec = market_specs().get(symbol)
    if spec is None:
        raise Http404(symbol)
    return spec


def _account_id(request: HttpRequest) -> int:
    account = account_of(request.user)
    if account is None:
        raise Http404("This login has no trading account.")
    return account.pk


def _sentence(refusal: ApiError) -> str:
    text = told(refusal.message or refusal.kind.message)
    return text if text.endswith(".") else f"{text}."


def _what_happened(order: OrderView, spec: MarketSpec) -> str:
    """The fact, in a sentence."""
    done = spec.format_quantity_padded(order.executed_lots)
    bought = gettext("Bought {amount}") if order.side is Side.BID else gettext("Sold {amount}")
    traded = bought.format(amount=f"{done} {spec.base.symbol}")
    if order.status is OrderStatus.FILLED:
        return gettext("{traded}. The order is complete.").format(traded=traded)
    if order.status is OrderStatus.EXPIRED:
        ended = gettext("{traded}, the rest was cancelled.").format(traded=traded)
        return ended if order.executed_lots else gettext("Nothing was traded.")
    if order.status is OrderStatus.TRIGGER_PENDING:
        return gettext("The order waits for its trigger.")
    if not order.executed_lots:
        return gettext("The order waits in the book.")
    return gettext("{traded}. The rest waits in the book.").format(traded=traded)


def _back(spec: MarketSpec, query: dict[str, str]) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('trade', args=[spec.symbol])}?{urlencode(query)}")
