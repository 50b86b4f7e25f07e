"""Outcomes become row changes. Pure: no I/O, so the same outcomes always make the same rows.

Every value is absolute and every row is keyed by the engine's own numbers, so writing a projection twice changes
nothing. Rows are plain tuples in the column order that `tables` names; moments (`at`) are ISO text, made once an
outcome. What is not about orders and trades is in the classes that the projector is made of.
"""

from collections.abc import Callable, Iterable
from typing import Any

from marketdata.klines import Tick
from matching import messages as m
from trading.writer.account_events import AccountEvents
from trading.writer.changes import Changes, MarketRef, OrderUpdate, References, UnknownName
from trading.writer.market_events import MarketEvents
from trading.writer.money_events import MoneyEvents
from trading.writer.rows import moment

__all__ = ["Changes", "MarketRef", "OrderUpdate", "Projector", "References", "UnknownName"]

_NEW, _PARTIALLY_FILLED, _FILLED = m.OrderStatus.NEW, m.OrderStatus.PARTIALLY_FILLED, m.OrderStatus.FILLED
_BID, _ASK = m.Side.BID, m.Side.ASK
_NO_TERMS = m.OrderTerms()

# Positions in an order's row, for what happens to it later in the same portion.
ORDER_STATUS, ORDER_EXECUTED_LOTS, ORDER_EXECUTED_QUOTE, ORDER_CLIENT_ID = 5, 9, 10, 14
ORDER_END_REASON, ORDER_UPDATED_AT, ORDER_N = 15, 17, 18
ORDER_MARKET, ORDER_SIDE, ORDER_PRICE, ORDER_LOTS, ORDER_AHEAD = 2, 3, 6, 7, 20


class Projector(MoneyEvents, MarketEvents, AccountEvents):
    """Folds outcomes into one `Changes`. Make a new one for every transaction."""

    def __init__(self, references: References) -> None:
        super().__init__(references)
        self._entered: list[list[Any]] = []  # Rows of limit orders that this outcome accepted, oldest first.
        self._handlers: dict[type, Callable[[Any, int], None]] = {
            m.OrderAccepted: self._order_accepted,
            m.OrderChanged: self._order_changed,
            m.TradeMade: self._trade_made,
            m.OrderEnded: self._order_ended,
            **self.money_handlers(),
            **self.market_handlers(),
            **self.account_handlers(),
            m.BookChanged: self._book_after_orders,
        }

    def project(self, outcomes: Iterable[m.Outcome]) -> Changes:
        """Raises UnknownName; a KeyError means an event type that this program does not know (it is too old)."""
        changes, handlers = self._changes, self._handlers
        for outcome in outcomes:
            seq, self._n = outcome.seq, outcome.n
            self._entered.clear()
            if outcome.at_ms != changes.at_ms:
                changes.at_ms = outcome.at_ms
                self._at = moment(outcome.at_ms)
            for event in outcome.events:
                handlers[type(event)](event, seq)
                seq += 1
            changes.n = outcome.n
            changes.seq = seq - 1
            changes.outcomes += 1
        return changes

    # -------------------------------------------------------------------------------------------------- orders

    def _order_accepted(self, event: m.OrderAccepted, _seq: int) -> None:
        market = self._references.market(event.market)
        fee_versions = self._changes.fee_versions
        row = self._changes.orders[event.order_id] = [
            event.order_id,
            event.account_id,
            market.id,
            event.side,
            event.order_type,
            _NEW,
            event.price_ticks,
            event.quantity_lots,
            event.quote_units,
            0,
            0,
            event.time_in_force,
            event.post_only,
            event.self_trade_prevention,
            event.client_id,
            "",
            self._at,
            self._at,
            self._n,
            fee_versions.get(market.id, market.fee_version) if fee_versions else market.fee_version,
            None,
        ]
        if event.price_ticks is not None:
            self._entered.append(row)

    def _book_after_orders(self, event: m.BookChanged, seq: int) -> None:
        self._book_changed(event, seq)
        if self._entered:
            self._places_in_queue(self._references.market(event.market).id, event)

    def _places_in_queue(self, market_id: int, event: m.BookChanged) -> None:
        """What stood ahead of new orders at their price: the level as the outcome left it, less themselves. Those
        accepted later stand behind, so they are taken off first."""
        left = {(_BID, ticks): lots for ticks, lots in event.bids} | {(_ASK, ticks): lots for ticks, lots in event.asks}
        for row in reversed(self._entered):
            level = row[ORDER_SIDE], row[ORDER_PRICE]
            if (
                row[ORDER_MARKET] != market_id
                or level not in left
                or row[ORDER_STATUS] not in (_NEW, _PARTIALLY_FILLED)
            ):
                continue
            left[level] -= row[ORDER_LOTS] - row[ORDER_EXECUTED_LOTS]
            row[ORDER_AHEAD] = max(left[level], 0)

    def _order_changed(self, event: m.OrderChanged, _seq: int) -> None:
        """The whole order as it is now, so nothing that was known before matters but the outcome it began with."""
        view, changes = event.order, self._changes
        known = changes.orders.get(view.order_id)
        terms = view.terms or _NO_TERMS
        market_id = self._references.market(view.market).id
        changes.orders[view.order_id] = [
            view.order_id,
            view.account_id,
            market_id,
            view.side,
            view.order_type,
            view.status,
            view.price_ticks,
            view.quantity_lots,
            view.quote_units,
            view.executed_lots,
            view.executed_quote_units,
            view.time_in_force,
            view.post_only,
            view.self_trade_prevention,
            view.client_id,
            view.end_reason or "",
            moment(view.created_at_ms),
            self._at,
            self._n if known is None else known[ORDER_N],
            view.fee_version,
            None if known is None else known[ORDER_AHEAD],
            terms.trigger_price_ticks,
            terms.trailing_ticks,
            terms.fires_above,
            None if view.triggered_at_ms is None else moment(view.triggered_at_ms),
            None if terms.expires_at_ms is None else moment(terms.expires_at_ms),
            terms.display_lots,
            *_exit_columns(terms.stop_loss),
            *_exit_columns(terms.take_profit),
            terms.slippage_ticks,
            terms.slippage_ppm,
            terms.related_order_id,
        ]
        changes.viewed.add(view.order_id)
        changes.order_updates.pop(view.order_id, None)
        if terms.display_lots is not None and view.price_ticks is not None:
            self.watch_iceberg(market_id, view.side, view.price_ticks)

    def _order_executed(self, order_id: int, lots: int, quote_units: int, filled: bool) -> list[Any] | None:
        """The order's row, where this portion has it whole."""
        status = _FILLED if filled else _PARTIALLY_FILLED
        row = self._changes.orders.get(order_id)
        if row is not None:
            row[ORDER_STATUS] = status
            row[ORDER_EXECUTED_LOTS] = lots
            row[ORDER_EXECUTED_QUOTE] = quote_units
            row[ORDER_UPDATED_AT] = self._at
            return row
        update = self._update_of(order_id)
        update.status = status
        update.executed_lots = lots
        update.executed_quote_units = quote_units
        return None

    def _order_ended(self, event: m.OrderEnded, _seq: int) -> None:
        row = self._changes.orders.get(event.order_id)
        if row is not None:
            row[ORDER_STATUS] = event.status
            row[ORDER_END_REASON] = event.reason
            row[ORDER_UPDATED_AT] = self._at
            return
        update = self._update_of(event.order_id)
        update.status = event.status
        update.end_reason = event.reason

    def _update_of(self, order_id: int) -> OrderUpdate:
        update = self._changes.order_updates.get(order_id)
        if update is None:
            update = self._changes.order_updates[order_id] = OrderUpdate()
        update.updated_at = self._at
        return update

    # -------------------------------------------------------------------------------------------------- trades

    def _trade_made(self, event: m.TradeMade, seq: int) -> None:
        changes, market, at = self._changes, self._references.market(event.market), self._at
        buyer_is_maker = event.taker_side == _ASK
        maker = self._order_executed(
            event.maker_order_id, event.maker_executed_lots, event.maker_executed_quote_units, event.maker_filled
        )
        taker = self._order_executed(
            event.taker_order_id, event.taker_executed_lots, event.taker_executed_quote_units, event.taker_filled
        )
        changes.trades.append(
            (
                seq,
                market.id,
                event.trade_id,
                at,
                event.price_ticks,
                event.quantity_lots,
                event.quote_units,
                buyer_is_maker,
                event.maker_order_id,
                event.taker_order_id,
            )
        )
        maker_side, taker_side = (_BID, _ASK) if buyer_is_maker else (_ASK, _BID)
        self._fill(event, seq * 2, market, maker_side, maker, True)
        self._fill(event, seq * 2 + 1, market, taker_side, taker, False)
        changes.ticks.add(
            market.id, Tick(seq, changes.at_ms, event.price_ticks, event.quantity_lots, event.quote_units)
        )
        figures = self._figures_of(market.id)
        figures.last_trade_id = event.trade_id
        figures.last_price_ticks = event.price_ticks
        figures.last_trade_at = at

    def _fill(
        self, event: m.TradeMade, fill_id: int, market: MarketRef, side: m.Side, order: list[Any] | None, is_maker: bool
    ) -> None:
        """`order` is its row, where this portion has it whole."""
        if is_maker:
            account_id, order_id, fee = event.maker_account_id, event.maker_order_id, event.maker_fee_units
        else:
            account_id, order_id, fee = event.taker_account_id, event.taker_order_id, event.taker_fee_units
        fills = self._changes.older_fills if order is None else self._changes.fills
        gets_base = (side is _BID) is (fee >= 0)  # A rebate comes out of what this side gives.
        fills.append(
            (
                fill_id,
                account_id,
                market.id,
                order_id,
                None if order is None else order[ORDER_CLIENT_ID],
                event.trade_id,
                side,
                event.price_ticks,
                event.quantity_lots,
                event.quote_units,
                fee,
                market.base_id if gets_base else market.quote_id,
                is_maker,
                self._at,
            )
        )


def _exit_columns(terms: m.ExitTerms | None) -> tuple[int | None, int | None]:
    return (None, None) if terms is None else (terms.trigger_price_ticks, terms.price_ticks)
