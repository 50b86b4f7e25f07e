"""The engine's state as plain values and back. What is dumped is all there is: indexes are built anew on load."""

from typing import TYPE_CHECKING, Any

from matching.core.balances import AssetBook
from matching.core.markets import Market
from matching.core.orders import Order
from matching.messages import MarketState, OrderStatus, OrderType, SelfTradePrevention, TimeInForce

if TYPE_CHECKING:
    from matching.core.engine import Engine

_MARKET_NUMBERS = (
    "base_units_per_lot",
    "quote_units_per_tick_lot",
    "min_quantity_lots",
    "max_open_orders",
    "maker_fee_ppm",
    "taker_fee_ppm",
    "book_update_id",
    "last_trade_id",
    "last_price_ticks",
)


def dump(engine: "Engine") -> dict[str, object]:
    """Assets, markets, resting orders (each level oldest first) and idempotency keys, in a fixed order."""
    return {
        "n": engine.n,
        "seq": engine.seq,
        "at_ms": engine.at_ms,
        "last_order_id": engine.last_order_id,
        "assets": [_dump_asset(asset) for asset in engine.balances.assets.values()],
        "markets": [_dump_market(market) for market in engine.markets.values()],
        "retries": engine.retries.dump(),
    }


def _dump_asset(asset: AssetBook) -> dict[str, object]:
    rows = [[account_id, row.available, row.locked] for account_id, row in sorted(asset.rows.items())]
    return {
        "symbol": asset.symbol,
        "decimals": asset.decimals,
        "funded_units": asset.funded_units,
        "rows": rows,
    }


def _dump_market(market: Market) -> dict[str, object]:
    numbers = {name: getattr(market, name) for name in _MARKET_NUMBERS}
    resting = [
        _dump_order(order)
        for side in (market.bids, market.asks)
        for level in side.best_first()
        for order in level.orders()
    ]
    names = {"symbol": market.symbol, "base": market.base.symbol, "quote": market.quote.symbol}
    return {**names, **numbers, "state": market.state.value, "orders": resting}


def _dump_order(order: Order) -> list[object]:
    return [
        order.order_id,
        order.account_id,
        order.is_bid,
        order.order_type.value,
        order.status.value,
        order.price_ticks,
        order.quantity_lots,
        order.executed_lots,
        order.executed_quote_units,
        order.time_in_force.value,
        order.post_only,
        order.self_trade_prevention.value,
        order.client_id,
        order.created_at_ms,
        order.maker_fee_ppm,
        order.taker_fee_ppm,
    ]


def load(engine: "Engine", dumped: dict[str, Any]) -> None:
    """Fill a fresh engine. Raises KeyError, TypeError or ValueError for a dump of another shape."""
    engine.n = dumped["n"]
    engine.seq = dumped["seq"]
    engine.at_ms = dumped["at_ms"]
    engine.last_order_id = dumped["last_order_id"]
    for saved in dumped["assets"]:
        asset = engine.balances.assets[saved["symbol"]] = AssetBook(saved["symbol"], saved["decimals"])
        asset.funded_units = saved["funded_units"]
        for account_id, available, locked in saved["rows"]:
            row = asset.row(account_id)
            row.available, row.locked = available, locked
    for saved in dumped["markets"]:
        _load_market(engine, saved)
    engine.retries.load(dumped["retries"])


def _load_market(engine: "Engine", saved: dict[str, Any]) -> None:
    assets = engine.balances.assets
    market = Market(saved["symbol"], assets[saved["base"]], assets[saved["quote"]], engine.open_orders)
    for name in _MARKET_NUMBERS:
        setattr(market, name, saved[name])
    market.state = MarketState(saved["state"])
    for row in saved["orders"]:
        market.enter(_load_order(market, row))
    # An account's orders are kept oldest first, whatever level they rest at: cancel-all answers in that order.
    for account_id, orders in market.of_account.items():
        market.of_account[account_id] = dict(sorted(orders.items()))
    market.bids.touched.clear()
    market.asks.touched.clear()
    engine.markets[market.symbol] = market


def _load_order(market: Market, row: list[Any]) -> Order:
    order = Order()
    (
        order.order_id,
        order.account_id,
        order.is_bid,
        order_type,
        status,
        order.price_ticks,
        order.quantity_lots,
        order.executed_lots,
        order.executed_quote_units,
        time_in_force,
        order.post_only,
        self_trade_prevention,
        order.client_id,
        order.created_at_ms,
        order.maker_fee_ppm,
        order.taker_fee_ppm,
    ) = row
    assert order.quantity_lots is not None, "only orders by quantity rest"
    order.market = market.symbol
    order.order_type = OrderType(order_type)
    order.status = OrderStatus(status)
    order.time_in_force = TimeInForce(time_in_force)
    order.self_trade_prevention = SelfTradePrevention(self_trade_prevention)
    order.quote_units = None
    order.end_reason = None
    order.remaining_lots = order.quantity_lots - order.executed_lots
    order.pay = (market.quote if order.is_bid else market.base).row(order.account_id)
    order.receive = (market.base if order.is_bid else market.quote).row(order.account_id)
    order.level = order.before = order.behind = None
    return order
