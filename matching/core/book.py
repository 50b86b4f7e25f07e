"""The order book of one market: price levels in a dict, sorted prices beside it, a first-in first-out queue in each.

The best price is the last of the sorted list, so taking it away costs nothing; asks are kept under their negated price
for that. Removing an order anywhere in its queue is O(1) (a doubly linked list through the orders themselves).
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from matching.core.orders import Order


class Level:
    """All orders at one price, first come first. `lots` is the sum of what they show, `hidden_lots` the rest."""

    __slots__ = ("first", "hidden_lots", "last", "lots", "price_ticks")

    first: Order | None
    last: Order | None

    def __init__(self, price_ticks: int) -> None:
        self.price_ticks = price_ticks
        self.lots = self.hidden_lots = 0
        self.first = self.last = None

    def orders(self) -> Iterator[Order]:
        order = self.first
        while order is not None:
            yield order
            order = order.behind


class BookSide:
    """Bids or asks. `best_ticks` is the best price, None when the side is empty. `touched` holds the prices that the
    running command has changed, for the market data."""

    __slots__ = ("_ranks", "_sign", "best_ticks", "is_bid", "levels", "touched")

    def __init__(self, is_bid: bool) -> None:
        self.is_bid = is_bid
        self._sign = 1 if is_bid else -1
        self._ranks: list[int] = []  # Signed prices, best last.
        self.levels: dict[int, Level] = {}
        self.best_ticks: int | None = None
        self.touched: dict[int, None] = {}  # A dict, not a set: its order is the same in every process.

    def best(self) -> Level | None:
        best = self.best_ticks
        return None if best is None else self.levels[best]

    def offers(self, limit_ticks: int | None) -> bool:
        """Is there anything for a taker who goes as far as `limit_ticks` (None: any price)?"""
        best = self.best_ticks
        if best is None or limit_ticks is None:
            return best is not None
        return best >= limit_ticks if self.is_bid else best <= limit_ticks

    def best_first(self) -> Iterator[Level]:
        """Levels from the best price on. The side must not change meanwhile."""
        for rank in reversed(self._ranks):
            yield self.levels[rank * self._sign]

    def add(self, order: Order) -> None:
        """Queue a limit order behind all others at its price."""
        price = order.price_ticks
        assert price is not None, "only orders with a price rest"
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(price)
            insort(self._ranks, price * self._sign)
            self.best_ticks = self._ranks[-1] * self._sign
        last = level.last
        order.level, order.before, order.behind = level, last, None
        if last is None:
            level.first = order
        else:
            last.behind = order
        level.last = order
        level.lots += order.remaining_lots
        if order.extra is not None:
            level.hidden_lots += order.extra.hidden_lots
        self.touched[price] = None

    def remove(self, order: Order) -> None:
        """Take an order out of its queue, with all it has left; an empty level goes with it."""
        level = order.level
        assert isinstance(level, Level), "the order does not rest"
        before, behind = order.before, order.behind
        if before is None:
            level.first = behind
        else:
            before.behind = behind
        if behind is None:
            level.last = before
        else:
            behind.before = before
        level.lots -= order.remaining_lots
        if order.extra is not None:
            level.hidden_lots -= order.extra.hidden_lots
        price = level.price_ticks
        if level.first is None:
            del self.levels[price]
            ranks, rank = self._ranks, price * self._sign
            if ranks[-1] == rank:
                ranks.pop()
                self.best_ticks = ranks[-1] * self._sign if ranks else None
            else:
                del ranks[bisect_left(ranks, rank)]
        order.level = order.before = order.behind = None
        self.touched[price] = None

    def shrink(self, order: Order, lots: int) -> None:
        """Take `lots` off what an order shows; it keeps its place. Some of it must be left."""
        level = order.level
        assert isinstance(level, Level), "the order does not rest"
        assert 0 < lots < order.remaining_lots, "shrink() to nothing"
        order.remaining_lots -= lots
        level.lots -= lots
        self.touched[level.price_ticks] = None

    def shrink_hidden(self, order: Order, lots: int) -> None:
        """Take `lots` off what an iceberg hides."""
        level = order.level
        assert isinstance(level, Level)
        assert order.extra is not None
        assert 0 < lots <= order.extra.hidden_lots
        order.extra.hidden_lots -= lots
        level.hidden_lots -= lots

    def reveal(self, order: Order) -> None:
        """Let an iceberg show all it has; it keeps its place."""
        level, extra = order.level, order.extra
        if extra is None or not extra.hidden_lots:
            return
        assert isinstance(level, Level), "the order does not rest"
        level.hidden_lots -= extra.hidden_lots
        level.lots += extra.hidden_lots
        order.remaining_lots += extra.hidden_lots
        extra.hidden_lots = 0
        self.touched[level.price_ticks] = None

    def hide(self, order: Order) -> None:
        """Let an iceberg show no more than its display; it keeps its place."""
        level, extra = order.level, order.extra
        if extra is None or extra.terms.display_lots is None or order.remaining_lots <= extra.terms.display_lots:
            return
        assert isinstance(level, Level), "the order does not rest"
        extra.hidden_lots += order.remaining_lots - extra.terms.display_lots
        level.hidden_lots += order.remaining_lots - extra.terms.display_lots
        level.lots -= order.remaining_lots - extra.terms.display_lots
        order.remaining_lots = extra.terms.display_lots
        self.touched[level.price_ticks] = None

    def changes(self) -> list[tuple[int, int]]:
        """New absolute lots of every price touched since the last call, 0 where the level is gone."""
        touched, levels = self.touched, self.levels
        self.touched = {}
        if len(touched) == 1:  # Nearly always.
            (price,) = touched
            return [(price, levels[price].lots if price in levels else 0)]
        return [(price, levels[price].lots if price in levels else 0) for price in touched]
