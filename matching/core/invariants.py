"""What must be true of the whole state between commands (reliability numbers I1 to I5, I7). Slow on purpose."""

from matching.core.balances import AssetBook, InvariantBroken
from matching.core.book import BookSide
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.venue import Venue
from matching.core.words import AUCTION, CANCEL_ONLY, CLOSED, TRIGGER_PENDING

Reserved = dict[tuple[str, int], int]
"""Units by asset and account."""


def check(venue: Venue) -> None:
    """Raises InvariantBroken naming the first thing that is not as it must be."""
    reserved: Reserved = {}
    found = 0
    for market in venue.markets.values():
        found += _check_market(market, reserved)
    _demand(found == len(venue.open_orders), "the index of open orders and the books differ")
    for order in venue.open_orders.values():
        _check_pair(venue, order)
    for withdrawal in venue.withdrawals.values():
        _reserve(reserved, withdrawal.asset.symbol, withdrawal.account_id, withdrawal.units)
    for asset in venue.balances.assets.values():
        _check_asset(asset, reserved)
    _demand(not venue.followups, "a step left consequences behind")


def _demand(holds: bool, message: str) -> None:
    if not holds:
        raise InvariantBroken(message)


def _reserve(reserved: Reserved, asset: str, account_id: int, units: int) -> None:
    reserved[asset, account_id] = reserved.get((asset, account_id), 0) + units


def _check_asset(asset: AssetBook, reserved: Reserved) -> None:
    total = 0
    for account_id, row in asset.rows.items():
        where = f"account {account_id} in {asset.symbol}"
        _demand(row.available >= 0 and row.locked >= 0, f"I2: {where} is negative")
        _demand(row.locked == reserved.get((asset.symbol, account_id), 0), f"I3: {where} locks what nothing reserves")
        total += row.available + row.locked
    _demand(total == asset.funded_units, f"I1: {asset.symbol} holds {total} units, was funded {asset.funded_units}")
    _demand(asset.drift_units == 0, f"I1: {asset.symbol} drifted")


def _check_market(market: Market, reserved: Reserved) -> int:
    """Adds what the market's orders reserve; returns how many are open."""
    bid, ask = market.bids.best(), market.asks.best()
    if bid is not None and ask is not None and market.state not in (AUCTION, CANCEL_ONLY, CLOSED):
        _demand(bid.price_ticks < ask.price_ticks, f"I4: {market.symbol} is crossed")
    resting = _check_side(market, market.bids, reserved) + _check_side(market, market.asks, reserved)
    waiting = market.triggers.orders()
    for order in waiting:
        _demand(order.status is TRIGGER_PENDING, f"order {order.order_id} waits without being pending")
        _demand(order.level is None and order.executed_lots == 0, f"I5: order {order.order_id} waits and trades")
    indexed = sum(len(orders) for orders in market.of_account.values())
    _demand(resting + len(waiting) == indexed, f"{market.symbol}: the index by account and the orders differ")
    return resting + len(waiting)


def _check_pair(venue: Venue, order: Order) -> None:
    if order.extra is None or not order.extra.is_paired:
        return
    partner = venue.open_orders.get(order.extra.partner_id or 0)
    mutual = partner is not None and partner.extra is not None and partner.extra.partner_id == order.order_id
    _demand(mutual, f"order {order.order_id} is paired with an order that is not")
    _demand(order.executed_lots == 0, f"order {order.order_id} has traded, its partner still lives")


def _check_side(market: Market, side: BookSide, reserved: Reserved) -> int:
    resting = 0
    previous: int | None = None
    for level in side.best_first():
        price = level.price_ticks
        worse = previous is None or (price < previous if side.is_bid else price > previous)
        _demand(worse, f"{market.symbol}: levels out of order at {price}")
        previous = price
        lots = hidden = place = 0
        for order in level.orders():
            # A million orders come by here at a start: the words are only made for one that is wrong.
            if order.place <= place:
                raise InvariantBroken(f"I7: {market.symbol} order {order.order_id} is not in its place")
            place = order.place
            if order.price_ticks != price or order.is_bid != side.is_bid:
                raise InvariantBroken(f"order {order.order_id} is misplaced")
            shown, unfilled = order.remaining_lots, order.unfilled_lots
            if order.quantity_lots != order.executed_lots + unfilled or shown <= 0:
                raise InvariantBroken(f"I5: order {order.order_id} is over- or unfilled")
            lots += shown
            hidden += unfilled - shown
            resting += 1
            _reserve(reserved, order.pay.symbol, order.account_id, market.reserved_units(order))
        _demand((lots, hidden) == (level.lots, level.hidden_lots), f"{market.symbol}: level {price} counts wrong")
        _demand(lots > 0, f"{market.symbol}: level {price} is empty")
    return resting
