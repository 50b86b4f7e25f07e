"""Is this process alive (`/healthz`), and can the site do its work (`/readyz`)? Plain JSON, without a session.

`/healthz` asks nobody: a process that answers it need not be restarted, whatever else is down. `/readyz` says whether
requests should be sent here: both Redis and the database answer, an engine leads and takes commands, and the database
is not hopelessly behind it. It names what is missing, so that a load balancer's log is the first diagnosis.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from redis.exceptions import RedisError

from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.kernel.fast_http import Request, Response, Routes, json_response
from exchange_site.kernel.redis_client import async_fan_client, async_log_client
from exchange_site.kernel.redis_names import ENGINE
from matching.client import gateway

CHECK_TIMEOUT_S = 3
FAILURES = (RedisError, DatabaseError, gateway.NotAdmitted, OSError, TimeoutError)


async def _log() -> bool:
    client = async_log_client()
    try:
        return bool(await client.ping())
    finally:
        await client.aclose()


async def _fan() -> bool:
    client = async_fan_client()
    try:
        return bool(await client.ping())
    finally:
        await client.aclose()


def _ask_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


async def _database() -> bool:
    return await in_db_thread(_ask_database)


async def _engine() -> bool:
    """An engine holds the lease and takes commands."""
    return (await gateway.shared().position()).takes_commands(now_ms())


async def _writer() -> bool:
    """The database is near enough to the engine for histories and balances to mean something."""
    client: Any = async_log_client()
    try:
        n, database_n = await client.hmget(ENGINE, "n", "db_n")
    finally:
        await client.aclose()
    return int(n or 0) - int(database_n or 0) <= settings.READY_MAX_LAG_OUTCOMES


CHECKS: dict[str, Callable[[], Awaitable[bool]]] = {
    "redis-log": _log,
    "redis-fan": _fan,
    "database": _database,
    "engine": _engine,
    "db-writer": _writer,
}


async def _passes(check: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check()
    except FAILURES:
        return False


async def healthz(_request: Request) -> Response:
    return json_response({"status": "ok"})


async def readyz(_request: Request) -> Response:
    passed = await asyncio.gather(*(_passes(check) for check in CHECKS.values()))
    results = dict(zip(CHECKS, passed, strict=True))
    missing = [name for name, fine in results.items() if not fine]
    body = {"status": "not ready" if missing else "ok", "missing": missing, "checks": results}
    return json_response(body, 503 if missing else 200)


ROUTES: Routes = {"/healthz": {"GET": healthz}, "/readyz": {"GET": readyz}}
