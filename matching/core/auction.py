"""Call auctions: collect orders, say where they would uncross, then trade them all at one price.

The price is the one of most volume; of several the one of least surplus; of several the one nearest to the last price,
and of two equally near the lower (docs/orders.md).
"""

from typing import NamedTuple

from matching.core.book import BookSide
from matching.core.crossing import decrement_maker, note_receipt
from matching.core.ending import take_back
from matching.core.fees import fee_units, rebate_units
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.schedule import set_timer
from matching.core.timers import AUCTION_END, Timer
from matching.core.venue import Venue
from matching.core.words import (
    ASK,
    AUCTION,
    BID,
    CANCEL_ONLY,
    CANCELLED,
    DECREMENT,
    FILLED,
    OPEN,
    PARTIALLY_FILLED,
    REJECT_BOTH,
    REJECT_MAKER,
)
from matching.messages import (
    AuctionEnded,
    AuctionIndicated,
    AuctionStarted,
    EndReason,
    Event,
    MarketState,
    MarketStateChanged,
    TradeMade,
)


class Clearing(NamedTuple):
    """Where a crossed book uncrosses: `surplus_lots` is positive when bids are left over."""

    price_ticks: int
    lots: int
    surplus_lots: int


# ------------------------------------------------------------------------------------------------------------ beginning


def begin(venue: Venue, market: Market, auction_ms: int | None, reason: str, events: list[Event]) -> None:
    """Collect orders from here on. The caller has announced the new state."""
    market.state = AUCTION
    market.resumes_in = OPEN
    market.auction_ends_at_ms = None if auction_ms is None else venue.at_ms + auction_ms
    market.indicated = None
    if market.auction_ends_at_ms is not None:
        set_timer(venue, Timer(market.auction_ends_at_ms, AUCTION_END, 0, market.symbol))
    events.append(AuctionStarted(market=market.symbol, ends_at_ms=market.auction_ends_at_ms, reason=reason))
    first = indication(market)
    if first is not None:
        events.append(first)


def interrupt(venue: Venue, market: Market, reason: str, events: list[Event]) -> None:
    """A volatility interruption: the market's own auction begins; then it goes on as it was."""
    resumes_in = market.state
    _announce(market, AUCTION, reason, events)
    begin(venue, market, market.limits.auction_ms, reason, events)
    market.resumes_in = resumes_in


def pause(venue: Venue, market: Market, reason: str, events: list[Event]) -> None:
    """Stop a runaway market: into its auction where it has one, else no new orders until staff looks."""
    if market.limits.auction_ms:
        interrupt(venue, market, reason, events)
    else:
        market.state = CANCEL_ONLY
        _announce(market, CANCEL_ONLY, reason, events)


def _announce(market: Market, state: MarketState, reason: str, events: list[Event]) -> None:
    events.append(MarketStateChanged(market=market.symbol, state=state, actor="engine", reason=reason))


# ------------------------------------------------------------------------------------------------------------ the price


def indication(market: Market) -> AuctionIndicated | None:
    """What to publish about a running auction, or None when nothing has changed since the last time."""
    clearing = find_clearing(market)
    if clearing is None:
        now = AuctionIndicated(market=market.symbol, price_ticks=None, lots=0, surplus_lots=0)
    else:
        price, lots, surplus = clearing
        now = AuctionIndicated(market=market.symbol, price_ticks=price, lots=lots, surplus_lots=surplus)
    if now == market.indicated:
        return None
    market.indicated = now
    return now


def find_clearing(market: Market) -> Clearing | None:
    """The auction price of the book as it is; None when it is not crossed.

    Demand and supply only change at order prices, so it is enough to look at those and at one range between each two.
    """
    best_bid, best_ask = market.bids.best(), market.asks.best()
    if best_bid is None or best_ask is None or best_bid.price_ticks < best_ask.price_ticks:
        return None
    low, high = best_ask.price_ticks, best_bid.price_ticks
    bids = _levels(market.bids, low, high)
    asks = _levels(market.asks, low, high)
    demand, supply = sum(bids.values()), 0
    ranges: list[tuple[int, int, int, int]] = []  # First and last tick, demand, supply.
    previous = None
    for price in sorted({**bids, **asks}):
        if previous is not None and price - previous > 1:
            ranges.append((previous + 1, price - 1, demand, supply))
        supply += asks.get(price, 0)
        ranges.append((price, price, demand, supply))
        demand -= bids.get(price, 0)
        previous = price
    most = max(min(wanted, offered) for _, _, wanted, offered in ranges)
    ranges = [one for one in ranges if min(one[2], one[3]) == most]
    least = min(abs(wanted - offered) for _, _, wanted, offered in ranges)
    ranges = [one for one in ranges if abs(one[2] - one[3]) == least]
    anchor = market.last_price_ticks
    if anchor is None:
        anchor = (ranges[0][0] + ranges[-1][1]) // 2
    return min(
        (Clearing(min(max(anchor, first), last), most, wanted - offered) for first, last, wanted, offered in ranges),
        key=lambda clearing: (abs(clearing.price_ticks - anchor), clearing.price_ticks),
    )


def _levels(side: BookSide, low: int, high: int) -> dict[int, int]:
    """Lots by price of the side's levels inside the crossed range, hidden ones included."""
    found = {}
    for level in side.best_first():
        if not low <= level.price_ticks <= high:
            break
        found[level.price_ticks] = level.lots + level.hidden_lots
    return found


# ---------------------------------------------------------------------------------------------------------- uncrossing


def uncross(venue: Venue, market: Market, events: list[Event]) -> list[int]:
    """End the auction: trade everything that crosses at one price. Returns the prices at which lots changed hands.

    There is one, none when nothing crossed. Only when self-trade prevention has taken orders out, the rest may still
    cross and uncrosses again, at its own price.
    """
    prices: list[int] = []
    traded_lots = 0
    while (clearing := find_clearing(market)) is not None:
        price = clearing.price_ticks
        lots = 0
        while (pair := _front(market, price)) is not None:
            lots += _meet(venue, market, *pair, price, events)
        if lots:
            prices.append(price)
            traded_lots += lots
            market.reference_ticks, market.reference_at_ms = price, venue.at_ms
    market.auction_ends_at_ms = market.indicated = None
    last = prices[-1] if prices else None
    events.append(AuctionEnded(market=market.symbol, price_ticks=last, lots=traded_lots))
    return prices


def _front(market: Market, price: int) -> tuple[Order, Order] | None:
    """The bid and the ask that are next to trade at `price`."""
    bid_level, ask_level = market.bids.best(), market.asks.best()
    if bid_level is None or ask_level is None or bid_level.price_ticks < price or ask_level.price_ticks > price:
        return None
    assert bid_level.first is not None, "a level without orders"
    assert ask_level.first is not None, "a level without orders"
    return bid_level.first, ask_level.first


def _meet(venue: Venue, market: Market, bid: Order, ask: Order, price: int, events: list[Event]) -> int:
    """Trade two orders, or prevent a self-trade; returns the lots traded."""
    older, younger = (bid, ask) if bid.place < ask.place else (ask, bid)
    if bid.account_id == ask.account_id:
        _keep_apart(venue, market, older, younger, events)
        return 0
    lots = min(bid.unfilled_lots, ask.unfilled_lots)
    _settle(venue, market, older, younger, price, lots, events)
    return lots


def _keep_apart(venue: Venue, market: Market, older: Order, younger: Order, events: list[Event]) -> None:
    """Self-trade prevention between two resting orders: the younger one's choice, as if it had just arrived."""
    prevention, reason = younger.self_trade_prevention, EndReason.SELF_TRADE_PREVENTION
    if prevention is DECREMENT:
        lots = min(older.unfilled_lots, younger.unfilled_lots)
        for order in (older, younger):
            side = market.side(order.is_bid)
            side.reveal(order)
            decrement_maker(venue, market, order, lots, events)
            if order.level is not None:
                side.hide(order)
        return
    if prevention in (REJECT_MAKER, REJECT_BOTH):
        take_back(venue, market, older, CANCELLED, reason, events)
    if prevention is not REJECT_MAKER:
        take_back(venue, market, younger, CANCELLED, reason, events)


def _settle(
    venue: Venue, market: Market, maker: Order, taker: Order, price: int, lots: int, events: list[Event]
) -> None:
    """Settle one trade of two resting orders. Both pay out of what they have reserved, at their own limits."""
    quote = price * lots * market.quote_units_per_tick_lot
    base = lots * market.base_units_per_lot
    taker_gives, taker_gets = (quote, base) if taker.is_bid else (base, quote)
    taker_fee = fee_units(taker_gets, taker.taker_fee_ppm)
    if maker.maker_fee_ppm >= 0:
        maker_fee, rebate = fee_units(taker_gives, maker.maker_fee_ppm), 0
    else:
        rebate = rebate_units(taker_gets, maker.maker_fee_ppm, taker_fee)
        maker_fee = -rebate
    touch = venue.balances.touch
    taker_fees, maker_fees = taker.receive.asset.fees, maker.receive.asset.fees
    for row in (taker.pay, taker.receive, maker.pay, maker.receive):
        touch(row)
    for order, given in ((maker, taker_gets), (taker, taker_gives)):
        before = market.reserved_units(order)
        _fill(market, order, lots, quote)
        released = before - market.reserved_units(order)
        order.pay.locked -= released
        order.pay.available += released - given
    taker.receive.available += taker_gets - taker_fee
    maker.receive.available += taker_gives - max(maker_fee, 0)
    maker.pay.available += rebate
    if taker_fee - rebate:
        touch(taker_fees)
        taker_fees.available += taker_fee - rebate
    if maker_fee > 0:
        touch(maker_fees)
        maker_fees.available += maker_fee
    for order, received in ((maker, taker_gives - max(maker_fee, 0)), (taker, taker_gets - taker_fee)):
        if order.extra is not None:
            note_receipt(venue, order, received)
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
            maker.status is FILLED,
            taker.status is FILLED,
        )
    )


def _fill(market: Market, order: Order, lots: int, quote: int) -> None:
    """Take traded lots off a resting order, what it hides included."""
    side = market.side(order.is_bid)
    side.reveal(order)
    order.executed_lots += lots
    order.executed_quote_units += quote
    if lots < order.remaining_lots:
        side.shrink(order, lots)
        side.hide(order)
        order.status = PARTIALLY_FILLED
        return
    market.leave(order)
    order.remaining_lots = 0
    order.status = FILLED
