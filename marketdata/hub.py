"""What a web process knows of the markets, live: books, tickers, trades, and who listens to what.

One hub serves a whole process. It starts from the images the market feed writes each second and follows the `md`
stream; REST asks it for depth, tickers and trades, and sockets subscribe to it. Text is made once for an update, and
only when somebody listens.
"""

import asyncio
import logging
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from exchange_site.kernel.clock import now_us
from exchange_site.kernel.redis_names import MARKET_BOOKS, MARKET_FEED
from marketdata.fan_reader import FanReader
from marketdata.fanout import CLOSE_RESTART, Fanout, Outbox
from marketdata.feed import frames
from marketdata.feed.book import BookMirror, BookSide
from marketdata.feed.messages import (
    IMAGE_POSITION_FIELD,
    BookDiff,
    BookImage,
    Figures,
    MarketBatch,
    MarketMode,
    PublicTrade,
    TickerFigures,
    decode_image,
    decode_image_position,
    decode_market_batch,
)
from marketdata.feed.state import TRADES_KEPT
from marketdata.live_streams import DepthStream, HeartbeatStream, TopStream, checksum_key, depth_key, top_key
from marketdata.stream_names import Stream
from matching.messages import MarketState
from matching.symbols import MarketSpec

log = logging.getLogger(__name__)

DEPTH_LEVELS = 1_000  # The most REST can ask for on a side.
DIFFS_KEPT = 4_096  # For books that are cut: what it takes to bring an image of the last seconds up to date.
REFILL_EVERY_S = 0.5  # Images are a second old at most.
FRAMES_BEFORE_YIELD = 64  # Sockets empty their queues in between, so that a burst of trades does not fill them.
FIGURES_OF_INTERVAL: dict[str, Callable[[TickerFigures], Figures]] = {"1d": lambda t: t.day, "1w": lambda t: t.week}


class UnknownMarket(LookupError):
    """No market of that name is listed."""


class FeedNotReady(Exception):
    """This process has not heard of any market yet: the market feed has not run."""


class LiveMarket:
    """One market as this process knows it."""

    def __init__(self, image: BookImage) -> None:
        self.spec = image.numbers.spec()
        self.book = book_of(image)
        self.ticker = image.ticker
        self.mode = image.mode or MarketMode(image.numbers.symbol, MarketState.OPEN, image.at_ms)
        self.trades: deque[PublicTrade] = deque(image.trades, TRADES_KEPT)
        self.depths: dict[int, DepthStream] = {}
        self.top: TopStream | None = None
        self.heartbeat: HeartbeatStream | None = None
        self.refill_at = 0.0  # Monotonic seconds of the last attempt.
        self._diffs: deque[BookDiff] = deque(maxlen=DIFFS_KEPT)

    def apply(self, diff: BookDiff) -> None:
        self.book.apply(diff.first_id, diff.last_id, diff.bids, diff.asks, diff.at_ms)
        if self.book.bids.cut or self.book.asks.cut:
            self._diffs.append(diff)

    @property
    def runs_short(self) -> bool:
        """Does the cut-off book no longer have all levels that REST may ask for?"""
        return any(side.cut and len(side.prices) < DEPTH_LEVELS for side in (self.book.bids, self.book.asks))

    def refill(self, image: BookImage) -> bool:
        """Build the book again from a newer image and the changes since. False when they do not meet yet."""
        book = book_of(image)
        for diff in self._diffs:
            if diff.first_id == book.update_id + 1:
                book.apply(diff.first_id, diff.last_id, diff.bids, diff.asks, diff.at_ms)
        if book.update_id != self.book.update_id:
            return False
        self.book = book
        return True


def book_of(image: BookImage) -> BookMirror:
    book = BookMirror(image.update_id, image.at_ms)
    book.bids = BookSide(True, image.bids, image.bids_cut)
    book.asks = BookSide(False, image.asks, image.asks_cut)
    return book


class MarketHub(FanReader):
    stream = MARKET_FEED

    def __init__(self, client: Any = None) -> None:
        super().__init__(client)
        self.fanout = Fanout()
        self._markets: dict[str, LiveMarket] = {}

    # --------------------------------------------------------------------------------------------------------- REST

    def market(self, symbol: str) -> LiveMarket:
        """Raises UnknownMarket or FeedNotReady."""
        market = self._markets.get(symbol)
        if market is None:
            raise UnknownMarket(symbol) if self.ready else FeedNotReady
        return market

    def spec(self, symbol: str) -> MarketSpec:
        """Raises UnknownMarket or FeedNotReady."""
        return self.market(symbol).spec

    def depth(self, symbol: str, limit: int = DEPTH_LEVELS) -> dict[str, Any]:
        """The answer of GET /api/v1/depth with the `limit` best levels of each side. Raises like `market`."""
        market = self.market(symbol)
        book = market.book
        return frames.depth_answer(market.spec, book.bids.top(limit), book.asks.top(limit), book.update_id, book.at_ms)

    def ticker(self, symbol: str, interval: str = "1d") -> dict[str, Any]:
        """The answer of GET /api/v1/ticker; `interval` is 1d or 1w (KeyError). Raises like `market`."""
        market = self.market(symbol)
        return frames.ticker_answer(market.spec, FIGURES_OF_INTERVAL[interval](market.ticker))

    def tickers(self, interval: str = "1d") -> list[dict[str, Any]]:
        """The answer of GET /api/v1/tickers. Raises FeedNotReady."""
        if not self.ready:
            raise FeedNotReady
        return [self.ticker(symbol, interval) for symbol in sorted(self._markets)]

    def trades(self, symbol: str, limit: int = 100) -> list[dict[str, Any]]:
        """The answer of GET /api/v1/trades: newest first, at most TRADES_KEPT. Raises like `market`."""
        market = self.market(symbol)
        newest = list(market.trades)[-limit:] if limit > 0 else []
        return [frames.trade_answer(market.spec, trade) for trade in reversed(newest)]

    def auction(self, symbol: str) -> dict[str, Any]:
        """The answer of GET /api/v1/auction. Raises like `market`."""
        market = self.market(symbol)
        return frames.auction_answer(market.spec, market.mode)

    # ------------------------------------------------------------------------------------------------------ sockets

    def subscribe(self, socket: Outbox, stream: Stream, name: str) -> None:
        """From now on the socket hears this public stream, under the name it asked for. Unknown symbols are silent."""
        self.fanout.subscribe(socket, stream_key(stream), name)
        self._attend(stream)

    def unsubscribe(self, socket: Outbox, stream: Stream, name: str) -> None:
        key = stream_key(stream)
        self.fanout.unsubscribe(socket, key, name)
        self._rest(key)

    def drop(self, socket: Outbox) -> None:
        """The socket is gone."""
        for key in self.fanout.drop(socket):
            self._rest(key)

    def _attend(self, stream: Stream) -> None:
        market = self._markets.get(stream.symbol)
        if market is None:
            return
        if stream.kind in ("depth", "checksum") and stream.window_ms not in market.depths:
            window_ms = stream.window_ms
            market.depths[window_ms] = DepthStream(self.fanout, market.spec, window_ms, lambda: market.book)
        elif stream.kind == "bookTicker" and market.top is None:
            market.top = TopStream(self.fanout, market.spec, lambda: market.book)
        elif stream.kind == "heartbeat" and market.heartbeat is None:
            market.heartbeat = HeartbeatStream(self.fanout, market.spec.symbol, partial(self._heartbeat, market))

    def _heartbeat(self, market: LiveMarket) -> bytes | None:
        """None while the feed is not heard: then nobody knows whether these are the last ids."""
        if not self.live:
            return None
        if (depth := market.depths.get(0)) is not None:
            depth.tell_now()
        last_trade_id = market.trades[-1].trade_id if market.trades else None
        return frames.heartbeat(market.spec, market.book, last_trade_id, now_us())

    def _rest(self, key: Hashable) -> None:
        """Stop what nobody listens to any more."""
        if key in self.fanout or not isinstance(key, tuple):
            return
        market = self._markets.get(key[1])
        if market is None:
            return
        if key[0] in ("depth", "checksum"):
            depth = market.depths.get(key[2])
            if depth is not None and depth.key not in self.fanout and depth.checksum_key not in self.fanout:
                del market.depths[key[2]]
                depth.stop()
        elif key[0] == "heartbeat" and market.heartbeat is not None:
            market.heartbeat.stop()
            market.heartbeat = None
        elif key[0] == "bookTicker" and market.top is not None:
            market.top.stop()
            market.top = None

    # ------------------------------------------------------------------------------------------------------ reading

    async def load(self) -> tuple[str, int] | None:
        fields: dict[bytes, bytes] = await self._client.hgetall(MARKET_BOOKS)
        position = fields.pop(IMAGE_POSITION_FIELD.encode(), None)
        if position is None:
            return None
        self._stop_streams()
        images = [decode_image(payload) for payload in fields.values()]
        self._markets = {image.numbers.symbol: LiveMarket(image) for image in images}
        self._attend_all()
        at = decode_image_position(position)
        log.info("Market hub: %d markets as of outcome %d.", len(self._markets), at.n)
        return at.stream_id, at.n

    def _attend_all(self) -> None:
        """Sockets may have asked for streams before their market was known here."""
        for symbol in self._markets:
            self._attend_market(symbol)

    def _attend_market(self, symbol: str) -> None:
        for window_ms in (0, 200, 600, 1000):
            if depth_key(symbol, window_ms) in self.fanout or checksum_key(symbol, window_ms) in self.fanout:
                self._attend(Stream("depth", symbol, window_ms=window_ms))
        if ("heartbeat", symbol) in self.fanout:
            self._attend(Stream("heartbeat", symbol))
        if top_key(symbol) in self.fanout:
            self._attend(Stream("bookTicker", symbol))

    def _stop_streams(self) -> None:
        for market in self._markets.values():
            for depth in market.depths.values():
                depth.stop()
            if market.top is not None:
                market.top.stop()
            if market.heartbeat is not None:
                market.heartbeat.stop()

    def decode(self, payload: bytes) -> MarketBatch:
        return decode_market_batch(payload)

    def lost(self) -> None:
        self._stop_streams()
        closed = self.fanout.close_everybody(CLOSE_RESTART)
        if closed:
            log.warning("Market hub: %d sockets were closed, their streams cannot be continued.", closed)

    async def handle(self, batch: MarketBatch) -> None:
        for numbers in batch.listed:
            if numbers.symbol not in self._markets:
                empty = TickerFigures(numbers.symbol, Figures(), Figures())
                image = BookImage(numbers, 0, batch.at_ms, [], [], False, False, empty, [])
                self._markets[numbers.symbol] = LiveMarket(image)
                self._attend_market(numbers.symbol)
        for mode in batch.modes:
            self._markets[mode.market].mode = mode
            self._send(("auction", mode.market), partial(frames.auction, self._markets[mode.market].spec, mode))
        for diff in batch.books:
            self._book_changed(self._markets[diff.market], diff)
        for ticker in batch.tickers:
            self._markets[ticker.market].ticker = ticker
            spec = self._markets[ticker.market].spec
            self._send(("ticker", ticker.market), partial(frames.ticker, spec, ticker.day))
        for candle in batch.candles:
            spec = self._markets[candle.market].spec
            self._send(("kline", candle.market, candle.interval), partial(frames.kline, spec, candle))
        await self._traded(batch.trades)
        await self._refill(batch.books)

    def _book_changed(self, market: LiveMarket, diff: BookDiff) -> None:
        market.apply(diff)
        for depth in market.depths.values():
            depth.changed(diff)
        if market.top is not None:
            market.top.changed()

    async def _traded(self, trades: list[PublicTrade]) -> None:
        for index, trade in enumerate(trades):
            market = self._markets[trade.market]
            market.trades.append(trade)
            self._send(("trade", trade.market), partial(frames.trade, market.spec, trade))
            if index % FRAMES_BEFORE_YIELD == FRAMES_BEFORE_YIELD - 1:
                await asyncio.sleep(0)

    def _send(self, key: Hashable, frame: Callable[[int], bytes]) -> None:
        """`frame` makes the data from the moment of sending; it is asked only when somebody listens."""
        if key in self.fanout:
            self.fanout.send(key, frame(now_us()))

    async def _refill(self, diffs: list[BookDiff]) -> None:
        """Books of more levels than an image holds lose their far end when they shrink; take a newer image then."""
        for diff in diffs:
            market = self._markets[diff.market]
            if not market.runs_short or time.monotonic() < market.refill_at + REFILL_EVERY_S:
                continue
            market.refill_at = time.monotonic()
            payload = await self._client.hget(MARKET_BOOKS, diff.market)
            if payload is not None and market.refill(decode_image(payload)):
                log.info("Market hub: the book of %s was filled up from its image.", diff.market)


def stream_key(stream: Stream) -> Hashable:
    if stream.kind == "depth":
        return depth_key(stream.symbol, stream.window_ms)
    if stream.kind == "checksum":
        return checksum_key(stream.symbol, stream.window_ms)
    if stream.kind == "kline":
        return ("kline", stream.symbol, stream.interval)
    return (stream.kind, stream.symbol)


_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, MarketHub]" = weakref.WeakKeyDictionary()


def market_hub() -> MarketHub:
    """The hub of this process (strictly: of the running event loop), started at the first call."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = MarketHub()
    hub.start()
    return hub


async def close_market_hub() -> None:
    """Stop the hub of the running event loop, if it has one; the next `market_hub` makes a new one."""
    hub = _hubs.pop(asyncio.get_running_loop(), None)
    if hub is not None:
        await hub.stop()
