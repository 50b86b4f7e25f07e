"""The lists of history: which rows, what a page shows of each, and what a CSV file has.

A page reads newest first from a cursor (the row's id), so it costs the same however far back one goes; a file reads
oldest first, through a cursor of the server, so it may have any size.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from psycopg.errors import QueryCanceled

from accounts.models import LedgerPosting
from accounts.wallet.models import Deposit, Withdrawal
from marketdata.models import Asset, Market
from trading.history import lines
from trading.history.wishes import DEPOSIT_STATES, STATES, WITHDRAWAL_STATES, BadFilter, Wish
from trading.ledger.selectors import entries_of
from trading.models import Fill, Order

ROWS_AT_ONCE = 2_000
TRADED = frozenset({str(LedgerPosting.Kind.TRADE), str(LedgerPosting.Kind.FEE)})  # What fills stand for.


class TooSlow(Exception):
    """A query was stopped after HISTORY_PAGE_MS: its filters leave too much to look through."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`rows(account_id, wish, newest_first)` streams; `line` writes one for a file, `cells` for a page."""

    name: str
    title: str
    filters: tuple[str, ...]
    head: tuple[str, ...]
    line: Callable[[Any], list[str]]
    shown: tuple[tuple[str, str], ...]  # Head and class of each column of the page.
    cells: Callable[[Any], list[lines.Cell]]
    rows: Callable[[int, Wish, bool], Iterator[Any]]
    cursor: Callable[[Any], int]
    empty: str
    states: tuple[tuple[str, str], ...] = ()


def _bounded(rows: "QuerySet[Any]", wish: Wish, moment: str, newest_first: bool) -> Iterator[Any]:
    if wish.since is not None:
        rows = rows.filter(**{f"{moment}__gte": wish.since})
    if wish.until is not None:
        rows = rows.filter(**{f"{moment}__lt": wish.until})
    if wish.before is not None:
        rows = rows.filter(pk__lt=wish.before)
    return rows.order_by("-pk" if newest_first else "pk").iterator(chunk_size=ROWS_AT_ONCE)


def _orders(account_id: int, wish: Wish, newest_first: bool) -> Iterator[Order]:
    rows = Order.objects.filter(account_id=account_id)
    if wish.market_id is not None:
        rows = rows.filter(market_id=wish.market_id)
    if wish.side is not None:
        rows = rows.filter(side=wish.side)
    if wish.state is not None:
        if wish.state not in STATES:
            raise BadFilter("There is no such state of an order.")
        rows = rows.filter(status__in=STATES[wish.state])
    return _with_markets(_bounded(rows, wish, "created_at", newest_first))


_ALL = Q()


def _fills(account_id: int, wish: Wish, newest_first: bool, only: Q = _ALL) -> Iterator[Fill]:
    rows = Fill.objects.filter(only, account_id=account_id)
    if wish.market_id is not None:
        rows = rows.filter(market_id=wish.market_id)
    if wish.side is not None:
        rows = rows.filter(side=wish.side)
    if wish.is_maker is not None:
        rows = rows.filter(is_maker=wish.is_maker)
    if wish.asset_id is not None:
        rows = rows.filter(fee_asset_id=wish.asset_id)
    return _with_markets(_bounded(rows, wish, "at", newest_first))


def _fees(account_id: int, wish: Wish, newest_first: bool) -> Iterator[Fill]:
    return _fills(account_id, wish, newest_first, ~Q(fee_units=0))


def _with_markets(rows: Iterator[Any]) -> Iterator[Any]:
    """Market and assets are a handful of rows, so they are not joined to millions."""
    markets = {market.pk: market for market in Market.objects.select_related("base", "quote")}
    assets = {asset.pk: asset for asset in Asset.objects.all()}
    for row in rows:
        row.market = markets[row.market_id]
        if isinstance(row, Fill):
            row.fee_asset = assets[row.fee_asset_id]
        yield row


def _wallet(model: type[Deposit] | type[Withdrawal], states: dict[str, str]) -> Callable[..., Iterator[Any]]:
    def rows(account_id: int, wish: Wish, newest_first: bool) -> Iterator[Any]:
        found = model.objects.filter(account_id=account_id).select_related("network__asset")
        if wish.asset_id is not None:
            found = found.filter(network__asset_id=wish.asset_id)
        if wish.state is not None:
            if wish.state not in states:
                raise BadFilter("There is no such state.")
            found = found.filter(state=wish.state)
        return _bounded(found, wish, "created_at", newest_first)

    return rows


def _ledger(account_id: int, wish: Wish, newest_first: bool) -> Iterator[lines.LedgerLine]:
    """Kinds that no fill stands for are read from postings alone, however many fills there are."""
    assets = {asset.pk: asset for asset in Asset.objects.all()}
    markets = dict(Market.objects.values_list("pk", "symbol"))
    if wish.kind is not None and wish.kind not in TRADED:
        postings = LedgerPosting.objects.filter(account_id=account_id, kind=wish.kind)
        if wish.asset_id is not None:
            postings = postings.filter(asset_id=wish.asset_id)
        for row in _bounded(postings, wish, "at", newest_first):
            yield lines.LedgerLine(
                row.pk, row.seq, row.at, row.kind, assets[row.asset_id], row.units, row.reference, None, ""
            )
        return
    kinds = frozenset({wish.kind}) if wish.kind is not None else frozenset()
    for entry in entries_of(
        account_id, wish.since, wish.until, asset_id=wish.asset_id, kinds=kinds, newest_first=newest_first,
        before_id=wish.before,
    ):  # fmt: skip
        symbol = "" if entry.market_id is None else markets[entry.market_id]
        asset = assets[entry.asset_id]
        yield lines.LedgerLine(
            entry.id, entry.seq, entry.at, entry.kind, asset, entry.units, entry.reference, entry.order_id, symbol
        )


def newest(kind: Kind, account_id: int, wish: Wish, count: int) -> list[Any]:
    """The newest rows, at most `count`. Raises BadFilter, and TooSlow when there is too much to look through."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(settings.HISTORY_PAGE_MS)])
            return list(islice(kind.rows(account_id, wish, True), count))
    except OperationalError as failure:
        if not isinstance(failure.__cause__, QueryCanceled):
            raise
        raise TooSlow from failure


def _pk(row: Any) -> int:
    return int(row.pk)


_TIME, _NUMBER, _TEXT, _LESS = "", "num", "", "num h-less"
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "orders", "Orders", ("market", "side", "state"), lines.ORDER_HEAD, lines.order_line,
            (("Placed (UTC)", _TIME), ("Market", _TEXT), ("Side", _TEXT), ("Type", "h-less"), ("Price", _NUMBER),
             ("Amount", _NUMBER), ("Filled", _NUMBER), ("Average", _LESS), ("State", _TEXT)),
            lines.order_cells, _orders, _pk,
            "Orders you place appear here and stay.", tuple((word, word.capitalize()) for word in STATES),
        ),
        Kind(
            "fills", "Fills", ("market", "side", "role"), lines.FILL_HEAD, lines.fill_line,
            (("Time (UTC)", _TIME), ("Market", _TEXT), ("Side", _TEXT), ("Price", _NUMBER), ("Amount", _NUMBER),
             ("Value", _NUMBER), ("Fee", _NUMBER), ("Role", "h-less"), ("Order", _LESS)),
            lines.fill_cells, _fills, _pk, "Each trade of one of your orders appears here at once.",
        ),
        Kind(
            "fees", "Fees", ("market", "asset", "role"), lines.FEE_HEAD, lines.fee_line,
            (("Time (UTC)", _TIME), ("Market", _TEXT), ("Role", _TEXT), ("Value", _NUMBER), ("Fee", _NUMBER),
             ("Fee asset", _TEXT), ("Order", _LESS)),
            lines.fee_cells, _fees, _pk, "Fees of your trades appear here. Those of withdrawals stand with them.",
        ),
        Kind(
            "deposits", "Deposits", ("asset", "state"), lines.DEPOSIT_HEAD, lines.deposit_line,
            (("Seen (UTC)", _TIME), ("Asset", _TEXT), ("Amount", _NUMBER), ("From", _TEXT), ("Transaction", "h-less"),
             ("State", _TEXT)),
            lines.deposit_cells, _wallet(Deposit, DEPOSIT_STATES), _pk,
            "What is sent to your addresses appears here. Demo funds and payments of the operator are in the ledger.",
            tuple(DEPOSIT_STATES.items()),
        ),
        Kind(
            "withdrawals", "Withdrawals", ("asset", "state"), lines.WITHDRAWAL_HEAD, lines.withdrawal_line,
            (("Asked for (UTC)", _TIME), ("Asset", _TEXT), ("Amount", _NUMBER), ("Fee", _LESS), ("To", "h-less"),
             ("State", _TEXT)),
            lines.withdrawal_cells, _wallet(Withdrawal, WITHDRAWAL_STATES), _pk,
            "What you withdraw appears here, with where it stands.", tuple(WITHDRAWAL_STATES.items()),
        ),
        Kind(
            "ledger", "Ledger", ("asset", "kind"), lines.LEDGER_HEAD, lines.ledger_line,
            (("Time (UTC)", _TIME), ("Kind", _TEXT), ("Asset", _TEXT), ("Change", _NUMBER), ("What", "h-less"),
             ("Entry", _LESS)),
            lines.ledger_cells, _ledger, lambda row: int(row.id),
            "Every change of what you own appears here. Its sum is your balance.",
        ),
    )
}  # fmt: skip
