"""What an account was worth over time, from its ledger and the candles: nothing is guessed, nothing is kept here.

Values are whole cents of the valuing asset, rounded down for each asset. Money that came in or went out is no profit:
it is counted as a flow, at the price of the step it falls into. Where a market had not traded yet, its first price
counts; an asset without any price counts nothing.
"""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import BigIntegerField, F, Func, Max, Q, Sum

from accounts.ledger.models import LedgerEntry
from accounts.models import LedgerPosting
from accounts.wallet.value import CENTS, VALUED_IN
from marketdata.models import Asset, Kline
from marketdata.selectors import listed_markets

STEPS_S = {"15m": 900, "1h": 3_600, "1d": 86_400}
MOST_POINTS = 400
_TRADING = (LedgerPosting.Kind.TRADE, LedgerPosting.Kind.FEE)  # Everything else comes from outside or goes there.


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a walk begins: units by asset id after the posting `posting_id`, and every later one is still to come."""

    units: dict[int, int]
    posting_id: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """At a moment: the value, and what has flowed in since the one before (out is below zero), in cents."""

    at: datetime
    value_cents: int
    flow_cents: int


@dataclass(frozen=True, slots=True)
class Walk:
    """The points of a span, and the opening of whoever goes on from its end."""

    points: list[Point]
    end: Opening


class PriceLine:
    """One asset's prices at the ends of candles, as (moment in s, numerator, denominator) of a value in cents."""

    def __init__(self, ends_s: list[int], prices: list[int], lots: int) -> None:
        self._ends_s, self._prices, self._lots = ends_s, prices, lots

    def cents(self, units: int, at_s: int) -> int:
        """Rounded down, towards zero for what leaves."""
        if not self._prices:
            return 0
        last = max(bisect_left(self._ends_s, at_s + 1) - 1, 0)
        size = abs(units) * self._prices[last] // self._lots
        return size if units >= 0 else -size


def walk(account_id: int, opening: Opening, since: datetime, until: datetime, step: str) -> Walk:
    """Points from `since` to `until`, a step apart and one at the end. `since` must lie on a step.

    Raises ValueError when there would be more than MOST_POINTS.
    """
    length_s, first_s, end_s = STEPS_S[step], int(since.timestamp()), int(until.timestamp())
    moments = [*range(first_s, end_s, length_s), end_s]
    if len(moments) > MOST_POINTS:
        raise ValueError(f"{len(moments)} points are too many.")
    held, flows, last_id = _movements(account_id, opening, until, length_s)
    lines = _price_lines(since, until, step)
    units, points = dict(opening.units), []
    buckets = sorted({*held, *flows})
    position = 0
    for moment in moments:
        flowed = 0
        while position < len(buckets) and (buckets[position] * length_s < moment or moment == end_s):
            bucket = buckets[position]
            for asset, change in held[bucket].items():
                units[asset] = units.get(asset, 0) + change
            flowed += sum(lines[asset].cents(change, moment) for asset, change in flows[bucket].items())
            position += 1
        value = sum(lines[asset].cents(amount, moment) for asset, amount in units.items())
        points.append(Point(datetime.fromtimestamp(moment, UTC), value, flowed))
    return Walk(points, Opening(units, max(last_id, opening.posting_id)))


_Changes = defaultdict[int, dict[int, int]]


def _movements(account_id: int, opening: Opening, until: datetime, length_s: int) -> tuple[_Changes, _Changes, int]:
    """By bucket of time and asset: all units that moved, and those from and to outside; and the last posting's id."""
    bucket = Func(
        F("at"),
        template=f"floor(extract(epoch from %(expressions)s) / {length_s})::bigint",
        output_field=BigIntegerField(),
    )
    rows = (
        LedgerEntry.objects.filter(account_id=account_id, id__gt=opening.posting_id, at__lt=until)
        .values("asset_id", bucket=bucket)
        .annotate(moved=Sum("units"), flowed=Sum("units", filter=~Q(kind__in=_TRADING)), last=Max("id"))
        .order_by("bucket", "asset_id")
    )
    held: _Changes = defaultdict(dict)
    flows: _Changes = defaultdict(dict)
    last_id = 0
    for row in rows:
        held[row["bucket"]][row["asset_id"]] = int(row["moved"])
        if row["flowed"]:
            flows[row["bucket"]][row["asset_id"]] = int(row["flowed"])
        last_id = max(last_id, row["last"])
    return held, flows, last_id


def _price_lines(since: datetime, until: datetime, step: str) -> defaultdict[int, PriceLine]:
    """Asset id to its prices: candles of the span, the one before it, and the last price where the span is not over."""
    lines: defaultdict[int, PriceLine] = defaultdict(lambda: PriceLine([], [], 1))
    for asset in Asset.objects.filter(symbol=VALUED_IN):
        lines[asset.pk] = PriceLine([0], [1], 10 ** (asset.decimals - CENTS))
    for market in listed_markets():
        spec = market.spec()
        if spec.quote.symbol != VALUED_IN:
            continue
        rows = Kline.objects.filter(market=market, interval=step, start__lt=until)
        before = rows.filter(start__lt=since).order_by("-start").values_list("start", "close_ticks")[:1]
        inside = rows.filter(start__gte=since).order_by("start").values_list("start", "close_ticks")[:MOST_POINTS]
        closes = [*before, *inside]
        ends = [int(start.timestamp()) + STEPS_S[step] for start, _ in closes]
        worth = [close * spec.quote_units_per_tick_lot for _, close in closes]
        if ends:  # The candle of now has not ended: its close is the price at the end of the walk.
            ends[-1] = min(ends[-1], int(until.timestamp()))
        lots = spec.base_units_per_lot * 10 ** (spec.quote.decimals - CENTS)
        lines[market.base_id] = PriceLine(ends, worth, lots)
    return lines
