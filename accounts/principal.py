"""Who a request acts for, however that was proved."""

from dataclasses import dataclass

from exchange_site.kernel.errors import FORBIDDEN, ApiError


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much an account and the key it uses may ask, in units of weight a minute."""

    account_per_minute: int | None = None  # None: the default of the settings.
    key_per_minute: int | None = None  # None: only the account counts.
    counts_for_address: bool = True


@dataclass(frozen=True, slots=True)
class Principal:
    """An account and what may be done with it. A session may do everything, a key what it was given."""

    account_id: int
    user_id: int
    can_read: bool = True
    can_trade: bool = True
    can_withdraw: bool = True
    only_looks: bool = False  # A member of staff who sees the site as its user: nothing may change.
    key_id: int | None = None  # None: a browser session.
    allowance: Allowance = Allowance()

    is_authenticated = True  # What DRF's IsAuthenticated asks.

    @property
    def pk(self) -> int:
        return self.user_id

    def demand(self, scope: str) -> None:
        """Raises ApiError FORBIDDEN unless `scope` (read, trade, withdraw) is allowed."""
        if not {"read": self.can_read, "trade": self.can_trade, "withdraw": self.can_withdraw}[scope]:
            raise ApiError(FORBIDDEN, f"The key lacks the permission to {scope}")
