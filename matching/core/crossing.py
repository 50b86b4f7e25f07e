"""Matching: price, then time, at the maker's price. Exact by construction; the fee is the only rounding.

`cross` moves money and trades; `reach` walks the same way without touching anything, and answers what would happen.
"""

from typing import NamedTuple

from matching.core.balances import Balances
from matching.core.book import BookSide
from matching.core.fees import fee_units
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.words import ASK, BID, CANCELLED, FILLED, PARTIALLY_FILLED, REJECT_MAKER, REJECT_TAKER
from matching.messages import (
    EndReason,
    Event,
    OrderEnded,
    OrderStatus,
    SelfTradePrevention,
    TradeMade,
)

NO_LIMIT = 1 << 80  # More lots or units than any order can ask for.


class Reach(NamedTuple):
    """What an incoming order would trade: lots, and quote units at the makers' prices."""

    lots: int
    quote_units: int


def reach(
    market: Market,
    account_id: int,
    is_bid: bool,
    limit_ticks: int | None,
    want_lots: int,
    budget_units: int,
    self_trade_prevention: SelfTradePrevention,
) -> Reach:
    """How far an order of `want_lots` within `budget_units` of quote would get, self-trade prevention included."""
    side = market.asks if is_bid else market.bids
    unit = market.quote_units_per_tick_lot
    has_own_orders = account_id in market.of_account
    skips_own = self_trade_prevention is REJECT_MAKER
    lots = quote = 0
    for level in side.best_first():
        price = level.price_ticks
        if limit_ticks is not None and (price > limit_ticks if is_bid else price < limit_ticks):
            break
        offered, meets_own = level.lots, False
        if has_own_orders:
            offered = 0
            for maker in level.orders():
                if maker.account_id != account_id:
                    offered += maker.remaining_lots
                elif not skips_own:
                    meets_own = True
                    break
        take = min(offered, want_lots - lots, (budget_units - quote) // (price * unit))
        lots += take
        quote += take * price * unit
        if take < offered or meets_own or lots == want_lots:
            break
    return Reach(lots, quote)


def cross(balances: Balances, market: Market, taker: Order, events: list[Event]) -> EndReason | None:
    """Trade `taker` against the book as far as its limit, quantity and quote budget allow.

    Returns SELF_TRADE_PREVENTION when it met an order of its own account and must not go on, else None. A taker by
    quote amount (`quote_units` set) is complete when the rest of its budget is less than one lot.
    """
    side = market.asks if taker.is_bid else market.bids
    limit = taker.price_ticks
    unit = market.quote_units_per_tick_lot
    while taker.remaining_lots > 0:
        level = side.best()
        if level is None:
            return None
        price = level.price_ticks
        if limit is not None and (price > limit if taker.is_bid else price < limit):
            return None
        maker = level.first
        assert maker is not None, "a level without orders"
        if maker.account_id == taker.account_id:
            if not _passes_own(balances, market, taker, maker, events):
                return EndReason.SELF_TRADE_PREVENTION
            continue
        lots = min(taker.remaining_lots, maker.remaining_lots)
        if taker.quote_units is not None:
            lots = min(lots, (taker.quote_units - taker.executed_quote_units) // (price * unit))
            if lots == 0:
                return None
        _trade(balances, market, side, maker, taker, price, lots, events)
    return None


def _passes_own(balances: Balances, market: Market, taker: Order, maker: Order, events: list[Event]) -> bool:
    """Self-trade prevention at an own resting order. True when the taker may go on."""
    if taker.self_trade_prevention is not REJECT_TAKER:
        take_back(balances, market, maker, CANCELLED, EndReason.SELF_TRADE_PREVENTION, events)
    return taker.self_trade_prevention is REJECT_MAKER


def take_back(
    balances: Balances, market: Market, order: Order, status: OrderStatus, reason: EndReason, events: list[Event]
) -> None:
    """End a resting order and release what it reserves."""
    balances.unlock(order.pay, market.reserved_units(order))
    market.leave(order)
    order.status = status
    order.end_reason = reason
    events.append(
        OrderEnded(
            order_id=order.order_id, account_id=order.account_id, market=market.symbol, status=status, reason=reason
        )
    )


def _trade(
    balances: Balances,
    market: Market,
    side: BookSide,
    maker: Order,
    taker: Order,
    price: int,
    lots: int,
    events: list[Event],
) -> None:
    """Settle one trade: both sides pay, both receive less their fee, the venue gets the fees."""
    quote = price * lots * market.quote_units_per_tick_lot
    base = lots * market.base_units_per_lot
    if taker.is_bid:
        taker_gives, taker_gets, taker_fees, maker_fees = quote, base, market.base.fees, market.quote.fees
    else:
        taker_gives, taker_gets, taker_fees, maker_fees = base, quote, market.quote.fees, market.base.fees
    taker_fee = fee_units(taker_gets, taker.taker_fee_ppm)
    maker_fee = fee_units(taker_gives, maker.maker_fee_ppm)
    touch = balances.touch
    for row in (taker.pay, taker.receive, maker.pay, maker.receive):
        touch(row)
    taker.pay.available -= taker_gives
    taker.receive.available += taker_gets - taker_fee
    maker.pay.locked -= taker_gets
    maker.receive.available += taker_gives - maker_fee
    if taker_fee:
        touch(taker_fees)
        taker_fees.available += taker_fee
    if maker_fee:
        touch(maker_fees)
        maker_fees.available += maker_fee
    _note_execution(taker, lots, quote)
    maker_filled = maker.remaining_lots == lots
    if maker_filled:
        market.leave(maker)
    else:
        level = side.levels[price]
        level.lots -= lots
        side.touched[price] = None
    _note_execution(maker, lots, quote)
    if maker_filled:
        maker.status = FILLED
    taker_filled = taker.remaining_lots == 0 if taker.quote_units is None else _budget_is_spent(market, side, taker)
    if taker_filled:
        taker.status = FILLED
        taker.remaining_lots = 0
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


def _budget_is_spent(market: Market, side: BookSide, taker: Order) -> bool:
    """Whether what is left of a quote budget is less than one lot at the best price that is left."""
    assert taker.quote_units is not None
    left = taker.quote_units - taker.executed_quote_units
    if left == 0:
        return True
    level = side.best()
    return level is not None and left < level.price_ticks * market.quote_units_per_tick_lot


def _note_execution(order: Order, lots: int, quote: int) -> None:
    order.remaining_lots -= lots
    order.executed_lots += lots
    order.executed_quote_units += quote
    order.status = PARTIALLY_FILLED
