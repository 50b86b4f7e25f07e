"""One market: its rules, its book and the orders that rest in it."""

from matching.core.balances import AssetBook
from matching.core.book import BookSide
from matching.core.orders import Order
from matching.messages import BookChanged, MarketState


class Market:
    __slots__ = (
        "asks",
        "base",
        "base_units_per_lot",
        "bids",
        "book_update_id",
        "by_client_id",
        "last_price_ticks",
        "last_trade_id",
        "maker_fee_ppm",
        "max_open_orders",
        "min_quantity_lots",
        "of_account",
        "open_orders",
        "quote",
        "quote_units_per_tick_lot",
        "state",
        "symbol",
        "taker_fee_ppm",
    )

    def __init__(self, symbol: str, base: AssetBook, quote: AssetBook, open_orders: dict[int, Order]) -> None:
        self.symbol = symbol
        self.base = base
        self.quote = quote
        self.base_units_per_lot = 1
        self.quote_units_per_tick_lot = 1
        self.min_quantity_lots = 1
        self.max_open_orders = 1
        self.maker_fee_ppm = 0
        self.taker_fee_ppm = 0
        self.state = MarketState.OPEN
        self.bids = BookSide(is_bid=True)
        self.asks = BookSide(is_bid=False)
        self.book_update_id = 0
        self.last_trade_id = 0
        self.last_price_ticks: int | None = None
        self.open_orders = open_orders  # Of all markets, by order id.
        self.of_account: dict[int, dict[int, Order]] = {}
        self.by_client_id: dict[tuple[int, int], Order] = {}

    def side(self, is_bid: bool) -> BookSide:
        return self.bids if is_bid else self.asks

    def reserved_units(self, order: Order) -> int:
        """What a resting order keeps locked: quote at its own price for a bid, base for an ask."""
        if order.is_bid:
            assert order.price_ticks is not None
            return order.price_ticks * order.remaining_lots * self.quote_units_per_tick_lot
        return order.remaining_lots * self.base_units_per_lot

    def enter(self, order: Order) -> None:
        """Let an order rest: into the book and the indexes. Its funds are locked by the caller."""
        self.side(order.is_bid).add(order)
        orders = self.of_account.get(order.account_id)
        if orders is None:
            orders = self.of_account[order.account_id] = {}
        orders[order.order_id] = order
        self.open_orders[order.order_id] = order
        if order.client_id is not None:
            self.by_client_id[order.account_id, order.client_id] = order

    def leave(self, order: Order) -> None:
        """Take an order out of the book and the indexes."""
        self.side(order.is_bid).remove(order)
        orders = self.of_account[order.account_id]
        del orders[order.order_id]
        del self.open_orders[order.order_id]
        if not orders:
            del self.of_account[order.account_id]
        if order.client_id is not None:
            del self.by_client_id[order.account_id, order.client_id]

    def book_change(self) -> BookChanged:
        """The one market-data event of a command that touched the book."""
        self.book_update_id += 1
        return BookChanged(
            market=self.symbol,
            update_id=self.book_update_id,
            bids=self.bids.changes(),
            asks=self.asks.changes(),
        )
