"""What the model remembers: orders, markets and their limits."""

from dataclasses import dataclass, field

from msgspec import structs

from matching.messages import (
    EndReason,
    ListMarket,
    MarketState,
    OrderStatus,
    OrderTerms,
    OrderType,
    OrderView,
    RefusalReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

LASTING = (TimeInForce.GTC, TimeInForce.GTD)


class Refuse(Exception):
    """The command is refused; nothing has changed."""

    def __init__(self, reason: RefusalReason, order_id: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.order_id = order_id


@dataclass(eq=False)
class Order:
    order_id: int
    account_id: int
    market: str
    side: Side
    order_type: OrderType
    price: int | None
    quantity: int | None
    quote_units: int | None
    time_in_force: TimeInForce
    post_only: bool
    prevention: SelfTradePrevention
    client_id: int | None
    created_at_ms: int
    terms: OrderTerms
    fee_version: int
    maker_ppm: int
    taker_ppm: int
    executed_lots: int = 0
    executed_quote: int = 0
    base_fee_units: int = 0
    status: OrderStatus = OrderStatus.NEW
    end_reason: EndReason | None = None
    triggered_at_ms: int | None = None
    pending: bool = False  # Waits for its trigger.
    resting: bool = False
    place: int = 0  # In the queue: the larger, the later.
    shown: int = 0  # How much of the rest the book displays.
    best_price: int | None = None  # A trailing order's best price since arrival.
    partner: "Order | None" = None  # When one of the two trades, fires or ends, the other is cancelled.
    is_exit: bool = False
    is_leg: bool = False  # Of a one-cancels-other pair.

    @property
    def left(self) -> int:
        return self.quantity - self.executed_lots

    @property
    def is_bid(self) -> bool:
        return self.side is Side.BID

    @property
    def is_open(self) -> bool:
        return self.pending or self.resting

    @property
    def lasts(self) -> bool:
        return self.order_type is OrderType.LIMIT and self.time_in_force in LASTING

    @property
    def trigger(self) -> int:
        """The price that fires it, now."""
        if self.terms.trailing_ticks is None:
            return self.terms.trigger_price_ticks
        return self.best_price + (self.terms.trailing_ticks if self.is_bid else -self.terms.trailing_ticks)

    @property
    def fires_above(self) -> bool:
        return self.is_bid if self.terms.trailing_ticks is not None else self.terms.fires_above

    def reached_by(self, price: int | None) -> bool:
        return price is not None and (price >= self.trigger if self.fires_above else price <= self.trigger)

    def shown_terms(self) -> OrderTerms | None:
        """A trailing order tells where it would fire now."""
        if self.terms.trailing_ticks is None or self.best_price is None:
            return None if self.terms == OrderTerms() else self.terms
        return structs.replace(self.terms, trigger_price_ticks=self.trigger, fires_above=self.fires_above)

    def view(self) -> OrderView:
        return OrderView(
            self.order_id,
            self.account_id,
            self.market,
            self.side,
            self.order_type,
            self.status,
            self.price,
            self.quantity,
            self.quote_units,
            self.executed_lots,
            self.executed_quote,
            self.time_in_force,
            self.post_only,
            self.prevention,
            self.client_id,
            self.created_at_ms,
            self.end_reason,
            self.shown_terms(),
            self.triggered_at_ms,
            self.fee_version,
        )


@dataclass
class Limits:
    min_quantity_lots: int
    max_open_orders: int
    max_quantity_lots: int | None = None
    min_notional_units: int = 0
    min_price_ppm: int | None = None
    max_price_ppm: int | None = None
    min_impact_ppm: int | None = None
    max_impact_ppm: int | None = None
    band_ppm: int | None = None
    band_window_ms: int = 60_000
    auction_ms: int = 0


@dataclass
class Market:
    listing: ListMarket
    limits: Limits
    fees: dict[int, tuple[int, int]]  # Tier -> maker, taker.
    fee_version: int = 1
    state: MarketState = MarketState.OPEN
    resumes_in: MarketState = MarketState.OPEN  # When an auction ends by itself.
    orders: list[Order] = field(default_factory=list)  # Resting and waiting ones, in no order.
    last_price: int | None = None
    reference_price: int | None = None
    reference_at_ms: int = 0
    auction_ends_at_ms: int | None = None
    indicated: tuple[int | None, int, int] | None = None  # What was published last in this auction.
    trades: int = 0
    places: int = 0

    @property
    def symbol(self) -> str:
        return self.listing.symbol

    @property
    def resting(self) -> list[Order]:
        return [order for order in self.orders if order.resting]

    @property
    def pending(self) -> list[Order]:
        return [order for order in self.orders if order.pending]

    def next_place(self) -> int:
        self.places += 1
        return self.places

    def notional(self, price: int, lots: int) -> int:
        return price * lots * self.listing.quote_units_per_tick_lot

    def fees_of(self, tier: int) -> tuple[int, int]:
        return self.fees[max(defined for defined in self.fees if defined <= tier)]

    def queue(self, side: Side) -> list[Order]:
        """The side's resting orders: best price first, at one price by place."""
        orders = [order for order in self.resting if order.side is side]
        return sorted(orders, key=lambda o: (-o.price if side is Side.BID else o.price, o.place))

    def depth(self) -> tuple[dict[int, int], dict[int, int]]:
        """Displayed lots by price: bids, asks."""
        sides = ({}, {})
        for order in self.resting:
            side = sides[0 if order.is_bid else 1]
            side[order.price] = side.get(order.price, 0) + order.shown
        return sides

    def is_crossed(self) -> bool:
        bids, asks = self.depth()
        return bool(bids and asks) and max(bids) >= min(asks)
