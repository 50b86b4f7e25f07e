"""What one order's trades mean for others: pairs, exits, triggers. Runs after every step that traded or ended orders.

The order is part of the protocol (docs/orders.md): partners of a one-cancels-other pair go first, then exits of
finished parents are placed, then triggers fire, each fired order with an aftermath of its own.
"""

from collections import deque

from matching.core import auction
from matching.core.checks import kept_out, untakable, wrong_numbers
from matching.core.ending import take_back
from matching.core.markets import Market
from matching.core.orders import Extra, Order
from matching.core.placing import Prices, match, take
from matching.core.venue import Venue
from matching.core.words import (
    CANCELLED,
    GTC,
    LIMIT,
    MARKET,
    NEW,
    OPEN,
    PARTIALLY_FILLED,
    TRIGGER_FAILED,
    TRIGGER_PENDING,
    TRIGGER_PLACED,
    TRIGGERED,
)
from matching.messages import EndReason, Event, ExitTerms, OrderChange, OrderChanged, OrderTerms, RefusalReason

MAX_FIRED = 100  # By one command; a longer cascade pauses the market (the lesson of GDAX 2017).

_FAILURES = {
    RefusalReason.PRICE_OUT_OF_BOUNDS: EndReason.PRICE_OUT_OF_BOUNDS,
    RefusalReason.INVALID_PRICE: EndReason.INVALID_PRICE,
    RefusalReason.POST_ONLY_WOULD_TAKE: EndReason.POST_ONLY_TAKER,
    RefusalReason.INSUFFICIENT_FUNDS: EndReason.INSUFFICIENT_FUNDS,
    RefusalReason.QUANTITY_TOO_SMALL: EndReason.INVALID_QUANTITY,
    RefusalReason.QUANTITY_TOO_LARGE: EndReason.INVALID_QUANTITY,
    RefusalReason.INVALID_QUANTITY: EndReason.INVALID_QUANTITY,
    RefusalReason.NOTIONAL_TOO_SMALL: EndReason.INVALID_QUANTITY,
    RefusalReason.NOTIONAL_TOO_LARGE: EndReason.INVALID_QUANTITY,
    RefusalReason.ACCOUNT_BLOCKED: EndReason.ACCOUNT_TRADING_SUSPENDED,
}


def aftermath(venue: Venue, market: Market, prices: Prices | None, events: list[Event]) -> None:
    """Settle everything that follows from the step just done in `market`; `prices` are those of its trades."""
    if prices is None and not venue.followups:
        return
    due = _due(venue, market, prices, events)
    if due:
        _fire_all(venue, market, due, events)


def reopened(venue: Venue, market: Market, events: list[Event]) -> None:
    """The market trades freely again: whatever the last price has reached meanwhile fires now."""
    last = market.last_price_ticks
    if last is not None and market.triggers.by_id:
        _fire_all(venue, market, market.triggers.passed(last, last), events)


# ----------------------------------------------------------------------------------------------------- pairs and exits


def _follow_up(venue: Venue, market: Market, events: list[Event]) -> list[Order]:
    """Cancel partners, place exits; returns the exits that the last price has passed already."""
    if not venue.followups:
        return []
    touched = list(dict.fromkeys(venue.followups))
    venue.followups.clear()
    for order in touched:
        release_partner(venue, market, order, events)
    venue.followups.clear()  # Partners have no exits, and no partner any more.
    passed = []
    for order in touched:
        extra = order.extra
        assert extra is not None
        if extra.has_exits and order.executed_lots and order.status not in (NEW, PARTIALLY_FILLED):
            passed += _place_exits(venue, market, order, extra, events)
    return passed


def release_partner(venue: Venue, market: Market, order: Order, events: list[Event]) -> None:
    """One of a pair has traded, fired or ended: the other is cancelled."""
    extra = order.extra
    assert extra is not None
    if not extra.is_paired or extra.partner_id is None:
        return
    extra.is_paired = False
    partner = venue.open_orders.get(extra.partner_id)
    if partner is None:
        return  # Both were cancelled in one step.
    assert partner.extra is not None
    partner.extra.is_paired = False
    take_back(venue, market, partner, CANCELLED, EndReason.ONE_CANCELS_OTHER, events)


def _place_exits(venue: Venue, market: Market, parent: Order, extra: Extra, events: list[Event]) -> list[Order]:
    lots = parent.executed_lots
    if parent.is_bid:
        lots = extra.received_units // market.base_units_per_lot
    if lots == 0:
        return []
    stop_loss, take_profit = extra.terms.stop_loss, extra.terms.take_profit
    exits = []
    for terms, above in ((stop_loss, not parent.is_bid), (take_profit, parent.is_bid)):
        if terms is not None:
            exits.append(_exit(venue, market, parent, terms, above, lots))
    if len(exits) == 2:
        _pair(exits[0], exits[1])
    last = market.last_price_ticks
    assert last is not None, "the parent has traded"
    for order in exits:
        market.wait(order)
        events.append(OrderChanged(change=TRIGGER_PLACED, order=order.view()))
    return [order for order in exits if _has_passed(order, last)]


def _exit(venue: Venue, market: Market, parent: Order, terms: ExitTerms, above: bool, lots: int) -> Order:
    order = Order()
    order.account_id, order.market = parent.account_id, parent.market
    order.is_bid = not parent.is_bid
    order.order_type = MARKET if terms.price_ticks is None else LIMIT
    order.status = NEW
    order.price_ticks = terms.price_ticks
    order.quantity_lots = order.remaining_lots = lots
    order.quote_units = None
    order.executed_lots = order.executed_quote_units = 0
    order.time_in_force = GTC
    order.post_only = False
    order.self_trade_prevention = parent.self_trade_prevention
    order.client_id = None
    order.end_reason = None
    order.level = order.before = order.behind = None
    order.extra = Extra(OrderTerms(trigger_price_ticks=terms.trigger_price_ticks))
    order.extra.fires_above = above
    order.extra.parent_id = parent.order_id
    take(venue, market, order)
    return order


def _pair(first: Order, second: Order) -> None:
    assert first.extra is not None
    assert second.extra is not None
    first.extra.pair_with(second.order_id)
    second.extra.pair_with(first.order_id)


def _has_passed(order: Order, price_ticks: int) -> bool:
    extra = order.extra
    assert extra is not None
    assert extra.trigger_ticks is not None
    return price_ticks >= extra.trigger_ticks if extra.fires_above else price_ticks <= extra.trigger_ticks


# ------------------------------------------------------------------------------------------------------------ triggers


def _firing_rank(order: Order) -> tuple[int, int, int]:
    """Falling before rising, the trigger passed first, the older order."""
    extra = order.extra
    assert extra is not None
    assert extra.trigger_ticks is not None
    if extra.fires_above:
        return (1, extra.trigger_ticks, order.order_id)
    return (0, -extra.trigger_ticks, order.order_id)


def _due(venue: Venue, market: Market, prices: Prices | None, events: list[Event]) -> list[Order]:
    """What the last step's trades have fired, and the new exits that the last price has passed already.

    Trades from before an exit was placed do not fire it, so the triggers are looked at first.
    """
    passed = market.triggers.passed(*prices) if prices is not None and market.triggers.by_id else []
    exits = _follow_up(venue, market, events)
    return sorted(passed + exits, key=_firing_rank) if exits else passed


def _fire_all(venue: Venue, market: Market, due: list[Order], events: list[Event]) -> None:
    queue = deque(due)
    queued = {order.order_id: None for order in due}
    while queue:
        if market.state is not OPEN or venue.is_halted:
            return
        order = queue.popleft()
        if order.status is not TRIGGER_PENDING:
            continue  # Its partner was faster, or it has fired already.
        if venue.fired == MAX_FIRED:
            auction.pause(venue, market, f"More than {MAX_FIRED} conditional orders were due at once.", events)
            return
        venue.fired += 1
        prices = _fire(venue, market, order, events)
        for one in _due(venue, market, prices, events):
            if one.order_id not in queued:
                queued[one.order_id] = None
                queue.append(one)


def _fire(venue: Venue, market: Market, order: Order, events: list[Event]) -> Prices | None:
    """Handle a conditional order like a new one, now."""
    extra = order.extra
    assert extra is not None
    release_partner(venue, market, order, events)
    market.unwait(order)
    order.status = NEW
    extra.triggered_at_ms = venue.at_ms
    reason = _unfit(venue, market, order)
    if reason is not None:
        order.status, order.end_reason = TRIGGER_FAILED, _FAILURES.get(reason, EndReason.UNKNOWN)
        events.append(OrderChanged(change=OrderChange.TRIGGER_FAILED, order=order.view()))
        return None
    events.append(OrderChanged(change=TRIGGERED, order=order.view()))
    return match(venue, market, order, events)


def _unfit(venue: Venue, market: Market, order: Order) -> RefusalReason | None:
    """Why a fired order cannot be taken; its terms were agreed when it was placed, the market's limits may be new."""
    return wrong_numbers(market, order) or kept_out(venue, market, order) or untakable(venue, market, order, 0)
