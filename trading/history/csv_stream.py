"""CSV of any size: written as it is read, through a cursor of the server, at one snapshot of the database.

UTF-8, a comma between fields, one head row whose names carry units and time zone. No program that opens such a file may
take text for a formula, so text that begins like one gets an apostrophe before it; figures stay as they are.
"""

import csv
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from io import StringIO

from django.conf import settings
from django.db import connection, transaction

from accounts.wallet.locks import only_one
from exchange_site.kernel.csv_text import safe

ROWS_AT_ONCE = 500
_slots = threading.BoundedSemaphore(settings.EXPORTS_AT_ONCE)


class Busy(Exception):
    """Too many files are being made: of this account, or altogether."""


class TookTooLong(Exception):
    """A file is cut off, so that nobody holds a snapshot of the database for ever; the download breaks."""


def text_of(head: Iterable[str], lines: Iterable[list[str]]) -> Iterator[bytes]:
    """The file in pieces."""
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow(head)
    for number, line in enumerate(lines, 1):
        writer.writerow([safe(field) for field in line])
        if number % ROWS_AT_ONCE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def export(account_id: int, head: Iterable[str], lines: Iterable[list[str]]) -> Iterator[bytes]:
    """The file for one account, to be handed to a response; `lines` must read nothing before it is iterated.

    Raises Busy at once: one at a time for an account, EXPORTS_AT_ONCE for a web process, at most EXPORT_MAX_S each.
    """
    pieces = _pieces(account_id, head, lines)
    next(pieces)  # What can be refused is refused before the answer has begun.
    return pieces


def _pieces(account_id: int, head: Iterable[str], lines: Iterable[list[str]]) -> Generator[bytes, None, None]:
    """Begins with an empty piece, once its place is taken. The snapshot begins with the second one: only then is the
    rest of the request done with this thread's connection."""
    if not _slots.acquire(blocking=False):
        raise Busy
    try:
        with only_one(f"export:{account_id}") as mine:
            if not mine:
                raise Busy
            yield b""
            deadline = time.monotonic() + settings.EXPORT_MAX_S
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                for piece in text_of(head, lines):
                    yield piece
                    if time.monotonic() > deadline:
                        raise TookTooLong
    finally:
        _slots.release()
