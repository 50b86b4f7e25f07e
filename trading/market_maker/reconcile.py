"""From the orders that stand to the orders that should: what to cancel and what to place. Pure.

Rules. An order at a wanted price stays, whatever its size, because it keeps its place in the queue; when less than half
of the wanted quantity is left there, the missing part is added as a second order. An order nearer to the spread than
the best wanted price of its side is dangerous and goes first; orders behind the last wanted price may stay as long as
there are only a few. Where too much is wrong, one "cancel all" replaces many single cancels.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from matching.messages import Side
from trading.market_maker.quoting import Quote

SPARE_PER_SIDE = 4  # Orders behind the last wanted level that may stay.
CANCEL_ALL_FROM = 12  # From this many wrong orders on, one "cancel all" is cheaper.
MAX_OWN_ORDERS = 120  # Per market; the venue allows 200.


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """One of our open orders."""

    order_id: str
    side: Side
    price_ticks: int
    remaining_lots: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, in this order: cancels (or one "cancel all"), then new orders, best prices first."""

    cancel_all: bool = False
    cancel: list[str] = field(default_factory=list)
    place: list[Quote] = field(default_factory=list)


def plan(standing: list[OwnOrder], desired: list[Quote], max_cancels: int) -> Plan:
    """Compare and decide. `max_cancels` bounds the single cancels of one round; the rest waits for the next."""
    wanted = {(quote.side, quote.price_ticks) for quote in desired}
    wrong: list[OwnOrder] = []
    for side in Side:
        wrong += _wrong(side, standing, desired, wanted)
    if len(wrong) >= CANCEL_ALL_FROM or len(standing) > MAX_OWN_ORDERS:
        return Plan(cancel_all=True, place=_best_first(desired))
    going = {order.order_id for order in wrong[:max_cancels]}
    staying = [order for order in standing if order.order_id not in going]
    return Plan(cancel=[order.order_id for order in wrong[:max_cancels]], place=_missing(staying, desired))


def _aggression(order: OwnOrder | Quote) -> int:
    """Larger is nearer to, or further across, the spread."""
    return order.price_ticks if order.side is Side.BID else -order.price_ticks


def _wrong(side: Side, standing: list[OwnOrder], desired: list[Quote], wanted: set[tuple[Side, int]]) -> list[OwnOrder]:
    """Orders of one side that have to go: dangerous ones first, then the furthest of too many spare ones."""
    unwanted = [order for order in standing if order.side is side and (side, order.price_ticks) not in wanted]
    best = max((_aggression(quote) for quote in desired if quote.side is side), default=None)
    if best is None:
        return sorted(unwanted, key=_aggression, reverse=True)
    dangerous = sorted((o for o in unwanted if _aggression(o) > best), key=_aggression, reverse=True)
    spare = sorted((o for o in unwanted if _aggression(o) <= best), key=_aggression)
    return dangerous + spare[: max(0, len(spare) - SPARE_PER_SIDE)]


def _missing(staying: list[OwnOrder], desired: list[Quote]) -> list[Quote]:
    """What to add; never a price at which it would meet one of our own orders that stay."""
    left: dict[tuple[Side, int], int] = {}
    for order in staying:
        key = order.side, order.price_ticks
        left[key] = left.get(key, 0) + order.remaining_lots
    highest_bid = max((o.price_ticks for o in staying if o.side is Side.BID), default=None)
    lowest_ask = min((o.price_ticks for o in staying if o.side is Side.ASK), default=None)
    missing: list[Quote] = []
    for quote in desired:
        have = left.get((quote.side, quote.price_ticks), 0)
        if have * 2 >= quote.lots:
            continue
        if quote.side is Side.BID and lowest_ask is not None and quote.price_ticks >= lowest_ask:
            continue
        if quote.side is Side.ASK and highest_bid is not None and quote.price_ticks <= highest_bid:
            continue
        missing.append(Quote(quote.side, quote.price_ticks, quote.lots - have))
    return _best_first(missing)


def _best_first(quotes: Iterable[Quote]) -> list[Quote]:
    """Both sides in turn, best prices first: a batch cut short still leaves a book with two sides."""
    by_side = {side: sorted((q for q in quotes if q.side is side), key=_aggression, reverse=True) for side in Side}
    depth = max((len(side) for side in by_side.values()), default=0)
    return [side[index] for index in range(depth) for side in by_side.values() if index < len(side)]
