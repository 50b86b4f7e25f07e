"""Market specs for code on an event loop: never waits for the database once it knows them.

Specs of listed markets do not change and new ones are rare, so they are read again every few seconds in the background,
and the known ones go on while the database is away.
"""

import asyncio
import logging
import time
from collections.abc import Mapping

from django.db import Error as DatabaseError

from exchange_site.kernel.db_threads import in_db_thread
from marketdata import selectors
from matching.symbols import MarketSpec

log = logging.getLogger(__name__)

REFRESH_EVERY_S = 5

_known: Mapping[str, MarketSpec] = {}
_read_at = 0.0
_refreshing: "asyncio.Task[None] | None" = None


async def specs() -> Mapping[str, MarketSpec]:
    """Symbol to spec of every listed market. Raises DatabaseError only while nothing is known yet."""
    global _refreshing
    if not _known:
        await _read()
    elif time.monotonic() - _read_at > REFRESH_EVERY_S and (_refreshing is None or _refreshing.done()):
        _refreshing = asyncio.get_running_loop().create_task(_refresh())
    return _known


async def _read() -> None:
    global _known, _read_at
    _known = await in_db_thread(selectors.market_specs)
    _read_at = time.monotonic()


async def _refresh() -> None:
    global _read_at
    try:
        await _read()
    except DatabaseError as error:
        _read_at = time.monotonic()
        log.warning("The markets could not be read again, the known ones stay: %s", error)


def forget() -> None:
    """Ask the database again next time."""
    global _known
    _known = {}
