"""What an order would do against the book, for the review page: the rules of `docs/orders.md`, in whole numbers.

`static/js/preview.js` says the same while script runs; both walk the visible book, so hidden quantity can only make the
real outcome better. Pure.
"""

from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from matching.messages import OrderType, Side, TimeInForce
from matching.symbols import MarketSpec
from trading.inputs import PlaceOrderInput

Levels = list[tuple[int, int]]
MILLION = 1_000_000
FAR_PPM = 30_000  # A limit this much worse than the best price is asked about.
SLIPPAGE_PPM = 10_000
BALANCE_PART_PPM = 500_000


@dataclass(frozen=True, slots=True)
class Walk:
    """What the other side gives: lots, their value in quote units, how many levels, and the last price."""

    lots: int
    quote_units: int
    levels: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Units of base and quote; `average_ticks` rounds down. `fate` and `warnings` are sentences."""

    fate: str
    warnings: list[str]
    average_ticks: int | None
    slippage_ppm: int
    fee_units: int
    receive_units: int
    need_units: int


def walk(spec: MarketSpec, wish: PlaceOrderInput, other: Levels, stop_ticks: int | None) -> Walk:
    """`other`: the opposite side, best first. `stop_ticks`: the price of an order of one's own, where matching ends."""
    buying, lots, value, count = wish.side is Side.BID, 0, 0, 0
    for ticks, size in other:
        beyond = wish.price_ticks is not None and (ticks > wish.price_ticks if buying else ticks < wish.price_ticks)
        if beyond or ticks == stop_ticks:
            break
        take = _wanted(spec, wish, lots, value, ticks)
        take = min(take, size)
        if take <= 0:
            break
        lots, value, count = lots + take, value + spec.notional_units(ticks, take), count + 1
    return Walk(lots, value, count)


def _wanted(spec: MarketSpec, wish: PlaceOrderInput, lots: int, value: int, ticks: int) -> int:
    if wish.quantity_lots is not None:
        return wish.quantity_lots - lots
    assert wish.quote_units is not None, "a market order has an amount or a total"
    return (wish.quote_units - value) // spec.notional_units(ticks, 1)


def preview(
    spec: MarketSpec,
    wish: PlaceOrderInput,
    book: dict[Side, Levels],
    fees: tuple[int, int],
    available_units: int,
    stop_ticks: int | None,
) -> Preview:
    """`fees`: maker and taker ppm. `available_units`: of what the order gives (quote for a buy, base for a sell)."""
    buying = wish.side is Side.BID
    other = book[Side.ASK if buying else Side.BID]
    taken = walk(spec, wish, other, stop_ticks)
    rest = (wish.quantity_lots or taken.lots) - taken.lots
    waits = wish.order_type is OrderType.LIMIT and wish.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
    if wish.time_in_force is TimeInForce.FOK and rest:
        taken, rest = Walk(0, 0, 0), 0
    rests = rest if waits else 0
    rest_value = spec.notional_units(wish.price_ticks, rests) if wish.price_ticks is not None else 0
    base = spec.base_units_per_lot
    gained = [(taken.lots * base, fees[1]), (rests * base, fees[0])]
    if not buying:
        gained = [(taken.quote_units, fees[1]), (rest_value, fees[0])]
    fee = sum(-(-units * ppm // MILLION) for units, ppm in gained)
    given = taken.quote_units + rest_value if buying else (taken.lots + rests) * base
    slippage = _slippage_ppm(spec, taken, other)
    average = taken.quote_units // spec.notional_units(1, taken.lots) if taken.lots else wish.price_ticks
    return Preview(
        fate=_fate(spec, wish, taken, rest, book),
        warnings=_warnings(spec, wish, other, slippage, given, available_units),
        average_ticks=average if taken.lots or rests else None,
        slippage_ppm=slippage,
        fee_units=fee,
        receive_units=sum(units for units, _ in gained) - fee,
        need_units=given,
    )


def _slippage_ppm(spec: MarketSpec, taken: Walk, other: Levels) -> int:
    """How far the average lies from the best price, whichever direction."""
    if not taken.lots:
        return 0
    best = spec.notional_units(other[0][0], taken.lots)
    return abs(taken.quote_units - best) * MILLION // best


def _fate(spec: MarketSpec, wish: PlaceOrderInput, taken: Walk, rest: int, book: dict[Side, Levels]) -> str:
    name = spec.base.symbol

    def amount(lots: int) -> str:
        return f"{spec.format_quantity_padded(lots)} {name}"

    if wish.post_only and taken.lots:
        return gettext("It would be refused: it is post-only and would trade at once.")
    levels = ngettext("{count} level", "{count} levels", taken.levels).format(count=taken.levels)
    if taken.lots and not rest:
        return gettext("It fills at once from {levels}.").format(levels=levels)
    if wish.order_type is OrderType.MARKET:
        only = gettext("Only {amount} can be filled, the rest is cancelled.").format(amount=amount(taken.lots))
        return only if taken.lots else gettext("Nobody is offering.")
    if wish.time_in_force is TimeInForce.FOK:
        return gettext("It would be cancelled: it cannot be filled completely at once.")
    if wish.time_in_force is TimeInForce.IOC:
        part = gettext("{amount} at once, the rest is cancelled.").format(amount=amount(taken.lots))
        return part if taken.lots else gettext("Nothing can trade at once.")
    if taken.lots:
        said = gettext("{amount} at once, {rest} rests in the book.")
        return said.format(amount=amount(taken.lots), rest=amount(rest))
    buying = wish.side is Side.BID
    better = [
        (ticks, lots)
        for ticks, lots in book[wish.side]
        if wish.price_ticks is not None and (ticks >= wish.price_ticks if buying else ticks <= wish.price_ticks)
    ]
    ahead = sum(lots for _, lots in better)
    waits = gettext("It rests in the book, {amount} ahead.").format(amount=amount(ahead))
    return waits if ahead else gettext("It rests as the best price.")


def _warnings(
    spec: MarketSpec, wish: PlaceOrderInput, other: Levels, slippage_ppm: int, given: int, available_units: int
) -> list[str]:
    found = []
    if wish.price_ticks is not None and other:
        best = other[0][0]
        worse = (wish.price_ticks - best) if wish.side is Side.BID else (best - wish.price_ticks)
        if worse * MILLION > best * FAR_PPM:
            ask = gettext("This price is far from the market: the best ask is {price}.")
            bid = gettext("This price is far from the market: the best bid is {price}.")
            found.append((ask if wish.side is Side.BID else bid).format(price=spec.format_price_padded(best)))
    if slippage_ppm > SLIPPAGE_PPM:
        moves = gettext("This order moves the market: slippage would be {part}.")
        found.append(moves.format(part=f"{slippage_ppm / 10_000:.2f} %"))
    if given > available_units:
        found.append(gettext("You do not have enough for this order."))
    elif wish.order_type is OrderType.MARKET and given * MILLION > available_units * BALANCE_PART_PPM:
        found.append(gettext("This order uses more than half of what you have."))
    return found
