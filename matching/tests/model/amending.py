"""Changing an open order: in its place, or out of the book and in again, or while it waits for its trigger."""

from msgspec import structs

from matching.messages import (
    MAX_INT,
    AmendOrder,
    MarketState,
    OrderChange,
    OrderReply,
    OrderType,
    PlaceOrder,
    RefusalReason,
)
from matching.tests.model.cancelling import find
from matching.tests.model.checks import (
    check_against_book,
    check_block,
    check_form,
    check_halt,
    check_size,
    check_state,
    check_time,
    refuse_if,
)
from matching.tests.model.following import follow
from matching.tests.model.matching import changed, rest, take
from matching.tests.model.money import reservation
from matching.tests.model.records import Market, Order, Refuse

R = RefusalReason


def amend(model, cmd: AmendOrder) -> OrderReply:
    check_time(model, cmd.valid_until_ms)
    for number, reason in (
        (cmd.price_ticks, R.INVALID_PRICE),
        (cmd.quantity_lots, R.INVALID_QUANTITY),
        (cmd.trigger_price_ticks, R.INVALID_TRIGGER),
    ):
        refuse_if(number is not None and not 1 <= number <= MAX_INT, reason)
    order = find(model, cmd)
    market = model.markets[order.market]
    cmd = without_what_is(cmd, order)
    check_change(market, cmd, order)
    wish = wished(order, cmd)
    reduces = order.resting and wish.price_ticks == order.price and wish.quantity_lots < order.quantity
    check_wish(market, order, wish, model.now, reduces=reduces)
    if reduces:
        refuse_if(market.state is MarketState.CLOSED, R.MARKET_CLOSED)
        reduce(model, market, order, wish.quantity_lots)
        return OrderReply(order=order.view())
    check_halt(model)
    check_state(market, order, conditional=order.pending)
    check_block(model, market, order.account_id)
    if order.pending:
        change_waiting(model, market, order, wish)
    else:
        replace(model, market, order, wish)
    return OrderReply(order=order.view())


def check_change(market: Market, cmd: AmendOrder, order: Order) -> None:
    """Something must change, and the order must have what is to change."""
    no_trigger = order.resting or order.terms.trailing_ticks is not None
    refuse_if(cmd.trigger_price_ticks is not None and no_trigger, R.INVALID_PARAMETER)
    refuse_if(cmd.price_ticks is not None and order.order_type is OrderType.MARKET, R.INVALID_PARAMETER)
    refuse_if(cmd.quantity_lots is not None and order.quantity is None, R.INVALID_PARAMETER)
    wishes = (cmd.price_ticks, cmd.quantity_lots, cmd.trigger_price_ticks)
    refuse_if(wishes == (None, None, None), R.INVALID_PARAMETER)
    if keeps_direction(order) and cmd.trigger_price_ticks is not None and market.last_price is not None:
        last, trigger = market.last_price, cmd.trigger_price_ticks
        refuse_if(last >= trigger if order.fires_above else last <= trigger, R.INVALID_TRIGGER)


def keeps_direction(order: Order) -> bool:
    """Exits and one-cancels-other orders fire on the side that they were placed for."""
    return order.is_exit or order.is_leg


def check_wish(market: Market, order: Order, wish: PlaceOrder, now_ms: int, *, reduces: bool) -> None:
    """Form of what the order is to be. A display is only measured anew when the quantity grows."""
    refuse_if(wish.quantity_lots is not None and wish.quantity_lots <= order.executed_lots, R.INVALID_QUANTITY)
    if reduces:
        check_size(market, wish.order_type, wish.price_ticks, wish.quantity_lots, None)
        return
    check_form(market, wish, now_ms, amended=True)
    display = order.terms.display_lots
    if display is not None and wish.quantity_lots > order.quantity:
        refuse_if(display * 100 < wish.quantity_lots, R.INVALID_PARAMETER)


def without_what_is(cmd: AmendOrder, order: Order) -> AmendOrder:
    """A wish for what is already so counts as none."""
    trigger = order.terms.trigger_price_ticks if order.pending else None
    return structs.replace(
        cmd,
        price_ticks=None if cmd.price_ticks == order.price else cmd.price_ticks,
        quantity_lots=None if cmd.quantity_lots == order.quantity else cmd.quantity_lots,
        trigger_price_ticks=None if cmd.trigger_price_ticks == trigger else cmd.trigger_price_ticks,
    )


def wished(order: Order, cmd: AmendOrder) -> PlaceOrder:
    """The order as if it were placed now, as it is to be."""
    terms = structs.replace(order.terms, fires_above=None, related_order_id=None)
    if cmd.trigger_price_ticks is not None:
        terms = structs.replace(terms, trigger_price_ticks=cmd.trigger_price_ticks)
    return PlaceOrder(
        account_id=order.account_id,
        market=order.market,
        side=order.side,
        order_type=order.order_type,
        price_ticks=order.price if cmd.price_ticks is None else cmd.price_ticks,
        quantity_lots=order.quantity if cmd.quantity_lots is None else cmd.quantity_lots,
        quote_units=order.quote_units,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        self_trade_prevention=order.prevention,
        terms=terms,
    )


def reduce(model, market: Market, order: Order, quantity: int) -> None:
    """Less at the same price: the place stays, hidden quantity goes first."""
    asset, before = reservation(market, order)
    order.quantity = quantity
    order.shown = min(order.shown, order.left)
    model.money.lock(order.account_id, asset, reservation(market, order)[1] - before)
    changed(model, OrderChange.MODIFIED, order)


def change_waiting(model, market: Market, order: Order, wish: PlaceOrder) -> None:
    trigger = wish.terms.trigger_price_ticks
    if trigger != order.terms.trigger_price_ticks:
        last, above = market.last_price, order.fires_above
        if not keeps_direction(order):
            above = order.is_bid if last is None else trigger >= last
        order.terms = structs.replace(order.terms, trigger_price_ticks=trigger, fires_above=above)
    order.price, order.quantity = wish.price_ticks, wish.quantity_lots
    changed(model, OrderChange.MODIFIED, order)


def replace(model, market: Market, order: Order, wish: PlaceOrder) -> None:
    """Out of the book and treated like a new one, with the same id, terms and fee rates."""
    old = (order.price, order.quantity, order.place, order.shown)
    asset, units = reservation(market, order)
    model.money.lock(order.account_id, asset, -units)
    order.resting = False
    market.orders.remove(order)
    order.price, order.quantity = wish.price_ticks, wish.quantity_lots
    try:
        check_against_book(model, market, order)
    except Refuse:
        order.price, order.quantity = old[:2]
        rest(model, market, order)
        order.place, order.shown = old[2:]
        raise
    changed(model, OrderChange.MODIFIED, order)
    follow(model, market, take(model, market, order))
