"""The account's share of the rate limits, for the fast lane and DRF alike, once it is proved who asks."""

from collections.abc import MutableMapping
from typing import Any

from accounts.principal import Principal
from exchange_site.kernel.request_limits import count_account
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
