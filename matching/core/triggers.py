"""Conditional orders of one market, waiting for a price.

Fixed triggers are kept sorted, so looking for those a price has passed costs nothing when there are none. Trailing
orders follow each trade and are therefore few (`MAX_TRAILING`).
"""

from bisect import bisect_left, insort

from matching.core.orders import Order

MAX_TRAILING = 1_000


class Triggers:
    """`rising` fire when a trade is at or above their trigger, `falling` when one is at or below."""

    __slots__ = ("_falling", "_rising", "by_id", "trailing")

    def __init__(self) -> None:
        self._rising: list[tuple[int, int]] = []  # (trigger, order id), lowest first.
        self._falling: list[tuple[int, int]] = []  # (-trigger, order id), highest trigger first.
        self.by_id: dict[int, Order] = {}
        self.trailing: dict[int, Order] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def __contains__(self, order_id: int) -> bool:
        return order_id in self.by_id

    def orders(self) -> list[Order]:
        """All that wait, oldest first."""
        return [self.by_id[order_id] for order_id in sorted(self.by_id)]

    def add(self, order: Order) -> None:
        extra = order.extra
        assert extra is not None
        assert extra.trigger_ticks is not None
        assert extra.fires_above is not None
        self.by_id[order.order_id] = order
        if extra.terms.trailing_ticks is not None:
            self.trailing[order.order_id] = order
        elif extra.fires_above:
            insort(self._rising, (extra.trigger_ticks, order.order_id))
        else:
            insort(self._falling, (-extra.trigger_ticks, order.order_id))

    def remove(self, order: Order) -> None:
        extra = order.extra
        assert extra is not None
        assert extra.trigger_ticks is not None
        del self.by_id[order.order_id]
        if extra.terms.trailing_ticks is not None:
            del self.trailing[order.order_id]
            return
        queue, rank = (
            (self._rising, extra.trigger_ticks) if extra.fires_above else (self._falling, -extra.trigger_ticks)
        )
        del queue[bisect_left(queue, (rank, order.order_id))]

    def passed(self, first_ticks: int, last_ticks: int) -> list[Order]:
        """Those that trades from `first_ticks` to `last_ticks` have passed, in the order in which they fire.

        Prices of one order's trades only rise or only fall, so the first and the last are all that matters. Trailing
        orders follow the price meanwhile.
        """
        low, high = (first_ticks, last_ticks) if first_ticks < last_ticks else (last_ticks, first_ticks)
        falling = self._falling[: bisect_left(self._falling, (-low, 1 << 62))]
        rising = self._rising[: bisect_left(self._rising, (high, 1 << 62))]
        for order in self.trailing.values():
            if _follow(order, first_ticks) or _follow(order, last_ticks):
                rank = _trigger(order)
                if order.extra is not None and order.extra.fires_above:
                    insort(rising, (rank, order.order_id))
                else:
                    insort(falling, (-rank, order.order_id))
        return [self.by_id[order_id] for _, order_id in falling + rising]


def _trigger(order: Order) -> int:
    assert order.extra is not None
    assert order.extra.trigger_ticks is not None
    return order.extra.trigger_ticks


def _follow(order: Order, price_ticks: int) -> bool:
    """Let a trailing order see one trade; True when it fires."""
    extra = order.extra
    assert extra is not None
    assert extra.best_ticks is not None
    assert extra.terms.trailing_ticks is not None
    if extra.fires_above:
        extra.best_ticks = min(extra.best_ticks, price_ticks)
        extra.trigger_ticks = extra.best_ticks + extra.terms.trailing_ticks
        return price_ticks >= extra.trigger_ticks
    extra.best_ticks = max(extra.best_ticks, price_ticks)
    extra.trigger_ticks = extra.best_ticks - extra.terms.trailing_ticks
    return price_ticks <= extra.trigger_ticks
