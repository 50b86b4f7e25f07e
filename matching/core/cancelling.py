"""Taking orders back: one, or all of an account that a description fits."""

from matching.core.aftermath import aftermath
from matching.core.ending import take_back
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.venue import Venue
from matching.core.words import BID, CANCELLED, CLOSED, TRIGGER_PENDING
from matching.messages import (
    AmendOrder,
    CancelAllOrders,
    CancelOrder,
    EndReason,
    Event,
    OrderKind,
    OrderReply,
    OrdersReply,
    RefusalReason,
    Refused,
)


def cancel(venue: Venue, cmd: CancelOrder, events: list[Event]) -> OrderReply | Refused:
    order = find(venue, cmd)
    if order is None:
        return Refused(reason=RefusalReason.UNKNOWN_ORDER)
    market = venue.markets[order.market]
    if market.state is CLOSED:
        return Refused(reason=RefusalReason.MARKET_CLOSED)
    take_back(venue, market, order, CANCELLED, EndReason.USER, events)
    if venue.followups:
        aftermath(venue, market, None, events)
    return OrderReply(order.view())


def find(venue: Venue, cmd: CancelOrder | AmendOrder) -> Order | None:
    """The account's open order that the command names; None for anybody else's."""
    if cmd.order_id is not None:
        order = venue.open_orders.get(cmd.order_id)
        if order is None or order.account_id != cmd.account_id:
            return None
        return None if cmd.market is not None and cmd.market != order.market else order
    market = venue.markets.get(cmd.market or "")
    if market is None or cmd.client_id is None:
        return None
    return market.by_client_id.get((cmd.account_id, cmd.client_id))


def cancel_all(venue: Venue, cmd: CancelAllOrders, events: list[Event]) -> OrdersReply | Refused:
    if cmd.market is None:
        markets = list(venue.markets.values())
    elif cmd.market in venue.markets:
        markets = [venue.markets[cmd.market]]
        if markets[0].state is CLOSED and markets[0].of_account.get(cmd.account_id):
            return Refused(reason=RefusalReason.MARKET_CLOSED)  # An empty list would say that no order is left.
    else:
        return Refused(reason=RefusalReason.UNKNOWN_MARKET)
    ended: list[Order] = []
    for market in markets:
        if market.state is not CLOSED:
            meant = [order for order in open_orders(market, cmd.account_id) if _is_meant(order, cmd)]
            ended += end_all(venue, market, meant, EndReason.USER, events)
    return OrdersReply(orders=[order.view() for order in ended])


def open_orders(market: Market, account_id: int) -> list[Order]:
    """The account's open orders in the market, oldest first."""
    orders = market.of_account.get(account_id)
    return [] if orders is None else [orders[order_id] for order_id in sorted(orders)]


def end_all(venue: Venue, market: Market, orders: list[Order], reason: EndReason, events: list[Event]) -> list[Order]:
    """Cancel these orders of one market, then let follow what must. Returns those that were cancelled here."""
    for order in orders:
        take_back(venue, market, order, CANCELLED, reason, events)
    aftermath(venue, market, None, events)
    return orders


def _is_meant(order: Order, cmd: CancelAllOrders) -> bool:
    if cmd.side is not None and order.is_bid != (cmd.side is BID):
        return False
    if cmd.kind is None:
        return True
    return (cmd.kind is OrderKind.CONDITIONAL) == (order.status is TRIGGER_PENDING)
