"""Markets: what they are, what they take, what they cost, and their auctions."""

from collections.abc import Callable
from typing import Any

from matching import messages as m
from trading.writer import statements
from trading.writer.changes import MarketRef
from trading.writer.rows import ACTOR_LENGTH, REASON_LENGTH, Rows, cut, moment

_SAME_LIMITS = (
    "max_quantity_lots", "min_notional_units", "max_open_orders", "min_price_ppm", "max_price_ppm", "min_impact_ppm",
    "max_impact_ppm", "band_ppm", "band_window_ms", "auction_ms",
)  # fmt: skip
"""Columns of Market with the names that MarketLimitsChanged has for them."""


class MarketEvents(Rows):
    def market_handlers(self) -> dict[type, Callable[[Any, int], None]]:
        return {
            m.BookChanged: self._book_changed,
            m.AssetListed: self._asset_listed,
            m.MarketListed: self._market_listed,
            m.MarketStateChanged: self._market_state_changed,
            m.MarketLimitsChanged: self._market_limits_changed,
            m.MarketFeesChanged: self._market_fees_changed,
            m.TierFeesChanged: self._tier_fees_changed,
            m.AuctionStarted: self._auction_started,
            m.AuctionIndicated: self._auction_indicated,
            m.AuctionEnded: self._auction_ended,
        }

    def _book_changed(self, event: m.BookChanged, _seq: int) -> None:
        market_id = self._references.market(event.market).id
        self._figures_of(market_id).book_update_id = event.update_id
        if self._changes.iceberg_levels:
            self._visible_levels(market_id, event)

    # --------------------------------------------------------------------------------------------- icebergs

    def watch_iceberg(self, market_id: int, side: m.Side, price_ticks: int) -> None:
        """From here on, what this level shows is written down. It changes in the same outcome, when the order rests."""
        self._changes.iceberg_levels.setdefault(market_id, set()).add((side.value, price_ticks))

    def _visible_levels(self, market_id: int, event: m.BookChanged) -> None:
        watched = self._changes.iceberg_levels.get(market_id)
        if watched is None:
            return
        for side, levels in ((m.Side.BID.value, event.bids), (m.Side.ASK.value, event.asks)):
            for price_ticks, lots in levels:
                if (side, price_ticks) in watched:
                    self._changes.visible[market_id, side, price_ticks] = lots

    # ---------------------------------------------------------------------------------- what a market is and takes

    def _asset_listed(self, event: m.AssetListed, _seq: int) -> None:
        self._references.asset_id(event.symbol)  # The row is older than the wish to list it; nothing else is stored.

    def _market_listed(self, event: m.MarketListed, seq: int) -> None:
        market = self._references.market(event.symbol)
        self._columns_of(market).update(
            listed=True, maker_fee_ppm=event.maker_fee_ppm, taker_fee_ppm=event.taker_fee_ppm
        )
        self._fee_version(market, (seq, market.id, 1, 0, event.maker_fee_ppm, event.taker_fee_ppm), ("", ""))

    def _market_state_changed(self, event: m.MarketStateChanged, _seq: int) -> None:
        self._columns_of(self._references.market(event.market)).update(
            state=event.state,
            state_reason=cut(event.reason, REASON_LENGTH),
            state_actor=cut(event.actor, ACTOR_LENGTH),
            state_since=self._at,
        )

    def _market_limits_changed(self, event: m.MarketLimitsChanged, _seq: int) -> None:
        market = self._references.market(event.market)
        columns = {name: getattr(event, name) for name in _SAME_LIMITS}
        self._columns_of(market).update(columns, min_quantity=event.min_quantity_lots * market.step_size)

    def _columns_of(self, market: MarketRef) -> dict[str, Any]:
        return self._changes.markets.setdefault(market.id, {})

    # ---------------------------------------------------------------------------------------------------- fees

    def _market_fees_changed(self, event: m.MarketFeesChanged, seq: int) -> None:
        market = self._references.market(event.market)
        self._columns_of(market).update(maker_fee_ppm=event.maker_fee_ppm, taker_fee_ppm=event.taker_fee_ppm)
        self._next_fees(market, seq, 0, event)

    def _tier_fees_changed(self, event: m.TierFeesChanged, seq: int) -> None:
        self._next_fees(self._references.market(event.market), seq, event.tier, event)

    def _next_fees(
        self, market: MarketRef, seq: int, tier: int, event: m.MarketFeesChanged | m.TierFeesChanged
    ) -> None:
        version = self._changes.fee_versions.get(market.id, market.fee_version) + 1
        why = cut(event.actor, ACTOR_LENGTH), cut(event.reason, REASON_LENGTH)
        self._fee_version(market, (seq, market.id, version, tier, event.maker_fee_ppm, event.taker_fee_ppm), why)

    def _fee_version(self, market: MarketRef, schedule: tuple[int, ...], why: tuple[str, str]) -> None:
        """`schedule` is the row up to its fees; its third member is the version."""
        self._changes.fee_versions[market.id] = schedule[2]
        self._changes.statements.append((statements.INSERT_FEES, (*schedule, self._at, *why)))

    # ------------------------------------------------------------------------------------------------- auctions

    def _auction_started(self, event: m.AuctionStarted, seq: int) -> None:
        market_id = self._references.market(event.market).id
        ends_at = None if event.ends_at_ms is None else moment(event.ends_at_ms)
        row = seq, market_id, cut(event.reason, REASON_LENGTH), self._at, ends_at
        self._changes.statements.append((statements.INSERT_AUCTION, row))

    def _auction_indicated(self, event: m.AuctionIndicated, seq: int) -> None:
        """Only the newest of a portion is written: orders of an auction change it all the time."""
        market_id = self._references.market(event.market).id
        figures = event.price_ticks, event.lots, event.surplus_lots
        self._changes.indications[market_id] = (*figures, market_id, seq)

    def _auction_ended(self, event: m.AuctionEnded, seq: int) -> None:
        market_id = self._references.market(event.market).id
        indicated = self._changes.indications.pop(market_id, None)
        if indicated is not None:
            self._changes.statements.append((statements.INDICATE_AUCTION, indicated))
        row = self._at, event.price_ticks, event.lots, market_id, seq
        self._changes.statements.append((statements.END_AUCTION, row))
