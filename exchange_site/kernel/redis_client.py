"""Connections to the two Redis roles.

The log must never be retried in silence: redis-py repeats a failed command up to ten times by itself, and a repeated
XADD is a doubled order. So clients of the log have retries switched off and see every broken connection.
"""

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S = 3
LIMITS_TIMEOUT_S = 1


def log_client(socket_timeout_s: int | None = 10) -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_LOG_URL,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
    )


def async_log_client(socket_timeout_s: int | None = 10) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.REDIS_LOG_URL,
        retry=AsyncRetry(NoBackoff(), 0),
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
    )


def fan_client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_FAN_URL, socket_timeout=10, socket_connect_timeout=CONNECT_TIMEOUT_S)


def async_fan_client() -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.REDIS_FAN_URL, socket_timeout=10, socket_connect_timeout=CONNECT_TIMEOUT_S
    )


def limits_client() -> redis.asyncio.Redis:
    """For the rate limits: a store that does not answer at once counts as gone."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_FAN_URL,
        retry=AsyncRetry(NoBackoff(), 0),
        socket_timeout=LIMITS_TIMEOUT_S,
        socket_connect_timeout=LIMITS_TIMEOUT_S,
    )


def blocking_limits_client() -> redis.Redis:
    """As `limits_client`, for threads."""
    return redis.Redis.from_url(
        settings.REDIS_FAN_URL,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=LIMITS_TIMEOUT_S,
        socket_connect_timeout=LIMITS_TIMEOUT_S,
    )
