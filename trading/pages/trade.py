"""The trading page. It arrives with real figures; `static/js/trade.js` keeps them alive."""

import json

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.selectors import AssetBalance, account_of, balances
from accounts.site import favourites
from marketdata import figures, halt
from marketdata import selectors as market_selectors
from marketdata.market_state import state_words
from marketdata.models import Kline, Market
from marketdata.page_data import chart_shapes, market_row
from matching.messages import Side
from matching.symbols import MarketSpec
from trading import selectors
from trading.pages import rows
from trading.pages.wishes import KEPT, TYPES

INTERVALS = ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
MORE_INTERVALS = ("1s", "3m", "30m", "2h", "6h", "8h", "12h", "3d", "1month")
USUAL_INTERVAL, YOUNG_INTERVAL = "15m", "1m"
FIRST_CANDLES = 48  # In the page as it arrives; the script loads more.
FEW_CANDLES = 12
TABS = (
    ("open", gettext_lazy("Open orders")),
    ("history", gettext_lazy("Order history")),
    ("fills", gettext_lazy("Fills")),
    ("balances", gettext_lazy("Balances")),
)
TYPE_WORDS = tuple(zip(TYPES, ("Limit", "Market", "Stop", "OCO", "Trailing"), strict=True))
TIF_WORDS = (
    ("GTC", gettext_lazy("Until cancelled")),
    ("IOC", gettext_lazy("Now or cancel the rest")),
    ("FOK", gettext_lazy("All now or nothing")),
    ("GTD", gettext_lazy("Until a date")),
)
VIEWS = ("chart", "trade", "tape", "orders", "info")
BOOK_ROWS = 40
BOOK_STEPS = (1, 2, 5, 10, 50, 100, 1000)  # Ticks that a line of the book may stand for.
TAPE_ROWS = 60


@require_safe
def first_market(request: HttpRequest) -> HttpResponse:
    """`/trade` leads to the market seen last, else to the first of the list."""
    specs = market_selectors.market_specs()
    wanted = request.COOKIES.get("market", "")
    symbol = wanted if wanted in specs else next(iter(specs), None)
    if symbol is None:
        return HttpResponseRedirect(reverse("markets"))
    return HttpResponseRedirect(reverse("trade", args=[symbol]))


@require_safe
@ensure_csrf_cookie
def trade(request: HttpRequest, symbol: str) -> HttpResponse:
    """Query strings choose what script would: `interval`, `tab`, `view` (phones), `side`, `type`, `price`, `amount`."""
    markets = market_selectors.listed_markets()
    market = next((each for each in markets if each.symbol == symbol), None)
    if market is None:
        raise Http404(symbol)
    spec, account, words = market.spec(), account_of(request.user), state_words(market, halt.current())
    interval, candles = _chart(request, market)
    book, starred = _book(market, spec), favourites.symbols_of(request.user)
    fees = (account and selectors.fees_of(account.pk, market.pk)) or (market.maker_fee_ppm, market.taker_fee_ppm)
    context = {
        "section": "trade",
        "market": market,
        "spec": spec,
        "name": symbol.replace("_", "/"),
        "row": market_row(market),
        "state": words,
        "markets": sorted(markets, key=lambda each: each.symbol not in starred),
        "favourites": starred,
        "starred": symbol in starred,
        "account": account,
        "fees": {"maker": fees[0], "taker": fees[1]},
        "page": json.dumps({**_page_facts(market, spec, account, interval, fees), "state": words.state}),
        "intervals": INTERVALS,
        "more_intervals": MORE_INTERVALS,
        "interval": interval,
        "views": VIEWS,
        "view": _choice(request, "view", VIEWS, "chart"),
        "tabs": TABS,
        "tab": _choice(request, "tab", [key for key, _ in TABS], "open"),
        "form": _form_start(request, book),
        "types": TYPE_WORDS,
        "tifs": TIF_WORDS,
        "book_steps": [(step, figures.grouped(spec.format_price_padded(step))) for step in BOOK_STEPS],
        "rules": {
            "tick": spec.format_price_padded(1),
            "step": spec.format_quantity_padded(1),
            "least": spec.format_quantity_padded(spec.min_quantity_lots),
        },
        "candles": chart_shapes(candles),
        **book,
        **_own(request, market, spec, account),
    }
    answer = render(request, "trading/trade.html", context)
    answer.set_cookie("market", symbol, samesite="Lax", secure=request.is_secure())
    return answer


@require_safe
def state(request: HttpRequest, symbol: str) -> HttpResponse:
    """What the market takes now, in the page's own words: an open page asks every few seconds."""
    market = next((each for each in market_selectors.listed_markets() if each.symbol == symbol), None)
    if market is None:
        raise Http404(symbol)
    words = state_words(market, halt.current())
    answer = JsonResponse({"state": words.state, "word": words.word, "sentence": words.sentence})
    answer["Cache-Control"] = "no-store"
    return answer


def _choice(request: HttpRequest, name: str, allowed: object, default: str) -> str:
    value = request.GET.get(name, "")
    return value if value in allowed else default  # type: ignore[operator]


def _chart(request: HttpRequest, market: Market) -> tuple[str, list[Kline]]:
    """The interval and its newest candles. Nobody chose one: a young market is shown by the minute."""
    interval = _choice(request, "interval", INTERVALS + MORE_INTERVALS, USUAL_INTERVAL)
    candles = market_selectors.klines(market.pk, interval, limit=FIRST_CANDLES)
    if len(candles) < FEW_CANDLES and "interval" not in request.GET:
        interval = YOUNG_INTERVAL
        candles = market_selectors.klines(market.pk, interval, limit=FIRST_CANDLES)
    return interval, candles


def _page_facts(
    market: Market, spec: MarketSpec, account: Account | None, interval: str, fees: tuple[int, int]
) -> dict[str, object]:
    """What the script must know to count exactly. Whole numbers only; the large ones are text, for BigInt."""
    return {
        "symbol": spec.symbol,
        "base": spec.base.symbol,
        "quote": spec.quote.symbol,
        "baseDecimals": spec.base.decimals,
        "quoteDecimals": spec.quote.decimals,
        "priceDecimals": spec.price_decimals,
        "quantityDecimals": spec.quantity_decimals,
        "tickScaled": str(spec.tick_scaled),
        "stepScaled": str(spec.step_scaled),
        "minLots": str(spec.min_quantity_lots),
        "baseUnitsPerLot": str(spec.base_units_per_lot),
        "quoteUnitsPerTickLot": str(spec.quote_units_per_tick_lot),
        "makerPpm": str(fees[0]),
        "takerPpm": str(fees[1]),
        "minImpactPpm": _text(market.min_impact_ppm),
        "maxImpactPpm": _text(market.max_impact_ppm),
        "interval": interval,
        "stateUrl": reverse("trade_state", args=[spec.symbol]),
        "signedIn": account is not None,
        "loginUrl": f"{reverse('account_login')}?next={reverse('trade', args=[spec.symbol])}",
        "pairs": {
            each.symbol: {
                "priceDecimals": each.price_decimals,
                "quantityDecimals": each.quantity_decimals,
                "quoteDecimals": each.quote.decimals,
            }
            for each in market_selectors.market_specs().values()
        },
    }


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _form_start(request: HttpRequest, book: dict[str, object]) -> dict[str, object]:
    """What the form holds at first: from a link or a refused post, else the best price to rest at."""
    kept = {name: request.GET.get(name, "")[:40] for name in KEPT}
    side = "sell" if kept["side"] == "sell" else "buy"
    kind = kept["type"] or request.COOKIES.get("order_type", "")
    return {
        **kept,
        "side": side,
        "type": kind if kind in TYPES else "limit",
        "price": kept["price"] or book["best_bid" if side == "buy" else "best_ask"],
    }


def _book(market: Market, spec: MarketSpec) -> dict[str, object]:
    bids = selectors.book_levels(market.pk, Side.BID, BOOK_ROWS)
    asks = selectors.book_levels(market.pk, Side.ASK, BOOK_ROWS)
    bid_sum, ask_sum = sum(lots for _, lots in bids), sum(lots for _, lots in asks)
    total = max(bid_sum, ask_sum, 1)
    trades = market_selectors.recent_trades(market.pk, TAPE_ROWS)
    spread = asks[0][0] - bids[0][0] if bids and asks else None
    share = (bid_sum * 200 + bid_sum + ask_sum) // (2 * (bid_sum + ask_sum)) if bid_sum + ask_sum else 50
    return {
        "bids": rows.book_rows(spec, bids, total),
        "asks": rows.book_rows(spec, asks, total),
        "spread": figures.UNKNOWN if spread is None else spec.format_price_padded(spread),
        "spread_bps": figures.UNKNOWN if spread is None else figures.basis_points(2 * spread, asks[0][0] + bids[0][0]),
        "bid_share": share,
        "ask_share": 100 - share,
        "bid_share_step": (share + 2) // 5 * 5,
        "tape": rows.tape_rows(spec, trades),
        "last_direction": ("down" if trades[0].buyer_is_maker else "up") if trades else "",
        "best_bid": figures.for_field(spec.format_price_padded(bids[0][0])) if bids else "",
        "best_ask": figures.for_field(spec.format_price_padded(asks[0][0])) if asks else "",
    }


def _own(request: HttpRequest, market: Market, spec: MarketSpec, account: Account | None) -> dict[str, object]:
    """The reader's orders and money; empty lists for a visitor."""
    if account is None:
        return {"open_orders": [], "history": [], "own_fills": [], "balances": []}
    tab = request.GET.get("tab", "open")
    money = balances(account.pk)
    named = {each.asset.symbol: each for each in money}
    return {
        "open_orders": [rows.order_row(order) for order in selectors.open_orders(account.pk)],
        "history": [rows.order_row(order) for order in selectors.ended_orders(account.pk)] if tab == "history" else [],
        "own_fills": [rows.fill_row(fill) for fill in selectors.fills(account.pk)] if tab == "fills" else [],
        "balances": [_money_row(each) for each in money],
        "pair_balances": [
            _money_row(named[symbol]) for symbol in (spec.base.symbol, spec.quote.symbol) if symbol in named
        ],
    }


def _money_row(money: AssetBalance) -> dict[str, str]:
    spec = money.asset.spec()
    return {
        "symbol": money.asset.symbol,
        "name": money.asset.name,
        "available": figures.at_least(spec.format(money.available_units), 2),
        "locked": figures.at_least(spec.format(money.locked_units), 2),
        "total": figures.at_least(spec.format(money.total_units), 2),
    }
