"""From one update to many sockets: the same text for everybody who calls a stream by the same name.

A slow reader costs only itself: every socket has a bounded queue and a task of its own that empties it. Frames are
never left out on a living connection (a gap could not be noticed by every client), so a socket whose queue overflows is
closed with code 4008.
"""

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from itertools import islice

log = logging.getLogger(__name__)

QUEUE_FRAMES = 256
QUEUE_BYTES = 1_048_576
SENT_AT_ONCE = 64

CLOSE_GOING_AWAY = 1001
CLOSE_POLICY = 1008
CLOSE_TOO_BIG = 1009
CLOSE_FAILED = 1011
CLOSE_RESTART = 1012  # What was sent before cannot be continued; come back and start afresh.
CLOSE_TOO_SLOW = 4008

_open: weakref.WeakSet["Outbox"] = weakref.WeakSet()


class Outbox:
    """The way out of one socket. `send` may wait as long as the reader is slow; `close` ends the connection.

    `send` is given the texts of some frames, in order, as UTF-8: what waits goes out together.
    Must be made on the event loop; its task ends after `close` or `abandon`.
    """

    def __init__(self, send: Callable[[list[bytes]], Awaitable[None]], close: Callable[[int], Awaitable[None]]) -> None:
        self._send = send
        self._close = close
        self._queue: deque[bytes] = deque()  # With those that are just being sent.
        self._bytes = 0
        self._wake = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._sender = asyncio.create_task(self._empty())
        self._sender.add_done_callback(self._ended)
        self._closer: asyncio.Task[None] | None = None
        self.closed_with: int | None = None
        _open.add(self)

    def put(self, text: bytes) -> bool:
        """Queue one frame. False when the socket is closed, or is being closed because this frame was too much."""
        if self.closed_with is not None:
            return False
        if len(self._queue) >= QUEUE_FRAMES or self._bytes + len(text) > QUEUE_BYTES:
            self.close(CLOSE_TOO_SLOW)
            return False
        self._queue.append(text)
        self._bytes += len(text)
        self._wake.set()
        return True

    def close(self, code: int) -> None:
        """End the connection now; what is queued is not sent."""
        if self.closed_with is not None:
            return
        self.abandon(code)
        self._closer = asyncio.create_task(self._say_goodbye(code))

    def abandon(self, code: int) -> None:
        """The connection is gone: stop sending."""
        if self.closed_with is None:
            self.closed_with = code
        self._queue.clear()
        self._bytes = 0
        self._sender.cancel()
        _open.discard(self)

    def _ended(self, sender: "asyncio.Task[None]") -> None:
        """Only for what nobody foresaw: the socket must not look alive when nothing empties its queue."""
        if not sender.cancelled() and (problem := sender.exception()) is not None:
            log.error("Writing to a socket failed; it is closed.", exc_info=problem)
            self.close(CLOSE_FAILED)

    async def _say_goodbye(self, code: int) -> None:
        await asyncio.wait([self._sender])
        try:
            await self._close(code)
        except (OSError, RuntimeError) as problem:
            log.debug("A socket was gone before it could be closed with %d: %s", code, problem)

    async def _empty(self) -> None:
        queue = self._queue
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while queue:
                    texts = list(islice(queue, SENT_AT_ONCE))
                    await self._send(texts)
                    for text in texts:
                        queue.popleft()
                        self._bytes -= len(text)
        except (OSError, RuntimeError) as problem:
            log.debug("A socket ended while it was written to: %s", problem)
            self.closed_with = self.closed_with or CLOSE_GOING_AWAY
            _open.discard(self)


def close_all(code: int = CLOSE_GOING_AWAY) -> int:
    """Close every socket of the running event loop, as before a shutdown. Returns how many."""
    loop = asyncio.get_running_loop()
    sockets = [socket for socket in _open if socket.loop is loop]
    for socket in sockets:
        socket.close(code)
    return len(sockets)


class Fanout:
    """Who listens to which stream, and under which name. A stream's key is whatever its publisher calls it by."""

    def __init__(self) -> None:
        self._listeners: dict[Hashable, dict[str, set[Outbox]]] = {}
        self._names: dict[Outbox, set[tuple[Hashable, str]]] = {}

    def subscribe(self, socket: Outbox, key: Hashable, name: str) -> None:
        """Twice is the same as once. `name` must need no escaping in JSON."""
        self._listeners.setdefault(key, {}).setdefault(name, set()).add(socket)
        self._names.setdefault(socket, set()).add((key, name))

    def unsubscribe(self, socket: Outbox, key: Hashable, name: str) -> None:
        """Harmless when there was no such subscription."""
        sockets = self._listeners.get(key, {}).get(name)
        if sockets is not None:
            sockets.discard(socket)
            self._forget_if_silent(key, name)
        if socket in self._names:
            self._names[socket].discard((key, name))
            if not self._names[socket]:
                del self._names[socket]

    def drop(self, socket: Outbox) -> list[Hashable]:
        """The socket is gone. Returns the streams it listened to."""
        listened = self._names.pop(socket, set())
        for key, name in listened:
            self._listeners[key][name].discard(socket)
            self._forget_if_silent(key, name)
        return [key for key, _ in listened]

    def _forget_if_silent(self, key: Hashable, name: str) -> None:
        names = self._listeners[key]
        if not names[name]:
            del names[name]
        if not names:
            del self._listeners[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._listeners

    def count(self, key: Hashable) -> int:
        return sum(len(sockets) for sockets in self._listeners.get(key, {}).values())

    def send(self, key: Hashable, data: bytes) -> int:
        """Queue one update, encoded as the JSON of its `data`, for everybody who listens. Returns to how many.

        Sockets that are being closed are passed over; whoever owns them drops them.
        """
        names = self._listeners.get(key)
        if not names:
            return 0
        sent = 0
        for name, sockets in names.items():
            text = b'{"stream":"%b","data":%b}' % (name.encode(), data)
            for socket in sockets:
                sent += socket.put(text)
        return sent

    def close_everybody(self, code: int) -> int:
        """Close every socket that listens to anything here. Returns how many."""
        sockets = list(self._names)
        for socket in sockets:
            socket.close(code)
        return len(sockets)
