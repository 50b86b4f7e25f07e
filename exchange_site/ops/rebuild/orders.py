"""Open orders as the engine dumps them (`matching.core.state`), out of the database's rows.

What no event tells is set as near as the rows allow: the queue of a level is by arrival, a trailing order has seen the
trades of the tape since it came, and an account's fee tier is that of today for all its orders.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.db.models import Max, Min, Q

from exchange_site.kernel.clock import ms_of
from marketdata.models import FeeSchedule, Trade
from matching.messages import OrderStatus, OrderTerms, Side
from matching.symbols import MarketSpec
from trading.models import Fill, Order

Level = tuple[str, int]


def rates_of(schedules: Sequence[FeeSchedule], version: int, tier: int) -> tuple[int, int]:
    """Maker and taker fee of a tier under version `version` of one market's fees. Schedules are oldest first."""
    fees = {row.tier: (row.maker_fee_ppm, row.taker_fee_ppm) for row in schedules if row.version <= version}
    return fees[max(known for known in fees if known <= tier)]


class MarketOrders:
    """The open orders of one market: `resting` level by level in their queue, `waiting` for a trigger by id."""

    def __init__(
        self,
        spec: MarketSpec,
        orders: Iterable[Order],
        shown: dict[Level, int],
        schedules: Sequence[FeeSchedule],
        tiers: dict[int, int],
    ) -> None:
        """`shown` is the visible book, lots by side and price; `tiers` are the accounts' fee tiers."""
        self._spec, self._schedules, self._tiers = spec, schedules, tiers
        self._orders = {order.pk: order for order in orders}
        self._parents = self._parents_of_exits()
        self._exits: dict[int, list[int]] = defaultdict(list)  # Open exits by parent.
        for order in self._orders.values():
            if order.related_order_id in self._parents:
                self._exits[order.related_order_id].append(order.pk)
        self._fills = self._fills_of(order for order in self._orders.values() if _needs_fills(order))
        self._hidden: dict[int, int] = {}
        self.waiting: list[list[Any]] = []
        self.resting: list[list[Any]] = []
        levels: dict[Level, list[Order]] = defaultdict(list)
        for order in sorted(self._orders.values(), key=lambda order: order.pk):
            if order.status == OrderStatus.TRIGGER_PENDING:
                self.waiting.append(self._row(order, 0))
            else:
                levels[order.side, int(order.price_ticks or 0)].append(order)
        for level, queue in sorted(levels.items()):
            for order in self._queued(queue, shown.get(level)):
                self.resting.append(self._row(order, len(self.resting) + 1))

    def _parents_of_exits(self) -> set[int]:
        """Of the orders that open ones are related to, those that have exits: the others are partners of a pair."""
        related = {order.related_order_id for order in self._orders.values() if order.related_order_id is not None}
        has_exits = Q(stop_loss_trigger_ticks__isnull=False) | Q(take_profit_trigger_ticks__isnull=False)
        return set(Order.objects.filter(has_exits, pk__in=related).values_list("pk", flat=True))

    @staticmethod
    def _fills_of(orders: Iterable[Order]) -> dict[int, list[Fill]]:
        fills: dict[int, list[Fill]] = defaultdict(list)
        for fill in Fill.objects.filter(order_id__in=[order.pk for order in orders]).order_by("pk"):
            fills[fill.order_id].append(fill)
        return fills

    # ------------------------------------------------------------------------------------------------- the queue

    def _queued(self, queue: list[Order], shown_lots: int | None) -> list[Order]:
        """The level's orders in their queue, and what each iceberg hides is noted.

        An iceberg that has used up what it showed queued up again then; one that has not is the one being traded with.
        """
        icebergs = [order for order in queue if order.display_lots is not None]
        visible = {order.pk: min(_left(order), int(order.display_lots or 0)) for order in icebergs}
        used = 0
        if icebergs:
            plain = sum(_left(order) for order in queue if order.display_lots is None)
            used = plain + sum(visible.values()) - int(shown_lots or 0)
        front: set[int] = set()
        for order in sorted(icebergs, key=self._arrival):
            part = min(used, visible[order.pk] - 1) if used > 0 else 0
            if part > 0:
                front.add(order.pk)
            used -= part
            self._hidden[order.pk] = _left(order) - (visible[order.pk] - part)
        return sorted(queue, key=lambda order: (order.pk not in front, *self._arrival(order)))

    def _arrival(self, order: Order) -> tuple[int, int]:
        at_ms = ms_of(order.triggered_at or order.created_at)
        if order.display_lots is not None:
            at_ms = max([at_ms, *(ms_of(fill.at) for fill in self._fills.get(order.pk, ()) if fill.is_maker)])
        return at_ms, order.pk

    # ----------------------------------------------------------------------------------------------------- one order

    def _row(self, order: Order, place: int) -> list[Any]:
        maker_fee_ppm, taker_fee_ppm = rates_of(
            self._schedules, order.fee_version, self._tiers.get(order.account_id, 0)
        )
        terms = order.terms()
        return [
            order.pk,
            order.account_id,
            order.side == Side.BID,
            order.order_type,
            order.status,
            order.price_ticks,
            order.quantity_lots,
            order.executed_lots,
            order.executed_quote_units,
            order.time_in_force,
            order.post_only,
            order.self_trade_prevention,
            order.client_id,
            ms_of(order.created_at),
            maker_fee_ppm,
            taker_fee_ppm,
            order.fee_version,
            place,
            order.quote_units,
            None if terms is None else self._extra(order, terms),
        ]

    def _extra(self, order: Order, shown: OrderTerms) -> list[Any]:
        """Undoes `Extra.shown_terms`, which adds to the terms as given where and how the order fires now."""
        trigger_ticks, best_ticks = shown.trigger_price_ticks, None
        given = msgspec.structs.replace(shown, fires_above=None, related_order_id=None)
        if shown.trailing_ticks is not None:
            given = msgspec.structs.replace(given, trigger_price_ticks=None)
            if order.triggered_at is None:
                trigger_ticks, best_ticks = _followed(order, shown)
        related, parent_id = order.related_order_id, None
        partner_id = related
        if related in self._parents:
            parent_id, partner_id = related, self._sibling(order)
        return [
            msgspec.to_builtins(given),
            self._hidden.get(order.pk, 0),
            trigger_ticks,
            shown.fires_above,
            best_ticks,
            partner_id,
            partner_id in self._orders,
            parent_id,
            sum(self._received(order, fill) for fill in self._fills.get(order.pk, ())),
            None if order.triggered_at is None else ms_of(order.triggered_at),
        ]

    def _sibling(self, order: Order) -> int | None:
        """The other exit of the same parent, while it is open too."""
        return next((pk for pk in self._exits[int(order.related_order_id or 0)] if pk != order.pk), None)

    def _received(self, order: Order, fill: Fill) -> int:
        """Units that the order got by one trade, less its fee; a rebate is no part of it."""
        is_bid = order.side == Side.BID
        got: int = fill.quantity_lots * self._spec.base_units_per_lot if is_bid else fill.quote_units
        return got - max(fill.fee_units, 0)


def _left(order: Order) -> int:
    return int(order.quantity_lots or 0) - int(order.executed_lots)


def _needs_fills(order: Order) -> bool:
    has_exits = order.stop_loss_trigger_ticks is not None or order.take_profit_trigger_ticks is not None
    return bool(order.executed_lots) and (has_exits or order.display_lots is not None)


def _followed(order: Order, shown: OrderTerms) -> tuple[int, int]:
    """Where a trailing order fires now, and the best price it has seen: its row knows what was when it came."""
    assert shown.trigger_price_ticks is not None
    assert shown.trailing_ticks is not None
    later = Trade.objects.filter(market_id=order.market_id).filter(
        Q(at__gt=order.created_at) | Q(at=order.created_at, taker_order_id__gt=order.pk)
    )
    if shown.fires_above:
        first = shown.trigger_price_ticks - shown.trailing_ticks
        seen = later.aggregate(best=Min("price_ticks"))["best"]
        best = first if seen is None else min(first, seen)
        return best + shown.trailing_ticks, best
    first = shown.trigger_price_ticks + shown.trailing_ticks
    seen = later.aggregate(best=Max("price_ticks"))["best"]
    best = first if seen is None else max(first, seen)
    return best - shown.trailing_ticks, best
