"""Requests that come whole and answers that go whole: our server's short ways beyond ASGI, on a real connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from exchange_site.kernel.asgi_extensions import BODY_AT_HAND, WHOLE_ANSWER
from exchange_site.kernel.errors import ApiError
from exchange_site.kernel.fast_http import Request, Response, error_response
from exchange_site.tests.wire_rig import served

HOST = b"Host: 127.0.0.1\r\n"
AT_HAND, RECEIVED = b"at hand: ", b"received: "


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the body and how it was come by."""
    at_hand = scope["extensions"][BODY_AT_HAND]() is not None
    request = Request(scope, receive)
    try:
        response = Response((AT_HAND if at_hand else RECEIVED) + await request.body())
    except ApiError as error:
        response = error_response(error)
    await response.send(send, request.extensions)


@asynccontextmanager
async def connected(app: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with served(app=app) as port, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield reader, writer
        writer.close()


async def answer(reader: asyncio.StreamReader, has_body: bool = True) -> tuple[bytes, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length) if has_body else b""


def post(body: bytes, more: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n" % len(body) + more + b"\r\n" + body


async def test_one_connection_many_answers_in_their_order() -> None:
    async with connected(echo) as (reader, writer):
        writer.write(post(b"one") + post(b"two"))  # At once: the second waits for the first.
        assert (await answer(reader))[1] == AT_HAND + b"one"
        assert (await answer(reader))[1] == AT_HAND + b"two"
        writer.write(post(b"three"))
        assert (await answer(reader))[1] == AT_HAND + b"three"


async def test_a_body_that_is_still_coming_is_waited_for() -> None:
    begun = asyncio.Event()

    async def telling(scope: dict[str, Any], receive: Any, send: Any) -> None:
        begun.set()
        await echo(scope, receive, send)

    async with connected(telling) as (reader, writer):
        whole = post(b"in two pieces")
        writer.write(whole[:-6])
        await begun.wait()
        writer.write(whole[-6:])
        assert (await answer(reader))[1] == RECEIVED + b"in two pieces"


async def test_chunks_that_have_all_come() -> None:
    async with connected(echo) as (reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert (await answer(reader))[1] == AT_HAND + b"abcde"


async def test_a_body_at_hand_that_is_too_long(settings: Any) -> None:
    settings.API_MAX_BODY_BYTES = 10
    async with connected(echo) as (reader, writer):
        writer.write(post(b"x" * 11))
        head, _ = await answer(reader)
        assert head.startswith(b"http/1.1 413 ")
        writer.write(post(b"x" * 10))
        assert (await answer(reader))[1] == AT_HAND + b"x" * 10


async def test_a_head_request_gets_the_head_alone() -> None:
    async with connected(echo) as (reader, writer):
        writer.write(b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n" + post(b"next"))
        head, _ = await answer(reader, has_body=False)
        assert b"content-length: %d\r\n" % len(AT_HAND) in head
        assert (await answer(reader))[1] == AT_HAND + b"next"


async def test_who_asks_for_the_end_of_the_connection_gets_it() -> None:
    async with connected(echo) as (reader, writer):
        writer.write(post(b"last", b"Connection: close\r\n"))
        head, body = await answer(reader)
        assert (b"connection: close\r\n" in head, body) == (True, AT_HAND + b"last")
        assert await reader.read() == b""


@pytest.mark.parametrize("value", [b"1\r\nSet-Cookie: forged=1", b"1\nx: y"])
async def test_a_header_never_becomes_two(value: bytes) -> None:
    async def splitting(_scope: Any, _receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2"), (b"x", value)]}
        await send({**start, "body": b"ok"})

    async with connected(splitting) as (reader, writer):
        writer.write(post(b""))
        head, _ = await answer(reader)
        assert head.startswith(b"http/1.1 500 ")
        assert b"forged" not in head


async def test_nothing_follows_a_whole_answer() -> None:
    refused: list[str] = []

    async def twice(scope: Any, _receive: Any, send: Any) -> None:
        await Response(b"once").send(send, scope["extensions"])
        try:
            await send({"type": "http.response.body", "body": b"more"})
        except RuntimeError as error:
            refused.append(str(error))

    async with connected(twice) as (reader, writer):
        writer.write(post(b"") + post(b""))
        assert [(await answer(reader))[1] for _ in range(2)] == [b"once", b"once"]
    assert len(refused) == 2


async def test_without_the_extension_there_are_two_messages() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    for extensions in (None, {}, {BODY_AT_HAND: None}):
        sent.clear()
        await Response(b"body").send(send, extensions)
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    sent.clear()
    await Response(b"body").send(send, {WHOLE_ANSWER: {}})
    assert [message["body"] for message in sent] == [b"body"]
