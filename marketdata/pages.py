"""Pages about markets."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketdata import figures
from marketdata.page_data import MarketRow, market_rows


@require_safe
def markets(request: HttpRequest) -> HttpResponse:
    """All markets; `?q=` filters by name or asset, `?quote=` by quote asset. Both work without script."""
    rows = market_rows()
    wanted, quote = request.GET.get("q", "").strip()[:40], request.GET.get("quote", "")
    shown = [row for row in rows if _fits(row, wanted) and (not quote or row.spec.quote.symbol == quote)]
    context = {
        "rows": shown,
        "count": sum(1 for row in rows if row.state.is_open),
        "q": wanted,
        "quote": quote,
        "quotes": sorted({row.spec.quote.symbol for row in rows}),
        "totals": _totals(rows),
        "section": "markets",
    }
    return render(request, "marketdata/markets.html", context)


def _fits(row: MarketRow, wanted: str) -> bool:
    text = f"{row.spec.symbol} {row.spec.symbol.replace('_', '/')} {row.market.base.name}".lower()
    return wanted.lower() in text


def _totals(rows: list[MarketRow]) -> list[tuple[str, str]]:
    """Quote asset and the sum of its markets' volume. Different assets are not added up."""
    sums: dict[str, int] = {}
    decimals = {row.spec.quote.symbol: row.spec.quote for row in rows}
    for row in rows:
        day = getattr(row.market, "statistics", None)
        sums[row.spec.quote.symbol] = sums.get(row.spec.quote.symbol, 0) + (int(day.quote_units) if day else 0)
    return [(symbol, figures.short(decimals[symbol].format(units))) for symbol, units in sums.items()]
