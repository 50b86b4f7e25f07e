"""Which consumer serves which WebSocket path. There is one endpoint, found on the root and on `/ws`."""

from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from trading.consumers import ExchangeConsumer


async def _refuse(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Before the upgrade: the client sees HTTP 403."""
    await receive()
    await send({"type": "websocket.close"})


_exchange = ExchangeConsumer.as_asgi()
websocket_application = URLRouter(
    [path("", _exchange), path("ws", _exchange), path("ws/", _exchange), re_path("", _refuse)]
)
