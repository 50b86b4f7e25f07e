"""One cancels the other: two orders of one account and market that live and die together."""

from matching.core.aftermath import aftermath
from matching.core.checks import refusal
from matching.core.markets import Market
from matching.core.orders import Extra, Order, draft
from matching.core.placing import start, take
from matching.core.venue import Venue
from matching.core.words import FOK, IOC, MARKET
from matching.messages import Event, OrdersReply, OrderTerms, PlaceOco, RefusalReason, Refused


def place_pair(venue: Venue, market: Market, cmd: PlaceOco, events: list[Event]) -> OrdersReply | Refused:
    """Check both, take both, let a conditional one wait before the other is matched."""
    legs = [draft(cmd.first), draft(cmd.second)]
    reason = _mismatched(cmd, legs)
    if reason is not None:
        return Refused(reason=reason)
    for leg in legs:
        refused = refusal(venue, market, leg)
        if refused is not None:
            return refused
    first, second = legs
    if first.client_id is not None and first.client_id == second.client_id:
        return Refused(reason=RefusalReason.DUPLICATE_CLIENT_ID)
    open_orders = market.of_account.get(cmd.account_id)
    if open_orders is not None and len(open_orders) + 2 > market.limits.max_open_orders:
        return Refused(reason=RefusalReason.TOO_MANY_OPEN_ORDERS)
    for leg in legs:
        take(venue, market, leg)
        if leg.extra is None:
            leg.extra = Extra(OrderTerms())
    assert first.extra is not None
    assert second.extra is not None
    first.extra.pair_with(second.order_id)
    second.extra.pair_with(first.order_id)
    waiting_first = sorted(legs, key=lambda leg: not _waits(leg))
    prices = [start(venue, market, leg, events) for leg in waiting_first]
    aftermath(venue, market, prices[-1], events)
    return OrdersReply(orders=[first.view(), second.view()])


def _waits(order: Order) -> bool:
    return order.extra is not None and order.extra.waits


def _mismatched(cmd: PlaceOco, legs: list[Order]) -> RefusalReason | None:
    """Why the two do not make a pair."""
    first, second = legs
    if any(leg.account_id != cmd.account_id for leg in legs) or first.market != second.market:
        return RefusalReason.INVALID_PARAMETER
    if not (_waits(first) or _waits(second)):
        return RefusalReason.INVALID_PARAMETER
    for leg in legs:
        if leg.time_in_force in (IOC, FOK) or (leg.order_type is MARKET and not _waits(leg)):
            return RefusalReason.INVALID_PARAMETER
        if leg.extra is not None and leg.extra.has_exits:
            return RefusalReason.INVALID_PARAMETER
    return None
