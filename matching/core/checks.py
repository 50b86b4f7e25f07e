"""Everything that can keep an order out. Reads state, changes nothing; the order of the checks is part of the protocol.

The same checks serve an order that arrives, one that its trigger has fired, and one that is amended.
"""

from matching.core.bounds import bound_of, out_of_entry_bounds
from matching.core.dry_run import reach
from matching.core.fees import PPM
from matching.core.markets import Market
from matching.core.orders import Extra, Order
from matching.core.triggers import MAX_TRAILING
from matching.core.venue import Venue
from matching.core.words import (
    AUCTION,
    CANCEL_ONLY,
    CLOSED,
    DECREMENT,
    FOK,
    GTC,
    GTD,
    IOC,
    LIMIT,
    LIMIT_ONLY,
    MARKET,
    OPEN,
    POST_ONLY,
)
from matching.messages import MAX_INT, ExitTerms, RefusalReason, Refused

MAX_EXPIRY_MS = 366 * 24 * 3600 * 1000
MAX_SLICES = 100  # Of an iceberg; each costs a trade of its own.


def refusal(venue: Venue, market: Market, order: Order) -> Refused | None:
    """Why a new order cannot be taken, or None."""
    reason = wrong_numbers(market, order)
    if reason is None and (
        order.extra is not None or order.time_in_force is GTD or order.self_trade_prevention is DECREMENT
    ):
        reason = _wrong_terms(venue, market, order)
    if reason is None and (market.state is not OPEN or venue.is_halted or venue.blocks):
        reason = kept_out(venue, market, order)
    if reason is not None:
        return Refused(reason=reason)
    if order.client_id is not None:
        twin = market.by_client_id.get((order.account_id, order.client_id))
        if twin is not None:
            return Refused(reason=RefusalReason.DUPLICATE_CLIENT_ID, order_id=twin.order_id)
    open_orders = market.of_account.get(order.account_id)
    if open_orders is not None and len(open_orders) >= market.limits.max_open_orders and _stays_open(order):
        return Refused(reason=RefusalReason.TOO_MANY_OPEN_ORDERS)
    if order.extra is not None and order.extra.waits:
        if order.extra.terms.trailing_ticks is not None and len(market.triggers.trailing) >= MAX_TRAILING:
            return Refused(reason=RefusalReason.TOO_MANY_OPEN_ORDERS)
        return None
    reason = untakable(venue, market, order, 0)
    return None if reason is None else Refused(reason=reason)


def untakable(venue: Venue, market: Market, order: Order, held_units: int) -> RefusalReason | None:
    """Why a well-formed order cannot be matched now: price bounds, post-only, funds.

    `held_units` is what the order itself keeps locked already (an amended one), and may use again.
    """
    if market.has_entry_bounds and out_of_entry_bounds(market, order):
        return RefusalReason.PRICE_OUT_OF_BOUNDS
    if (order.post_only or market.state is POST_ONLY) and market.state is not AUCTION and _would_take(market, order):
        return RefusalReason.POST_ONLY_WOULD_TAKE
    return _unfunded(venue, market, order, held_units)


def _stays_open(order: Order) -> bool:
    if order.extra is not None and order.extra.waits:
        return True
    return order.order_type is LIMIT and order.time_in_force in (GTC, GTD)


# ---------------------------------------------------------------------------------------------------------------- form


def wrong_numbers(market: Market, order: Order) -> RefusalReason | None:
    """Which number, or combination of them, the market does not take.

    Most of it no honest caller sends: the edge has refused it already, the engine trusts nobody.
    """
    price, lots, quote = order.price_ticks, order.quantity_lots, order.quote_units
    if not 0 < order.account_id <= MAX_INT or (order.client_id is not None and not 0 <= order.client_id <= MAX_INT):
        return RefusalReason.INVALID_PARAMETER
    if order.order_type is LIMIT:
        if lots is None or quote is not None:
            return RefusalReason.INVALID_PARAMETER
        if price is None or not 0 < price <= MAX_INT:
            return RefusalReason.INVALID_PRICE
        if order.post_only and order.time_in_force in (IOC, FOK):
            return RefusalReason.INVALID_PARAMETER
    elif price is not None or order.post_only or (lots is None) == (quote is None):
        return RefusalReason.INVALID_PARAMETER
    limits = market.limits
    if lots is not None:
        if not 0 < lots <= MAX_INT:
            return RefusalReason.INVALID_QUANTITY
        if lots < limits.min_quantity_lots:
            return RefusalReason.QUANTITY_TOO_SMALL
        if limits.max_quantity_lots is not None and lots > limits.max_quantity_lots:
            return RefusalReason.QUANTITY_TOO_LARGE
        if price is not None and price * lots * market.quote_units_per_tick_lot > MAX_INT:
            return RefusalReason.NOTIONAL_TOO_LARGE
        if lots * market.base_units_per_lot > MAX_INT:
            return RefusalReason.NOTIONAL_TOO_LARGE
    elif quote is None or not 0 < quote <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    if limits.min_notional_units and _notional(market, order) < limits.min_notional_units:
        return RefusalReason.NOTIONAL_TOO_SMALL
    return None


def _notional(market: Market, order: Order) -> int:
    """Quote units the order is about; as much as anything where that is not known yet."""
    if order.quote_units is not None:
        return order.quote_units
    price = order.price_ticks
    if price is None:
        price = None if order.extra is not None and order.extra.waits else market.last_price_ticks
    if price is None or order.quantity_lots is None:
        return MAX_INT
    return price * order.quantity_lots * market.quote_units_per_tick_lot


def _wrong_terms(venue: Venue, market: Market, order: Order) -> RefusalReason | None:
    if venue.rules_version < 2:
        return RefusalReason.RULES_NOT_ACTIVE
    if order.self_trade_prevention is DECREMENT and order.quantity_lots is None:
        return RefusalReason.INVALID_PARAMETER
    expires_at_ms = None if order.extra is None else order.extra.terms.expires_at_ms
    if order.time_in_force is GTD:
        if order.order_type is MARKET and not (order.extra is not None and order.extra.waits):
            return RefusalReason.INVALID_PARAMETER
        if expires_at_ms is None or not venue.at_ms < expires_at_ms <= venue.at_ms + MAX_EXPIRY_MS:
            return RefusalReason.INVALID_EXPIRY
    elif expires_at_ms is not None:
        return RefusalReason.INVALID_PARAMETER
    if order.extra is None:
        return None
    extra = order.extra
    if extra.terms.fires_above is not None or extra.terms.related_order_id is not None:
        return RefusalReason.INVALID_PARAMETER  # The engine's own words.
    return (
        _wrong_slippage(order, extra) or _wrong_display(market, order, extra) or _wrong_triggers(market, order, extra)
    )


def _wrong_slippage(order: Order, extra: Extra) -> RefusalReason | None:
    ticks, ppm = extra.terms.slippage_ticks, extra.terms.slippage_ppm
    if ticks is None and ppm is None:
        return None
    if order.order_type is LIMIT or (ticks is not None and ppm is not None):
        return RefusalReason.INVALID_PARAMETER
    sane = 0 <= ticks <= MAX_INT if ticks is not None else ppm is not None and 0 <= ppm < PPM
    return None if sane else RefusalReason.INVALID_PARAMETER


def _wrong_display(market: Market, order: Order, extra: Extra) -> RefusalReason | None:
    display, lots = extra.terms.display_lots, order.quantity_lots
    if display is None:
        return None
    if order.order_type is MARKET or order.time_in_force in (IOC, FOK) or lots is None:
        return RefusalReason.INVALID_PARAMETER
    if not market.limits.min_quantity_lots <= display < lots or display * MAX_SLICES < lots:
        return RefusalReason.INVALID_PARAMETER
    return None


def _wrong_triggers(market: Market, order: Order, extra: Extra) -> RefusalReason | None:
    trigger, trailing = extra.terms.trigger_price_ticks, extra.terms.trailing_ticks
    if trigger is not None and (trailing is not None or not 0 < trigger <= MAX_INT):
        return RefusalReason.INVALID_TRIGGER
    last = market.last_price_ticks
    if trailing is not None:
        if last is None or not 0 < trailing <= MAX_INT - last:
            return RefusalReason.INVALID_TRIGGER
        if trailing >= last and not order.is_bid:
            return RefusalReason.INVALID_TRIGGER
    return wrong_exits(market, order)


def wrong_exits(market: Market, order: Order) -> RefusalReason | None:
    """Do the order's exits lie on the wrong side of its price, its trigger, or the last price?"""
    if order.extra is None or not order.extra.has_exits:
        return None
    extra, prices = order.extra, (order.price_ticks, order.extra.terms.trigger_price_ticks, market.last_price_ticks)
    base = next((ticks for ticks in prices if ticks is not None), None)
    for exit_terms, wins in ((extra.terms.stop_loss, False), (extra.terms.take_profit, True)):
        if exit_terms is not None and _wrong_exit(market, order, exit_terms, wins == order.is_bid, base):
            return RefusalReason.INVALID_TRIGGER
    return None


def _wrong_exit(market: Market, order: Order, exit_terms: ExitTerms, above: bool, base_ticks: int | None) -> bool:
    """Is the exit's trigger or price impossible, or on the wrong side of `base_ticks`?"""
    trigger, price = exit_terms.trigger_price_ticks, exit_terms.price_ticks
    if not 0 < trigger <= MAX_INT or (price is not None and not 0 < price <= MAX_INT):
        return True
    lots = order.quantity_lots or 0
    if price is not None and price * lots * market.quote_units_per_tick_lot > MAX_INT:
        return True
    return base_ticks is not None and (trigger <= base_ticks if above else trigger >= base_ticks)


# ------------------------------------------------------------------------------------------------------- market, funds


def kept_out(venue: Venue, market: Market, order: Order) -> RefusalReason | None:
    """Is all trading, the market or the account stopped?"""
    if venue.is_halted:
        return RefusalReason.TRADING_HALTED
    reason = _closed(market, order)
    if reason is not None:
        return reason
    is_blocked = (order.account_id, "") in venue.blocks or (order.account_id, market.symbol) in venue.blocks
    return RefusalReason.ACCOUNT_BLOCKED if is_blocked else None


def _closed(market: Market, order: Order) -> RefusalReason | None:
    """Does the market's state keep the order out?"""
    state = market.state
    if state is OPEN:
        return None
    if state is CLOSED:
        return RefusalReason.MARKET_CLOSED
    if state is CANCEL_ONLY:
        return RefusalReason.MARKET_NOT_OPEN
    if order.extra is not None and order.extra.waits:
        return None
    if order.order_type is MARKET:
        return RefusalReason.MARKET_NOT_OPEN
    if state is not LIMIT_ONLY and order.time_in_force in (IOC, FOK):
        return RefusalReason.MARKET_NOT_OPEN
    return None


def _would_take(market: Market, order: Order) -> bool:
    assert order.price_ticks is not None, "only limit orders are post-only"
    best = market.side(not order.is_bid).best()
    if best is None:
        return False
    return order.price_ticks >= best.price_ticks if order.is_bid else order.price_ticks <= best.price_ticks


def _unfunded(venue: Venue, market: Market, order: Order, held_units: int) -> RefusalReason | None:
    """Is there enough for the whole order at its limit or, where it has none, for what it would really trade?"""
    is_bid = order.is_bid
    row = (market.quote if is_bid else market.base).rows.get(order.account_id)
    available = held_units if row is None else row.available + held_units
    if order.order_type is LIMIT and order.extra is None:
        needed = market.reserved_units(order)
    else:
        needed = _needed_units(venue, market, order)
    if available < needed:
        return RefusalReason.INSUFFICIENT_FUNDS
    if order.quote_units is not None:
        best = market.side(not order.is_bid).best()
        if best is not None and order.quote_units < best.price_ticks * market.quote_units_per_tick_lot:
            return RefusalReason.QUANTITY_TOO_SMALL
    return None


def _needed_units(venue: Venue, market: Market, order: Order) -> int:
    lots = order.remaining_lots if order.extra is None else order.unfilled_lots
    if order.is_bid and order.price_ticks is not None:
        return order.price_ticks * lots * market.quote_units_per_tick_lot
    if order.is_bid and order.quote_units is not None:
        return order.quote_units
    if not order.is_bid and order.quantity_lots is not None:
        return lots * market.base_units_per_lot
    reached = reach(market, order, bound_of(market, order, venue.at_ms).price_ticks)
    return reached.quote_units if order.is_bid else reached.lots * market.base_units_per_lot
