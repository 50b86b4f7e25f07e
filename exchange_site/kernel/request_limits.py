"""What one request is counted against: first the address it comes from, then the account it proves to act for.

The count travels with the ASGI scope, so that the answer's headers can tell whatever was counted last.
"""

from collections.abc import MutableMapping
from typing import Any

from django.conf import settings

from exchange_site.kernel import rate_limits
from exchange_site.kernel.client_address import address_of
from exchange_site.kernel.errors import TOO_MANY_REQUESTS, ApiError
from exchange_site.kernel.rate_limits import Rate, RateLimiter, Usage
from exchange_site.kernel.weights import FORGED

Scope = MutableMapping[str, Any]
COUNT = "exchange.count"


class RequestCount:
    """`usage` is None until something was counted. `spared`: the address was not charged, because a key of a tier that
    need not be was claimed; unless that is `proved`, it is charged in the end, and for a forgery all the more."""

    __slots__ = ("address", "proved", "spared", "usage")

    def __init__(self, address: str) -> None:
        self.address = address
        self.usage: Usage | None = None
        self.spared = False
        self.proved = False

    def headers(self) -> list[tuple[bytes, bytes]]:
        usage = self.usage
        if usage is None:
            return []
        return [
            (b"x-ratelimit-limit", b"%d" % usage.limit),
            (b"x-ratelimit-remaining", b"%d" % usage.remaining),
            (b"x-ratelimit-reset", b"%d" % usage.full_in_s),
        ]


def address_rate() -> Rate:
    return rate_limits.per_minute(settings.RATE_LIMIT_ADDRESS_PER_MINUTE)


def address_bucket(address: str) -> str:
    return f"i:{address}"


def account_rate(per_minute: int | None) -> Rate:
    return rate_limits.per_minute(settings.RATE_LIMIT_ACCOUNT_PER_MINUTE if per_minute is None else per_minute)


def too_many(usage: Usage, whose: str) -> ApiError:
    message = f"Too many requests of this {whose}: at most {usage.limit} a minute"
    return ApiError(TOO_MANY_REQUESTS, message, {}, {"Retry-After": str(usage.wait_s)})


def count_address(scope: Scope, weight: int, *, spare: bool) -> RequestCount:
    """The first count of a request. Raises ApiError when the address has asked too much."""
    limiter = rate_limits.shared()
    count = scope[COUNT] = RequestCount(address_of(scope))
    bucket, rate = address_bucket(count.address), address_rate()
    if spare and not limiter.overdrawn(bucket, rate):
        count.spared = True
        return count
    count.usage = limiter.spend(bucket, rate, weight)
    if count.usage.refused:
        raise too_many(count.usage, "address")
    return count


def charge_unproved(count: RequestCount, *, forged: bool) -> None:
    """The key that spared the address was not proved to be the sender's: nobody asked, or the proof was false."""
    limiter, bucket, rate = rate_limits.shared(), address_bucket(count.address), address_rate()
    limiter.charge(bucket, rate, FORGED if forged else 1)
    count.usage = limiter.look(bucket, rate)


def count_account(
    scope: Scope, account_id: int, per_minute: int | None, weight: int, key_id: int | None, key_per_minute: int | None
) -> None:
    """The second count, of whoever was proved to ask. Raises ApiError; what a key is refused its account keeps."""
    limiter = rate_limits.current()
    count = scope.get(COUNT)
    if limiter is None or count is None:
        return  # A caller inside the house: a test of a view, a command.
    count.proved = True
    if key_id is not None and key_per_minute is not None:
        _spend(limiter, count, f"k:{key_id}", rate_limits.per_minute(key_per_minute), weight, "key")
        of_key = count.usage
        _spend(limiter, count, f"a:{account_id}", account_rate(per_minute), weight, "account")
        count.usage = of_key
    else:
        _spend(limiter, count, f"a:{account_id}", account_rate(per_minute), weight, "account")


def _spend(limiter: RateLimiter, count: RequestCount, bucket: str, rate: Rate, weight: int, whose: str) -> None:
    count.usage = limiter.spend(bucket, rate, weight)
    if count.usage.refused:
        raise too_many(count.usage, whose)
