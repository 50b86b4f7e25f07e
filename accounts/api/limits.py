"""The account's share of the rate limits, for the fast lane and DRF alike, once it is proved who asks."""

from collections.abc import MutableMapping
from typing import Any

from accounts.principal import Principal
from exchange_site.kernel import rate_limits
from exchange_site.kernel.client_address import address_of
from exchange_site.kernel.rate_limits import Rate
from exchange_site.kernel.request_limits import account_rate, address_bucket, address_rate, count_account, too_many
from exchange_site.kernel.weights import weight_of


def count_request(scope: MutableMapping[str, Any], principal: Principal, path: str, body: Any) -> None:
    """Raises ApiError TOO_MANY_REQUESTS with Retry-After; nothing was executed then."""
    allowance = principal.allowance
    count_account(
        scope,
        principal.account_id,
        allowance.account_per_minute,
        weight_of(path, body),
        principal.key_id,
        allowance.key_per_minute,
    )


class CommandMeter:
    """The rules of `count_request`, address first, for the many commands of one log-on: everything is looked up once.

    What it knows of tiers is as old as `principal`; whoever keeps it makes a new one when that changes.
    """

    def __init__(self, scope: MutableMapping[str, Any], principal: Principal) -> None:
        allowance = principal.allowance
        self.limiter = rate_limits.shared()
        self._address = address_bucket(address_of(scope)), address_rate()
        self._spares_address = not allowance.counts_for_address
        self._others: list[tuple[str, Rate, str]] = []
        if principal.key_id is not None and allowance.key_per_minute is not None:
            per_key = rate_limits.per_minute(allowance.key_per_minute)
            self._others.append((f"k:{principal.key_id}", per_key, "key"))
        per_account = account_rate(allowance.account_per_minute)
        self._others.append((f"a:{principal.account_id}", per_account, "account"))

    def count(self, path: str, body: Any) -> None:
        """One command that stands for a request to `path`. Raises ApiError TOO_MANY_REQUESTS."""
        spend = self.limiter.spend
        bucket, rate = self._address
        if not self._spares_address or self.limiter.overdrawn(bucket, rate):
            usage = spend(bucket, rate, weight_of(path))
            if usage.wait_s > 0:
                raise too_many(usage, "address")
        weight = weight_of(path, body)
        for bucket, rate, whose in self._others:
            usage = spend(bucket, rate, weight)
            if usage.wait_s > 0:
                raise too_many(usage, whose)
