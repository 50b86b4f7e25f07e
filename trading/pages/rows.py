"""Rows of the trading page, ready to print: the first paint shows what the script will keep up to date."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext

from marketdata import figures
from marketdata.models import Trade
from matching.messages import OrderStatus, OrderType, Side
from matching.symbols import MarketSpec
from trading.models import Fill, Order

BAR_STEP = 5  # Percent; server-drawn bars use classes, a style attribute would break the content policy.
SIZE_BAR_MAX = 52  # Percent of the row that the largest visible size takes.


@dataclass(frozen=True, slots=True)
class BookRow:
    price: str
    plain_price: str  # For the link that fills the form.
    size: str
    total: str
    size_bar: int
    sum_bar: int


@dataclass(frozen=True, slots=True)
class TapeRow:
    direction: str
    price: str
    size: str
    time: str
    iso: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    id: int
    symbol: str
    name: str
    time: str
    iso: str
    side: str
    direction: str
    kind: str
    trigger: str  # What a conditional order waits for: `at 19.00`, `by 1.50`.
    price: str
    amount: str
    filled: int
    filled_word: str
    value: str
    status: str
    tone: str


@dataclass(frozen=True, slots=True)
class FillRow:
    order_id: int
    symbol: str
    name: str
    time: str
    iso: str
    side: str
    direction: str
    price: str
    amount: str
    value: str
    fee: str
    fee_asset: str
    role: str


def clock(moment: datetime) -> str:
    """`14:11:46` today, `20 Nov 14:11` before; UTC."""
    if moment.date() == timezone.now().date():
        return moment.strftime("%H:%M:%S")
    return f"{moment.day} {moment.strftime('%b %H:%M')}"


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def side_word(side: str) -> str:
    return gettext("Buy") if side == Side.BID.value else gettext("Sell")


def side_direction(side: str) -> str:
    return "up" if side == Side.BID.value else "down"


def book_rows(spec: MarketSpec, levels: list[tuple[int, int]], total_lots: int) -> list[BookRow]:
    """Best price first. `total_lots` is the larger side's sum: both sides share one scale."""
    largest = max((lots for _, lots in levels), default=1)
    rows, running = [], 0
    for ticks, lots in levels:
        running += lots
        rows.append(
            BookRow(
                price=figures.grouped(spec.format_price_padded(ticks)),
                plain_price=spec.format_price_padded(ticks),
                size=spec.format_quantity_padded(lots),
                total=sum_text(spec, running, total_lots),
                size_bar=_step(SIZE_BAR_MAX * lots, largest),
                sum_bar=_step(100 * running, max(total_lots, 1)),
            )
        )
    return rows


def sum_text(spec: MarketSpec, lots: int, largest: int) -> str:
    """The running sum, cut to two places fewer than a size has where that leaves enough to see (`market.js`)."""
    whole, _, fraction = spec.format_quantity_padded(lots).partition(".")
    fine = spec.quantity_decimals < 4 and largest * spec.step_scaled < 100 * 10**spec.quantity_decimals
    kept = fraction if fine else fraction[: max(spec.quantity_decimals - 2, 0)]
    return figures.grouped(f"{whole}.{kept}" if kept else whole)


def _step(part: int, whole: int) -> int:
    return min(100, BAR_STEP * (part // (whole * BAR_STEP) + 1))


def tape_rows(spec: MarketSpec, trades: list[Trade]) -> list[TapeRow]:
    """Newest first. Up: the buyer came to the seller."""
    return [
        TapeRow(
            direction="down" if trade.buyer_is_maker else "up",
            price=figures.grouped(spec.format_price_padded(trade.price_ticks)),
            size=spec.format_quantity_padded(trade.quantity_lots),
            time=trade.at.strftime("%H:%M:%S"),
            iso=iso(trade.at),
        )
        for trade in trades
    ]


def money(spec: MarketSpec, units: int) -> str:
    """An amount of quote, exact, with at least two places."""
    return figures.at_least(spec.format_quote(units), 2)


def order_row(order: Order) -> OrderRow:
    spec = order.market.spec()
    status, tone = status_of(order)
    waiting = order.status == OrderStatus.TRIGGER_PENDING.value
    lots = order.quantity_lots
    if order.price_ticks is not None and lots is not None:
        value = money(spec, spec.notional_units(order.price_ticks, lots))
    else:
        value = figures.UNKNOWN if waiting else money(spec, order.executed_quote_units)
    return OrderRow(
        id=order.pk,
        symbol=spec.symbol,
        name=spec.symbol.replace("_", "/"),
        time=clock(order.created_at),
        iso=iso(order.created_at),
        side=side_word(order.side),
        direction=side_direction(order.side),
        kind=kind_of(order),
        trigger=_trigger(order, spec),
        price=gettext("Market")
        if order.price_ticks is None
        else figures.grouped(spec.format_price_padded(order.price_ticks)),
        amount=spec.format_quantity_padded(order.executed_lots if lots is None else lots),
        filled=_filled(order),
        filled_word=gettext("Waiting") if waiting else f"{_filled(order)}{figures.NARROW_SPACE}%",
        value=value,
        status=status,
        tone=tone,
    )


def _trigger(order: Order, spec: MarketSpec) -> str:
    if order.trailing_ticks is not None:
        return gettext("by {price}").format(price=figures.grouped(spec.format_price_padded(order.trailing_ticks)))
    if order.trigger_price_ticks is not None:
        return gettext("at {price}").format(price=figures.grouped(spec.format_price_padded(order.trigger_price_ticks)))
    return ""


def kind_of(order: Order) -> str:
    """`Limit, post-only`, `Stop market`, `Trailing limit, GTD`."""
    limit = order.order_type == OrderType.LIMIT.value
    if order.trailing_ticks is not None:
        parts = [gettext("Trailing limit") if limit else gettext("Trailing market")]
    elif order.trigger_price_ticks is not None:
        parts = [gettext("Stop limit") if limit else gettext("Stop market")]
    else:
        parts = [gettext("Limit") if limit else gettext("Market")]
    if order.display_lots is not None:
        parts.append(gettext("iceberg"))
    if order.post_only:
        parts.append(gettext("post-only"))
    if order.time_in_force != "GTC" and order.price_ticks is not None:
        parts.append(order.time_in_force)
    return ", ".join(parts)


def _filled(order: Order) -> int:
    """Whole percent, rounded down: 100 is only said of a complete order."""
    if order.status == OrderStatus.FILLED.value:
        return 100
    return order.executed_lots * 100 // order.quantity_lots if order.quantity_lots else 0


def status_of(order: Order) -> tuple[str, str]:
    """The badge: its words, and the tone they are said in."""
    if order.status == OrderStatus.FILLED.value:
        return gettext("Filled"), "up"
    if order.status == OrderStatus.PARTIALLY_FILLED.value:
        return gettext("Part filled {percent}").format(percent=f"{_filled(order)}{figures.NARROW_SPACE}%"), "you"
    if order.status == OrderStatus.NEW.value:
        return gettext("Open"), "you"
    if order.status == OrderStatus.TRIGGER_PENDING.value:
        return gettext("Waiting"), "you"
    if order.status == OrderStatus.EXPIRED.value:
        return gettext("Expired"), "warn"
    if order.status == OrderStatus.TRIGGER_FAILED.value:
        return gettext("Failed"), "warn"
    return gettext("Cancelled"), ""


def fill_row(fill: Fill) -> FillRow:
    spec = fill.market.spec()
    return FillRow(
        order_id=fill.order_id,
        symbol=spec.symbol,
        name=spec.symbol.replace("_", "/"),
        time=clock(fill.at),
        iso=iso(fill.at),
        side=side_word(fill.side),
        direction=side_direction(fill.side),
        price=figures.grouped(spec.format_price_padded(fill.price_ticks)),
        amount=spec.format_quantity_padded(fill.quantity_lots),
        value=money(spec, fill.quote_units),
        fee=fill.fee_asset.spec().format(fill.fee_units),
        fee_asset=fill.fee_asset.symbol,
        role=gettext("Maker") if fill.is_maker else gettext("Taker"),
    )
