"""Who should be running: engine, writer, feeds, Celery."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from exchange_site.kernel import redis_names
from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.redis_client import fan_client, log_client
from exchange_site.ops.doctor.checks import Problem, check, warning
from matching.client.blocking import engine_position

START = "Start it, and look at its log: ./exchange logs NAME"
FAR_BEHIND = 20_000


@check("engine")
def engine() -> Iterator[Problem]:
    at = engine_position()
    if not at:
        yield Problem("No engine has ever led on this Redis.", START.replace("NAME", "engine"))
        return
    if int(at.get("lease_until_ms", "0")) <= now_ms():
        yield Problem("No engine leads.", START.replace("NAME", "engine"))
    elif at.get("status") != "open":
        yield Problem(f"The engine is {at.get('status')}.", "See docs/runbook.md, The engine: leader and standby.")
    ahead_ms = int(at.get("ahead_ms") or 0)
    if abs(ahead_ms) > 1_000:
        yield Problem(
            f"The log's time is {ahead_ms / 1000:+.1f} s off the clock.",
            "Set the clock; the log follows slowly by itself.",
        )


@check("database writer")
def writer() -> Iterator[Problem]:
    at = engine_position()
    behind = int(at.get("n", "0")) - int(at.get("db_n", "0"))
    if behind > FAR_BEHIND:
        yield Problem(f"The database is {behind} outcomes behind the engine.", START.replace("NAME", "db_writer"))


@check("feeds")
def feeds() -> Iterator[Problem]:
    client: Any = fan_client()
    try:
        for name, stream in (("market_feed", redis_names.MARKET_FEED), ("user_feed", redis_names.USER_FEED)):
            if not client.exists(redis_names.feed_lease(stream)):
                yield Problem(f"No {name} runs, so pages and sockets stand still.", START.replace("NAME", name))
    finally:
        client.close()


@check("celery")
def celery() -> Iterator[Problem]:
    from exchange_site.celery import app

    try:
        answers = app.control.ping(timeout=2)
    except (RedisError, OSError) as error:
        yield Problem(f"Celery's broker does not answer: {error}", "Start the Redis of REDIS_FAN_URL.")
        return
    if not answers:
        yield Problem("No Celery worker answers.", START.replace("NAME", "celery_worker"))


@check("redis streams")
def streams() -> Iterator[Problem]:
    client: Any = log_client()
    try:
        raw = client.hmget(redis_names.ENGINE, "admitted", "processed")
    finally:
        client.close()
    waiting = int(raw[0] or 0) - int(raw[1] or 0)
    if waiting > settings.ENGINE_MAX_BACKLOG // 2:
        yield warning(f"{waiting} commands wait for the engine.", "Look at the engine's figures; orders are shed soon.")
