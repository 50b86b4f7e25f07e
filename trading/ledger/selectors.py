"""Reading the ledger: what moved an account's money, and what it had at any moment. Units, not coins.

Pages, exports, statements and archives read money's history through this module. Whatever they ask for, rows come in
the order of their ids from two indexes and are merged here, so that nothing is sorted and nothing is held in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet, Sum

from accounts.ledger.models import BalanceStep
from accounts.models import FEES_ACCOUNT_ID, LedgerPosting
from marketdata.models import Market
from matching.messages import Side
from trading.ledger.legs import FilledMarket, legs_of_fill
from trading.ledger.models import LedgerEntry
from trading.models import Fill
from trading.writer.money_events import FEE, TRADE

ROWS_AT_ONCE = 2_000
BID = str(Side.BID)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One leg: `units` came to the account (positive) or left it. `id` is event number x 8 + leg, so ids ascend with
    time and name the same entry for ever. `kind` is one of LedgerPosting.Kind; `reference` names the deposit,
    withdrawal or payment. Of a trade: base, quote, and the fee by itself; `order_id` and `market_id` tell whose."""

    id: int
    seq: int
    at: datetime
    kind: str
    asset_id: int
    units: int
    reference: str = ""
    order_id: int | None = None
    market_id: int | None = None


def entries_of(
    account_id: int,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    asset_id: int | None = None,
    kinds: frozenset[str] = frozenset(),
    newest_first: bool = False,
    before_id: int | None = None,
) -> Iterator[Entry]:
    """An account's legs, oldest first, streamed however many there are; their sum is the change of available + locked.

    `since` counts, `until` does not. `before_id` leaves out that entry and all younger ones. What the filters leave out
    stays in the database: of a million fills in other assets none is read here.
    """
    postings = _bounded(LedgerPosting.objects.filter(account_id=account_id), since, until)
    is_venue = account_id == FEES_ACCOUNT_ID
    own = Fill.objects.exclude(fee_units=0) if is_venue else Fill.objects.filter(account_id=account_id)
    fills = _bounded(own, since, until)
    if asset_id is not None:
        markets = Market.objects.filter(Q(base_id=asset_id) | Q(quote_id=asset_id))
        postings = postings.filter(asset_id=asset_id)
        fills = fills.filter(market_id__in=list(markets.values_list("pk", flat=True)))
    if kinds:
        postings = postings.filter(kind__in=kinds)
        if TRADE not in kinds:
            fills = fills.exclude(fee_units=0) if FEE in kinds else fills.none()
    if before_id is not None:
        postings, fills = postings.filter(pk__lt=before_id), fills.filter(pk__lte=before_id // 4)
    order = "-id" if newest_first else "id"
    found = merge(
        _of_postings(postings.order_by(order)),
        _of_fills(account_id, fills.order_by(order), newest_first),
        key=lambda entry: entry.id,
        reverse=newest_first,
    )
    for entry in found:
        wanted = (asset_id is None or entry.asset_id == asset_id) and (not kinds or entry.kind in kinds)
        if wanted and (before_id is None or entry.id < before_id):
            yield entry


def page_of(account_id: int, limit: int, *, before_id: int | None = None, **bounds: object) -> list[Entry]:
    """The newest entries, at most `limit`, older than `before_id`; `bounds` as for `entries_of`."""
    newest = entries_of(account_id, newest_first=True, before_id=before_id, **bounds)  # type: ignore[arg-type]
    return list(islice(newest, limit))


def totals_before(account_id: int, at: datetime | None = None) -> dict[int, int]:
    """Units by asset id that the account had, locked ones included, before the moment (None: now)."""
    rows = LedgerEntry.objects.filter(account_id=account_id)
    if at is not None:
        rows = rows.filter(at__lt=at)
    sums = rows.order_by().values_list("asset_id").annotate(total=Sum("units"))
    return {asset_id: int(total) for asset_id, total in sums}


def balance_at(account_id: int, asset_id: int, at: datetime) -> tuple[int, int]:
    """(available, locked) units before the moment, as of the last transaction of the db writer until then."""
    steps = BalanceStep.objects.filter(account_id=account_id, asset_id=asset_id, at__lt=at).order_by("-seq")
    return steps.values_list("available_units", "locked_units").first() or (0, 0)


def _bounded(rows: "QuerySet[Any]", since: datetime | None, until: datetime | None) -> "QuerySet[Any]":
    if since is not None:
        rows = rows.filter(at__gte=since)
    return rows if until is None else rows.filter(at__lt=until)


def _of_postings(rows: "QuerySet[LedgerPosting]") -> Iterator[Entry]:
    columns = rows.values_list("id", "seq", "at", "kind", "asset_id", "units", "reference")
    for row in columns.iterator(chunk_size=ROWS_AT_ONCE):
        yield Entry(*row)


def _of_fills(account_id: int, rows: "QuerySet[Fill]", newest_first: bool) -> Iterator[Entry]:
    """The account's own legs; of every fill where the account is the one that gets the fees."""
    markets = {market.pk: _facts(market) for market in Market.objects.select_related("base")}
    columns = rows.values_list(
        "id", "account_id", "side", "quantity_lots", "quote_units", "fee_units", "fee_asset_id", "market_id", "at",
        "order_id",
    )  # fmt: skip
    for row in columns.iterator(chunk_size=ROWS_AT_ONCE):
        fill_id, payer_id, side, lots, quote_units, fee_units, fee_asset_id, market_id, at, order_id = row
        all_legs = legs_of_fill(
            fill_id, payer_id, side == BID, lots, quote_units, fee_units, fee_asset_id, markets[market_id]
        )
        legs = [leg for leg in all_legs if leg.account_id == account_id]
        for leg in reversed(legs) if newest_first else legs:
            yield Entry(leg.id, leg.seq, at, leg.kind, leg.asset_id, leg.units, "", order_id, market_id)


def _facts(market: Market) -> FilledMarket:
    return FilledMarket(market.base_id, market.quote_id, market.spec().base_units_per_lot)
