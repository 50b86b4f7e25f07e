"""Call auctions: where the book would uncross, found by trying every price, and the uncrossing itself."""

from matching.messages import (
    AuctionEnded,
    EndReason,
    MarketState,
    MarketStateChanged,
    OrderStatus,
    SelfTradePrevention,
    Side,
)
from matching.tests.model.following import follow
from matching.tests.model.matching import TRADING, Touched, end, shrink, trade
from matching.tests.model.records import Market, Order

EVERY_TICK = 20_000  # Up to this distance between lowest and highest price each tick is tried.


def indication(market: Market) -> tuple[int | None, int, int]:
    """(price, lots, surplus): most lots, then least surplus, then nearest to the last price, then the lower price."""
    orders = market.resting
    if not orders:
        return None, 0, 0
    prices = [order.price for order in orders]
    tried = [(price, *at_price(orders, price)) for price in prices_to_try(prices, market.last_price)]
    most = max(lots for _price, lots, _surplus in tried)
    if most == 0:
        return None, 0, 0
    tried = [row for row in tried if row[1] == most]
    least = min(abs(surplus) for _price, _lots, surplus in tried)
    tried = [row for row in tried if abs(row[2]) == least]
    middle = market.last_price
    if middle is None:
        middle = (tried[0][0] + tried[-1][0]) // 2
    return min(tried, key=lambda row: (abs(row[0] - middle), row[0]))


def prices_to_try(prices: list[int], last_price: int | None) -> list[int]:
    """Every tick; where there are too many, all at which anything can change and what lies between their runs."""
    lowest, highest = min(prices), max(prices)
    if highest - lowest <= EVERY_TICK:
        return list(range(lowest, highest + 1))
    turns = sorted({price + step for price in prices for step in (-1, 0, 1)})
    middles = {(low + high) // 2 for low in turns for high in turns}
    wanted = {*turns, *middles} | ({last_price} if last_price is not None else set())
    return sorted(price for price in wanted if lowest <= price <= highest)


def at_price(orders: list[Order], price: int) -> tuple[int, int]:
    bids = sum(order.left for order in orders if order.is_bid and order.price >= price)
    asks = sum(order.left for order in orders if not order.is_bid and order.price <= price)
    return min(bids, asks), bids - asks


def open_market(model, market: Market, state: MarketState, actor: str, reason: str) -> None:
    """Uncross, take the new state, and let partners, exits and triggers follow."""
    touched = Touched()
    was_auction = market.state is MarketState.AUCTION
    reopened = state is MarketState.OPEN and market.state is not MarketState.OPEN
    if was_auction or (market.state not in TRADING and market.is_crossed()):
        price, lots = uncross(model, market, touched)
        if price is not None:
            market.reference_price, market.reference_at_ms = price, model.now
        model.events.append(AuctionEnded(market=market.symbol, price_ticks=price, lots=lots))
    market.state, market.auction_ends_at_ms, market.indicated = state, None, None
    model.events.append(MarketStateChanged(market=market.symbol, state=state, actor=actor, reason=reason))
    follow(model, market, touched, opening=reopened)


def uncross(model, market: Market, touched: Touched) -> tuple[int | None, int]:
    """Best bids against best asks at one price. Returns the price, and the lots that traded.

    Self-trade prevention takes orders away without a trade, so the book may still be crossed afterwards: then a price
    is found again for what is left.
    """
    price, traded = None, 0
    while market.is_crossed():
        found = indication(market)[0]
        lots = uncross_at(model, market, found, touched)
        traded += lots
        price = found if lots else price
    return price, traded


def uncross_at(model, market: Market, price: int, touched: Touched) -> int:
    traded = 0
    while True:
        bids = [order for order in market.queue(Side.BID) if order.price >= price]
        asks = [order for order in market.queue(Side.ASK) if order.price <= price]
        if not bids or not asks:
            return traded
        earlier, later = sorted((bids[0], asks[0]), key=lambda order: order.place)
        lots = min(earlier.left, later.left)
        if earlier.account_id == later.account_id:
            prevent(model, market, earlier, later, lots, touched)
            continue
        trade(model, market, earlier, later, price, lots, touched, taker_done=later.left == lots)
        traded += lots


def prevent(model, market: Market, earlier: Order, later: Order, lots: int, touched: Touched) -> None:
    """Two orders of one account: the later one's self-trade prevention decides."""
    why = EndReason.SELF_TRADE_PREVENTION
    if later.prevention is SelfTradePrevention.DECREMENT:
        shrink(model, market, earlier, lots, touched, OrderStatus.CANCELLED)
        shrink(model, market, later, lots, touched, OrderStatus.CANCELLED)
        return
    if later.prevention is not SelfTradePrevention.REJECT_TAKER:
        end(model, market, earlier, OrderStatus.CANCELLED, why)
        touched.add(earlier)
    if later.prevention is not SelfTradePrevention.REJECT_MAKER:
        end(model, market, later, OrderStatus.CANCELLED, why)
        touched.add(later)
