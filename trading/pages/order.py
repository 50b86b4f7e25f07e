"""One order explained: what it was, what happened to it step by step, and why it ended, in words."""

import json

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.selectors import account_of
from marketdata.models import Trade
from matching.messages import MAX_INT
from trading import selectors
from trading.api.freshness import wait_for_own_writes
from trading.api.json import history_order, view_of
from trading.models import Fill, Order
from trading.pages import order_story
from trading.pages.rows import side_direction, side_word, status_of

PRICES = 400  # Trades that the drawing of the price is made of, at most.


@require_safe
@login_required
@ensure_csrf_cookie
def detail(request: HttpRequest, order_id: int) -> HttpResponse:
    """The order of the reader; anybody else's is as unknown as one that never was."""
    account = account_of(request.user)
    if account is None or order_id > MAX_INT:
        raise Http404("no such order")
    order = _order(account.pk, order_id)
    spec = order.market.spec()
    fills = list(
        Fill.objects.filter(order_id=order.pk, account_id=account.pk)
        .select_related("market__base", "market__quote", "fee_asset")
        .order_by("id")
    )
    status, tone = status_of(order)
    context = {
        "section": "history",
        "order": order,
        "spec": spec,
        "status": status,
        "tone": tone,
        "title": order_story.title(order, spec),
        "side": side_word(order.side),
        "direction": side_direction(order.side),
        "subtitle": order_story.subtitle(order),
        "summary": order_story.summary(order, spec, fills),
        "steps": order_story.steps(order, spec, fills),
        "facts": order_story.facts(order, spec, fills),
        "fills": [order_story.fill_line(fill, spec) for fill in fills],
        "sums": order_story.sums(fills, spec),
        "drawing": order_story.drawing(order, spec, fills, _prices(order)),
        "is_open": order.status in selectors.OPEN,
        "again": f"{reverse('trade', args=[spec.symbol])}?{urlencode(order_story.form_of(order, spec))}",
        "json": json.dumps(history_order(view_of(order), spec), indent=2),
    }
    return render(request, "trading/order.html", context)


def _order(account_id: int, order_id: int) -> Order:
    """Raises Http404. An order of this very moment is waited for: the database follows the engine."""
    rows = Order.objects.filter(pk=order_id, account_id=account_id).select_related("market__base", "market__quote")
    order = rows.first()
    if order is None:
        wait_for_own_writes()
        order = rows.first()
    if order is None:
        raise Http404("no such order")
    return order


def _prices(order: Order) -> list[tuple[float, int]]:
    """Seconds since 1970 and ticks of the last trades while the order was there, oldest first."""
    until = None if order.status in selectors.OPEN else order.updated_at
    trades = Trade.objects.filter(market_id=order.market_id, at__gte=order.created_at)
    if until is not None:
        trades = trades.filter(at__lte=until)
    rows = trades.order_by("-trade_id").values_list("at", "price_ticks")[:PRICES]
    return [(at.timestamp(), ticks) for at, ticks in rows][::-1]
