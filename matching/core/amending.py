"""Changing an open order. Less of it keeps its place; anything else makes it a new order with the old id."""

from msgspec.structs import replace

from matching.core.aftermath import aftermath
from matching.core.cancelling import find
from matching.core.checks import MAX_SLICES, kept_out, untakable, wrong_exits, wrong_numbers
from matching.core.markets import Market
from matching.core.orders import Extra, Order
from matching.core.placing import aim, match
from matching.core.venue import Venue
from matching.core.words import CLOSED, LIMIT, MODIFIED, TRIGGER_PENDING
from matching.messages import MAX_INT, AmendOrder, Event, OrderChanged, OrderReply, RefusalReason, Refused


def amend(venue: Venue, cmd: AmendOrder, events: list[Event]) -> OrderReply | Refused:
    order = find(venue, cmd)
    if order is None:
        return Refused(reason=RefusalReason.UNKNOWN_ORDER)
    market = venue.markets[order.market]
    if order.status is TRIGGER_PENDING:
        reason = _amend_waiting(venue, market, order, cmd)
        if reason is not None:
            return Refused(reason=reason)
        events.append(OrderChanged(change=MODIFIED, order=order.view()))
        return OrderReply(order=order.view())
    if cmd.trigger_price_ticks is not None:
        return Refused(reason=RefusalReason.INVALID_PARAMETER)
    wanted = _copy(order)
    if cmd.price_ticks is not None:
        wanted.price_ticks = cmd.price_ticks
    if cmd.quantity_lots is not None:
        wanted.quantity_lots = cmd.quantity_lots
    if (wanted.price_ticks, wanted.quantity_lots) == (order.price_ticks, order.quantity_lots):
        return Refused(reason=RefusalReason.INVALID_PARAMETER)
    assert order.quantity_lots is not None, "only orders by quantity rest"
    assert wanted.quantity_lots is not None
    reason = wrong_numbers(market, wanted) or _overdone(wanted)
    if reason is not None:
        return Refused(reason=reason)
    if wanted.price_ticks == order.price_ticks and wanted.quantity_lots < order.quantity_lots:
        if market.state is CLOSED:
            return Refused(reason=RefusalReason.MARKET_CLOSED)
        _reduce(venue, market, order, order.quantity_lots - wanted.quantity_lots, events)
        return OrderReply(order=order.view())
    return _replace(venue, market, order, wanted, events)


def _overdone(wanted: Order) -> RefusalReason | None:
    """Is less wanted than has executed, or an iceberg in too many slices?"""
    assert wanted.quantity_lots is not None
    if wanted.quantity_lots <= wanted.executed_lots:
        return RefusalReason.INVALID_QUANTITY
    display = None if wanted.extra is None else wanted.extra.terms.display_lots
    if display is not None and display * MAX_SLICES < wanted.quantity_lots:
        return RefusalReason.INVALID_PARAMETER
    return None


def _reduce(venue: Venue, market: Market, order: Order, lots: int, events: list[Event]) -> None:
    """Take lots off a resting order without moving it, hidden ones first; some of it is left."""
    before = market.reserved_units(order)
    assert order.quantity_lots is not None
    order.quantity_lots -= lots
    side = market.side(order.is_bid)
    hidden = 0 if order.extra is None else min(lots, order.extra.hidden_lots)
    if hidden:
        side.shrink_hidden(order, hidden)
    if lots > hidden:
        side.shrink(order, lots - hidden)
    venue.balances.unlock(order.pay, before - market.reserved_units(order))
    events.append(OrderChanged(change=MODIFIED, order=order.view()))


def _replace(venue: Venue, market: Market, order: Order, wanted: Order, events: list[Event]) -> OrderReply | Refused:
    """Take the order out and match it anew; refused as a whole when it could not be taken as a new one."""
    assert wanted.quantity_lots is not None
    wanted.remaining_lots = wanted.quantity_lots - wanted.executed_lots
    held = market.reserved_units(order)
    reason = wrong_exits(market, wanted) or kept_out(venue, market, wanted)
    reason = reason or untakable(venue, market, wanted, held)
    if reason is not None:
        return Refused(reason=reason)
    venue.balances.unlock(order.pay, held)
    market.leave(order)
    order.price_ticks, order.quantity_lots = wanted.price_ticks, wanted.quantity_lots
    order.remaining_lots = wanted.remaining_lots
    if order.extra is not None:
        order.extra.hidden_lots = 0
    events.append(OrderChanged(change=MODIFIED, order=order.view()))
    prices = match(venue, market, order, events)
    aftermath(venue, market, prices, events)
    return OrderReply(order=order.view())


def _copy(order: Order) -> Order:
    """A draft to check; it shares the rows and is never put anywhere. All that is left of it counts as shown."""
    copy = Order()
    for name in Order.__slots__:
        setattr(copy, name, getattr(order, name))
    if order.extra is not None:
        copy.extra = Extra(order.extra.terms)
        copy.extra.triggered_at_ms = order.extra.triggered_at_ms
    return copy


def _amend_waiting(venue: Venue, market: Market, order: Order, cmd: AmendOrder) -> RefusalReason | None:
    """Change a conditional order that waits; returns why not."""
    extra = order.extra
    assert extra is not None
    wanted = _copy(order)
    if cmd.price_ticks is not None:
        if order.order_type is not LIMIT:
            return RefusalReason.INVALID_PARAMETER
        wanted.price_ticks = cmd.price_ticks
    if cmd.quantity_lots is not None:
        if order.quantity_lots is None:
            return RefusalReason.INVALID_PARAMETER
        wanted.quantity_lots = wanted.remaining_lots = cmd.quantity_lots
    if cmd.trigger_price_ticks is not None and extra.terms.trailing_ticks is not None:
        return RefusalReason.INVALID_PARAMETER
    current = extra.terms.trigger_price_ticks
    new_trigger = None if cmd.trigger_price_ticks == current else cmd.trigger_price_ticks
    same = (wanted.price_ticks, wanted.quantity_lots) == (order.price_ticks, order.quantity_lots)
    if same and new_trigger is None:
        return RefusalReason.INVALID_PARAMETER
    reason = wrong_numbers(market, wanted)
    if reason is None and wanted.quantity_lots is not None:
        reason = _overdone(wanted)
    reason = reason or _wrong_new_trigger(market, extra, new_trigger)
    reason = reason or _wrong_exits_after(market, wanted, new_trigger or current)
    reason = reason or kept_out(venue, market, wanted)
    if reason is not None:
        return reason
    order.price_ticks, order.quantity_lots = wanted.price_ticks, wanted.quantity_lots
    order.remaining_lots = wanted.remaining_lots
    if new_trigger is not None:
        market.triggers.remove(order)
        extra.terms = replace(extra.terms, trigger_price_ticks=new_trigger)
        extra.trigger_ticks = new_trigger
        if not _keeps_direction(extra):
            aim(market, order)
        market.triggers.add(order)
    return None


def _wrong_exits_after(market: Market, wanted: Order, trigger: int | None) -> RefusalReason | None:
    extra = wanted.extra
    assert extra is not None, "a copy of a conditional order"
    extra.terms = replace(extra.terms, trigger_price_ticks=trigger)
    return wrong_exits(market, wanted)


def _keeps_direction(extra: Extra) -> bool:
    return extra.parent_id is not None or extra.is_paired


def _wrong_new_trigger(market: Market, extra: Extra, trigger: int | None) -> RefusalReason | None:
    if trigger is None:
        return None
    if not 0 < trigger <= MAX_INT:
        return RefusalReason.INVALID_TRIGGER
    last = market.last_price_ticks
    if last is None or not _keeps_direction(extra):
        return None
    is_passed = last >= trigger if extra.fires_above else last <= trigger
    return RefusalReason.INVALID_TRIGGER if is_passed else None
