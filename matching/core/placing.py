"""Taking an order: from the checks to its place in the book, its end, or its wait for a trigger."""

from matching.core import auction
from matching.core.bounds import Bound, bound_of, stopped_by
from matching.core.crossing import cross
from matching.core.dry_run import reach
from matching.core.ending import expire
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.schedule import set_timer
from matching.core.timers import EXPIRY, Timer
from matching.core.venue import Venue
from matching.core.words import (
    ACCEPTED,
    ASK,
    AUCTION,
    BID,
    FILLED,
    FOK,
    GTC,
    GTD,
    LIMIT,
    TRIGGER_PLACED,
)
from matching.messages import EndReason, Event, OrderAccepted, OrderChanged, TradeMade

Prices = tuple[int, int]
"""The first and the last price of one order's trades."""


def take(venue: Venue, market: Market, order: Order) -> None:
    """Give a checked order its id, its owner's rows and its fee rates."""
    venue.last_order_id = order.order_id = venue.last_order_id + 1
    order.created_at_ms = venue.at_ms
    account_id = order.account_id
    if venue.tiers and account_id in venue.tiers:
        order.maker_fee_ppm, order.taker_fee_ppm = market.rates(venue.tiers[account_id])
    else:
        order.maker_fee_ppm, order.taker_fee_ppm = market.maker_fee_ppm, market.taker_fee_ppm
    order.fee_version = market.fee_version
    order.place = 0
    pay, receive = (market.quote, market.base) if order.is_bid else (market.base, market.quote)
    order.pay = pay.rows.get(account_id) or pay.row(account_id)
    order.receive = receive.rows.get(account_id) or receive.row(account_id)


def start(venue: Venue, market: Market, order: Order, events: list[Event]) -> Prices | None:
    """Announce a taken order and match it, or let it wait. What its trades mean for others is `aftermath`'s."""
    extra = order.extra
    if extra is None:
        events.append(_accepted(order))
        return match(venue, market, order, events)
    if order.time_in_force is GTD:
        assert extra.terms.expires_at_ms is not None, "GTD without an end"
        set_timer(venue, Timer(extra.terms.expires_at_ms, EXPIRY, order.order_id, ""))
    if not extra.waits:
        events.append(OrderChanged(change=ACCEPTED, order=order.view()))
        return match(venue, market, order, events)
    aim(market, order)
    market.wait(order)
    events.append(OrderChanged(change=TRIGGER_PLACED, order=order.view()))
    return None


def aim(market: Market, order: Order) -> None:
    """Decide which way the price must go to fire a conditional order (api-contract 6.4)."""
    extra, last = order.extra, market.last_price_ticks
    assert extra is not None
    trailing = extra.terms.trailing_ticks
    if trailing is not None:
        assert last is not None, "a trailing order needs a last price"
        extra.fires_above, extra.best_ticks = order.is_bid, last
        extra.trigger_ticks = last + trailing if order.is_bid else last - trailing
    elif last is None:
        extra.fires_above = order.is_bid
    else:
        assert extra.trigger_ticks is not None
        extra.fires_above = extra.trigger_ticks >= last


def match(venue: Venue, market: Market, order: Order, events: list[Event]) -> Prices | None:
    """Trade a taken order, then let it rest or end it."""
    if market.state is AUCTION:
        rest(venue, market, order)
        return None
    in_force, is_limit = order.time_in_force, order.order_type is LIMIT
    rests = is_limit and (in_force is GTC or in_force is GTD)
    bound: Bound | None = None  # None: nothing but the order's own limit.
    limit_ticks = order.price_ticks
    if market.is_bounded or order.extra is not None:
        market.keep_reference(venue.at_ms)
        bound = bound_of(market, order, venue.at_ms)
        limit_ticks = bound.price_ticks
    offered = (market.asks if order.is_bid else market.bids).offers(limit_ticks)
    if not offered and rests and bound is None:
        rest(venue, market, order)  # Nothing to trade with: the way of most orders.
        return None
    if in_force is FOK and is_limit and reach(market, order, limit_ticks).lots != order.remaining_lots:
        expire(venue, order, EndReason.FILL_OR_KILL, events)
        return None
    prices, stopped = None, None
    if offered:
        first_event = len(events)
        stopped = cross(venue, market, order, limit_ticks, events)
        if market.triggers.by_id:
            prices = _prices(events, first_event)
        if order.status is FILLED:
            return prices
    if stopped is None and bound is not None:
        stopped = stopped_by(market, order, bound)
    if stopped is EndReason.PRICE_OUT_OF_BOUNDS and rests and market.limits.auction_ms:
        rest(venue, market, order)
        auction.interrupt(venue, market, "A trade would have left the price band.", events)
    elif stopped is not None:
        expire(venue, order, stopped, events)
    elif rests:
        rest(venue, market, order)
    elif is_limit:
        expire(venue, order, EndReason.IMMEDIATE_OR_CANCEL, events)
    else:
        expire(venue, order, EndReason.INSUFFICIENT_LIQUIDITY, events)
    return prices


def rest(venue: Venue, market: Market, order: Order) -> None:
    """Reserve what is left of the order and queue it up."""
    venue.balances.lock(order.pay, market.reserved_units(order))
    market.enter(order)


def _prices(events: list[Event], first_event: int) -> Prices | None:
    """Of the trades since `first_event`; nobody needs them while no order waits for a trigger."""
    prices = [event.price_ticks for event in events[first_event:] if type(event) is TradeMade]
    return (prices[0], prices[-1]) if prices else None


def _accepted(order: Order) -> OrderAccepted:
    return OrderAccepted(  # By position: see `Order.view`.
        order.order_id,
        order.account_id,
        order.market,
        BID if order.is_bid else ASK,
        order.order_type,
        order.price_ticks,
        order.quantity_lots,
        order.quote_units,
        order.time_in_force,
        order.post_only,
        order.self_trade_prevention,
        order.client_id,
    )
