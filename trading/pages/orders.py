"""Placing and cancelling from a plain form: what the trading page does where no script runs."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.selectors import account_of
from exchange_site.kernel.errors import INVALID_ORDER, TRADING_PAUSED, ApiError
from marketdata import halt
from marketdata.market_state import state_words
from marketdata.selectors import listed_markets, market_specs
from matching.messages import OrderStatus, OrderView
from matching.symbols import MarketSpec
from trading.inputs import OrderRef, PlaceOrderInput
from trading.pages.rows import side_word
from trading.services import orders

NO_ANSWER = "No answer yet. Look at your open orders and fills before you send this order again."
NOT_NOW = (INVALID_ORDER, TRADING_PAUSED)  # Refusals that the state of the market may explain.


@require_POST
@login_required
def place(request: HttpRequest, symbol: str) -> HttpResponse:
    """Send the order, go back to the page with a sentence; a refused one keeps what was typed."""
    spec, account_id = _market(symbol), _account_id(request)
    try:
        placed = orders.place_sync(account_id, PlaceOrderInput.from_data(_wish(request, spec), market_specs()))
    except ApiError as refusal:
        _tell(request, refusal, symbol)
        kept = {name: request.POST.get(name, "") for name in ("side", "type", "price", "amount")}
        return _back(spec, {"view": "trade", **{name: value for name, value in kept.items() if value}})
    messages.success(request, _what_happened(placed.order, spec))
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
        messages.error(request, f"Not cancelled: {_sentence(refusal)}")
    else:
        messages.success(request, "Order cancelled.")
    return _back(spec, {"view": "orders"})


def _tell(request: HttpRequest, refusal: ApiError, symbol: str) -> None:
    """A refusal in words. Where nobody knows what happened it is not called one."""
    if refusal.extra.get("executed") == "unknown":
        messages.warning(request, NO_ANSWER)
        return
    market = next((each for each in listed_markets() if each.symbol == symbol), None)
    reason = state_words(market, halt.current()).sentence if market and refusal.kind in NOT_NOW else ""
    messages.error(request, f"Not placed: {reason or _sentence(refusal)}")


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


def _wish(request: HttpRequest, spec: MarketSpec) -> dict[str, object]:
    """The form's words as the API's. Grouping commas are ours, so they are taken back; nothing else is."""
    form = request.POST
    wish: dict[str, object] = {
        "symbol": spec.symbol,
        "side": "Ask" if form.get("side") == "sell" else "Bid",
    }
    amount = form.get("amount", "").replace(",", "").strip()
    total = form.get("total", "").replace(",", "").strip()
    if form.get("type") == "market":
        wish["orderType"] = "Market"
        wish["quantity" if amount else "quoteQuantity"] = amount or total or None
        return wish
    wish |= {
        "orderType": "Limit",
        "price": form.get("price", "").replace(",", "").strip() or None,
        "quantity": amount or None,
        "timeInForce": form.get("tif", "GTC"),
        "postOnly": form.get("post_only") == "1",
    }
    return wish


def _sentence(refusal: ApiError) -> str:
    text = refusal.message or refusal.kind.message
    return text if text.endswith(".") else f"{text}."


def _what_happened(order: OrderView, spec: MarketSpec) -> str:
    """The fact, in a sentence."""
    done = spec.format_quantity_padded(order.executed_lots)
    verb = "Bought" if side_word(order.side.value) == "Buy" else "Sold"
    base = spec.base.symbol
    if order.status is OrderStatus.FILLED:
        return f"{verb} {done} {base}. The order is complete."
    if order.status is OrderStatus.EXPIRED:
        return f"{verb} {done} {base}, the rest was cancelled." if order.executed_lots else "Nothing was traded."
    if order.status is OrderStatus.TRIGGER_PENDING:
        return "The order waits for its trigger."
    waiting = "The order waits in the book."
    return f"{verb} {done} {base}. The rest waits in the book." if order.executed_lots else waiting


def _back(spec: MarketSpec, query: dict[str, str]) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('trade', args=[spec.symbol])}?{urlencode(query)}")
