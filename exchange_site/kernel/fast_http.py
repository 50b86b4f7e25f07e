"""The little HTTP that the fast lane needs: a request, a response, routes. Plain ASGI, no framework.

Django and DRF cost ten times more per request than these lines, so order entry and hot public reads come this way. What
is decided (inputs, signing, services, errors) is shared with the DRF views, only the plumbing is not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from django.conf import settings

from exchange_site.kernel.asgi_extensions import BODY_AT_HAND, WHOLE_ANSWER
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, PAYLOAD_TOO_LARGE, ApiError, ErrorKind

JSON_TYPE = b"application/json; charset=utf-8"
TEXT_TYPE = b"text/plain; charset=utf-8"
BODY_TIMEOUT_S = 10
MAX_QUERY_FIELDS = 100
MAX_LENGTH_DIGITS = 18
REQUEST_TIMEOUT = ErrorKind("INVALID_CLIENT_REQUEST", 408, "The request body did not arrive in time")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

encode_json = msgspec.json.Encoder(decimal_format="string").encode


class ClientGone(Exception):
    """The connection ended before the request was complete; nobody waits for an answer."""


def parse_query(raw: bytes) -> list[tuple[str, str]]:
    """The pairs of a query string in the order of the request. Raises ApiError."""
    try:
        return parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise ApiError(INVALID_CLIENT_REQUEST, "Too many query parameters") from None


def single_values(pairs: list[tuple[str, str]], repeatable: tuple[str, ...] = ()) -> dict[str, str]:
    """Query parameters by name. One that occurs twice could be read in two ways: ApiError, unless it is repeatable."""
    values: dict[str, str] = {}
    for key, value in pairs:
        if key in values and key not in repeatable:
            raise ApiError(INVALID_CLIENT_REQUEST, f"The query parameter {key[:64]} occurs twice")
        values[key] = value
    return values


def check_declared_length(scope: Scope, limit: int) -> None:
    """Refuse a body by what its header says of it, before anybody reads it. Raises ApiError."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or len(value) > MAX_LENGTH_DIGITS:
                raise ApiError(INVALID_CLIENT_REQUEST, "Content-Length is not a number")
            if int(value) > limit:
                raise ApiError(PAYLOAD_TOO_LARGE)


class Request:
    __slots__ = ("_receive", "extensions", "headers", "method", "path", "query_string", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        self.extensions: Mapping[str, Any] = scope.get("extensions") or {}
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            if name in headers:  # Two keys or two signatures joined are no valid one, as they should be.
                value = headers[name] + ("; " if name == "cookie" else ",") + value
            headers[name] = value
        self.headers = headers

    def query(self) -> list[tuple[str, str]]:
        return parse_query(self.query_string) if self.query_string else []

    async def body(self) -> bytes:
        """The whole body, at most `API_MAX_BODY_BYTES`. Raises ApiError, ClientGone."""
        limit: int = settings.API_MAX_BODY_BYTES
        at_hand = self.extensions.get(BODY_AT_HAND)
        if at_hand is not None and (whole := at_hand()) is not None:  # Nearly always, and then nothing has to wait.
            if len(whole) > limit:
                raise ApiError(PAYLOAD_TOO_LARGE)
            return bytes(whole)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise ApiError(PAYLOAD_TOO_LARGE)
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise ApiError(REQUEST_TIMEOUT) from None


class Response:
    """Ready bytes. `headers` are added as they are, names in lower case."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self, body: bytes, status: int = 200, content_type: bytes = JSON_TYPE, headers: Mapping[str, str] | None = None
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers = headers

    async def send(self, send: Send, extensions: Mapping[str, Any] | None = None) -> None:
        """`extensions` are the request's, where they are known: with them head and body may go as one message."""
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(self.body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if self.headers:
            headers.extend((name.lower().encode(), value.encode()) for name, value in self.headers.items())
        start = {"type": "http.response.start", "status": self.status, "headers": headers}
        if extensions is not None and WHOLE_ANSWER in extensions:
            start["body"] = self.body
            await send(start)
            return
        await send(start)
        await send({"type": "http.response.body", "body": self.body})


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode_json(value), status, JSON_TYPE, headers)


def error_response(error: ApiError) -> Response:
    return json_response(error.body(), error.status, error.headers)


Handler = Callable[[Request], Awaitable[Response]]
Routes = dict[str, dict[str, Handler]]  # Path -> method -> handler.
