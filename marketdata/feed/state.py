"""What the market feed knows and how outcomes change it. Pure: time comes from the caller, bytes go to the caller.

`apply` takes outcomes, `flush` gives one MarketBatch of everything since the last flush, `images` whole markets for
processes that start.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

import msgspec

from marketdata.feed.book import BookCollector, BookMirror, BookMismatch, Level
from marketdata.feed.candles import Candles, Seconds
from marketdata.feed.messages import (
    BookDiff,
    BookImage,
    CandleState,
    MarketBatch,
    MarketMode,
    MarketNumbers,
    PublicTrade,
    TickerFigures,
    encode,
)
from marketdata.feed.ticker import Ticker
from marketdata.klines import Candle, Tick
from matching.messages import (
    AssetListed,
    AuctionEnded,
    AuctionIndicated,
    AuctionStarted,
    BookChanged,
    MarketLimitsChanged,
    MarketListed,
    MarketState,
    MarketStateChanged,
    Outcome,
    Side,
    TradeMade,
)
from matching.symbols import AssetSpec, MarketSpec, market_spec

TRADES_KEPT = 1_000  # What GET /api/v1/trades can ask for.
IMAGE_LEVELS = 2_000  # Twice what GET /api/v1/depth can ask for, so that a reader rarely runs out of levels.
TICKER_PACE_MS = 1_000
ModeEvent = MarketStateChanged | AuctionStarted | AuctionIndicated | AuctionEnded
MODE_EVENTS = frozenset(ModeEvent.__args__)


@dataclass(slots=True)
class MarketStart:
    """One market as the database has it after the outcome of the checkpoint."""

    spec: MarketSpec
    update_id: int = 0
    at_ms: int = 0
    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)
    last_ticks: int | None = None
    minutes: list[tuple[int, Candle]] = field(default_factory=list)  # The last 24 h in 1m candles: (start, candle).
    hours: list[tuple[int, Candle]] = field(default_factory=list)  # The last 7 d in 1h candles.
    running: dict[str, tuple[int, Candle]] = field(default_factory=dict)  # The newest candle of each interval.
    trades: list[PublicTrade] = field(default_factory=list)  # The last ones, oldest first.
    mode: MarketMode | None = None  # None: it is open.


@dataclass(slots=True)
class FeedStart:
    n: int
    at_ms: int
    assets: dict[str, int]  # Symbol -> decimals.
    markets: list[MarketStart]


class MarketFeed:
    """One market."""

    def __init__(self, start: MarketStart) -> None:
        self.spec = start.spec
        self.symbol = start.spec.symbol
        self._book = BookMirror(start.update_id, start.at_ms)
        for price, lots in start.bids:
            self._book.bids.set(price, lots)
        for price, lots in start.asks:
            self._book.asks.set(price, lots)
        self._diff = BookCollector()
        self._seconds = Seconds()
        self._ticker = Ticker(start.last_ticks, start.minutes, start.hours)
        self._figures = self._ticker.figures(self.symbol)
        self._ticker_told_ms = 0
        self._candles = Candles(self.symbol, start.running)
        self._recent: deque[PublicTrade] = deque(start.trades, TRADES_KEPT)
        self._made: list[PublicTrade] = []
        self._image_is_old = True
        self._mode = start.mode or MarketMode(self.symbol, MarketState.OPEN, 0)
        self._told_mode: MarketMode | None = self._mode

    def book_changed(self, event: BookChanged, at_ms: int) -> None:
        """Raises BookMismatch."""
        self._book.apply(event.update_id, event.update_id, event.bids, event.asks, at_ms)
        self._diff.add(event.update_id, event.update_id, event.bids, event.asks, at_ms)
        self._image_is_old = True

    def traded(self, event: TradeMade, seq: int, at_ms: int) -> None:
        trade = _public(event, at_ms)
        self._recent.append(trade)
        self._made.append(trade)
        self._seconds.add(Tick(seq, at_ms, event.price_ticks, event.quantity_lots, event.quote_units))
        self._image_is_old = True

    def mode_changed(self, event: ModeEvent, at_ms: int) -> None:
        self._mode = mode_after(self._mode, event, at_ms)
        self._image_is_old = True

    def limits_changed(self, event: MarketLimitsChanged) -> None:
        """Only the least quantity is among the numbers that the images tell."""
        self.spec = replace(self.spec, min_quantity_lots=event.min_quantity_lots)
        self._image_is_old = True

    def recall_mode(self) -> None:
        """Tell the mode once more; only the newest one counts."""
        self._told_mode = None

    def take_mode(self) -> MarketMode | None:
        if self._mode is self._told_mode:
            return None
        self._told_mode = self._mode
        return self._mode

    def recall_change(self, event: BookChanged, at_ms: int) -> None:
        self._diff.add(event.update_id, event.update_id, event.bids, event.asks, at_ms)

    def recall_trade(self, event: TradeMade, at_ms: int) -> None:
        self._made.append(_public(event, at_ms))

    def take_diff(self) -> BookDiff | None:
        collected = self._diff
        if not collected:
            return None
        diff = BookDiff(
            self.symbol,
            collected.first_id,
            collected.last_id,
            collected.at_ms,
            sorted(collected.bids.items()),
            sorted(collected.asks.items()),
        )
        collected.clear()
        return diff

    def take_trades(self) -> list[PublicTrade]:
        made, self._made = self._made, []
        return made

    def take_figures(self, now_ms: int) -> tuple[TickerFigures | None, list[CandleState]]:
        """The ticker when it changed and a second has passed, and the candles that are due."""
        told: list[CandleState] = []
        ticker_due = now_ms >= self._ticker_told_ms + TICKER_PACE_MS
        candles_due = self._candles.due(now_ms, waiting=bool(self._seconds))
        if ticker_due or candles_due:
            seconds = self._seconds.take()
            for at_ms, candle in seconds:
                self._ticker.add(at_ms, candle)
            told += self._candles.fold(seconds)
        if candles_due:
            told += self._candles.take(now_ms)
        if not ticker_due:
            return None, told
        self._ticker_told_ms = now_ms
        if not self._ticker.roll(now_ms):
            return None, told
        self._figures = self._ticker.figures(self.symbol)
        self._image_is_old = True
        return self._figures, told

    def take_image(self) -> BookImage | None:
        """The whole market, or None when nothing changed since the last image."""
        if not self._image_is_old:
            return None
        self._image_is_old = False
        bids, asks = self._book.bids.top(IMAGE_LEVELS), self._book.asks.top(IMAGE_LEVELS)
        return BookImage(
            MarketNumbers.of(self.spec),
            self._book.update_id,
            self._book.at_ms,
            bids,
            asks,
            len(self._book.bids.prices) > len(bids),
            len(self._book.asks.prices) > len(asks),
            self._figures,
            list(self._recent),
            self._mode,
        )

    def image_again(self) -> None:
        self._image_is_old = True


def _public(event: TradeMade, at_ms: int) -> PublicTrade:
    bought = event.taker_side == Side.BID
    return PublicTrade(
        event.market,
        event.trade_id,
        at_ms,
        event.price_ticks,
        event.quantity_lots,
        event.quote_units,
        not bought,
        event.taker_order_id if bought else event.maker_order_id,
        event.maker_order_id if bought else event.taker_order_id,
    )


def mode_after(mode: MarketMode, event: ModeEvent, at_ms: int) -> MarketMode:
    """What the market takes after the event."""
    if isinstance(event, MarketStateChanged):
        collecting = mode.collecting and event.state is MarketState.AUCTION
        ends_at_ms = mode.ends_at_ms if collecting else None
        return msgspec.structs.replace(
            mode, state=event.state, at_ms=at_ms, reason=event.reason, collecting=collecting, ends_at_ms=ends_at_ms
        )
    if isinstance(event, AuctionStarted):
        return MarketMode(mode.market, MarketState.AUCTION, at_ms, True, event.ends_at_ms, event.reason)
    figures = {"price_ticks": event.price_ticks, "lots": event.lots}
    if isinstance(event, AuctionIndicated):
        return msgspec.structs.replace(mode, at_ms=at_ms, surplus_lots=event.surplus_lots, **figures)
    return msgspec.structs.replace(mode, at_ms=at_ms, collecting=False, ends_at_ms=None, surplus_lots=0, **figures)


class MarketFeedState:
    """All markets after outcome `n`."""

    def __init__(self, start: FeedStart) -> None:
        self.n = start.n
        self.at_ms = start.at_ms
        self._flushed_n = start.n
        self._assets = dict(start.assets)
        self._markets = {market.spec.symbol: MarketFeed(market) for market in start.markets}
        self._listed: list[MarketNumbers] = []

    def apply(self, outcomes: Iterable[Outcome]) -> None:
        """Raises BookMismatch when the book is not what the outcomes continue."""
        for outcome in outcomes:
            at_ms, seq = outcome.at_ms, outcome.seq
            for index, event in enumerate(outcome.events):
                kind = type(event)
                if kind is BookChanged:
                    self._market(event.market).book_changed(event, at_ms)  # type: ignore[union-attr, arg-type]
                elif kind is TradeMade:
                    self._market(event.market).traded(event, seq + index, at_ms)  # type: ignore[union-attr, arg-type]
                elif kind is MarketListed:
                    self._list(event, at_ms)  # type: ignore[arg-type]
                elif kind is AssetListed:
                    self._assets[event.symbol] = event.decimals  # type: ignore[union-attr]
                elif kind in MODE_EVENTS:
                    self._market(event.market).mode_changed(event, at_ms)  # type: ignore[union-attr, arg-type]
                elif kind is MarketLimitsChanged:
                    self._market(event.market).limits_changed(event)  # type: ignore[union-attr, arg-type]
            self.n, self.at_ms = outcome.n, at_ms

    def _market(self, symbol: str) -> MarketFeed:
        market = self._markets.get(symbol)
        if market is None:
            raise BookMismatch(f"An outcome speaks of the market {symbol}, which was never listed.")
        return market

    def _list(self, event: MarketListed, at_ms: int) -> None:
        if event.symbol in self._markets:
            return  # The database row is written before the engine is asked, so a start may know it already.
        try:
            base, quote = (
                AssetSpec(event.base, self._assets[event.base]),
                AssetSpec(event.quote, self._assets[event.quote]),
            )
        except KeyError as missing:
            raise BookMismatch(f"The market {event.symbol} is listed before its asset {missing}.") from None
        step = Decimal(event.base_units_per_lot).scaleb(-base.decimals)
        tick = Decimal(event.quote_units_per_tick_lot).scaleb(-quote.decimals) / step
        spec = market_spec(event.symbol, base, quote, tick, step, event.min_quantity_lots * step)
        self._markets[event.symbol] = MarketFeed(MarketStart(spec, at_ms=at_ms))
        self._listed.append(MarketNumbers.of(spec))

    def flush(self, now_ms: int) -> MarketBatch | None:
        """Everything since the last flush; None when there is nothing to tell and n is the same."""
        books, trades, tickers, candles, modes = [], [], [], [], []
        for market in self._markets.values():
            diff = market.take_diff()
            if diff is not None:
                books.append(diff)
            trades += market.take_trades()
            mode = market.take_mode()
            if mode is not None:
                modes.append(mode)
            ticker, due = market.take_figures(now_ms)
            if ticker is not None:
                tickers.append(ticker)
            candles += due
        if self.n == self._flushed_n and not (tickers or candles):
            return None
        after_n, self._flushed_n = self._flushed_n, self.n
        listed, self._listed = self._listed, []
        return MarketBatch(self.n, self.at_ms, after_n, books, trades, tickers, candles, listed, modes)

    def forget(self) -> None:
        """Drop book changes and trades that were published before; candles and tickers may be told twice."""
        for market in self._markets.values():
            market.take_diff()
            market.take_trades()
            market.take_mode()
        self._listed = []
        self._flushed_n = self.n

    def recall(self, outcomes: Iterable[Outcome], after_n: int) -> bool:
        """Prepare to tell again the book changes and trades of outcomes this state has, all behind `after_n`."""
        for outcome in outcomes:
            for event in outcome.events:
                if isinstance(event, BookChanged):
                    self._market(event.market).recall_change(event, outcome.at_ms)
                elif isinstance(event, TradeMade):
                    self._market(event.market).recall_trade(event, outcome.at_ms)
                elif type(event) in MODE_EVENTS:
                    self._market(event.market).recall_mode()  # type: ignore[union-attr, arg-type]
                elif isinstance(event, MarketListed):
                    self._listed.append(MarketNumbers.of(self._market(event.symbol).spec))
        self._flushed_n = after_n
        return True

    def heartbeat(self) -> MarketBatch:
        """A batch without news: the reader sees that the feed lives. Only right after a flush."""
        assert self.n == self._flushed_n, "a heartbeat must not skip outcomes"
        return MarketBatch(self.n, self.at_ms, self.n)

    def images(self, again: bool = False) -> dict[str, bytes]:
        """Markets that changed since the last call (`again`: all), encoded, by symbol. Only right after a flush."""
        images: dict[str, bytes] = {}
        for symbol, market in self._markets.items():
            if again:
                market.image_again()
            image = market.take_image()
            if image is not None:
                images[symbol] = encode(image)
        return images
