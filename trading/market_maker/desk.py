"""One market's desk: looks at its own orders, compares them with what should stand, and sends the difference.

Every refresh starts from the exchange's own list of our open orders, so a restart of the exchange, a lost answer or a
fill nobody told us about heals by itself.
"""

import logging
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

from matching.messages import Side
from trading.market_maker.client import BATCH_LIMIT, ApiClient, Refused
from trading.market_maker.quiet_log import QuietLog
from trading.market_maker.quoting import Instrument, Quote, QuoteSettings, ReferencePrice, desired_quotes
from trading.market_maker.reconcile import OwnOrder, plan
from trading.market_maker.takers import next_delay_ms, next_taker

logger = logging.getLogger(__name__)

PAUSE_MS = 5_000  # After a refusal that will not pass at once: a halted market, a revoked key.
LOW_FUNDS_PAUSE_MS = 30_000


class Desk:
    """`now_ms` is a monotonic clock of the caller in milliseconds; all times here are of that clock."""

    def __init__(self, instrument: Instrument, settings: QuoteSettings, rng: Random, last_price: str, now_ms: int):
        self.instrument = instrument
        self._settings = settings
        self._rng = rng
        self._reference = ReferencePrice(settings, instrument.ticks(last_price) or None)
        self._log = QuietLog(logger)
        self._paused_until: dict[tuple[str, Side], int] = {}
        self.refreshed = False  # True after the first complete round.
        self.refresh_at_ms = now_ms
        self.take_at_ms = now_ms + settings.refresh_ms + next_delay_ms(rng, settings)

    # ---------------------------------------------------------------------------------------------------- the maker
    def refresh(self, client: ApiClient, capital: Mapping[str, Mapping[str, str]], now_ms: int) -> None:
        """One round of the maker. Raises Away; a refusal of the whole request pauses the desk."""
        self.refresh_at_ms = now_ms + self._settings.refresh_ms
        try:
            standing = self.own_orders(client)
            reference = self._reference.step(self._rng)
            desired = desired_quotes(reference, self._inventory(capital), self._settings, self.instrument.min_lots)
            self._apply(client, standing, desired, now_ms)
            self.refreshed = True
        except Refused as refusal:
            self.refresh_at_ms = now_ms + PAUSE_MS
            self._log.warning("refresh", f"{self.instrument.symbol}: not quoting for 5 s: {refusal}")

    def own_orders(self, client: ApiClient) -> list[OwnOrder]:
        return [self._own_order(entry) for entry in client.open_orders(self.instrument.symbol)]

    def _own_order(self, entry: Mapping[str, Any]) -> OwnOrder:
        left = Decimal(entry["quantity"]) - Decimal(entry["executedQuantity"])
        return OwnOrder(
            order_id=entry["id"],
            side=Side(entry["side"]),
            price_ticks=self.instrument.ticks(entry["price"]),
            remaining_lots=int(left // self.instrument.step),
        )

    def _apply(self, client: ApiClient, standing: list[OwnOrder], desired: list[Quote], now_ms: int) -> None:
        todo = plan(standing, desired, self._settings.max_cancels)
        if todo.cancel_all:
            client.cancel_all(self.instrument.symbol)
        for order_id in todo.cancel:
            try:
                client.cancel(self.instrument.symbol, order_id)
            except Refused as refusal:
                if refusal.status != 404:  # It was filled on the way: nothing left to cancel.
                    raise
        place = [quote for quote in todo.place if not self._is_paused("maker", quote.side, now_ms)][:BATCH_LIMIT]
        if place:
            answers = client.place_batch([self._body(quote, postOnly=True) for quote in place])
            self._handle_refusals(client, place, answers, now_ms)

    def _handle_refusals(
        self, client: ApiClient, place: list[Quote], answers: list[dict[str, Any]], now_ms: int
    ) -> None:
        """Low funds pause a side. A best quote refused as post-only means that somebody offers more than our quote
        asks for: take that offer instead of quoting around it."""
        best = {side: next((quote for quote in place if quote.side is side), None) for side in Side}
        for quote, answer in zip(place, answers, strict=True):
            if answer.get("operation") != "Err":
                continue
            code = answer.get("code")
            if code == "INSUFFICIENT_FUNDS":
                self._pause("maker", quote.side, now_ms)
            elif code == "INVALID_ORDER" and quote is best[quote.side]:
                self._take_better_offer(client, quote)
            elif code != "INVALID_ORDER":
                self._log.warning(f"place {code}", f"{self.instrument.symbol}: order refused: {code}")

    def _take_better_offer(self, client: ApiClient, quote: Quote) -> None:
        answer = client.place(self._body(quote, timeInForce="IOC"))
        if Decimal(answer["executedQuantity"]) > 0:
            self._log.warning("took", f"{self.instrument.symbol}: took a better offer by order {answer['id']}")

    # --------------------------------------------------------------------------------------------------- the takers
    def take(self, client: ApiClient, capital: Mapping[str, Mapping[str, str]], now_ms: int) -> None:
        """One random taker. Raises Away."""
        self.take_at_ms = now_ms + next_delay_ms(self._rng, self._settings)
        order = next_taker(
            self._rng, self._reference.millis, self._inventory(capital), self._settings, self.instrument.min_lots
        )
        if self._is_paused("taker", order.side, now_ms):
            return
        try:
            client.place(self._body(Quote(order.side, order.limit_ticks, order.lots), timeInForce="IOC"))
        except Refused as refusal:
            if refusal.code == "INSUFFICIENT_FUNDS":
                self._pause("taker", order.side, now_ms)
                return
            self.take_at_ms = now_ms + PAUSE_MS
            self._log.warning("take", f"{self.instrument.symbol}: no takers for 5 s: {refusal}")

    # ------------------------------------------------------------------------------------------------------- common
    def _body(self, quote: Quote, **more: Any) -> dict[str, Any]:
        return {
            "symbol": self.instrument.symbol,
            "side": quote.side.value,
            "orderType": "Limit",
            "price": self.instrument.price_text(quote.price_ticks),
            "quantity": self.instrument.quantity_text(quote.lots),
            **more,
        }

    def _inventory(self, capital: Mapping[str, Mapping[str, str]]) -> int:
        """Lots owned of the base asset, free or locked."""
        entry = capital.get(self.instrument.base, {})
        owned = Decimal(entry.get("available", "0")) + Decimal(entry.get("locked", "0"))
        return int(owned // self.instrument.step)

    def _pause(self, role: str, side: Side, now_ms: int) -> None:
        self._paused_until[role, side] = now_ms + LOW_FUNDS_PAUSE_MS
        asset = self.instrument.quote if side is Side.BID else self.instrument.base
        self._log.warning(
            f"funds {role} {side}",
            f"{self.instrument.symbol}: the {role} is out of {asset}; no {side.value} orders for 30 s",
        )

    def _is_paused(self, role: str, side: Side, now_ms: int) -> bool:
        return now_ms < self._paused_until.get((role, side), 0)
