"""What must be true of the whole state between commands (reliability numbers I1 to I5). Slow and obvious on purpose."""

from typing import TYPE_CHECKING

from matching.core.balances import AssetBook, InvariantBroken
from matching.core.book import BookSide
from matching.core.markets import Market

if TYPE_CHECKING:
    from matching.core.engine import Engine


def check(engine: "Engine") -> None:
    """Raises InvariantBroken naming the first thing that is not as it must be."""
    reserved: dict[tuple[str, int], int] = {}
    resting = 0
    for market in engine.markets.values():
        resting += _check_market(market, reserved)
    _demand(resting == len(engine.open_orders), "the index of open orders and the books differ")
    for asset in engine.balances.assets.values():
        _check_asset(asset, reserved)


def _demand(holds: bool, message: str) -> None:
    if not holds:
        raise InvariantBroken(message)


def _check_asset(asset: AssetBook, reserved: dict[tuple[str, int], int]) -> None:
    total = 0
    for account_id, row in asset.rows.items():
        where = f"account {account_id} in {asset.symbol}"
        _demand(row.available >= 0 and row.locked >= 0, f"I2: {where} is negative")
        _demand(row.locked == reserved.get((asset.symbol, account_id), 0), f"I3: {where} locks what no order reserves")
        total += row.available + row.locked
    _demand(total == asset.funded_units, f"I1: {asset.symbol} holds {total} units, was funded {asset.funded_units}")
    _demand(asset.drift_units == 0, f"I1: {asset.symbol} drifted")


def _check_market(market: Market, reserved: dict[tuple[str, int], int]) -> int:
    """Adds what the market's orders reserve; returns how many rest."""
    bid, ask = market.bids.best(), market.asks.best()
    if bid is not None and ask is not None:
        _demand(bid.price_ticks < ask.price_ticks, f"I4: {market.symbol} is crossed")
    resting = _check_side(market, market.bids, reserved) + _check_side(market, market.asks, reserved)
    indexed = sum(len(orders) for orders in market.of_account.values())
    _demand(resting == indexed, f"{market.symbol}: the index by account and the book differ")
    return resting


def _check_side(market: Market, side: BookSide, reserved: dict[tuple[str, int], int]) -> int:
    resting = 0
    previous: int | None = None
    for level in side.best_first():
        price = level.price_ticks
        worse = previous is None or (price < previous if side.is_bid else price > previous)
        _demand(worse, f"{market.symbol}: levels out of order at {price}")
        previous = price
        lots = 0
        last_id = 0
        for order in level.orders():
            _demand(order.order_id > last_id, f"I7: {market.symbol} order {order.order_id} is not in its place")
            _demand(order.price_ticks == price and order.is_bid == side.is_bid, f"order {order.order_id} is misplaced")
            _demand(
                order.quantity_lots == order.executed_lots + order.remaining_lots and order.remaining_lots > 0,
                f"I5: order {order.order_id} is over- or unfilled",
            )
            last_id = order.order_id
            lots += order.remaining_lots
            resting += 1
            key = (order.pay.asset.symbol, order.account_id)
            reserved[key] = reserved.get(key, 0) + market.reserved_units(order)
        _demand(lots == level.lots and lots > 0, f"{market.symbol}: level {price} counts {level.lots}, holds {lots}")
    return resting
