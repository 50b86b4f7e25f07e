"""Taking orders back: by name, by kind, by timer; and the clock's other effects."""

from matching.messages import (
    AmendOrder,
    CancelAfter,
    CancelAfterSet,
    CancelAllOrders,
    CancelOrder,
    DeadlineReply,
    EndReason,
    MarketState,
    OrderKind,
    OrderReply,
    OrdersReply,
    OrderStatus,
    RefusalReason,
)
from matching.tests.model.auction import open_market
from matching.tests.model.checks import refuse_if
from matching.tests.model.following import follow
from matching.tests.model.matching import Touched, end
from matching.tests.model.records import Market, Order, Refuse

R = RefusalReason
MOST_ENDED = 1_000
SHORTEST_MS, LONGEST_MS = 1_000, 86_400_000


def find(model, cmd: CancelOrder | AmendOrder) -> Order:
    """The account's open order of that name. Raises Refuse when there is none."""
    for market in model.markets.values():
        for order in market.orders:
            by_id = cmd.order_id is not None and order.order_id == cmd.order_id
            by_client = cmd.order_id is None and cmd.client_id is not None and order.client_id == cmd.client_id
            fits = cmd.market == market.symbol or (cmd.market is None and by_id)
            if order.account_id == cmd.account_id and (by_id or by_client) and fits:
                return order
    raise Refuse(R.UNKNOWN_ORDER)


def take_back(model, market: Market, order: Order, status: OrderStatus, reason: EndReason) -> None:
    end(model, market, order, status, reason)
    touched = Touched()
    touched.add(order)
    follow(model, market, touched)


def cancel(model, cmd: CancelOrder) -> OrderReply:
    order = find(model, cmd)
    market = model.markets[order.market]
    refuse_if(market.state is MarketState.CLOSED, R.MARKET_CLOSED)
    take_back(model, market, order, OrderStatus.CANCELLED, EndReason.USER)
    return OrderReply(order=order.view())


def cancel_all(model, cmd: CancelAllOrders) -> OrdersReply:
    refuse_if(cmd.market is not None and cmd.market not in model.markets, R.UNKNOWN_MARKET)
    chosen = [
        order
        for market in model.markets.values()
        for order in sorted(market.orders, key=lambda order: order.order_id)
        if order.account_id == cmd.account_id
        and cmd.market in (None, market.symbol)
        and cmd.side in (None, order.side)
        and cmd.kind in (None, OrderKind.RESTING if order.resting else OrderKind.CONDITIONAL)
    ]
    if cmd.market is not None and model.markets[cmd.market].state is MarketState.CLOSED:
        refuse_if(any(o.account_id == cmd.account_id for o in model.markets[cmd.market].orders), R.MARKET_CLOSED)
    chosen = [order for order in chosen if model.markets[order.market].state is not MarketState.CLOSED]
    cancelled = end_each(model, chosen, EndReason.USER)
    return OrdersReply(orders=[order.view() for order in cancelled])


def end_each(model, chosen: list[Order], reason: EndReason) -> list[Order]:
    """All that are meant end, market by market; what follows from it comes after the last of a market."""
    for market in model.markets.values():
        touched = Touched()
        for order in chosen:
            if order.market == market.symbol:
                end(model, market, order, OrderStatus.CANCELLED, reason)
                touched.add(order)
        follow(model, market, touched)
    return chosen


def set_switch(model, cmd: CancelAfter) -> DeadlineReply:
    refuse_if(cmd.after_ms != 0 and not SHORTEST_MS <= cmd.after_ms <= LONGEST_MS, R.INVALID_PARAMETER)
    deadline = model.now + cmd.after_ms if cmd.after_ms else None
    model.switches.pop(cmd.account_id, None)
    if deadline is not None:
        model.switches[cmd.account_id] = deadline
    model.events.append(CancelAfterSet(account_id=cmd.account_id, deadline_ms=deadline))
    return DeadlineReply(deadline_ms=deadline)


# -------------------------------------------------------------------------------------------------------------- timers


def timers(model) -> list[tuple[int, int, int, str, object]]:
    """Every timer: (time, kind, id, symbol, what), in the order in which they fire."""
    rows: list[tuple[int, int, int, str, object]] = []
    for market in model.markets.values():
        ends = [order for order in market.orders if order.terms.expires_at_ms is not None]
        rows += [(order.terms.expires_at_ms, 0, order.order_id, "", order) for order in ends]
        if market.auction_ends_at_ms is not None and not model.killed:
            rows.append((market.auction_ends_at_ms, 2, 0, market.symbol, market))
    rows += [(deadline, 1, account_id, "", None) for account_id, deadline in model.switches.items()]
    return sorted(rows, key=lambda row: row[:4])


def run_timers(model) -> bool:
    """Everything that is due now, at most 1,000 orders. Returns whether anything was."""
    ended, anything = 0, False
    while True:
        due = [row for row in timers(model) if row[0] <= model.now]
        if not due or ended >= MOST_ENDED:
            return anything
        anything = True
        _time, kind, number, _symbol, what = due[0]
        if kind == 0:
            ended += 1
            take_back(model, model.markets[what.market], what, OrderStatus.EXPIRED, EndReason.GOOD_TILL_DATE)
        elif kind == 2:
            open_market(model, what, what.resumes_in, "", "")
        else:
            ended += run_switch(model, number, MOST_ENDED - ended)


def run_switch(model, account_id: int, most: int) -> int:
    mine = [
        order
        for market in model.markets.values()
        for order in sorted(market.orders, key=lambda order: order.order_id)
        if order.account_id == account_id and market.state is not MarketState.CLOSED
    ]
    if len(mine) <= most:
        del model.switches[account_id]
    cancelled = end_each(model, mine[:most], EndReason.CANCEL_AFTER)
    if account_id not in model.switches:
        model.events.append(CancelAfterSet(account_id=account_id, deadline_ms=None))
    return len(cancelled)
