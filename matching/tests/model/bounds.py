"""How far an order may trade: impact, its own slippage, and the band around the reference price."""

from matching.messages import EndReason, OrderType, Side
from matching.tests.model.money import ceil_div
from matching.tests.model.records import Market, Order

MILLION = 1_000_000


def entry_allows(market: Market, price: int) -> bool:
    """A limit price may not be too far from the last price."""
    limits, last = market.limits, market.last_price
    if last is None:
        return True
    if limits.max_price_ppm is not None and price * MILLION > last * limits.max_price_ppm:
        return False
    return limits.min_price_ppm is None or price * MILLION >= last * limits.min_price_ppm


def reference(market: Market, now_ms: int) -> int | None:
    """The reference price for an order that is matched now."""
    due = market.reference_price is None or now_ms - market.reference_at_ms >= market.limits.band_window_ms
    return market.last_price if due else market.reference_price


def take_reference(market: Market, now_ms: int) -> None:
    """Looked at before each order is matched, where there is a band."""
    if market.limits.band_ppm is None:
        return
    due = market.reference_price is None or now_ms - market.reference_at_ms >= market.limits.band_window_ms
    if due and market.last_price is not None:
        market.reference_price, market.reference_at_ms = market.last_price, now_ms


def worst_price(market: Market, order: Order, now_ms: int) -> tuple[int, EndReason] | None:
    """The last price at which the order may trade, and why not beyond; None when only its own limit bounds it."""
    bounds: list[tuple[int, EndReason]] = []  # At a tie the first of them counts.
    queue = market.queue(Side.ASK if order.is_bid else Side.BID)
    if queue and order.order_type is OrderType.MARKET:
        bounds += _relative_bounds(market, order, queue[0].price)
    middle = reference(market, now_ms)
    if market.limits.band_ppm is not None and middle is not None:
        low = ceil_div(middle * (MILLION - market.limits.band_ppm), MILLION)
        high = middle * (MILLION + market.limits.band_ppm) // MILLION
        bounds.append((high if order.is_bid else low, EndReason.PRICE_OUT_OF_BOUNDS))
    if not bounds:
        return None
    if order.is_bid:
        return min(bounds, key=lambda bound: bound[0])
    return max(bounds, key=lambda bound: bound[0])


def _relative_bounds(market: Market, order: Order, best: int) -> list[tuple[int, EndReason]]:
    bounds = []
    terms, limits, own = order.terms, market.limits, EndReason.SLIPPAGE_TOLERANCE_EXCEEDED
    if terms.slippage_ticks is not None:
        bounds.append((best + terms.slippage_ticks if order.is_bid else best - terms.slippage_ticks, own))
    if terms.slippage_ppm is not None and order.is_bid:
        bounds.append((best * (MILLION + terms.slippage_ppm) // MILLION, own))
    if terms.slippage_ppm is not None and not order.is_bid:
        bounds.append((ceil_div(best * (MILLION - terms.slippage_ppm), MILLION), own))
    if order.is_bid and limits.max_impact_ppm is not None:
        bounds.append((best * limits.max_impact_ppm // MILLION, EndReason.PRICE_IMPACT))
    if not order.is_bid and limits.min_impact_ppm is not None:
        bounds.append((ceil_div(best * limits.min_impact_ppm, MILLION), EndReason.PRICE_IMPACT))
    return bounds
