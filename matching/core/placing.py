"""Placing an order: every refusal first, then the point of no return, then matching, then rest or end."""

from matching.core.balances import Balances
from matching.core.crossing import NO_LIMIT, cross, reach
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.words import (
    ASK,
    BID,
    CANCEL_ONLY,
    CLOSED,
    EXPIRED,
    FILLED,
    FOK,
    GTC,
    LIMIT,
    MARKET,
    NEW,
    OPEN,
    POST_ONLY,
)
from matching.messages import (
    MAX_INT,
    EndReason,
    Event,
    OrderAccepted,
    OrderEnded,
    PlaceOrder,
    RefusalReason,
    Refused,
)


def refusal(market: Market, cmd: PlaceOrder) -> Refused | None:
    """Why the order cannot be taken, or None. Reads state, changes nothing.

    The order of the checks is part of the protocol: form, market state, client id, limits, price, then funds.
    """
    reason = _malformed(market, cmd) or _closed(market, cmd)
    if reason is not None:
        return Refused(reason=reason)
    if cmd.client_id is not None:
        twin = market.by_client_id.get((cmd.account_id, cmd.client_id))
        if twin is not None:
            return Refused(reason=RefusalReason.DUPLICATE_CLIENT_ID, order_id=twin.order_id)
    open_orders = market.of_account.get(cmd.account_id)
    if open_orders is not None and len(open_orders) >= market.max_open_orders and _may_rest(cmd):
        return Refused(reason=RefusalReason.TOO_MANY_OPEN_ORDERS)
    if (cmd.post_only or market.state is POST_ONLY) and _would_take(market, cmd):
        return Refused(reason=RefusalReason.POST_ONLY_WOULD_TAKE)
    reason = _unfunded(market, cmd)
    return None if reason is None else Refused(reason=reason)


def _may_rest(cmd: PlaceOrder) -> bool:
    return cmd.order_type is LIMIT and cmd.time_in_force is GTC


def _malformed(market: Market, cmd: PlaceOrder) -> RefusalReason | None:
    """Numbers no honest caller sends: the edge has refused them already, the engine trusts nobody."""
    price, lots, quote = cmd.price_ticks, cmd.quantity_lots, cmd.quote_units
    if not 0 < cmd.account_id <= MAX_INT or (cmd.client_id is not None and not 0 <= cmd.client_id <= MAX_INT):
        return RefusalReason.INVALID_PARAMETER
    if cmd.order_type is LIMIT:
        if lots is None or quote is not None:
            return RefusalReason.INVALID_PARAMETER
        if price is None or not 0 < price <= MAX_INT:
            return RefusalReason.INVALID_PRICE
        if cmd.post_only and cmd.time_in_force is not GTC:
            return RefusalReason.INVALID_PARAMETER
    elif price is not None or cmd.post_only or (lots is None) == (quote is None):
        return RefusalReason.INVALID_PARAMETER
    if lots is not None:
        if not 0 < lots <= MAX_INT:
            return RefusalReason.INVALID_QUANTITY
        if lots < market.min_quantity_lots:
            return RefusalReason.QUANTITY_TOO_SMALL
        if price is not None and price * lots * market.quote_units_per_tick_lot > MAX_INT:
            return RefusalReason.NOTIONAL_TOO_LARGE
        if lots * market.base_units_per_lot > MAX_INT:
            return RefusalReason.NOTIONAL_TOO_LARGE
    elif quote is None or not 0 < quote <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    return None


def _closed(market: Market, cmd: PlaceOrder) -> RefusalReason | None:
    state = market.state
    if state is OPEN:
        return None
    if state is CLOSED:
        return RefusalReason.MARKET_CLOSED
    if state is CANCEL_ONLY or cmd.order_type is MARKET:
        return RefusalReason.MARKET_NOT_OPEN
    if state is POST_ONLY and cmd.time_in_force is not GTC:
        return RefusalReason.MARKET_NOT_OPEN
    return None


def _would_take(market: Market, cmd: PlaceOrder) -> bool:
    assert cmd.price_ticks is not None, "only limit orders are post-only"
    best = market.side(cmd.side is ASK).best()
    if best is None:
        return False
    return cmd.price_ticks >= best.price_ticks if cmd.side is BID else cmd.price_ticks <= best.price_ticks


def _unfunded(market: Market, cmd: PlaceOrder) -> RefusalReason | None:
    """Funds: a limit order needs its whole worth, a market order what it would really trade."""
    is_bid = cmd.side is BID
    asset = market.quote if is_bid else market.base
    row = asset.rows.get(cmd.account_id)
    available = 0 if row is None else row.available
    lots = cmd.quantity_lots
    if cmd.price_ticks is not None and lots is not None:
        needed = (
            cmd.price_ticks * lots * market.quote_units_per_tick_lot if is_bid else lots * market.base_units_per_lot
        )
    elif is_bid and cmd.quote_units is not None:
        needed = cmd.quote_units
    elif not is_bid and lots is not None:
        needed = lots * market.base_units_per_lot
    else:
        got = reach(
            market,
            cmd.account_id,
            is_bid,
            None,
            lots or NO_LIMIT,
            cmd.quote_units or NO_LIMIT,
            cmd.self_trade_prevention,
        )
        needed = got.quote_units if is_bid else got.lots * market.base_units_per_lot
    if available < needed:
        return RefusalReason.INSUFFICIENT_FUNDS
    if cmd.quote_units is not None:
        best = market.side(not is_bid).best()
        if best is not None and cmd.quote_units < best.price_ticks * market.quote_units_per_tick_lot:
            return RefusalReason.QUANTITY_TOO_SMALL
    return None


def place(balances: Balances, market: Market, cmd: PlaceOrder, order_id: int, at_ms: int, events: list[Event]) -> Order:
    """Take an order that `refusal` has passed: accept, match, then let it rest or end it. A failure here is a bug."""
    order = _open(market, cmd, order_id, at_ms)
    events.append(
        OrderAccepted(
            order_id=order_id,
            account_id=cmd.account_id,
            market=market.symbol,
            side=cmd.side,
            order_type=cmd.order_type,
            price_ticks=cmd.price_ticks,
            quantity_lots=cmd.quantity_lots,
            quote_units=cmd.quote_units,
            time_in_force=order.time_in_force,
            post_only=cmd.post_only,
            self_trade_prevention=cmd.self_trade_prevention,
            client_id=cmd.client_id,
        )
    )
    is_limit = order.order_type is LIMIT
    if is_limit and order.time_in_force is FOK and not _fills_completely(market, order):
        _expire(market, order, EndReason.FILL_OR_KILL, events)
        return order
    stopped = cross(balances, market, order, events)
    if order.status is FILLED:
        return order
    if stopped is not None:
        _expire(market, order, stopped, events)
    elif not is_limit:
        _expire(market, order, EndReason.INSUFFICIENT_LIQUIDITY, events)
    elif order.time_in_force is not GTC:
        _expire(market, order, EndReason.IMMEDIATE_OR_CANCEL, events)
    else:
        balances.lock(order.pay, market.reserved_units(order))
        market.enter(order)
    return order


def _open(market: Market, cmd: PlaceOrder, order_id: int, at_ms: int) -> Order:
    order = Order()
    order.order_id = order_id
    order.account_id = cmd.account_id
    order.market = market.symbol
    order.is_bid = is_bid = cmd.side is BID
    order.order_type = cmd.order_type
    order.status = NEW
    order.price_ticks = cmd.price_ticks
    order.quantity_lots = cmd.quantity_lots
    order.quote_units = cmd.quote_units
    order.remaining_lots = NO_LIMIT if cmd.quantity_lots is None else cmd.quantity_lots
    order.executed_lots = order.executed_quote_units = 0
    order.time_in_force = cmd.time_in_force  # Kept as it was sent; a market order never rests, whatever it says.
    order.post_only = cmd.post_only
    order.self_trade_prevention = cmd.self_trade_prevention
    order.client_id = cmd.client_id
    order.created_at_ms = at_ms
    order.end_reason = None
    order.maker_fee_ppm = market.maker_fee_ppm
    order.taker_fee_ppm = market.taker_fee_ppm
    order.pay = (market.quote if is_bid else market.base).row(cmd.account_id)
    order.receive = (market.base if is_bid else market.quote).row(cmd.account_id)
    order.level = order.before = order.behind = None
    return order


def _fills_completely(market: Market, order: Order) -> bool:
    got = reach(
        market,
        order.account_id,
        order.is_bid,
        order.price_ticks,
        order.remaining_lots,
        NO_LIMIT,
        order.self_trade_prevention,
    )
    return got.lots == order.remaining_lots


def _expire(market: Market, order: Order, reason: EndReason, events: list[Event]) -> None:
    """End an order that never rested: it reserves nothing."""
    order.status = EXPIRED
    order.end_reason = reason
    events.append(
        OrderEnded(
            order_id=order.order_id,
            account_id=order.account_id,
            market=market.symbol,
            status=EXPIRED,
            reason=reason,
        )
    )
