"""Redis and PostgreSQL: do they keep what they are told, and are they the right ones?"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError, ResponseError

from exchange_site.kernel.redis_client import fan_client, log_client
from exchange_site.ops.doctor.checks import Problem, check, warning

OLDEST_POSTGRES, NEWEST_POSTGRES = 16, 18
OLDEST_REDIS = (7, 0)
MIN_CONNECTIONS = 50


@check("redis of the log")
def redis_log() -> Iterator[Problem]:
    client: Any = log_client(socket_timeout_s=3)
    try:
        yield from _reachable("REDIS_LOG_URL", client)
        yield from _version(client)
        if client.execute_command("ROLE")[0] != b"master":
            yield Problem("The Redis of the log is a replica.", "Point REDIS_LOG_URL to the primary.")
        if settings.ENGINE_ALLOW_VOLATILE_REDIS:
            yield warning("ENGINE_ALLOW_VOLATILE_REDIS is on.", "Unset it: it is for tests.")
        if _setting(client, "appendonly") != "yes":
            yield Problem("The Redis of the log does not persist.", "Set appendonly yes in its configuration.")
        if (policy := _setting(client, "maxmemory-policy")) != "noeviction":
            yield Problem(f"The Redis of the log evicts keys ({policy}).", "Set maxmemory-policy noeviction.")
        info = client.info()
        if info.get("aof_last_write_status", "ok") != "ok":
            yield Problem("The Redis of the log cannot write its append-only file.", "Look at its disk and its log.")
        limit = info.get("maxmemory", 0)
        if limit and info["used_memory"] > 0.8 * limit:
            yield Problem(
                "The Redis of the log has used 80 % of its memory.", "Raise maxmemory, or see who lags behind."
            )
    except RedisError as error:
        yield _away("REDIS_LOG_URL", error)
    finally:
        client.close()


@check("redis of the rest")
def redis_fan() -> Iterator[Problem]:
    client: Any = fan_client()
    try:
        yield from _reachable("REDIS_FAN_URL", client)
        yield from _version(client)
        same = settings.REDIS_FAN_URL.rpartition("/")[0] == settings.REDIS_LOG_URL.rpartition("/")[0]
        if same and not settings.DEMO_MODE:
            yield Problem(
                "One Redis serves the log and everything else.",
                "Give REDIS_FAN_URL a server of its own: a flood of cache entries must not stop the log.",
            )
    except RedisError as error:
        yield _away("REDIS_FAN_URL", error)
    finally:
        client.close()


def _reachable(name: str, client: Any) -> Iterator[Problem]:
    client.ping()
    yield from ()


def _away(name: str, error: RedisError) -> Problem:
    text = " ".join(str(error).split())[:150]
    return Problem(f"The Redis of {name} does not answer: {text}", f"Start it, or correct {name}.")


def _version(client: Any) -> Iterator[Problem]:
    text = str(client.info("server").get("redis_version", "0.0"))
    if tuple(int(part) for part in text.split(".")[:2]) < OLDEST_REDIS:
        yield Problem(f"Redis is {text}.", "Use Redis 7.0 or newer, or Valkey.")


def _setting(client: Any, name: str) -> str:
    try:
        return str(client.config_get(name).get(name))
    except ResponseError:
        return "not readable"


@check("postgresql")
def postgresql() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        major = int(cursor.fetchone()[0]) // 10_000
        if not OLDEST_POSTGRES <= major <= NEWEST_POSTGRES:
            yield Problem(
                f"PostgreSQL is {major}.",
                f"Use PostgreSQL {OLDEST_POSTGRES} to {NEWEST_POSTGRES}; others are not tested.",
            )
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            cursor.execute("SELECT current_setting(%s)", [name])
            value = cursor.fetchone()[0]
            if value == "off":
                yield Problem(
                    f"PostgreSQL runs with {name} = off.", f"Set {name} = on: the log is trimmed behind its commits."
                )
        cursor.execute("SHOW server_encoding")
        if (encoding := cursor.fetchone()[0]) != "UTF8":
            yield Problem(f"The database is encoded in {encoding}.", "Make it anew with -E UTF8 and restore a dump.")
        cursor.execute("SHOW max_connections")
        if (most := int(cursor.fetchone()[0])) < MIN_CONNECTIONS:
            yield Problem(f"PostgreSQL takes {most} connections.", f"Set max_connections to {MIN_CONNECTIONS} or more.")
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            yield Problem("This PostgreSQL is a standby.", "Point DATABASE_URL to the primary.")
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0] and not settings.DEMO_MODE:
            yield Problem(
                "We are a superuser of the database.",
                "Make a role of its own: the audit log's triggers bind only those.",
            )


@check("database triggers")
def triggers() -> Iterator[Problem]:
    """What keeps the audit log append-only is on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger "
            "WHERE tgrelid = to_regclass('accounts_auditentry') AND NOT tgisinternal"
        )
        found = dict(cursor.fetchall())
    for name in ("stays", "stays_whole", "follows"):
        if found.get(name) not in ("O", "A"):
            yield Problem(
                f"The trigger {name} of the audit log is {'off' if name in found else 'missing'}.",
                "Find out who did it (audit verify), then: ALTER TABLE accounts_auditentry ENABLE TRIGGER ALL.",
            )
