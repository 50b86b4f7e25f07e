"""The market maker's loop: one thread, two accounts (maker and taker), a desk a market.

It survives everything the exchange does: while there is no answer it waits, longer each time, and then goes on from
the exchange's own list of its open orders. It takes all its orders back when it starts and when it is stopped.
"""

import logging
import time
from collections.abc import Mapping
from random import Random
from threading import Event
from typing import Any

from trading.market_maker.client import ApiClient, Away, Refused
from trading.market_maker.desk import Desk
from trading.market_maker.quiet_log import QuietLog
from trading.market_maker.quoting import Instrument, QuoteSettings

logger = logging.getLogger(__name__)

LONGEST_WAIT_S = 10
CAPITAL_EVERY_MS = 3_000
LEAVING_TIMEOUT_MS = 1_000  # For each request while stopping; the whole stop stays under five seconds.
LEAVING_BUDGET_S = 3


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class MarketMaker:
    """`settings` is `settings.MARKET_MAKER`; `stop` ends `run` from a signal handler."""

    def __init__(self, settings: Mapping[str, Any], maker: ApiClient, taker: ApiClient, stop: Event):
        self._settings = settings
        self._maker = maker
        self._taker = taker
        self._stop = stop
        self._log = QuietLog(logger)
        self._wait_s = 1
        self._desks: list[Desk] = []
        self._capital: dict[str, dict[str, dict[str, str]]] = {"maker": {}, "taker": {}}
        self._capital_at_ms = 0
        self._ready = False

    def run(self) -> None:
        """Trade until `stop` is set, then take every order back."""
        while not self._stop.is_set():
            try:
                if not self._desks:
                    self._desks = self._open_desks()
                self._round()
                self._wait_s = 1
            except Away as away:
                self._log.warning("away", f"The exchange does not answer ({away}); trying again.")
                self._capital_at_ms = 0
                self._stop.wait(max(self._wait_s, away.retry_after_s))
                self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
            except Refused as refusal:
                self._log.warning("refused", f"The exchange refuses us ({refusal}); trying again in 5 s.")
                self._stop.wait(5)
        self._leave()

    def _open_desks(self) -> list[Desk]:
        """Find the configured markets, clear what an earlier life left there, and start from the last prices."""
        listed = {market["symbol"]: market for market in self._maker.markets()}
        now = monotonic_ms()
        desks: list[Desk] = []
        for index, (symbol, entry) in enumerate(self._settings["markets"].items()):
            if symbol not in listed:
                self._log.warning(f"missing {symbol}", f"{symbol} is not listed; it gets no quotes.")
                continue
            instrument = Instrument.from_market(listed[symbol])
            self._maker.cancel_all(symbol)
            desk = Desk(
                instrument,
                QuoteSettings.of(entry, instrument),
                Random(f"{self._settings['seed']} {symbol}"),  # noqa: S311 - play, not secrets.
                self._maker.last_price(symbol),
                now + index * 200,
            )
            desks.append(desk)
        if not desks:
            raise Away("none of the configured markets is listed yet", 2)
        return desks

    def _round(self) -> None:
        """Do what is due, then sleep until something is."""
        now = monotonic_ms()
        if now >= self._capital_at_ms:
            self._capital = {"maker": self._maker.capital(), "taker": self._taker.capital()}
            self._capital_at_ms = now + CAPITAL_EVERY_MS
        for desk in self._desks:
            if self._stop.is_set():
                return
            now = monotonic_ms()
            if now >= desk.refresh_at_ms:
                desk.refresh(self._maker, self._capital["maker"], now)
            elif now >= desk.take_at_ms:
                desk.take(self._taker, self._capital["taker"], now)
        if not self._ready and all(desk.refreshed for desk in self._desks):
            self._ready = True
            symbols = ", ".join(desk.instrument.symbol for desk in self._desks)
            logger.info("The market maker is ready: it quotes %s.", symbols)
        due = min(min(desk.refresh_at_ms, desk.take_at_ms) for desk in self._desks)
        self._stop.wait(max(0, min(due, self._capital_at_ms) - monotonic_ms()) / 1000)

    def _leave(self) -> None:
        """Take every order back, as far as the exchange still answers."""
        deadline = time.monotonic() + LEAVING_BUDGET_S
        self._maker.set_timeout_ms(LEAVING_TIMEOUT_MS)
        for desk in self._desks:
            if time.monotonic() > deadline:
                logger.warning("No time left to cancel the orders in %s.", desk.instrument.symbol)
                continue
            try:
                cancelled = self._maker.cancel_all(desk.instrument.symbol)
            except (Away, Refused) as error:
                logger.warning("The orders in %s may still stand: %s", desk.instrument.symbol, error)
            else:
                logger.info("Cancelled %d orders in %s.", len(cancelled), desk.instrument.symbol)
        self._maker.close()
        self._taker.close()
