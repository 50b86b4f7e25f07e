"""uvicorn's HTTP, refusing in JSON: what cannot be parsed never reaches the application, and clients only read JSON.

An unknown method, raw bytes in the path, a length that lies: uvicorn on its own answers these in plain text. It also
has no bound for what stands before the body: here it is so long, so many headers, and so slow.
"""

import asyncio
import logging

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError, ErrorKind
from exchange_site.kernel.fast_http import JSON_TYPE, encode_json

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
NOT_HTTP = "This is not a valid HTTP request"
HEAD_TIMEOUT_S = 10
TOO_LONG = ErrorKind("INVALID_CLIENT_REQUEST", 431, "The request's headers are too many or too long")
_LINES = {400: b"HTTP/1.1 400 Bad Request", 431: b"HTTP/1.1 431 Request Header Fields Too Large"}


class JsonRefusingProtocol(HttpToolsProtocol):
    """Named on uvicorn's command line: `--http exchange_site.http_protocol:JsonRefusingProtocol`."""

    _in_head = True
    _head_bytes = 0
    _too_long = False
    _slow: asyncio.TimerHandle | None = None

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
            self._await_head()
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
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
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0  # What follows is the head of the next request.
        super().on_message_complete()

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
