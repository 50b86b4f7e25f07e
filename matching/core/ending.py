"""How an order ends without being filled, wherever it is."""

from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.venue import Venue
from matching.core.words import EXPIRED, TRIGGER_PENDING
from matching.messages import EndReason, Event, OrderEnded, OrderStatus


def take_back(
    venue: Venue, market: Market, order: Order, status: OrderStatus, reason: EndReason, events: list[Event]
) -> None:
    """End an open order: one that rests releases what it reserves, one that waits for its trigger reserves nothing."""
    if order.status is TRIGGER_PENDING:
        market.unwait(order)
    else:
        venue.balances.unlock(order.pay, market.reserved_units(order))
        market.leave(order)
    _end(venue, order, status, reason, events)


def expire(venue: Venue, order: Order, reason: EndReason, events: list[Event]) -> None:
    """End an order that never rested: it reserves nothing."""
    _end(venue, order, EXPIRED, reason, events)


def _end(venue: Venue, order: Order, status: OrderStatus, reason: EndReason, events: list[Event]) -> None:
    order.status = status
    order.end_reason = reason
    if order.extra is not None:
        venue.followups.append(order)
    events.append(OrderEnded(order.order_id, order.account_id, order.market, status, reason))
