"""The event loop that serves this process, for threads that need something done on it."""

import asyncio
from collections.abc import Coroutine
from threading import get_ident
from typing import Any, TypeVar

from django.conf import settings

from exchange_site.kernel.errors import MAINTENANCE, TIMEOUT, ApiError

MARGIN_S = 3  # What is done there knows its own time-outs; this one is for a loop that does not turn.

Answer = TypeVar("Answer")
_loop: asyncio.AbstractEventLoop | None = None
_thread = 0


def runs_here(loop: asyncio.AbstractEventLoop, thread: int) -> bool:
    """Whether `loop`, first met in the thread of that identifier, is the running one: a thread runs one at a time.

    For what every request asks several times; `asyncio.get_running_loop` is a system call.
    """
    return thread == get_ident() and loop.is_running()


def serve_here() -> None:
    """From now on the running loop is the one that serves the site. Cheap enough for every request."""
    global _loop, _thread
    if _loop is None or not runs_here(_loop, _thread):
        _loop, _thread = asyncio.get_running_loop(), get_ident()


def from_thread(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Await something on the serving loop, from another thread. Raises what it raises, and ApiError."""
    if _loop is None or not _loop.is_running():
        work.close()
        raise ApiError(MAINTENANCE, "", {"executed": False}, {"Retry-After": "1"})
    future = asyncio.run_coroutine_threadsafe(work, _loop)
    try:
        return future.result(settings.API_REPLY_TIMEOUT_S + MARGIN_S)
    except TimeoutError:
        future.cancel()
        raise ApiError(TIMEOUT, "", {"executed": "unknown"}) from None
