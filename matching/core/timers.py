"""What happens by itself: orders with an end, dead man's switches, auctions. All in log time.

A heap of what is due when; an entry that has become pointless is skipped when its time comes.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import NamedTuple

EXPIRY, CANCEL_AFTER, AUCTION_END = 0, 1, 2  # At one moment, in this order.


class Timer(NamedTuple):
    """`number` is the order (EXPIRY) or account (CANCEL_AFTER), `name` the market (AUCTION_END)."""

    at_ms: int
    kind: int
    number: int
    name: str


class Timers:
    """`deadlines` are the dead man's switches: account id to log time."""

    __slots__ = ("_heap", "deadlines")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self.deadlines: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, timer: Timer) -> None:
        heappush(self._heap, timer)

    def next_ms(self, is_live: Callable[[Timer], bool]) -> int | None:
        """When the next thing is due that still means something."""
        heap = self._heap
        while heap and not is_live(heap[0]):
            heappop(heap)
        return heap[0].at_ms if heap else None

    def pop_due(self, at_ms: int, is_live: Callable[[Timer], bool]) -> Timer | None:
        """The next live timer at or before `at_ms`, taken out."""
        due = self.next_ms(is_live)
        return heappop(self._heap) if due is not None and due <= at_ms else None

    def tidy(self, at_most: int, is_live: Callable[[Timer], bool]) -> None:
        """Throw pointless entries away when there are more than `at_most` in all."""
        if len(self._heap) > at_most:
            self._heap = [timer for timer in self._heap if is_live(timer)]
            heapify(self._heap)
