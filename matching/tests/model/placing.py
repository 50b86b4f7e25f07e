"""New orders: one, two of which one cancels the other, and many in a batch."""

from msgspec import structs

from matching.messages import (
    MAX_BATCH_STEPS,
    AmendOrder,
    Batch,
    BatchReply,
    CancelAllOrders,
    CancelOrder,
    OrderAccepted,
    OrderChange,
    OrderReply,
    OrdersReply,
    OrderTerms,
    OrderType,
    PlaceOco,
    PlaceOrder,
    RefusalReason,
    Refused,
    Reply,
    TimeInForce,
)
from matching.tests.model.amending import amend
from matching.tests.model.cancelling import cancel, cancel_all
from matching.tests.model.checks import (
    check_against_book,
    check_block,
    check_client_id,
    check_count,
    check_form,
    check_halt,
    check_state,
    check_time,
    check_trailing,
    refuse_if,
)
from matching.tests.model.following import follow, wait
from matching.tests.model.matching import changed, take
from matching.tests.model.records import Market, Order, Refuse

R = RefusalReason


def place(model, cmd: PlaceOrder) -> OrderReply:
    check_time(model, cmd.valid_until_ms)
    market = known_market(model, cmd.market)
    check_form(market, cmd, model.now)
    check(model, market, cmd)
    order = make(model, market, cmd)
    introduce(model, market, order)
    return OrderReply(order=order.view())


def known_market(model, symbol: str) -> Market:
    refuse_if(symbol not in model.markets, R.UNKNOWN_MARKET)
    return model.markets[symbol]


def is_conditional(cmd: PlaceOrder) -> bool:
    return cmd.terms is not None and (cmd.terms.trigger_price_ticks is not None or cmd.terms.trailing_ticks is not None)


def check(model, market: Market, cmd: PlaceOrder) -> None:
    """Every check after that of form, held against an order that does not exist yet."""
    conditional = is_conditional(cmd)
    draft = make(model, market, cmd, order_id=0)
    check_halt(model)
    check_state(market, draft, conditional=conditional)
    check_block(model, market, cmd.account_id)
    check_client_id(market, cmd.account_id, cmd.client_id)
    check_count(market, cmd.account_id, 1 if conditional or draft.lasts else 0)
    check_trailing(market, draft.terms)
    if conditional:
        return
    check_against_book(model, market, draft)


def make(model, market: Market, cmd: PlaceOrder, order_id: int | None = None) -> Order:
    terms = cmd.terms or OrderTerms()
    if terms.trigger_price_ticks is not None:
        last = market.last_price
        above = cmd.side.value == "Bid" if last is None else terms.trigger_price_ticks >= last
        terms = structs.replace(terms, fires_above=above)
    return model.new_order(
        market,
        cmd.account_id,
        order_id=order_id,
        side=cmd.side,
        order_type=cmd.order_type,
        price=cmd.price_ticks,
        quantity=cmd.quantity_lots,
        quote_units=cmd.quote_units,
        time_in_force=cmd.time_in_force,
        post_only=cmd.post_only,
        prevention=cmd.self_trade_prevention,
        client_id=cmd.client_id,
        terms=terms,
    )


def introduce(model, market: Market, order: Order) -> None:
    """The order is ours: it waits, or meets the book."""
    if order.terms.trigger_price_ticks is not None or order.terms.trailing_ticks is not None:
        wait(model, market, order)
        return
    if order.terms != OrderTerms():
        changed(model, OrderChange.ACCEPTED, order)
    else:
        model.events.append(
            OrderAccepted(
                order_id=order.order_id,
                account_id=order.account_id,
                market=market.symbol,
                side=order.side,
                order_type=order.order_type,
                price_ticks=order.price,
                quantity_lots=order.quantity,
                quote_units=order.quote_units,
                time_in_force=order.time_in_force,
                post_only=order.post_only,
                self_trade_prevention=order.prevention,
                client_id=order.client_id,
            )
        )
    follow(model, market, take(model, market, order))


def place_oco(model, cmd: PlaceOco) -> OrdersReply:
    legs = (cmd.first, cmd.second)
    check_time(model, cmd.valid_until_ms)
    market = known_market(model, cmd.first.market)
    alike = all(leg.account_id == cmd.account_id and leg.market == cmd.first.market for leg in legs)
    refuse_if(not alike or not any(is_conditional(leg) for leg in legs), R.INVALID_PARAMETER)
    for leg in legs:
        refuse_if(leg.time_in_force in (TimeInForce.IOC, TimeInForce.FOK), R.INVALID_PARAMETER)
        refuse_if(leg.order_type is OrderType.MARKET and not is_conditional(leg), R.INVALID_PARAMETER)
        terms = leg.terms or OrderTerms()
        refuse_if(terms.stop_loss is not None or terms.take_profit is not None, R.INVALID_PARAMETER)
    for leg in legs:
        check_form(market, leg, model.now)
        check(model, market, leg)
    same_name = cmd.first.client_id is not None and cmd.first.client_id == cmd.second.client_id
    refuse_if(same_name, R.DUPLICATE_CLIENT_ID)
    check_count(market, cmd.account_id, adding=2)
    orders = [make(model, market, leg) for leg in legs]
    for order, other in (orders, reversed(orders)):
        order.partner, order.is_leg = other, True
        order.terms = structs.replace(order.terms, related_order_id=other.order_id)
    for order in sorted(orders, key=lambda o: o.terms.trigger_price_ticks is None and o.terms.trailing_ticks is None):
        introduce(model, market, order)
    return OrdersReply(orders=[order.view() for order in orders])


STEPS = {
    PlaceOrder: place,
    CancelOrder: cancel,
    AmendOrder: amend,
    CancelAllOrders: cancel_all,
    PlaceOco: place_oco,
}


def batch(model, cmd: Batch) -> BatchReply:
    check_time(model, cmd.valid_until_ms)
    refuse_if(not 1 <= len(cmd.steps) <= MAX_BATCH_STEPS, R.INVALID_PARAMETER)
    replies: list[Reply] = []
    for step in cmd.steps:
        if not isinstance(step, CancelOrder | CancelAllOrders):
            step = structs.replace(step, valid_until_ms=None)
        try:
            refuse_if(step.account_id != cmd.account_id, R.INVALID_PARAMETER)
            replies.append(STEPS[type(step)](model, step))
        except Refuse as refusal:
            replies.append(Refused(reason=refusal.reason, order_id=refusal.order_id))
    return BatchReply(replies=replies)
