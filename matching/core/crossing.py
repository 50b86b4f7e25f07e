"""Matching: price, then place in the queue, at the maker's price. Exact by construction; fees are the only rounding."""

from matching.core.book import BookSide
from matching.core.ending import take_back
from matching.core.fees import fee_units, rebate_units
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.venue import Venue
from matching.core.words import (
    ASK,
    BID,
    CANCELLED,
    DECREMENT,
    FILLED,
    MODIFIED,
    PARTIALLY_FILLED,
    REJECT_MAKER,
    REJECT_TAKER,
)
from matching.messages import EndReason, Event, OrderChanged, TradeMade


def cross(venue: Venue, market: Market, taker: Order, limit_ticks: int | None, events: list[Event]) -> EndReason | None:
    """Trade `taker` against the book as far as `limit_ticks`, its quantity and its quote budget allow.

    Returns SELF_TRADE_PREVENTION when it met an order of its own account and must not go on, else None. A taker by
    quote amount (`quote_units` set) is complete when the rest of its budget is less than one lot.
    """
    side = market.asks if taker.is_bid else market.bids
    is_bid = taker.is_bid
    unit = market.quote_units_per_tick_lot
    while taker.remaining_lots > 0:
        price = side.best_ticks
        if price is None or (limit_ticks is not None and (price > limit_ticks if is_bid else price < limit_ticks)):
            return None
        maker = side.levels[price].first
        assert maker is not None, "a level without orders"
        if maker.account_id == taker.account_id:
            if not _passes_own(venue, market, taker, maker, events):
                return EndReason.SELF_TRADE_PREVENTION
            continue
        lots = min(taker.remaining_lots, maker.remaining_lots)
        if taker.quote_units is not None:
            lots = min(lots, (taker.quote_units - taker.executed_quote_units) // (price * unit))
            if lots == 0:
                return None
        _trade(venue, market, side, maker, taker, price, lots, events)
    return None


# ------------------------------------------------------------------------------------------------ self-trade prevention


def _passes_own(venue: Venue, market: Market, taker: Order, maker: Order, events: list[Event]) -> bool:
    """Self-trade prevention at an own resting order. True when the taker may go on."""
    prevention = taker.self_trade_prevention
    if prevention is DECREMENT:
        lots = min(taker.remaining_lots, maker.remaining_lots)
        decrement_maker(venue, market, maker, lots, events)
        return decrement_taker(taker, lots, events)
    if prevention is not REJECT_TAKER:
        take_back(venue, market, maker, CANCELLED, EndReason.SELF_TRADE_PREVENTION, events)
    return prevention is REJECT_MAKER


def decrement_maker(venue: Venue, market: Market, maker: Order, lots: int, events: list[Event]) -> None:
    """Take `lots` (at most what it shows) off a resting order, or end it when nothing is left."""
    if lots == maker.unfilled_lots:
        take_back(venue, market, maker, CANCELLED, EndReason.SELF_TRADE_PREVENTION, events)
        return
    before = market.reserved_units(maker)
    assert maker.quantity_lots is not None, "only orders by quantity rest"
    maker.quantity_lots -= lots
    side = market.side(maker.is_bid)
    if lots < maker.remaining_lots:
        side.shrink(maker, lots)
    else:
        side.remove(maker)
        maker.remaining_lots = 0
        show_more(market, maker)
    venue.balances.unlock(maker.pay, before - market.reserved_units(maker))
    events.append(OrderChanged(change=MODIFIED, order=maker.view()))


def decrement_taker(taker: Order, lots: int, events: list[Event]) -> bool:
    """Take `lots` off an incoming order. False when it has nothing left."""
    assert taker.quantity_lots is not None, "orders by quote amount cannot be decremented"
    if lots == taker.remaining_lots:
        return False
    taker.quantity_lots -= lots
    taker.remaining_lots -= lots
    events.append(OrderChanged(change=MODIFIED, order=taker.view()))
    return True


def show_more(market: Market, order: Order) -> None:
    """An iceberg has used up what it showed (and has left the queue): the next part queues up behind the others."""
    extra = order.extra
    assert extra is not None
    assert extra.terms.display_lots is not None
    assert order.remaining_lots == 0
    order.remaining_lots = min(extra.hidden_lots, extra.terms.display_lots)
    extra.hidden_lots -= order.remaining_lots
    market.queue_up(order)


# -------------------------------------------------------------------------------------------------------------- trades


def _trade(
    venue: Venue,
    market: Market,
    side: BookSide,
    maker: Order,
    taker: Order,
    price: int,
    lots: int,
    events: list[Event],
) -> None:
    """One trade: money changes hands, both orders move on, the world is told."""
    quote = price * lots * market.quote_units_per_tick_lot
    base = lots * market.base_units_per_lot
    maker_fee, taker_fee = _settle(venue, market, maker, taker, base, quote)
    taker.remaining_lots -= lots
    taker.executed_lots += lots
    taker.executed_quote_units += quote
    taker.status = PARTIALLY_FILLED
    maker_filled = _reduce_maker(market, side, maker, lots)
    maker.executed_lots += lots
    maker.executed_quote_units += quote
    maker.status = FILLED if maker_filled else PARTIALLY_FILLED
    if taker.quote_units is None:
        taker_filled = taker.remaining_lots == 0
    else:
        taker_filled = _budget_is_spent(market, side, taker)
    if taker_filled:
        taker.status = FILLED
        taker.remaining_lots = 0
    if maker.extra is not None:
        note_receipt(venue, maker, (base if maker.is_bid else quote) - max(maker_fee, 0))
    if taker.extra is not None:
        note_receipt(venue, taker, (base if taker.is_bid else quote) - taker_fee)
    market.last_trade_id += 1
    market.last_price_ticks = price
    events.append(
        TradeMade(  # By position: see `Order.view`.
            market.symbol,
            market.last_trade_id,
            price,
            lots,
            quote,
            BID if taker.is_bid else ASK,
            maker.order_id,
            taker.order_id,
            maker.account_id,
            taker.account_id,
            maker_fee,
            taker_fee,
            maker.executed_lots,
            maker.executed_quote_units,
            taker.executed_lots,
            taker.executed_quote_units,
            maker_filled,
            taker_filled,
        )
    )


def _settle(venue: Venue, market: Market, maker: Order, taker: Order, base: int, quote: int) -> tuple[int, int]:
    """Both sides pay, both receive less their fee, the venue gets the fees: returns the maker's and the taker's.

    A negative fee of the maker is a rebate, in the asset that he gives, paid for by the taker's fee.
    """
    if taker.is_bid:
        taker_gives, taker_gets, taker_fees, maker_fees = quote, base, market.base.fees, market.quote.fees
    else:
        taker_gives, taker_gets, taker_fees, maker_fees = base, quote, market.quote.fees, market.base.fees
    collected = taker_fee = fee_units(taker_gets, taker.taker_fee_ppm)
    touched, maker_ppm = venue.balances.touched, maker.maker_fee_ppm
    taker_pays, taker_receives, maker_pays, maker_receives = taker.pay, taker.receive, maker.pay, maker.receive
    touched[taker_pays] = touched[taker_receives] = touched[maker_pays] = touched[maker_receives] = None  # So ordered.
    taker_pays.available -= taker_gives
    taker_receives.available += taker_gets - taker_fee
    maker_pays.locked -= taker_gets
    if maker_ppm >= 0:
        maker_fee = fee_units(taker_gives, maker_ppm)
        maker_receives.available += taker_gives - maker_fee
    else:
        rebate = rebate_units(taker_gets, maker_ppm, taker_fee)
        maker_fee = -rebate
        maker_receives.available += taker_gives
        maker_pays.available += rebate
        collected -= rebate
    if collected:
        touched[taker_fees] = None
        taker_fees.available += collected
    if maker_fee > 0:
        touched[maker_fees] = None
        maker_fees.available += maker_fee
    return maker_fee, taker_fee


def _reduce_maker(market: Market, side: BookSide, maker: Order, lots: int) -> bool:
    """Take traded lots off a resting order. True when it is filled (and gone)."""
    if lots < maker.remaining_lots:
        side.shrink(maker, lots)
        return False
    if maker.extra is not None and maker.extra.hidden_lots:
        side.remove(maker)
        maker.remaining_lots = 0
        show_more(market, maker)
        return False
    market.leave(maker)
    maker.remaining_lots = 0
    return True


def note_receipt(venue: Venue, order: Order, units: int) -> None:
    """Remember that an order with terms traded: exits and partners hang on it."""
    assert order.extra is not None
    order.extra.received_units += units
    venue.followups.append(order)


def _budget_is_spent(market: Market, side: BookSide, taker: Order) -> bool:
    """Whether what is left of a quote budget is less than one lot at the best price that is left."""
    assert taker.quote_units is not None
    left = taker.quote_units - taker.executed_quote_units
    if left == 0:
        return True
    level = side.best()
    return level is not None and left < level.price_ticks * market.quote_units_per_tick_lot
