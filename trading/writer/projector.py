"""Outcomes become row changes. Pure: no I/O, so the same outcomes always make the same rows.

Every value is absolute and every row is keyed by the engine's own numbers, so writing a projection twice changes
nothing. Rows are plain tuples in the column order that `tables` names; moments (`at`) are ISO text, made once an
outcome.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from accounts.models import FEES_ACCOUNT_ID, HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID
from exchange_site.kernel.clock import iso_of
from marketdata.klines import Tick, TickRun
from matching import messages as m

CREDIT, FEE, FUNDING, TRADE = "credit", "fee", "funding", "trade"  # LedgerPosting.Kind, as plain text.
LEGS_PER_EVENT = 8  # A posting's id is event seq x 8 + leg.
REFERENCE_LENGTH, REASON_LENGTH = 64, 256  # Of LedgerPosting.reference and Market.state_reason; longer text is cut.

_NEW, _PARTIALLY_FILLED, _FILLED = m.OrderStatus.NEW, m.OrderStatus.PARTIALLY_FILLED, m.OrderStatus.FILLED


def _text(text: str, length: int) -> str:
    """What a column takes: no text may stop the writer, and PostgreSQL has no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:length]


class UnknownName(Exception):
    """An outcome names an asset or market that the database does not have. Writing must stop: rows would be lost."""


class MarketRef(NamedTuple):
    """Primary keys of a market and its assets, and how many base units one lot is."""

    id: int
    base_id: int
    quote_id: int
    base_units_per_lot: int


class References(Protocol):
    """Names to primary keys. Both raise UnknownName."""

    def market(self, symbol: str) -> MarketRef: ...

    def asset_id(self, symbol: str) -> int: ...


# Positions in a new order's row, for what happens to it later in the same portion.
ORDER_STATUS, ORDER_EXECUTED_LOTS, ORDER_EXECUTED_QUOTE, ORDER_CLIENT_ID = 5, 9, 10, 14
ORDER_END_REASON, ORDER_UPDATED_AT = 15, 17


@dataclass(slots=True)
class OrderUpdate:
    """Later news of an order; None leaves a column as it is."""

    executed_lots: int | None = None
    executed_quote_units: int | None = None
    status: str | None = None
    end_reason: str | None = None
    updated_at: str = ""


@dataclass(slots=True)
class Figures:
    """Where a market stands; None means unchanged."""

    book_update_id: int | None = None
    last_trade_id: int | None = None
    last_price_ticks: int | None = None
    last_trade_at: str | None = None


@dataclass(slots=True)
class Changes:
    """Everything that consecutive outcomes do to the database, and the position afterwards."""

    n: int
    seq: int
    at_ms: int
    outcomes: int = 0
    orders: dict[int, list[Any]] = field(default_factory=dict)
    order_updates: dict[int, OrderUpdate] = field(default_factory=dict)
    fills: list[tuple[Any, ...]] = field(default_factory=list)
    older_fills: list[tuple[Any, ...]] = field(default_factory=list)  # Their orders' client ids are in the database.
    trades: list[tuple[Any, ...]] = field(default_factory=list)
    postings: list[tuple[Any, ...]] = field(default_factory=list)
    balances: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    ticks: TickRun = field(default_factory=TickRun)
    figures: dict[int, Figures] = field(default_factory=dict)
    markets: dict[int, dict[str, Any]] = field(default_factory=dict)  # Columns of Market that changed.


class Projector:
    """Folds outcomes into one `Changes`. Make a new one for every transaction."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._changes = Changes(n=0, seq=0, at_ms=0)
        self._n, self._at = 0, ""
        self._handlers: dict[type, Callable[[Any, int], None]] = {
            m.OrderAccepted: self._order_accepted,
            m.TradeMade: self._trade_made,
            m.OrderEnded: self._order_ended,
            m.BalanceChanged: self._balance_changed,
            m.BookChanged: self._book_changed,
            m.AssetListed: self._asset_listed,
            m.MarketListed: self._market_listed,
            m.MarketStateChanged: self._market_state_changed,
            m.MarketFeesChanged: self._market_fees_changed,
            m.HouseFunded: self._house_funded,
            m.AccountCredited: self._account_credited,
        }

    def project(self, outcomes: Iterable[m.Outcome]) -> Changes:
        """Raises UnknownName; a KeyError means an event type that this program does not know (it is too old)."""
        changes, handlers = self._changes, self._handlers
        for outcome in outcomes:
            seq, self._n = outcome.seq, outcome.n
            if outcome.at_ms != changes.at_ms:
                changes.at_ms = outcome.at_ms
                self._at = iso_of(outcome.at_ms) + "Z"
            for event in outcome.events:
                handlers[type(event)](event, seq)
                seq += 1
            changes.n = outcome.n
            changes.seq = seq - 1
            changes.outcomes += 1
        return changes

    # -------------------------------------------------------------------------------------------------- orders

    def _order_accepted(self, event: m.OrderAccepted, _seq: int) -> None:
        self._changes.orders[event.order_id] = [
            event.order_id,
            event.account_id,
            self._references.market(event.market).id,
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
        ]

    def _order_executed(self, order_id: int, lots: int, quote_units: int, filled: bool) -> None:
        status = _FILLED if filled else _PARTIALLY_FILLED
        row = self._changes.orders.get(order_id)
        if row is not None:
            row[ORDER_STATUS] = status
            row[ORDER_EXECUTED_LOTS] = lots
            row[ORDER_EXECUTED_QUOTE] = quote_units
            row[ORDER_UPDATED_AT] = self._at
            return
        update = self._update_of(order_id)
        update.status = status
        update.executed_lots = lots
        update.executed_quote_units = quote_units

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
        buyer_is_maker = event.taker_side == m.Side.ASK
        self._order_executed(
            event.maker_order_id, event.maker_executed_lots, event.maker_executed_quote_units, event.maker_filled
        )
        self._order_executed(
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
        maker_side, taker_side = (m.Side.BID, m.Side.ASK) if buyer_is_maker else (m.Side.ASK, m.Side.BID)
        self._fill(event, seq * 2, market, maker_side, True)
        self._fill(event, seq * 2 + 1, market, taker_side, False)
        self._trade_postings(event, seq, market, buyer_is_maker)
        changes.ticks.add(
            market.id, Tick(seq, changes.at_ms, event.price_ticks, event.quantity_lots, event.quote_units)
        )
        figures = self._figures_of(market.id)
        figures.last_trade_id = event.trade_id
        figures.last_price_ticks = event.price_ticks
        figures.last_trade_at = at

    def _fill(self, event: m.TradeMade, fill_id: int, market: MarketRef, side: m.Side, is_maker: bool) -> None:
        if is_maker:
            account_id, order_id, fee = event.maker_account_id, event.maker_order_id, event.maker_fee_units
        else:
            account_id, order_id, fee = event.taker_account_id, event.taker_order_id, event.taker_fee_units
        order = self._changes.orders.get(order_id)
        fills = self._changes.older_fills if order is None else self._changes.fills
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
                market.base_id if side == m.Side.BID else market.quote_id,
                is_maker,
                self._at,
            )
        )

    def _trade_postings(self, event: m.TradeMade, seq: int, market: MarketRef, buyer_is_maker: bool) -> None:
        """The seller gives the base, the buyer the quote; each receives the other's less a fee, the venue the fees."""
        if buyer_is_maker:
            buyer_id, buyer_fee = event.maker_account_id, event.maker_fee_units
            seller_id, seller_fee = event.taker_account_id, event.taker_fee_units
        else:
            buyer_id, buyer_fee = event.taker_account_id, event.taker_fee_units
            seller_id, seller_fee = event.maker_account_id, event.maker_fee_units
        base_units = event.quantity_lots * market.base_units_per_lot
        first, at, postings = seq * LEGS_PER_EVENT, self._at, self._changes.postings
        base_id, quote_id, quote_units = market.base_id, market.quote_id, event.quote_units
        postings.append((first, seq, at, TRADE, seller_id, base_id, -base_units, ""))
        postings.append((first + 1, seq, at, TRADE, buyer_id, base_id, base_units - buyer_fee, ""))
        postings.append((first + 3, seq, at, TRADE, buyer_id, quote_id, -quote_units, ""))
        postings.append((first + 4, seq, at, TRADE, seller_id, quote_id, quote_units - seller_fee, ""))
        if buyer_fee:
            postings.append((first + 2, seq, at, FEE, FEES_ACCOUNT_ID, base_id, buyer_fee, ""))
        if seller_fee:
            postings.append((first + 5, seq, at, FEE, FEES_ACCOUNT_ID, quote_id, seller_fee, ""))

    # --------------------------------------------------------------------------------------- money and the book

    def _balance_changed(self, event: m.BalanceChanged, _seq: int) -> None:
        key = event.account_id, self._references.asset_id(event.asset)
        self._changes.balances[key] = event.available_units, event.locked_units

    def _house_funded(self, event: m.HouseFunded, seq: int) -> None:
        self._move(seq, FUNDING, OUTSIDE_ACCOUNT_ID, HOUSE_ACCOUNT_ID, event.asset, event.units, event.reference)

    def _account_credited(self, event: m.AccountCredited, seq: int) -> None:
        self._move(seq, CREDIT, HOUSE_ACCOUNT_ID, event.account_id, event.asset, event.units, event.reference)

    def _move(self, seq: int, kind: str, payer: int, payee: int, asset: str, units: int, reference: str) -> None:
        asset_id, first = self._references.asset_id(asset), seq * LEGS_PER_EVENT
        reference = _text(reference, REFERENCE_LENGTH)
        self._changes.postings.append((first, seq, self._at, kind, payer, asset_id, -units, reference))
        self._changes.postings.append((first + 1, seq, self._at, kind, payee, asset_id, units, reference))

    def _book_changed(self, event: m.BookChanged, _seq: int) -> None:
        self._figures_of(self._references.market(event.market).id).book_update_id = event.update_id

    def _figures_of(self, market_id: int) -> Figures:
        figures = self._changes.figures.get(market_id)
        if figures is None:
            figures = self._changes.figures[market_id] = Figures()
        return figures

    # ------------------------------------------------------------------------------------- assets and markets

    def _asset_listed(self, event: m.AssetListed, _seq: int) -> None:
        self._references.asset_id(event.symbol)  # The row is older than the wish to list it; nothing else is stored.

    def _market_listed(self, event: m.MarketListed, _seq: int) -> None:
        self._market_columns(event.symbol).update(
            listed=True, maker_fee_ppm=event.maker_fee_ppm, taker_fee_ppm=event.taker_fee_ppm
        )

    def _market_state_changed(self, event: m.MarketStateChanged, _seq: int) -> None:
        self._market_columns(event.market).update(
            state=event.state, state_reason=_text(event.reason, REASON_LENGTH), state_since=self._at
        )

    def _market_fees_changed(self, event: m.MarketFeesChanged, _seq: int) -> None:
        self._market_columns(event.market).update(maker_fee_ppm=event.maker_fee_ppm, taker_fee_ppm=event.taker_fee_ppm)

    def _market_columns(self, symbol: str) -> dict[str, Any]:
        return self._changes.markets.setdefault(self._references.market(symbol).id, {})
