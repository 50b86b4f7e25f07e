"""Which orders are refused, and why: the list at the top of `docs/orders.md`, one check after the other."""

from matching.messages import (
    MAX_INT,
    ExitTerms,
    MarketState,
    OrderTerms,
    OrderType,
    PlaceOrder,
    RefusalReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from matching.tests.model.bounds import MILLION, entry_allows
from matching.tests.model.planning import make_plan, would_meet
from matching.tests.model.records import LASTING, Market, Order, Refuse

R = RefusalReason
MOST_TRAILING = 1_000
LONGEST_EXPIRY_MS = 366 * 86_400_000
TAKING_LIMITS = (MarketState.OPEN, MarketState.LIMIT_ONLY, MarketState.POST_ONLY, MarketState.AUCTION)


def refuse_if(condition: bool, reason: RefusalReason) -> None:
    if condition:
        raise Refuse(reason)


# --------------------------------------------------------------------------------------------------------------- form


def check_form(market: Market, cmd: PlaceOrder, now_ms: int, *, amended: bool = False) -> None:
    """Numbers, allowed combinations and terms."""
    terms = cmd.terms or OrderTerms()
    refuse_if(terms.fires_above is not None or terms.related_order_id is not None, R.INVALID_PARAMETER)
    if cmd.order_type is OrderType.LIMIT:
        refuse_if(cmd.price_ticks is None or not 1 <= cmd.price_ticks <= MAX_INT, R.INVALID_PRICE)
        refuse_if(cmd.quantity_lots is None or cmd.quote_units is not None, R.INVALID_PARAMETER)
    else:
        refuse_if(cmd.price_ticks is not None, R.INVALID_PARAMETER)
        refuse_if((cmd.quantity_lots is None) == (cmd.quote_units is None), R.INVALID_PARAMETER)
    for amount in (cmd.quantity_lots, cmd.quote_units):
        refuse_if(amount is not None and not 1 <= amount <= MAX_INT, R.INVALID_QUANTITY)
    waits = terms.trigger_price_ticks is not None or terms.trailing_ticks is not None
    check_size(market, cmd.order_type, cmd.price_ticks, cmd.quantity_lots, cmd.quote_units, waits=waits)
    lasting = cmd.order_type is OrderType.LIMIT and cmd.time_in_force in LASTING
    refuse_if(cmd.post_only and not lasting, R.INVALID_PARAMETER)
    refuse_if(
        cmd.quote_units is not None and cmd.self_trade_prevention is SelfTradePrevention.DECREMENT, R.INVALID_PARAMETER
    )
    check_terms(market, cmd, terms, lasting, now_ms, amended=amended)


def check_size(
    market: Market,
    order_type: OrderType,
    price: int | None,
    quantity: int | None,
    quote_units: int | None,
    *,
    waits: bool = False,
) -> None:
    """Minimum and maximum quantity, largest and minimum notional: a market order by quantity at the last price."""
    limits, lots = market.limits, quantity or 0
    if quantity is not None:
        refuse_if(quantity < limits.min_quantity_lots, R.QUANTITY_TOO_SMALL)
        too_large = limits.max_quantity_lots is not None and quantity > limits.max_quantity_lots
        refuse_if(too_large, R.QUANTITY_TOO_LARGE)
    largest = max(market.notional(price or 0, lots), lots * market.listing.base_units_per_lot)
    refuse_if(largest > MAX_INT, R.NOTIONAL_TOO_LARGE)
    if order_type is OrderType.MARKET and not waits:
        price = market.last_price
    worth = quote_units
    if worth is None and price is not None:
        worth = market.notional(price, quantity)
    refuse_if(worth is not None and worth < limits.min_notional_units, R.NOTIONAL_TOO_SMALL)


def check_terms(
    market: Market, cmd: PlaceOrder, terms: OrderTerms, lasting: bool, now_ms: int, *, amended: bool
) -> None:
    waits = terms.trigger_price_ticks is not None or terms.trailing_ticks is not None
    never_waits = cmd.order_type is OrderType.MARKET and not waits
    refuse_if(cmd.time_in_force is TimeInForce.GTD and never_waits, R.INVALID_PARAMETER)
    refuse_if((cmd.time_in_force is TimeInForce.GTD) != (terms.expires_at_ms is not None), R.INVALID_EXPIRY)
    if terms.expires_at_ms is not None:
        refuse_if(not now_ms < terms.expires_at_ms <= now_ms + LONGEST_EXPIRY_MS, R.INVALID_EXPIRY)
    if terms.display_lots is not None and not amended:
        refuse_if(not lasting, R.INVALID_PARAMETER)
        in_range = market.limits.min_quantity_lots <= terms.display_lots < cmd.quantity_lots
        refuse_if(not in_range or terms.display_lots * 100 < cmd.quantity_lots, R.INVALID_PARAMETER)
    refuse_if(terms.slippage_ticks is not None and terms.slippage_ppm is not None, R.INVALID_PARAMETER)
    for tolerance, most in ((terms.slippage_ticks, MAX_INT), (terms.slippage_ppm, MILLION - 1)):
        refuse_if(tolerance is not None and not 0 <= tolerance <= most, R.INVALID_PARAMETER)
    slippage = terms.slippage_ticks is not None or terms.slippage_ppm is not None
    refuse_if(slippage and cmd.order_type is OrderType.LIMIT, R.INVALID_PARAMETER)
    refuse_if(terms.trigger_price_ticks is not None and terms.trailing_ticks is not None, R.INVALID_TRIGGER)
    for distance in (terms.trigger_price_ticks, terms.trailing_ticks):
        refuse_if(distance is not None and not 1 <= distance <= MAX_INT, R.INVALID_TRIGGER)
    if terms.trailing_ticks is not None:
        refuse_if(market.last_price is None, R.INVALID_TRIGGER)
        refuse_if(cmd.side is Side.ASK and market.last_price <= terms.trailing_ticks, R.INVALID_TRIGGER)
    middle = cmd.price_ticks
    if cmd.order_type is OrderType.MARKET:
        middle = market.last_price if terms.trigger_price_ticks is None else terms.trigger_price_ticks
    check_exit(terms.stop_loss, middle, above=cmd.side is Side.ASK)
    check_exit(terms.take_profit, middle, above=cmd.side is Side.BID)


def check_exit(terms: ExitTerms | None, middle: int | None, *, above: bool) -> None:
    if terms is None:
        return
    refuse_if(not 1 <= terms.trigger_price_ticks <= MAX_INT, R.INVALID_TRIGGER)
    refuse_if(terms.price_ticks is not None and not 1 <= terms.price_ticks <= MAX_INT, R.INVALID_PRICE)
    if middle is not None:
        right = terms.trigger_price_ticks > middle if above else terms.trigger_price_ticks < middle
        refuse_if(not right, R.INVALID_TRIGGER)


# -------------------------------------------------------------------------------------------- may it be placed at all


def check_time(model, valid_until_ms: int | None) -> None:
    refuse_if(valid_until_ms is not None and valid_until_ms < model.now, R.EXPIRED_IN_QUEUE)


def check_halt(model) -> None:
    refuse_if(model.killed, R.TRADING_HALTED)


def check_state(market: Market, order: Order, *, conditional: bool) -> None:
    refuse_if(market.state is MarketState.CLOSED, R.MARKET_CLOSED)
    if market.state is MarketState.OPEN:
        return
    refuse_if(market.state not in TAKING_LIMITS, R.MARKET_NOT_OPEN)
    if conditional:
        return
    refuse_if(order.order_type is not OrderType.LIMIT, R.MARKET_NOT_OPEN)
    refuse_if(market.state is not MarketState.LIMIT_ONLY and not order.lasts, R.MARKET_NOT_OPEN)


def check_block(model, market: Market, account_id: int) -> None:
    blocked = (account_id, None) in model.blocks or (account_id, market.symbol) in model.blocks
    refuse_if(blocked, R.ACCOUNT_BLOCKED)


def check_client_id(market: Market, account_id: int, client_id: int | None) -> None:
    for other in sorted(market.orders, key=lambda other: other.order_id):
        if client_id is not None and other.account_id == account_id and other.client_id == client_id:
            raise Refuse(R.DUPLICATE_CLIENT_ID, other.order_id)


def check_count(market: Market, account_id: int, adding: int) -> None:
    own = [other for other in market.orders if other.account_id == account_id]
    refuse_if(adding > 0 and len(own) + adding > market.limits.max_open_orders, R.TOO_MANY_OPEN_ORDERS)


# ------------------------------------------------------------------------------------ what it is held against the book


def check_trailing(market: Market, terms: OrderTerms) -> None:
    trailing = [other for other in market.pending if other.terms.trailing_ticks is not None]
    refuse_if(terms.trailing_ticks is not None and len(trailing) >= MOST_TRAILING, R.TOO_MANY_OPEN_ORDERS)


def check_against_book(model, market: Market, order: Order) -> None:
    """Price bounds, post-only and funds: everything that is looked at again when a conditional order fires."""
    collecting = market.state is MarketState.AUCTION
    refuse_if(order.price is not None and not entry_allows(market, order.price), R.PRICE_OUT_OF_BOUNDS)
    only_makes = order.post_only or market.state is MarketState.POST_ONLY
    refuse_if(only_makes and not collecting and bool(would_meet(market, order)), R.POST_ONLY_WOULD_TAKE)
    check_funds(model, market, order)


def check_funds(model, market: Market, order: Order) -> None:
    asset = market.listing.quote if order.is_bid else market.listing.base
    plan = make_plan(market, order, model.now)
    if order.order_type is OrderType.LIMIT:
        needed = market.notional(order.price, order.left)
    elif order.quote_units is not None:
        needed = order.quote_units
    else:
        needed = plan.worth(market)
    if not order.is_bid:
        needed = (plan.lots if order.quote_units is not None else order.left) * market.listing.base_units_per_lot
    refuse_if(model.money.free(order.account_id, asset) < needed, R.INSUFFICIENT_FUNDS)
    met = would_meet(market, order)
    too_little = order.quote_units is not None and met and order.quote_units < market.notional(met[0].price, 1)
    refuse_if(bool(too_little), R.QUANTITY_TOO_SMALL)
