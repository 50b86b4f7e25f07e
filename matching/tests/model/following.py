"""What follows an order that traded or ended: partners go, exits are placed, triggers fire, and so on until quiet."""

from matching.messages import EndReason, MarketState, OrderChange, OrderStatus, OrderTerms, OrderType, Side, TimeInForce
from matching.tests.model.checks import R, check_against_book, check_block, check_size
from matching.tests.model.matching import Touched, changed, end, take
from matching.tests.model.records import Market, Order, Refuse

MOST_FIRED = 100
FAILURES = {
    R.ACCOUNT_BLOCKED: EndReason.ACCOUNT_TRADING_SUSPENDED,
    R.QUANTITY_TOO_SMALL: EndReason.INVALID_QUANTITY,
    R.QUANTITY_TOO_LARGE: EndReason.INVALID_QUANTITY,
    R.NOTIONAL_TOO_SMALL: EndReason.INVALID_QUANTITY,
    R.PRICE_OUT_OF_BOUNDS: EndReason.PRICE_OUT_OF_BOUNDS,
    R.POST_ONLY_WOULD_TAKE: EndReason.POST_ONLY_TAKER,
    R.INSUFFICIENT_FUNDS: EndReason.INSUFFICIENT_FUNDS,
}


def follow(model, market: Market, touched: Touched, *, opening: bool = False) -> None:
    """Bring the market to rest. `opening`: every trigger that the last price has reached counts, traded or not."""
    due: list[Order] = []
    settle_down(model, market, touched, due)
    if opening:
        add_in_order(due, [o for o in market.pending if o not in due and o.reached_by(market.last_price)])
    while due:
        if market.state is not MarketState.OPEN or model.killed:
            return
        order = due.pop(0)
        if not order.pending:
            continue
        if model.fired == MOST_FIRED:
            model.pause(market)
            return
        model.fired += 1
        settle_down(model, market, fire(model, market, order), due)


def settle_down(model, market: Market, touched: Touched, due: list[Order]) -> None:
    """Partners, exits, triggers. What has become due goes to the end of `due`."""
    passed = follow_prices(market, touched.prices)  # Before exits are placed: earlier trades do not fire them.
    for order in touched.orders:
        cancel_partner(model, market, order)
    for order in touched.orders:
        if not order.is_open and order.executed_lots:
            passed += [placed for placed in place_exits(model, market, order) if placed.reached_by(market.last_price)]
    add_in_order(due, [order for order in passed if order.pending and order not in due])


def add_in_order(due: list[Order], passed: list[Order]) -> None:
    """Falling ones first, the highest trigger first; then rising ones, the lowest first; then by id."""
    due += sorted(passed, key=lambda o: (o.fires_above, o.trigger if o.fires_above else -o.trigger, o.order_id))


def follow_prices(market: Market, prices: list[int]) -> list[Order]:
    """Which waiting orders these trades pass; trailing ones remember the best price."""
    passed = []
    for order in market.pending:
        for price in prices:
            if order.reached_by(price):
                passed.append(order)
                break
            if order.best_price is not None:
                order.best_price = min(order.best_price, price) if order.is_bid else max(order.best_price, price)
    return passed


def cancel_partner(model, market: Market, order: Order) -> None:
    partner = order.partner
    if partner is not None and partner.is_open:
        order.partner = partner.partner = None
        end(model, market, partner, OrderStatus.CANCELLED, EndReason.ONE_CANCELS_OTHER)


def place_exits(model, market: Market, parent: Order) -> list[Order]:
    """One conditional order an exit, for what the parent executed."""
    lots = parent.executed_lots
    if parent.is_bid:
        unit = market.listing.base_units_per_lot
        lots = (lots * unit - parent.base_fee_units) // unit
    placed = []
    for terms, above in ((parent.terms.stop_loss, not parent.is_bid), (parent.terms.take_profit, parent.is_bid)):
        if terms is None or lots < 1:
            continue
        order = model.new_order(
            market,
            parent.account_id,
            side=Side.ASK if parent.is_bid else Side.BID,
            order_type=OrderType.MARKET if terms.price_ticks is None else OrderType.LIMIT,
            price=terms.price_ticks,
            quantity=lots,
            quote_units=None,
            time_in_force=TimeInForce.GTC,
            post_only=False,
            prevention=parent.prevention,
            client_id=None,
            terms=OrderTerms(
                trigger_price_ticks=terms.trigger_price_ticks, fires_above=above, related_order_id=parent.order_id
            ),
        )
        order.is_exit = True
        wait(model, market, order)
        placed.append(order)
    if len(placed) == 2:
        placed[0].partner, placed[1].partner = placed[1], placed[0]
    return placed


def wait(model, market: Market, order: Order) -> None:
    """The order waits, outside the book, for its trigger."""
    order.pending = True
    order.status = OrderStatus.TRIGGER_PENDING
    if order.terms.trailing_ticks is not None:
        order.best_price = market.last_price
    market.orders.append(order)
    changed(model, OrderChange.TRIGGER_PLACED, order)


def fire(model, market: Market, order: Order) -> Touched:
    """Handle a waiting order like a new one. If it cannot be taken now, it ends."""
    cancel_partner(model, market, order)
    market.orders.remove(order)
    order.pending = False
    order.triggered_at_ms = model.now
    order.status = OrderStatus.NEW
    try:
        check_size(market, order.order_type, order.price, order.quantity, order.quote_units)
        check_block(model, market, order.account_id)
        check_against_book(model, market, order)
    except Refuse as refusal:
        order.status, order.end_reason = OrderStatus.TRIGGER_FAILED, FAILURES[refusal.reason]
        changed(model, OrderChange.TRIGGER_FAILED, order)
        touched = Touched()
        touched.add(order)
        return touched
    changed(model, OrderChange.TRIGGERED, order)
    return take(model, market, order)
