"""A second engine, slow and obvious: lists and sorting instead of levels and links. It predicts every answer.

It shares nothing with the core but the vocabulary, and covers orders, cancels, market states, fees and credits.
"""

from dataclasses import dataclass, field

from matching.messages import (
    MAX_INT,
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    FundHouse,
    ListAsset,
    ListMarket,
    MarketState,
    OrderStatus,
    OrderType,
    PlaceOrder,
    RefusalReason,
    SelfTradePrevention,
    SetMarketFees,
    SetMarketState,
    Side,
    TimeInForce,
)

HOUSE, FEES = 1, 2
R = RefusalReason


@dataclass
class ModelOrder:
    order_id: int
    cmd: PlaceOrder
    maker_ppm: int
    executed_lots: int = 0
    executed_quote: int = 0
    status: OrderStatus = OrderStatus.NEW

    @property
    def left(self) -> int:
        return self.cmd.quantity_lots - self.executed_lots


@dataclass
class ModelMarket:
    listing: ListMarket
    maker_ppm: int
    taker_ppm: int
    state: MarketState = MarketState.OPEN
    resting: list[ModelOrder] = field(default_factory=list)


class Model:
    def __init__(self) -> None:
        self.available: dict[tuple[int, str], int] = {}
        self.locked: dict[tuple[int, str], int] = {}
        self.markets: dict[str, ModelMarket] = {}
        self.last_id = 0

    def apply(self, cmd: Command):
        """The refusal's reason, an order `(id, status, lots, quote)`, a list of such, or None for "done"."""
        handler = {
            PlaceOrder: self.place,
            CancelOrder: self.cancel,
            CancelAllOrders: self.cancel_all,
            CreditAccount: self.credit,
            ListAsset: lambda cmd: None,
            FundHouse: self.fund,
            ListMarket: self.list_market,
            SetMarketState: self.set_state,
            SetMarketFees: self.set_fees,
        }[type(cmd)]
        return handler(cmd)

    def move(self, where, account, asset, units):
        where[account, asset] = where.get((account, asset), 0) + units

    def fund(self, cmd):
        held = [*self.available.items(), *self.locked.items()]
        if sum(units for (_, name), units in held if name == cmd.asset) + cmd.units > MAX_INT:
            return R.SUPPLY_TOO_LARGE
        self.move(self.available, HOUSE, cmd.asset, cmd.units)

    def list_market(self, cmd):
        self.markets[cmd.symbol] = ModelMarket(cmd, cmd.maker_fee_ppm, cmd.taker_fee_ppm)

    def set_state(self, cmd):
        self.markets[cmd.market].state = cmd.state

    def set_fees(self, cmd):
        market = self.markets[cmd.market]
        market.maker_ppm, market.taker_ppm = cmd.maker_fee_ppm, cmd.taker_fee_ppm

    def credit(self, cmd):
        if self.available.get((HOUSE, cmd.asset), 0) < cmd.units:
            return R.HOUSE_FUNDS_TOO_SMALL
        self.move(self.available, HOUSE, cmd.asset, -cmd.units)
        self.move(self.available, cmd.account_id, cmd.asset, cmd.units)

    # ------------------------------------------------------------------------------------------------------ cancels

    def release(self, market, order):
        asset, units = self.reservation(market, order)
        self.move(self.locked, order.cmd.account_id, asset, -units)
        self.move(self.available, order.cmd.account_id, asset, units)
        market.resting.remove(order)
        order.status = OrderStatus.CANCELLED

    def reservation(self, market, order):
        listing = market.listing
        if order.cmd.side is Side.BID:
            return listing.quote, order.cmd.price_ticks * order.left * listing.quote_units_per_tick_lot
        return listing.base, order.left * listing.base_units_per_lot

    def cancel(self, cmd):
        for name, market in self.markets.items():
            for order in market.resting:
                by_id = cmd.order_id is not None and order.order_id == cmd.order_id
                by_client = cmd.order_id is None and cmd.client_id is not None and order.cmd.client_id == cmd.client_id
                if order.cmd.account_id == cmd.account_id and (by_id or by_client) and cmd.market in (None, name):
                    if market.state is MarketState.CLOSED:
                        return R.MARKET_CLOSED
                    self.release(market, order)
                    return self.shown(order)
        return R.UNKNOWN_ORDER

    def cancel_all(self, cmd):
        if cmd.market is not None and cmd.market not in self.markets:
            return R.UNKNOWN_MARKET
        named = self.markets.get(cmd.market)
        if named is not None and named.state is MarketState.CLOSED:
            mine = [order for order in named.resting if order.cmd.account_id == cmd.account_id]
            return R.MARKET_CLOSED if mine else []
        gone = []
        for name, market in self.markets.items():
            if cmd.market in (None, name) and market.state is not MarketState.CLOSED:
                for order in sorted(market.resting, key=lambda order: order.order_id):
                    if order.cmd.account_id == cmd.account_id:
                        self.release(market, order)
                        gone.append(self.shown(order))
        return gone

    # ------------------------------------------------------------------------------------------------------- orders

    def shown(self, order):
        return order.order_id, order.status, order.executed_lots, order.executed_quote

    def opposite(self, market, cmd):
        """The other side's orders in the order they would trade, as far as the limit goes."""
        makers = [order for order in market.resting if order.cmd.side is not cmd.side]
        buying = cmd.side is Side.BID
        makers.sort(key=lambda o: (o.cmd.price_ticks if buying else -o.cmd.price_ticks, o.order_id))
        if cmd.price_ticks is None:
            return makers
        return [
            o
            for o in makers
            if (o.cmd.price_ticks <= cmd.price_ticks) == buying or o.cmd.price_ticks == cmd.price_ticks
        ]

    def plan(self, market, cmd):
        """The trades `(maker, lots)`, the own orders to cancel, and why it stopped early."""
        trades, cancelled = [], []
        left, budget = cmd.quantity_lots, cmd.quote_units
        own_since_trade = False
        for maker in self.opposite(market, cmd):
            if left == 0:
                return trades, cancelled, "complete"
            price = maker.cmd.price_ticks * market.listing.quote_units_per_tick_lot
            if maker.cmd.account_id == cmd.account_id:
                if budget is not None and trades and budget < price:
                    return trades, cancelled, "complete"
                if cmd.self_trade_prevention is not SelfTradePrevention.REJECT_TAKER:
                    cancelled.append(maker)
                    own_since_trade = True
                if cmd.self_trade_prevention is SelfTradePrevention.REJECT_MAKER:
                    continue
                return trades, cancelled, "self"
            lots = maker.left if left is None else min(left, maker.left)
            if budget is not None:
                lots = min(lots, budget // price)
                if lots == 0:
                    return trades, cancelled, "book ended" if own_since_trade else "complete"
                budget -= lots * price
            trades.append((maker, lots))
            own_since_trade = False
            if budget is not None and lots < maker.left:
                return trades, cancelled, "complete"
            left = None if left is None else left - lots
        return trades, cancelled, "complete" if left == 0 or budget == 0 else "book ended"

    def too_large(self, listing, cmd):
        price, lots = cmd.price_ticks or 0, cmd.quantity_lots or 0
        if price > MAX_INT:
            return R.INVALID_PRICE
        if lots > MAX_INT or (cmd.quote_units or 0) > MAX_INT:
            return R.INVALID_QUANTITY
        notional = price * lots * listing.quote_units_per_tick_lot
        return R.NOTIONAL_TOO_LARGE if max(notional, lots * listing.base_units_per_lot) > MAX_INT else None

    def refusal(self, market, cmd):
        limit = cmd.order_type is OrderType.LIMIT
        reason = self.too_large(market.listing, cmd)
        if reason is not None:
            return reason
        if cmd.quantity_lots is not None and cmd.quantity_lots < market.listing.min_quantity_lots:
            return R.QUANTITY_TOO_SMALL
        if limit and cmd.post_only and cmd.time_in_force is not TimeInForce.GTC:
            return R.INVALID_PARAMETER
        if market.state is MarketState.CLOSED:
            return R.MARKET_CLOSED
        if market.state is MarketState.CANCEL_ONLY or (market.state is not MarketState.OPEN and not limit):
            return R.MARKET_NOT_OPEN
        if market.state is MarketState.POST_ONLY and cmd.time_in_force is not TimeInForce.GTC:
            return R.MARKET_NOT_OPEN
        own = [o for o in market.resting if o.cmd.account_id == cmd.account_id]
        if cmd.client_id is not None and any(o.cmd.client_id == cmd.client_id for o in own):
            return R.DUPLICATE_CLIENT_ID
        rests = limit and cmd.time_in_force is TimeInForce.GTC
        if rests and len(own) >= market.listing.max_open_orders:
            return R.TOO_MANY_OPEN_ORDERS
        if (cmd.post_only or market.state is MarketState.POST_ONLY) and self.opposite(market, cmd):
            return R.POST_ONLY_WOULD_TAKE
        return self.unfunded(market, cmd)

    def unfunded(self, market, cmd):
        listing, buying = market.listing, cmd.side is Side.BID
        have = self.available.get((cmd.account_id, listing.quote if buying else listing.base), 0)
        trades, _cancelled, _why = self.plan(market, cmd)
        unit = listing.quote_units_per_tick_lot
        if not buying:
            lots = cmd.quantity_lots if cmd.quantity_lots is not None else sum(lots for _maker, lots in trades)
            needed = lots * listing.base_units_per_lot
        elif cmd.quote_units is not None:
            needed = cmd.quote_units
        elif cmd.price_ticks is not None:
            needed = cmd.price_ticks * cmd.quantity_lots * unit
        else:
            needed = sum(lots * maker.cmd.price_ticks * unit for maker, lots in trades)
        if have < needed:
            return R.INSUFFICIENT_FUNDS
        makers = self.opposite(market, cmd)
        if cmd.quote_units is not None and makers and cmd.quote_units < makers[0].cmd.price_ticks * unit:
            return R.QUANTITY_TOO_SMALL
        return None

    def place(self, cmd):
        market = self.markets.get(cmd.market)
        if market is None:
            return R.UNKNOWN_MARKET
        reason = self.refusal(market, cmd)
        if reason is not None:
            return reason
        self.last_id += 1
        order = ModelOrder(self.last_id, cmd, market.maker_ppm)
        trades, cancelled, why = self.plan(market, cmd)
        total = sum(lots for _maker, lots in trades)
        limit = cmd.order_type is OrderType.LIMIT
        if limit and cmd.time_in_force is TimeInForce.FOK and total < cmd.quantity_lots:
            order.status = OrderStatus.EXPIRED
            return self.shown(order)
        for maker, lots in trades:
            self.settle(market, maker, order, lots)
        for maker in cancelled:
            self.release(market, maker)
        if why == "complete":
            order.status = OrderStatus.FILLED
        elif why == "self" or not limit or cmd.time_in_force is not TimeInForce.GTC:
            order.status = OrderStatus.EXPIRED
        else:
            order.status = OrderStatus.PARTIALLY_FILLED if total else OrderStatus.NEW
            asset, units = self.reservation(market, order)
            self.move(self.available, cmd.account_id, asset, -units)
            self.move(self.locked, cmd.account_id, asset, units)
            market.resting.append(order)
        return self.shown(order)

    def settle(self, market, maker, taker, lots):
        listing = market.listing
        quote = maker.cmd.price_ticks * lots * listing.quote_units_per_tick_lot
        base = lots * listing.base_units_per_lot
        buyer_is_taker = taker.cmd.side is Side.BID
        for order, ppm, is_taker in ((maker, maker.maker_ppm, False), (taker, market.taker_ppm, True)):
            buys = buyer_is_taker == is_taker
            gives, gets = (
                ((listing.quote, quote), (listing.base, base))
                if buys
                else ((listing.base, base), (listing.quote, quote))
            )
            self.move(self.available if is_taker else self.locked, order.cmd.account_id, gives[0], -gives[1])
            fee = (gets[1] * ppm + 999_999) // 1_000_000
            self.move(self.available, order.cmd.account_id, gets[0], gets[1] - fee)
            self.move(self.available, FEES, gets[0], fee)
            order.executed_lots += lots
            order.executed_quote += quote
        maker.status = OrderStatus.PARTIALLY_FILLED
        if maker.left == 0:
            maker.status = OrderStatus.FILLED
            market.resting.remove(maker)

    def book(self, symbol):
        """Lots by price: (bids, asks)."""
        sides = ({}, {})
        for order in self.markets[symbol].resting:
            side = sides[0 if order.cmd.side is Side.BID else 1]
            side[order.cmd.price_ticks] = side.get(order.cmd.price_ticks, 0) + order.left
        return sides
