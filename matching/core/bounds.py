"""How far from the market an order may trade: its limit, its slippage, the market's impact bound and price band.

All arithmetic is exact and rounds inwards, so that a bound is never passed by rounding.
"""

from typing import NamedTuple

from matching.core.fees import PPM
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.words import MARKET
from matching.messages import EndReason


class Bound(NamedTuple):
    """The worst price at which an order may trade (None: any), and why it ends there (None: its own limit)."""

    price_ticks: int | None
    reason: EndReason | None


def bound_of(market: Market, order: Order, at_ms: int) -> Bound:
    """The tightest bound of an order that is about to be matched. Reads state, changes nothing."""
    extra = order.extra
    bound = Bound(order.price_ticks, None)
    is_bid = order.is_bid
    if order.order_type is MARKET:
        level = market.side(not is_bid).best()
        if level is not None:
            best = level.price_ticks
            if extra is not None and extra.terms.slippage_ticks is not None:
                worst = best + extra.terms.slippage_ticks if is_bid else best - extra.terms.slippage_ticks
                bound = Bound(worst, EndReason.SLIPPAGE_TOLERANCE_EXCEEDED)
            elif extra is not None and extra.terms.slippage_ppm is not None:
                slippage = extra.terms.slippage_ppm
                worst = _portion(best, PPM + slippage if is_bid else PPM - slippage, down=is_bid)
                bound = Bound(worst, EndReason.SLIPPAGE_TOLERANCE_EXCEEDED)
            impact = market.limits.max_impact_ppm if is_bid else market.limits.min_impact_ppm
            if impact is not None:
                bound = _tighter(bound, Bound(_portion(best, impact, down=is_bid), EndReason.PRICE_IMPACT), is_bid)
    band = market.limits.band_ppm
    reference = market.reference(at_ms)
    if band is not None and reference is not None:
        worst = _portion(reference, PPM + band if is_bid else PPM - band, down=is_bid)
        bound = _tighter(bound, Bound(worst, EndReason.PRICE_OUT_OF_BOUNDS), is_bid)
    return bound


def out_of_entry_bounds(market: Market, order: Order) -> bool:
    """Is the limit price too far from the last price to be let in?"""
    last, price, limits = market.last_price_ticks, order.price_ticks, market.limits
    if last is None or price is None:
        return False
    if limits.max_price_ppm is not None and price * PPM > last * limits.max_price_ppm:
        return True
    return limits.min_price_ppm is not None and price * PPM < last * limits.min_price_ppm


def stopped_by(market: Market, order: Order, bound: Bound) -> EndReason | None:
    """The bound's reason when there are still offers that only the bound keeps the order from."""
    if bound.reason is None or bound.price_ticks is None:
        return None
    level = market.side(not order.is_bid).best()
    if level is None or not beyond(level.price_ticks, bound.price_ticks, order.is_bid):
        return None
    if order.price_ticks is not None and beyond(level.price_ticks, order.price_ticks, order.is_bid):
        return None
    return bound.reason


def beyond(price_ticks: int, limit_ticks: int, is_bid: bool) -> bool:
    """Is an offer at `price_ticks` worse than the taker's `limit_ticks`?"""
    return price_ticks > limit_ticks if is_bid else price_ticks < limit_ticks


def _tighter(bound: Bound, other: Bound, is_bid: bool) -> Bound:
    """The one that stops earlier; `bound` when they are equal."""
    if other.price_ticks is None:
        return bound
    if bound.price_ticks is None or beyond(bound.price_ticks, other.price_ticks, is_bid):
        return other
    return bound


def _portion(price_ticks: int, ppm: int, down: bool) -> int:
    return price_ticks * ppm // PPM if down else -(-price_ticks * ppm // PPM)
