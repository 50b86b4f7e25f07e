"""When book changes reach sockets: at once while it is quiet, put together while it is busy.

A socket can take some thousand frames a second, a process some ten thousand in all, but a busy book changes far more
often. So a stream that has just spoken waits a moment and then tells everything at once; nothing is ever left out, and
the ids of depth frames stay without a hole.
"""

import asyncio
from collections.abc import Callable

from exchange_site.kernel.clock import now_us
from marketdata.fanout import Fanout
from marketdata.feed import frames
from marketdata.feed.book import BookCollector, BookMirror, Level
from marketdata.feed.messages import BookDiff
from matching.symbols import MarketSpec

SHORTEST_PAUSE_S = 0.010
LONGEST_PAUSE_S = 0.500
HEARTBEAT_S = 1.0
REST_FACTOR = 2  # A busy stream uses half of the event loop's time, the rest is for everybody else.


class Pacer:
    """Calls `tell` soon after each `poke`, but leaves a pause between. Lives on one event loop.

    The pause follows from what telling costs (sockets, their number, a busy machine): measured from the call until the
    tasks of all sockets have had their turn.
    """

    def __init__(self, tell: Callable[[], None], window_s: float = 0.0) -> None:
        """With a window, a quiet stream, too, collects for that long before it tells."""
        self._tell = tell
        self._window_s = window_s
        self._told_at = 0.0
        self._pause_s = max(SHORTEST_PAUSE_S, window_s)
        self._timer: asyncio.TimerHandle | None = None

    def poke(self) -> None:
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._pause_s if self._window_s else self._told_at + self._pause_s - loop.time()
        if wait_s <= 0:
            self._ring()
        else:
            self._timer = loop.call_later(wait_s, self._ring)

    def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        self._told_at = loop.time()
        self._tell()
        loop.call_soon(self._measure)  # Runs behind the tasks that have been woken to send.

    def _measure(self) -> None:
        cost_s = asyncio.get_running_loop().time() - self._told_at
        self._pause_s = max(self._window_s, min(max(SHORTEST_PAUSE_S, REST_FACTOR * cost_s), LONGEST_PAUSE_S))

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class DepthStream:
    """`depth.<symbol>` (window 0) or `depth.<window>.<symbol>` of one market while somebody listens.

    And `checksum` beside it: for each frame of depth, right after it, the checksum of the book with that `u`.
    """

    def __init__(self, fanout: Fanout, spec: MarketSpec, window_ms: int, book: Callable[[], BookMirror]) -> None:
        self.key = depth_key(spec.symbol, window_ms)
        self.checksum_key = checksum_key(spec.symbol, window_ms)
        self._fanout = fanout
        self._book = book
        self._spec = spec
        self._collected = BookCollector()
        self._pacer = Pacer(self._tell, window_ms / 1000)

    def changed(self, diff: BookDiff) -> None:
        self._collected.add(diff.first_id, diff.last_id, diff.bids, diff.asks, diff.at_ms)
        self._pacer.poke()

    def _tell(self) -> None:
        collected = self._collected
        diff = BookDiff(
            self._spec.symbol,
            collected.first_id,
            collected.last_id,
            collected.at_ms,
            sorted(collected.bids.items()),
            sorted(collected.asks.items()),
        )
        collected.clear()
        if self.key in self._fanout:
            self._fanout.send(self.key, frames.depth(self._spec, diff, now_us()))
        if self.checksum_key in self._fanout:
            book = self._book()
            assert book.update_id == diff.last_id, "whatever changes the book comes through here"
            self._fanout.send(self.checksum_key, frames.checksum(self._spec, book, now_us()))

    def tell_now(self) -> None:
        """What waits for the end of a pause, at once."""
        if self._collected:
            self._pacer.cancel()
            self._tell()

    def stop(self) -> None:
        self._pacer.cancel()


class TopStream:
    """`bookTicker.<symbol>` of one market while somebody listens."""

    def __init__(self, fanout: Fanout, spec: MarketSpec, book: Callable[[], BookMirror]) -> None:
        self.key = top_key(spec.symbol)
        self._fanout = fanout
        self._spec = spec
        self._book = book
        self._told: tuple[Level | None, Level | None] = (book().bids.best(), book().asks.best())
        self._pacer = Pacer(self._tell)

    def changed(self) -> None:
        book = self._book()
        if (book.bids.best(), book.asks.best()) != self._told:
            self._pacer.poke()

    def _tell(self) -> None:
        book = self._book()
        bid, ask = book.bids.best(), book.asks.best()
        if (bid, ask) == self._told:
            return  # It went and came back within the pause.
        self._told = (bid, ask)
        data = frames.book_ticker(self._spec, bid, ask, book.update_id, book.at_ms, now_us())
        self._fanout.send(self.key, data)

    def stop(self) -> None:
        self._pacer.cancel()


class HeartbeatStream:
    """`heartbeat.<symbol>` of one market: once a second the last ids, so that the end of a stream can be trusted too.

    Whoever has not got as far as a heartbeat says has missed something; `beat` makes it, None while there is none.
    """

    def __init__(self, fanout: Fanout, symbol: str, beat: Callable[[], bytes | None]) -> None:
        self.key = ("heartbeat", symbol)
        self._fanout = fanout
        self._beat = beat
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._tell)

    def _tell(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._tell)
        data = self._beat()
        if data is not None:
            self._fanout.send(self.key, data)

    def stop(self) -> None:
        self._timer.cancel()


def depth_key(symbol: str, window_ms: int) -> tuple[str, str, int]:
    return ("depth", symbol, window_ms)


def checksum_key(symbol: str, window_ms: int) -> tuple[str, str, int]:
    return ("checksum", symbol, window_ms)


def top_key(symbol: str) -> tuple[str, str]:
    return ("bookTicker", symbol)
