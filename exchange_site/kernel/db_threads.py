"""Database questions from an event loop: a few threads, each with Django's connection of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections

THREADS = 4
Answer = TypeVar("Answer")

_pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="database")


def _with_fresh_connection(question: Callable[[], Answer]) -> Answer:
    """Django looks after connections around a request of its own; these threads never see one."""
    close_old_connections()
    try:
        return question()
    finally:
        close_old_connections()


async def in_db_thread(question: Callable[[], Answer]) -> Answer:
    """Run a blocking question in one of the threads. Raises what it raises."""
    return await asyncio.get_running_loop().run_in_executor(_pool, _with_fresh_connection, question)
