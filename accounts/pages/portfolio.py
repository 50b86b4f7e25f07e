"""The portfolio: what an account is worth, what it consists of, and how its value went."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Account, LedgerPosting
from accounts.pages.wallet import of_account
from accounts.selectors import AssetBalance, balances
from accounts.site.average_cost import Cost, average_costs
from accounts.site.day_values import opening_of, start_of
from accounts.site.models import DayValue
from accounts.site.valuation import STEPS_S, Point, walk
from accounts.wallet.value import CENTS, VALUED_IN, last_prices, value_cents
from exchange_site.kernel.money import from_units
from marketdata import figures
from marketdata.models import Asset
from marketdata.page_data import MarketRow, market_rows
from matching.symbols import AssetSpec

PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90),
           "1y": timedelta(days=365)}  # fmt: skip
WIDTH, HEIGHT = 760, 160  # Of the chart's drawing, in its own pixels.
SHADES = 6  # Colours of the allocation; what comes later is one of "the rest".


@require_safe
@of_account
def portfolio(request: HttpRequest, owner: Account) -> HttpResponse:
    """`?period=` is one of PERIODS. What is worth nothing is left out."""
    asked = request.GET.get("period", "")
    period = asked if asked in PERIODS else "24h"
    rows, total = _assets(owner)
    line = value_line(owner.pk, timezone.now(), period) if rows else []
    context = {
        "section": "portfolio",
        "periods": list(PERIODS),
        "period": period,
        "rows": rows,
        "total": cents(total),
        "valued_in": VALUED_IN,
        "chart": chart_of(line),
    }
    return render(request, "accounts/portfolio.html", context)


def cents(value: int) -> str:
    return figures.at_least(from_units(value, CENTS), CENTS)


def signed_cents(value: int) -> str:
    sign = "+" if value > 0 else figures.MINUS if value < 0 else ""
    return sign + figures.grouped(cents(abs(value)))


# ---------------------------------------------------------------------------------------------------------- assets
def _assets(owner: Account) -> tuple[list[dict[str, object]], int]:
    """Assets that the account has, the most valuable first, with their share of the total."""
    prices, moves = last_prices(), _moves()
    held = [(money, value_cents(money.asset, money.total_units, prices)) for money in balances(owner.pk)]
    held = [(money, value) for money, value in held if money.total_units]
    held.sort(key=lambda pair: pair[1] or 0, reverse=True)
    total, rows, start = sum(value or 0 for _, value in held), [], 0
    costs = _costs(owner, [money for money, _ in held])
    for index, (money, value) in enumerate(held):
        tenths = 0 if not total else ((value or 0) * 2_000 + total) // (2 * total)
        spec, move = money.asset.spec(), moves.get(money.asset.symbol)
        rows.append(
            {
                "symbol": money.asset.symbol,
                "name": money.asset.name,
                "available": figures.at_least(spec.format(money.available_units), CENTS),
                "locked": figures.at_least(spec.format(money.locked_units), CENTS),
                "total": figures.at_least(spec.format(money.total_units), CENTS),
                "value": figures.UNKNOWN if value is None else cents(value),
                "average": _average(costs.get(money.asset.pk), spec, move),
                "move": move,
                "market": move.spec.symbol if move else None,
                "share": figures.grouped(f"{tenths // 10}.{tenths % 10}") + f"{figures.NARROW_SPACE}%",
                "shade": min(index, SHADES - 1) + 1,
                "bar_start": start,
                "bar_width": tenths,
            }
        )
        start += tenths
    return rows, total


def _costs(owner: Account, held: list[AssetBalance]) -> dict[int, Cost]:
    paid_in = next((money.asset.pk for money in held if money.asset.symbol == VALUED_IN), None)
    if paid_in is None:
        paid_in = Asset.objects.filter(symbol=VALUED_IN).values_list("pk", flat=True).first()
    return (
        {} if paid_in is None else average_costs(owner.pk, {each.asset.pk: each.total_units for each in held}, paid_in)
    )


def _average(cost: Cost | None, spec: AssetSpec, move: MarketRow | None) -> str:
    """The price of one whole coin on average, to a digit of its market's prices, rounded to the nearest."""
    if cost is None or move is None:
        return figures.UNKNOWN
    decimals = move.spec.price_decimals
    scaled = cost.paid_units * 10 ** (spec.decimals + decimals)
    per_coin = cost.units * 10**move.spec.quote.decimals
    return figures.grouped(figures.at_least(from_units((2 * scaled + per_coin) // (2 * per_coin), decimals), decimals))


def _moves() -> dict[str, MarketRow]:
    """Asset to its market against the valuing asset."""
    return {row.spec.base.symbol: row for row in market_rows() if row.spec.quote.symbol == VALUED_IN}


# ------------------------------------------------------------------------------------------------------------ line
@dataclass(frozen=True, slots=True)
class Gain:
    """Profit since the first point, in cents: the value less what it was, less what came in since."""

    at: datetime
    cents: int
    value_cents: int


def value_line(account_id: int, now: datetime, period: str) -> list[Gain]:
    """Profit over a period up to now. It begins where the account does: there is no history before the first posting.

    A day and a week come from ledger and candles, longer ones from the kept values of days and from today.
    """
    first = LedgerPosting.objects.filter(account_id=account_id).order_by("id").values_list("at", flat=True).first()
    if first is None:
        return []
    since = max(now - PERIODS[period], first)
    if period in ("24h", "7d"):
        step = "15m" if now - since <= PERIODS["24h"] else "1h"
        return _gains(_walked(account_id, since, now, step))
    days = list(DayValue.objects.filter(account_id=account_id, day__gte=since.date()).order_by("day"))
    points = [Point(start_of(row.day) + timedelta(days=1), row.value_cents, row.flow_cents) for row in days]
    tail_from = points[-1].at if points else max(since, now - PERIODS["7d"])
    step = "15m" if now - tail_from <= PERIODS["24h"] else "1h"
    tail = _walked(account_id, max(tail_from, now - timedelta(days=14)), now, step)
    return _gains(points + (tail[1:] if points else tail))


def _walked(account_id: int, since: datetime, now: datetime, step: str) -> list[Point]:
    length_s = STEPS_S[step]
    first_s = int(since.timestamp()) // length_s * length_s
    start = datetime.fromtimestamp(first_s, since.tzinfo)
    last = DayValue.objects.filter(account_id=account_id, day__lt=start.date()).order_by("-day").first()
    return walk(account_id, opening_of(last), start, now, step).points


def _gains(points: list[Point]) -> list[Gain]:
    if not points:
        return []
    began, flowed = points[0].value_cents, 0
    gains = []
    for index, point in enumerate(points):
        flowed += point.flow_cents if index else 0
        gains.append(Gain(point.at, point.value_cents - began - flowed, point.value_cents))
    return gains


@dataclass(frozen=True, slots=True)
class Chart:
    """The line as a drawing of WIDTH x HEIGHT, its scale, and the same in words."""

    points: str
    zero_y: str
    end_x: str
    end_y: str
    direction: str
    profit: str
    percent: str
    scale: list[tuple[str, str]]  # Height and label.
    times: list[datetime]
    table: list[tuple[datetime, str, str]]
    is_long: bool  # More than two days: labels are days.


def chart_of(gains: list[Gain]) -> Chart | None:
    """None where there is no line: a single moment is none."""
    if len(gains) < 2:
        return None
    low, high = min(0, *(gain.cents for gain in gains)), max(0, *(gain.cents for gain in gains))
    flat = high == low
    if flat:  # A line that never moved lies in the middle.
        low, high = low - 1, high + 1
    span = high - low
    last = gains[-1]
    base = gains[0].value_cents + sum_of_flows(gains)
    levels = [0] if flat else [low + span * part // 3 for part in range(4)]
    labels = min(len(gains), 5)
    picked = [gains[(len(gains) - 1) * part // (labels - 1)] for part in range(labels)]
    some = gains[:: max(len(gains) // 12, 1)]
    return Chart(
        points=" ".join(f"{_x(index, len(gains))},{_y(gain.cents, high, span)}" for index, gain in enumerate(gains)),
        zero_y=_y(0, high, span),
        end_x=_x(len(gains) - 1, len(gains)),
        end_y=_y(last.cents, high, span),
        direction=figures.direction(last.cents),
        profit=signed_cents(last.cents),
        percent=figures.percent(last.cents, base),
        scale=[(_y(level, high, span), signed_cents(level)) for level in levels],
        times=[gain.at for gain in picked],
        table=[(gain.at, cents(gain.value_cents), signed_cents(gain.cents)) for gain in some],
        is_long=last.at - gains[0].at > timedelta(days=2),
    )


def sum_of_flows(gains: list[Gain]) -> int:
    """What came in after the first point: all that is not profit."""
    return gains[-1].value_cents - gains[0].value_cents - gains[-1].cents


def _x(index: int, count: int) -> str:
    tenths = index * WIDTH * 10 // (count - 1)
    return f"{tenths // 10}.{tenths % 10}"


def _y(value: int, high: int, span: int) -> str:
    tenths = 40 + (high - value) * (HEIGHT - 8) * 10 // span
    return f"{tenths // 10}.{tenths % 10}"
