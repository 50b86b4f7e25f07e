"""What serves which WebSocket path: streams on the root and on `/ws`, order entry on `/ws/orders`."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from marketdata.fanout import close_all
from trading.consumers import ExchangeConsumer
from trading.order_socket.watch import order_socket_application, order_sockets


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
    [
        path("", _exchange),
        path("ws", _exchange),
        path("ws/", _exchange),
        path("ws/orders", order_socket_application),
        re_path("", _refuse),
    ]
)


def close_all_sockets() -> None:
    """Tell every client of the running event loop that we go away."""
    close_all()
    order_sockets().close_all()


def say_goodbye_on_sigterm() -> None:
    """From now on SIGTERM closes every socket with 1001 before the server does what it does on SIGTERM.

    A server on its own closes them with 1012 or not at all. Call it on the event loop once the server has installed its
    handler, as in lifespan startup; where the loop does not run in the main thread nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop, servers_own = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def close_sockets_first(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(close_all_sockets)
        if callable(servers_own):
            servers_own(signum, frame)

    if callable(servers_own):
        signal.signal(signal.SIGTERM, close_sockets_first)
