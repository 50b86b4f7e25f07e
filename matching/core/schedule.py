"""Setting timers, and finding those that are due. What happens then is in `overdue`."""

from matching.core.timers import CANCEL_AFTER, EXPIRY, Timer
from matching.core.venue import Venue
from matching.core.words import AUCTION

SPARE_TIMERS = 1_000


def set_timer(venue: Venue, timer: Timer) -> None:
    """Add a timer, after throwing pointless ones (of orders long gone) away when they have piled up.

    In this order, because the order that the new one belongs to may not be open yet.
    """
    timers = venue.timers
    meaningful = len(venue.open_orders) + len(timers.deadlines) + len(venue.markets)
    timers.tidy(2 * meaningful + SPARE_TIMERS, lambda one: _is_live(venue, one))
    timers.add(timer)


def next_due_ms(venue: Venue) -> int | None:
    """When the next timer that still means something runs out."""
    return venue.timers.next_ms(lambda timer: _is_live(venue, timer))


def pop_due(venue: Venue) -> Timer | None:
    """The next live timer at or before the venue's time, taken out."""
    return venue.timers.pop_due(venue.at_ms, lambda timer: _is_live(venue, timer))


def _is_live(venue: Venue, timer: Timer) -> bool:
    if timer.kind == EXPIRY:
        order = venue.open_orders.get(timer.number)
        return order is not None and order.extra is not None and order.extra.terms.expires_at_ms == timer.at_ms
    if timer.kind == CANCEL_AFTER:
        return venue.timers.deadlines.get(timer.number) == timer.at_ms
    market = venue.markets[timer.name]
    return market.state is AUCTION and market.auction_ends_at_ms == timer.at_ms and not venue.is_halted
