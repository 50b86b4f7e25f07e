"""uvicorn's HTTP, refusing in JSON: what cannot be parsed never reaches the application, and clients only read JSON.

An unknown method, raw bytes in the path, a length that lies: uvicorn on its own answers these in plain text. It also
has no bound for what stands before the body: here it is so long, so many headers, and so slow.

At its end uvicorn closes idle connections at once. A proxy that keeps connections may have just sent a request on one:
here its connections stay for a while, and the next answer on each says that it is the last.
"""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from exchange_site.kernel.asgi_extensions import BODY_AT_HAND, WHOLE_ANSWER
from exchange_site.kernel.client_address import is_proxy
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError, ErrorKind
from exchange_site.kernel.fast_http import JSON_TYPE, encode_json

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
NOT_HTTP = "This is not a valid HTTP request"
HEAD_TIMEOUT_S = 10
LINGER_S = 5.0  # Longer than a proxy keeps an idle connection (deploy/nginx/nginx.conf): it is the one that closes.
TOO_LONG = ErrorKind("INVALID_CLIENT_REQUEST", 431, "The request's headers are too many or too long")
_LINES = {400: b"HTTP/1.1 400 Bad Request", 431: b"HTTP/1.1 431 Request Header Fields Too Large"}


class _Beyond:
    """What one request's cycle does beyond ASGI (`kernel.asgi_extensions`): a body without waiting, an answer at once.

    Most requests have come whole before their task begins, and most answers are whole when they begin. ASGI's steps for
    those that are not cost more than half of what handling an order costs here.
    """

    __slots__ = ("_cycle", "_transport")

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._cycle: RequestResponseCycle | None = cycle  # None at the end: a ring would be left to the collector.

    def extensions(self) -> dict[str, Any]:
        return {BODY_AT_HAND: self.body_at_hand, WHOLE_ANSWER: {}}

    def body_at_hand(self) -> bytearray | None:
        cycle = self._cycle
        return None if cycle is None or cycle.more_body or cycle.disconnected else cycle.body

    async def send(self, message: Any) -> None:
        cycle = self._cycle
        if cycle is None:
            raise RuntimeError("The answer was whole already.")
        body = message.get("body") if message["type"] == "http.response.start" else None
        if body is None:
            await RequestResponseCycle.send(cycle, message)
            return
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        head = _head_of(message["status"], [*cycle.default_headers, *message["headers"]], cycle.keep_alive)
        self._cycle, cycle.transport = None, self._transport  # type: ignore[assignment]
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self._transport.write(head if cycle.scope["method"] == "HEAD" else head + body)
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._transport.close()
        cycle.on_response()


def _head_of(status: int, headers: list[tuple[bytes, bytes]], keep_alive: bool) -> bytes:
    """What stands before an answer's body. Raises RuntimeError for a header that would be several."""
    lines = [STATUS_LINE[status]]
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    if not keep_alive:
        lines.append(b"connection: close\r\n")
    lines.append(b"\r\n")
    head = b"".join(lines)
    if head.count(b"\n") != len(headers) + (2 if keep_alive else 3):
        raise RuntimeError("A header of the answer holds a line break.")
    return head


class _HeadWithBody:
    """The transport of one answer: its head waits for the first of its body, as ASGI wants it, and both are one write.

    Two would be two system calls here and two wake-ups of the client.
    """

    __slots__ = ("_cycle", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._cycle = cycle
        self._head: bytes | None = None  # Empty once it has been written.

    def write(self, data: bytes) -> None:
        if self._head is None and self._cycle.response_started:  # Before that only `100 Continue` is written.
            self._head = data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class JsonRefusingProtocol(HttpToolsProtocol):
    """Named on uvicorn's command line: `--http exchange_site.http_protocol:JsonRefusingProtocol`."""

    _in_head = True
    _head_bytes = 0
    _too_long = False
    _upgraded = False
    _slow: asyncio.TimerHandle | None = None
    _leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return  # It has been refused already.
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes and not self.transport.is_closing():  # It goes on, or has begun to come.
            self._await_head()
            if self._head_bytes > MAX_HEAD_BYTES:
                self._too_long = True
                self.send_400_response("The head has no end.")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS or len(name) + len(value) > MAX_HEAD_BYTES:
            self._too_long = True
            raise ValueError("Too many headers, or one that is too long.")  # The parser makes a refusal of it.

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        before = self.cycle
        super().on_headers_complete()
        if self._leaving and self.cycle is not None:
            self.cycle.keep_alive = False
        if self.cycle is before:  # A socket's request has no answer.
            return
        beyond = _Beyond(self.transport, self.cycle)
        self.scope["extensions"] = beyond.extensions()
        self.cycle.send = beyond.send  # type: ignore[method-assign]
        if self.scope["method"] != "HEAD":
            self.cycle.transport = _HeadWithBody(self.transport, self.cycle)  # type: ignore[assignment]

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0  # What follows is the head of the next request.
        super().on_message_complete()

    def shutdown(self) -> None:
        """The server ends: what is under way is answered, and what a proxy has just begun to send is still taken."""
        idle = self.cycle is None or self.cycle.response_complete
        if not idle or self._leaving or not (self.client and is_proxy(self.client[0])):
            super().shutdown()
            return
        self._leaving = True
        self.loop.call_later(LINGER_S, self.shutdown)

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """The end of an answer, and the beginning of the wait for the next request, unless there will be none.

        A client that has read a whole answer may upgrade its connection before the application said that the answer
        is over. uvicorn would then wait for a request on the socket's line, and cut it when none comes.
        """
        if self._upgraded:
            self.server_state.total_requests += 1
            return
        super().on_response_complete()

    def _await_head(self) -> None:
        if self._slow is None:
            self._slow = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _too_slow(self) -> None:
        log.info("A request's head did not arrive in time.")
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer and close: where the next request would begin is anybody's guess."""
        log.info("A request could not be parsed: %s", msg)
        error = ApiError(TOO_LONG) if self._too_long else ApiError(INVALID_CLIENT_REQUEST, NOT_HTTP)
        body = encode_json(error.body())
        head = [
            _LINES[error.status],
            *(name + b": " + value for name, value in self.server_state.default_headers),
            b"content-type: " + JSON_TYPE,
            b"content-length: %d" % len(body),
            b"cache-control: no-store",
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.close()
