"""One market: its rules, its book, the orders that rest in it and those that wait for their trigger."""

from dataclasses import dataclass

from matching.core.balances import AssetBook
from matching.core.book import BookSide
from matching.core.orders import Order
from matching.core.triggers import Triggers
from matching.core.words import GTD, TRIGGER_PENDING
from matching.messages import AuctionIndicated, BookChanged, MarketState


@dataclass(slots=True)
class Limits:
    """What a market allows; see `SetMarketLimits`. None and 0 mean no limit."""

    min_quantity_lots: int = 1
    max_open_orders: int = 1
    max_quantity_lots: int | None = None
    min_notional_units: int = 0
    min_price_ppm: int | None = None
    max_price_ppm: int | None = None
    min_impact_ppm: int | None = None
    max_impact_ppm: int | None = None
    band_ppm: int | None = None
    band_window_ms: int = 60_000
    auction_ms: int = 0

    @property
    def bounds_entry(self) -> bool:
        """Is there a price at which a limit order is not even let in?"""
        return self.min_price_ppm is not None or self.max_price_ppm is not None

    @property
    def bounds_trades(self) -> bool:
        """Is there anything that can stop an order before its own limit?"""
        return self.band_ppm is not None or self.min_impact_ppm is not None or self.max_impact_ppm is not None


class Market:
    """`fees` holds `(maker_ppm, taker_ppm)` by account tier; tier 0 is always there, and unpacked for speed.

    `reference_ticks` is the price that the band is measured from, taken at `reference_at_ms`. In an auction
    `auction_ends_at_ms` says when it ends (None: when told), `resumes_in` in which state the market then goes on, and
    `indicated` what was published last.
    """

    __slots__ = (
        "asks",
        "auction_ends_at_ms",
        "base",
        "base_units_per_lot",
        "bids",
        "book_update_id",
        "by_client_id",
        "fee_version",
        "fees",
        "has_entry_bounds",
        "indicated",
        "is_bounded",
        "last_place",
        "last_price_ticks",
        "last_trade_id",
        "limits",
        "maker_fee_ppm",
        "of_account",
        "open_orders",
        "quote",
        "quote_units_per_tick_lot",
        "reference_at_ms",
        "reference_ticks",
        "resumes_in",
        "state",
        "symbol",
        "taker_fee_ppm",
        "triggers",
    )

    def __init__(self, symbol: str, base: AssetBook, quote: AssetBook, open_orders: dict[int, Order]) -> None:
        self.symbol = symbol
        self.base = base
        self.quote = quote
        self.base_units_per_lot = 1
        self.quote_units_per_tick_lot = 1
        self.set_limits(Limits())
        self.fees: dict[int, tuple[int, int]] = {}
        self.fee_version = 0
        self.set_fees(0, 0, 0)
        self.state = MarketState.OPEN
        self.bids = BookSide(is_bid=True)
        self.asks = BookSide(is_bid=False)
        self.triggers = Triggers()
        self.book_update_id = 0
        self.last_trade_id = 0
        self.last_place = 0
        self.last_price_ticks: int | None = None
        self.reference_ticks: int | None = None
        self.reference_at_ms = 0
        self.auction_ends_at_ms: int | None = None
        self.resumes_in = MarketState.OPEN
        self.indicated: AuctionIndicated | None = None
        self.open_orders = open_orders  # Of all markets, by order id.
        self.of_account: dict[int, dict[int, Order]] = {}
        self.by_client_id: dict[tuple[int, int], Order] = {}

    def side(self, is_bid: bool) -> BookSide:
        return self.bids if is_bid else self.asks

    # ---------------------------------------------------------------------------------------------- rules and prices

    def set_limits(self, limits: Limits) -> None:
        """New limits; the reference price of the band is taken anew."""
        self.limits = limits
        self.is_bounded = limits.bounds_trades
        self.has_entry_bounds = limits.bounds_entry
        self.reference_ticks = None

    def set_fees(self, tier: int, maker_ppm: int, taker_ppm: int) -> None:
        self.fees[tier] = (maker_ppm, taker_ppm)
        self.fee_version += 1
        self.maker_fee_ppm, self.taker_fee_ppm = self.fees[0]

    def rates(self, tier: int) -> tuple[int, int]:
        """Maker and taker fee of a tier, or of the next lower one that has its own."""
        while tier not in self.fees:
            tier -= 1
        return self.fees[tier]

    def reference(self, at_ms: int) -> int | None:
        """The price that the band is measured from now; the caller keeps it when the order is taken."""
        fresh = self.reference_ticks is not None and at_ms < self.reference_at_ms + self.limits.band_window_ms
        return self.reference_ticks if fresh else self.last_price_ticks

    def keep_reference(self, at_ms: int) -> None:
        """Take the reference price anew when its time has come."""
        price = self.reference(at_ms)
        if price is not None and (
            self.reference_ticks is None or at_ms >= self.reference_at_ms + self.limits.band_window_ms
        ):
            self.reference_ticks, self.reference_at_ms = price, at_ms

    # -------------------------------------------------------------------------------------------------------- orders

    def reserved_units(self, order: Order) -> int:
        """What a resting order keeps locked: quote at its own price for a bid, base for an ask."""
        lots = order.remaining_lots if order.extra is None else order.unfilled_lots
        if order.is_bid:
            assert order.price_ticks is not None
            return order.price_ticks * lots * self.quote_units_per_tick_lot
        return lots * self.base_units_per_lot

    def enter(self, order: Order) -> None:
        """Let an order rest: into the book and the indexes. Its funds are locked by the caller."""
        extra = order.extra
        if extra is not None and extra.terms.display_lots is not None:
            shown = min(order.remaining_lots, extra.terms.display_lots)
            extra.hidden_lots, order.remaining_lots = order.remaining_lots - shown, shown
        self.last_place += 1
        order.place = self.last_place
        (self.bids if order.is_bid else self.asks).add(order)
        self.index(order)

    def queue_up(self, order: Order) -> None:
        """The last place at its price."""
        self.last_place += 1
        order.place = self.last_place
        self.side(order.is_bid).add(order)

    def leave(self, order: Order) -> None:
        """Take an order out of the book and the indexes. What an iceberg hid stays counted by its caller."""
        (self.bids if order.is_bid else self.asks).remove(order)
        self.drop(order)

    def index(self, order: Order) -> None:
        """Make an open order known, resting or conditional."""
        orders = self.of_account.get(order.account_id)
        if orders is None:
            orders = self.of_account[order.account_id] = {}
        orders[order.order_id] = order
        self.open_orders[order.order_id] = order
        if order.client_id is not None:
            self.by_client_id[order.account_id, order.client_id] = order

    def drop(self, order: Order) -> None:
        """Forget an order that is open no more."""
        orders = self.of_account[order.account_id]
        del orders[order.order_id]
        del self.open_orders[order.order_id]
        if not orders:
            del self.of_account[order.account_id]
        if order.client_id is not None:
            del self.by_client_id[order.account_id, order.client_id]

    def wait(self, order: Order) -> None:
        """Let a conditional order wait for its trigger."""
        order.status = TRIGGER_PENDING
        self.triggers.add(order)
        self.index(order)

    def unwait(self, order: Order) -> None:
        """Take a conditional order out, fired or ended."""
        self.triggers.remove(order)
        self.drop(order)

    def book_change(self) -> BookChanged | None:
        """The one market-data event of a command that touched the book; None when it did not."""
        bids, asks = self.bids, self.asks
        if not bids.touched and not asks.touched:
            return None
        self.book_update_id = update_id = self.book_update_id + 1
        return BookChanged(
            self.symbol, update_id, bids.changes() if bids.touched else [], asks.changes() if asks.touched else []
        )


def expires(order: Order) -> bool:
    """Has the order an end in time?"""
    return order.time_in_force is GTD
