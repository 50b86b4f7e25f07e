"""One row of history as text: for a file exact and plain, for a page as people read it.

In files times are UTC in ISO form, amounts plain decimals of whole coins without grouping, and every figure is exact.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from accounts.models import LedgerPosting
from accounts.pages.wallet_rows import deposit_row, withdrawal_row
from accounts.wallet.models import Deposit, Withdrawal
from exchange_site.kernel.money import from_units
from marketdata import figures
from marketdata.models import Asset
from matching.messages import Side
from matching.symbols import MarketSpec
from trading.models import Fill, Order
from trading.pages.rows import iso, kind_of, money, side_direction, side_word, status_of

SIDE_NAMES = {Side.BID.value: "buy", Side.ASK.value: "sell"}  # In files, whatever the reader's language.
AVERAGE_PLACES = 12  # Decimals of an average price in files; it is cut there.


class Cell(NamedTuple):
    """`tone` is a class word; `link` the id of an order, `title` what the pointer shows."""

    text: str
    tone: str = ""
    title: str = ""
    link: int | None = None
    badge: bool = False


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A leg of the ledger with what a reader wants to know of it."""

    id: int
    seq: int
    at: datetime
    kind: str
    asset: Asset
    units: int
    reference: str
    order_id: int | None
    market: str


ORDER_HEAD = (
    "order_id", "placed_utc", "market", "side", "type", "time_in_force", "post_only", "price_quote", "amount_base",
    "amount_quote", "filled_base", "filled_quote", "average_price_quote_cut", "state", "end_reason", "updated_utc",
    "client_id",
)  # fmt: skip
FILL_HEAD = (
    "trade_id", "time_utc", "market", "side", "role", "price_quote", "amount_base", "value_quote", "fee", "fee_asset",
    "order_id", "client_id",
)  # fmt: skip
FEE_HEAD = ("trade_id", "time_utc", "market", "side", "role", "value_quote", "fee", "fee_asset", "order_id")
DEPOSIT_HEAD = (
    "deposit_id", "seen_utc", "asset", "amount", "blockchain", "address", "memo", "transaction", "output", "state",
    "held", "confirmations", "credited_utc",
)  # fmt: skip
WITHDRAWAL_HEAD = (
    "withdrawal_id", "asked_utc", "asset", "amount_with_fee", "fee", "arrives", "blockchain", "address", "memo",
    "transaction", "state", "reason", "state_since_utc", "client_id",
)  # fmt: skip
LEDGER_HEAD = ("entry_id", "event", "time_utc", "kind", "asset", "change", "market", "order_id", "reference")


def moment(at: datetime | None) -> str:
    return "" if at is None else iso(at)


def _average(order: Order, spec: MarketSpec) -> str:
    """Quote for one base coin, over what is filled."""
    if not order.executed_lots:
        return ""
    base_units = order.executed_lots * spec.base_units_per_lot
    scale = 10 ** (AVERAGE_PLACES + spec.base.decimals - spec.quote.decimals)
    return from_units(order.executed_quote_units * scale // base_units, AVERAGE_PLACES)


def order_line(order: Order) -> list[str]:
    spec = order.market.spec()
    return [
        str(order.pk),
        moment(order.created_at),
        spec.symbol,
        SIDE_NAMES[order.side],
        order.order_type.lower(),
        order.time_in_force,
        "yes" if order.post_only else "no",
        "" if order.price_ticks is None else spec.format_price(order.price_ticks),
        "" if order.quantity_lots is None else spec.format_quantity(order.quantity_lots),
        "" if order.quote_units is None else spec.format_quote(order.quote_units),
        spec.format_quantity(order.executed_lots),
        spec.format_quote(order.executed_quote_units),
        _average(order, spec),
        order.status,
        order.end_reason,
        moment(order.updated_at),
        "" if order.client_id is None else str(order.client_id),
    ]


def fill_line(fill: Fill) -> list[str]:
    spec = fill.market.spec()
    return [
        str(fill.trade_id),
        moment(fill.at),
        spec.symbol,
        SIDE_NAMES[fill.side],
        "maker" if fill.is_maker else "taker",
        spec.format_price(fill.price_ticks),
        spec.format_quantity(fill.quantity_lots),
        spec.format_quote(fill.quote_units),
        fill.fee_asset.spec().format(fill.fee_units),
        fill.fee_asset.symbol,
        str(fill.order_id),
        "" if fill.client_id is None else str(fill.client_id),
    ]


def fee_line(fill: Fill) -> list[str]:
    line = fill_line(fill)
    return [*line[:5], *line[7:11]]


def deposit_line(row: Deposit) -> list[str]:
    return [
        str(row.pk),
        moment(row.created_at),
        row.network.asset.symbol,
        row.network.asset.spec().format(row.units),
        "" if row.internal else row.blockchain,
        row.address,
        row.memo,
        "" if row.internal else row.transaction_hash,
        "" if row.internal else str(row.output_index),
        row.get_state_display(),
        row.get_held_display() if row.held else "",
        str(row.confirmations),
        moment(row.credited_at),
    ]


def withdrawal_line(row: Withdrawal) -> list[str]:
    spec = row.network.asset.spec()
    return [
        str(row.pk),
        moment(row.created_at),
        row.network.asset.symbol,
        spec.format(row.units),
        spec.format(row.fee_units),
        spec.format(row.units - row.fee_units),
        row.network.blockchain,
        row.address,
        row.memo,
        row.transaction_hash,
        row.get_state_display(),
        row.reason,
        moment(row.state_since),
        row.client_id or "",
    ]


def ledger_line(row: LedgerLine) -> list[str]:
    return [
        str(row.id),
        str(row.seq),
        moment(row.at),
        row.kind,
        row.asset.symbol,
        row.asset.spec().format(row.units),
        row.market,
        "" if row.order_id is None else str(row.order_id),
        row.reference,
    ]


# ---------------------------------------------------------------------------------------------------------- pages


def _time(at: datetime) -> Cell:
    return Cell(at.strftime("%Y-%m-%d %H:%M:%S"), "", iso(at))


def _name(symbol: str) -> Cell:
    return Cell(symbol.replace("_", "/"), "strong")


def _side(side: str) -> Cell:
    return Cell(side_word(side), side_direction(side))


def _number(text: str) -> Cell:
    return Cell(figures.grouped(text), "num")


def _fee_figure(asset: Asset, units: int) -> Cell:
    return Cell(figures.grouped(f"{asset.spec().format(units)}"), "num")


def order_cells(order: Order) -> list[Cell]:
    spec = order.market.spec()
    word, tone = status_of(order)
    lots = order.quantity_lots
    average = _average(order, spec)
    whole, _, fraction = average.partition(".")
    short = f"{whole}.{fraction[: spec.price_decimals].ljust(spec.price_decimals, '0')}" if average else figures.UNKNOWN
    if lots is not None:
        amount = spec.format_quantity_padded(lots)
    else:
        amount = f"for {money(spec, order.quote_units or 0)} {spec.quote.symbol}"
    return [
        _time(order.created_at)._replace(link=order.pk),
        _name(spec.symbol),
        _side(order.side),
        Cell(kind_of(order), "h-less"),
        Cell("Market", "num") if order.price_ticks is None else _number(spec.format_price_padded(order.price_ticks)),
        Cell(figures.grouped(amount) if lots is not None else amount, "num"),
        _number(spec.format_quantity_padded(order.executed_lots)),
        Cell(figures.grouped(short), "num h-less", f"{average} {spec.quote.symbol}" if average else ""),
        Cell(word, tone, badge=True),
    ]


def fill_cells(fill: Fill) -> list[Cell]:
    spec = fill.market.spec()
    fee = f"{fill.fee_asset.spec().format(fill.fee_units)}"
    return [
        _time(fill.at),
        _name(spec.symbol),
        _side(fill.side),
        _number(spec.format_price_padded(fill.price_ticks)),
        _number(spec.format_quantity_padded(fill.quantity_lots)),
        _number(money(spec, fill.quote_units)),
        Cell(f"{figures.grouped(fee)} {fill.fee_asset.symbol}", "num"),
        Cell("Maker" if fill.is_maker else "Taker", "h-less"),
        Cell(str(fill.order_id), "num h-less", link=fill.order_id),
    ]


def fee_cells(fill: Fill) -> list[Cell]:
    spec = fill.market.spec()
    return [
        _time(fill.at),
        _name(spec.symbol),
        Cell("Maker" if fill.is_maker else "Taker"),
        Cell(f"{figures.grouped(money(spec, fill.quote_units))} {spec.quote.symbol}", "num"),
        _fee_figure(fill.fee_asset, fill.fee_units),
        Cell(fill.fee_asset.symbol),
        Cell(str(fill.order_id), "num h-less", link=fill.order_id),
    ]


def deposit_cells(deposit: Deposit) -> list[Cell]:
    row = deposit_row(deposit)
    return [
        _time(row["at"]),
        Cell(row["symbol"], "strong"),
        _number(row["amount"]),
        Cell(row["source"]),
        Cell(row["hash"], "hash h-less", row["hash"]),
        Cell(str(row["word"]), row["tone"], badge=True),
    ]


def withdrawal_cells(withdrawal: Withdrawal) -> list[Cell]:
    row = withdrawal_row(withdrawal)
    return [
        _time(row["at"]),
        Cell(row["symbol"], "strong"),
        _number(row["amount"]),
        Cell(figures.grouped(row["fee"]), "num h-less"),
        Cell(row["address"], "hash h-less", row["address"]),
        Cell(str(row["word"]), row["tone"], str(row["reason"]), badge=True),
    ]


def ledger_cells(row: LedgerLine) -> list[Cell]:
    sign = "+" if row.units > 0 else ""
    what = row.market.replace("_", "/") or row.reference
    return [
        _time(row.at),
        Cell(LedgerPosting.Kind(row.kind).label),
        Cell(row.asset.symbol, "strong"),
        Cell(f"{sign}{figures.grouped(row.asset.spec().format(row.units))}", "num"),
        Cell(what, "hash h-less", row.reference, link=row.order_id),
        Cell(str(row.id), "num h-less"),
    ]
