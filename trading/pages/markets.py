"""The list of markets: filtered, sorted and starred by links and forms, so that everything works without script."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_safe

from accounts.site import favourites
from accounts.wallet.value import Prices, last_prices
from marketdata import figures
from marketdata.models import Market
from marketdata.page_data import MarketRow, market_rows
from trading import selectors

SORTS = ("market", "last", "change", "volume", "spread")  # Columns that can be sorted by.
STARRED = "favourites"


@dataclass(frozen=True, slots=True)
class ListRow:
    """A market's figures, its spread, its star, and whole numbers to sort by: `None` sorts last."""

    row: MarketRow
    spread: str
    bps: str
    starred: bool
    keys: dict[str, int | str | None]


@dataclass(frozen=True, slots=True)
class Head:
    """One sortable column: where its link leads, and how the list is sorted by it now."""

    key: str
    label: object
    classes: str
    link: str
    sorted: str  # "ascending", "descending" or "".


@require_safe
def markets(request: HttpRequest) -> HttpResponse:
    """`?q=` filters by name or asset, `?quote=` by quote asset (or `favourites`), `?sort=` and `?dir=` put in order."""
    rows = list_rows(request.user)
    wanted, quote = request.GET.get("q", "").strip()[:40], request.GET.get("quote", "")
    shown = [each for each in rows if _fits(each.row, wanted) and _chosen(each, quote)]
    sort, down = _order(request)
    context = {
        "rows": in_order(shown, sort, down) if sort else shown,
        "all_count": len(rows),
        "open_count": sum(1 for each in rows if each.row.state.is_open),
        "star_count": sum(1 for each in rows if each.starred),
        "q": wanted,
        "quote": quote,
        "quotes": sorted({each.row.spec.quote.symbol for each in rows}),
        "heads": _heads(request, sort, down),
        "totals": _totals([each.row for each in rows]),
        "section": "markets",
    }
    return render(request, "marketdata/markets.html", context)


def list_rows(user: object) -> list[ListRow]:
    """Every listed market, in list order."""
    best, starred, prices = selectors.best_prices(), favourites.symbols_of(user), last_prices()
    return [_list_row(row, best.get(row.market.pk, (None, None)), starred, prices) for row in market_rows()]


def _list_row(row: MarketRow, best: tuple[int | None, int | None], starred: set[str], prices: Prices) -> ListRow:
    bid, ask = best
    known = bid is not None and ask is not None
    spread, middle = (ask - bid, ask + bid) if known else (0, 0)  # type: ignore[operator]
    now, day = getattr(row.market, "figures", None), getattr(row.market, "statistics", None)
    last, opened = now.last_price_ticks if now else None, day.open_ticks if day else None
    keys: dict[str, int | str | None] = {
        "market": row.spec.symbol,
        "last": _worth(row.market, last, prices),
        "change": (last - opened) * 1_000_000 // opened if last is not None and opened else None,
        "volume": _worth_of_quote(row.market, int(day.quote_units), prices) if day else None,
        "spread": spread * 2_000_000_000 // middle if known and middle else None,
    }
    return ListRow(
        row=row,
        spread=figures.grouped(row.spec.format_price_padded(spread)) if known else figures.UNKNOWN,
        bps=figures.basis_points(2 * spread, middle) if known else "",
        starred=row.spec.symbol in starred,
        keys=keys,
    )


def _worth_of_quote(market: Market, units: int, prices: Prices) -> int | None:
    """Quote units in millionths of a cent of the valuing asset, so that different quote assets compare."""
    price = prices.get(market.quote.symbol)
    if price is None:
        return None
    numerator, denominator, decimals = price
    return units * numerator * 10**8 // (denominator * 10**decimals)


def _worth(market: Market, ticks: int | None, prices: Prices) -> int | None:
    """The price of one whole coin, likewise."""
    if ticks is None:
        return None
    spec = market.spec()
    lots = 10**spec.base.decimals // spec.base_units_per_lot or 1
    return _worth_of_quote(market, ticks * spec.quote_units_per_tick_lot * lots, prices)


def _fits(row: MarketRow, wanted: str) -> bool:
    text = f"{row.spec.symbol} {row.spec.symbol.replace('_', '/')} {row.market.base.name}".lower()
    return wanted.lower() in text


def _chosen(each: ListRow, quote: str) -> bool:
    if quote == STARRED:
        return each.starred
    return not quote or each.row.spec.quote.symbol == quote


# --------------------------------------------------------------------------------------------------------- sorting
def _order(request: HttpRequest) -> tuple[str, bool]:
    """Column and whether downwards; no column is the venue's own order."""
    sort = request.GET.get("sort", "")
    if sort not in SORTS:
        return "", False
    return sort, request.GET.get("dir", "up" if sort == "market" else "down") == "down"


def in_order(rows: list[ListRow], sort: str, down: bool) -> list[ListRow]:
    """What has no figure comes last in both directions."""
    known = [each for each in rows if each.keys[sort] is not None]
    known.sort(key=lambda each: each.keys[sort], reverse=down)  # type: ignore[arg-type,return-value]
    return known + [each for each in rows if each.keys[sort] is None]


def _heads(request: HttpRequest, sort: str, down: bool) -> list[Head]:
    labels = {
        "market": (gettext_lazy("Market"), ""),
        "last": (gettext_lazy("Last price"), "num"),
        "change": (pgettext_lazy("column", "Change"), "num"),
        "volume": (gettext_lazy("Volume"), "num m-volume"),
        "spread": (gettext_lazy("Spread"), "num m-spread"),
    }
    kept = {name: request.GET[name][:40] for name in ("q", "quote") if request.GET.get(name)}
    heads = []
    for key, (label, classes) in labels.items():
        first = "up" if key == "market" else "down"
        turned = ("up" if down else "down") if key == sort else first
        now = "" if key != sort else "descending" if down else "ascending"
        heads.append(Head(key, label, classes, "?" + urlencode({**kept, "sort": key, "dir": turned}), now))
    return heads


def _totals(rows: list[MarketRow]) -> list[tuple[str, str]]:
    """Quote asset and the sum of its markets' volume. Different assets are not added up."""
    sums: dict[str, int] = {}
    decimals = {row.spec.quote.symbol: row.spec.quote for row in rows}
    for row in rows:
        day = getattr(row.market, "statistics", None)
        sums[row.spec.quote.symbol] = sums.get(row.spec.quote.symbol, 0) + (int(day.quote_units) if day else 0)
    return [(symbol, figures.short(decimals[symbol].format(units))) for symbol, units in sums.items()]
