"""One order meets the book: its plan is carried out, and what is left of it rests or ends."""

from matching.messages import (
    EndReason,
    OrderChange,
    OrderChanged,
    OrderEnded,
    OrderStatus,
    OrderType,
    TimeInForce,
    TradeMade,
)
from matching.messages import MarketState as State
from matching.tests.model.bounds import take_reference
from matching.tests.model.money import reservation, settle
from matching.tests.model.planning import make_plan
from matching.tests.model.records import Market, Order

TRADING = (State.OPEN, State.LIMIT_ONLY, State.POST_ONLY)


class Touched:
    """What one order did: which orders traded or ended, in that order, and the prices of the trades."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.prices: list[int] = []

    def add(self, order: Order) -> None:
        if order not in self.orders:
            self.orders.append(order)


def changed(model, change: OrderChange, order: Order) -> None:
    model.events.append(OrderChanged(change=change, order=order.view()))


def end(model, market: Market, order: Order, status: OrderStatus, reason: EndReason) -> None:
    """The order leaves without being filled; what it reserves comes back."""
    if order.resting:
        asset, units = reservation(market, order)
        model.money.lock(order.account_id, asset, -units)
    leave(market, order)
    order.status, order.end_reason = status, reason
    model.events.append(
        OrderEnded(
            order_id=order.order_id, account_id=order.account_id, market=market.symbol, status=status, reason=reason
        )
    )


def leave(market: Market, order: Order) -> None:
    order.resting = order.pending = False
    order.shown = 0
    if order in market.orders:
        market.orders.remove(order)


def rest(model, market: Market, order: Order) -> None:
    order.status = OrderStatus.PARTIALLY_FILLED if order.executed_lots else OrderStatus.NEW
    order.place = market.next_place()
    order.shown = order.left if order.terms.display_lots is None else min(order.terms.display_lots, order.left)
    asset, units = reservation(market, order)
    model.money.lock(order.account_id, asset, units)
    order.resting = True
    market.orders.append(order)


def take(model, market: Market, order: Order) -> Touched:
    """Match a new (or amended, or fired) order that has passed all checks."""
    touched = Touched()
    if market.state is State.AUCTION:
        rest(model, market, order)
        return touched
    take_reference(market, model.now)
    plan = make_plan(market, order, model.now)
    limit = order.order_type is OrderType.LIMIT
    if limit and order.time_in_force is TimeInForce.FOK and plan.lots < order.left:
        end(model, market, order, OrderStatus.EXPIRED, EndReason.FILL_OR_KILL)
        touched.add(order)
        return touched
    for index, step in enumerate(plan.steps):
        if step.what == "trade":
            last = plan.done and index == len(plan.steps) - 1
            trade(model, market, step.maker, order, step.maker.price, step.lots, touched, taker_done=last)
        elif step.what == "shrink":
            shrink(model, market, step.maker, step.lots, touched, OrderStatus.CANCELLED)
            if step.lots < order.left:
                order.quantity -= step.lots
                changed(model, OrderChange.MODIFIED, order)
        else:
            end(model, market, step.maker, OrderStatus.CANCELLED, EndReason.SELF_TRADE_PREVENTION)
            touched.add(step.maker)
    if plan.done:
        order.status = OrderStatus.FILLED
    else:
        finish(model, market, order, plan.stopped_by)
    if not order.resting:
        touched.add(order)
    return touched


def finish(model, market: Market, order: Order, stopped_by: EndReason | None) -> None:
    """Something is left of the order: it rests or expires."""
    interrupts = stopped_by is EndReason.PRICE_OUT_OF_BOUNDS and order.lasts and market.limits.auction_ms > 0
    if order.lasts and (stopped_by is None or interrupts):
        rest(model, market, order)
        if interrupts:
            model.start_auction(market, market.limits.auction_ms)
        return
    if stopped_by is None:
        limit = order.order_type is OrderType.LIMIT
        stopped_by = EndReason.IMMEDIATE_OR_CANCEL if limit else EndReason.INSUFFICIENT_LIQUIDITY
    end(model, market, order, OrderStatus.EXPIRED, stopped_by)


def shrink(model, market: Market, maker: Order, lots: int, touched: Touched, ended_as: OrderStatus) -> None:
    """Decrement: a resting order loses lots without a trade. One that loses all ends, with the quantity it had."""
    if lots == maker.left:
        end(model, market, maker, ended_as, EndReason.SELF_TRADE_PREVENTION)
        touched.add(maker)
        return
    asset, before = reservation(market, maker)
    maker.quantity -= lots
    model.money.lock(maker.account_id, asset, reservation(market, maker)[1] - before)
    use_up_display(market, maker, lots)
    changed(model, OrderChange.MODIFIED, maker)


def use_up_display(market: Market, order: Order, lots: int) -> None:
    """An iceberg whose displayed part is used up shows the next part, at the end of the queue of its price.

    In an uncrossing all of it counts, not what it displays: it keeps its place and displays anew.
    """
    if market.state not in TRADING:
        order.shown = min(order.terms.display_lots or order.left, order.left)
        return
    order.shown -= lots
    if order.shown <= 0:
        order.shown = min(order.terms.display_lots, order.left)
        order.place = market.next_place()


def trade(
    model, market: Market, maker: Order, taker: Order, price: int, lots: int, touched: Touched, *, taker_done: bool
) -> None:
    maker_fee, taker_fee = settle(model.money, market, maker, taker, price, lots)
    market.trades += 1
    market.last_price = price
    for order, done in ((maker, maker.left == 0), (taker, taker_done)):
        order.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        if done:
            leave(market, order)
        elif order.resting:
            use_up_display(market, order, lots)
    touched.add(maker)
    touched.add(taker)
    touched.prices.append(price)
    model.events.append(
        TradeMade(
            market.symbol,
            market.trades,
            price,
            lots,
            market.notional(price, lots),
            taker.side,
            maker.order_id,
            taker.order_id,
            maker.account_id,
            taker.account_id,
            maker_fee,
            taker_fee,
            maker.executed_lots,
            maker.executed_quote,
            taker.executed_lots,
            taker.executed_quote,
            maker.left == 0,
            taker_done,
        )
    )
