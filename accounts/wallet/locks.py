"""Work that only one process may do at a time, whatever starts it: PostgreSQL advisory locks, held by the session.

A lock goes with its connection, so a killed process never keeps one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from django.db import connection

CLASS = 0x57414C54  # "WALT": keeps these apart from advisory locks of other parts.


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Whether this caller got the lock; the body must do nothing when it did not."""
    key = [CLASS, crc32(name.encode()) - 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        (mine,) = cursor.fetchone()
    try:
        yield bool(mine)
    finally:
        if mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
