"""Signed requests that count only once (S12): those that let money leave, and log-ons of the order socket.

Whoever sees a signed request can send it again within its window. For orders that is the public API's own rule, and
clients rely on it (`docs/decisions`); what takes money away is remembered until its window is over.
"""

import base64
import hashlib
import logging

import redis
from redis.exceptions import RedisError

from accounts.signing.verify import Signed
from exchange_site.kernel.errors import MAINTENANCE, UNAUTHORIZED, ApiError
from exchange_site.kernel.redis_client import blocking_limits_client
from exchange_site.kernel.redis_names import signed_once

log = logging.getLogger(__name__)

ONCE = frozenset({("POST", "/wapi/v1/capital/withdrawals")})
MARGIN_MS = 1_000

_client: "redis.Redis | None" = None


def demand_first_use(method: str, path: str, signed: Signed) -> None:
    """Call it when the signature has been checked. Raises ApiError: a repetition, or nobody can remember now."""
    if (method, path) in ONCE:
        demand_new(signed)


def demand_new(signed: Signed) -> None:
    """As `demand_first_use`, of whatever was signed. Asks Redis, so not on an event loop."""
    # The signature's bytes, not its text: base64 has several spellings of one value, Ed25519 only one of a signature.
    digest = hashlib.sha256(signed.public_key.encode() + base64.b64decode(signed.signature)).hexdigest()
    keep_ms = 2 * int(signed.window) + MARGIN_MS  # A timestamp may lie one window ahead, and is good for one after it.
    try:
        first = _remember(signed_once(digest), keep_ms)
    except RedisError as error:
        log.warning("Signed requests cannot be remembered: %s", error)
        message = "Repetitions cannot be told at the moment; nothing was executed"
        raise ApiError(MAINTENANCE, message, {"executed": False}, {"Retry-After": "1"}) from error
    if not first:
        raise ApiError(UNAUTHORIZED, "This signed request has been used already; sign a new one")


def _remember(name: str, keep_ms: int) -> bool:
    global _client
    if _client is None:
        _client = blocking_limits_client()
    return bool(_client.set(name, b"1", nx=True, px=keep_ms))


def forget_connection() -> None:
    """For tests that change where Redis is."""
    global _client
    _client = None
