"""A market's book by price level, kept from the engine's book events. Pure.

Old book + differences = new book: each difference carries new absolute lots, and its ids must continue ours without a
hole, or BookMismatch says that the mirror is no longer the book.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

Level = tuple[int, int]


class BookMismatch(Exception):
    """A book change does not continue the mirror; it must be built again from the truth."""


class BookSide:
    """Levels of one side: price in ticks -> lots, with the prices sorted beside it.

    A side that was built from an image may be `cut`: what lies behind `edge` (below for bids, above for asks) is
    unknown, so changes there are left out instead of leaving holes.
    """

    __slots__ = ("_edge", "_is_bid", "lots", "prices")

    def __init__(self, is_bid: bool, levels: Iterable[Level] = (), cut: bool = False) -> None:
        self._is_bid = is_bid
        self.lots: dict[int, int] = dict(levels)
        self.prices: list[int] = sorted(self.lots)
        self._edge: int | None = None
        if cut and self.prices:
            self._edge = self.prices[0] if is_bid else self.prices[-1]

    @property
    def cut(self) -> bool:
        return self._edge is not None

    def set(self, price: int, lots: int) -> None:
        """New absolute lots of a level, 0 deletes it."""
        if self._edge is not None and (price < self._edge if self._is_bid else price > self._edge):
            return
        if lots:
            if price not in self.lots:
                insort(self.prices, price)
            self.lots[price] = lots
        elif price in self.lots:
            del self.lots[price]
            del self.prices[bisect_left(self.prices, price)]

    def best(self) -> Level | None:
        if not self.prices:
            return None
        price = self.prices[-1] if self._is_bid else self.prices[0]
        return price, self.lots[price]

    def top(self, limit: int) -> list[Level]:
        """The `limit` best levels, ascending by price."""
        chosen = self.prices[-limit:] if self._is_bid else self.prices[:limit]
        return [(price, self.lots[price]) for price in chosen]


class BookMirror:
    """The book after change `update_id`, made at `at_ms`."""

    __slots__ = ("asks", "at_ms", "bids", "update_id")

    def __init__(self, update_id: int = 0, at_ms: int = 0) -> None:
        self.update_id = update_id
        self.at_ms = at_ms
        self.bids = BookSide(is_bid=True)
        self.asks = BookSide(is_bid=False)

    def apply(self, first_id: int, last_id: int, bids: Iterable[Level], asks: Iterable[Level], at_ms: int) -> None:
        """Changes `first_id` to `last_id`. Raises BookMismatch unless they begin with our next id."""
        if first_id != self.update_id + 1 or last_id < first_id:
            raise BookMismatch(f"Book change {first_id} to {last_id} does not follow change {self.update_id}.")
        for price, lots in bids:
            self.bids.set(price, lots)
        for price, lots in asks:
            self.asks.set(price, lots)
        self.update_id = last_id
        self.at_ms = at_ms


class BookCollector:
    """Book changes on their way to a reader, put together until they are taken."""

    __slots__ = ("asks", "at_ms", "bids", "first_id", "last_id")

    def __init__(self) -> None:
        self.first_id = self.last_id = self.at_ms = 0
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def __bool__(self) -> bool:
        return self.first_id != 0

    def add(self, first_id: int, last_id: int, bids: Iterable[Level], asks: Iterable[Level], at_ms: int) -> None:
        if not self.first_id:
            self.first_id = first_id
        self.last_id = last_id
        self.at_ms = at_ms
        self.bids.update(bids)
        self.asks.update(asks)

    def clear(self) -> None:
        self.first_id = 0
        self.bids = {}
        self.asks = {}
