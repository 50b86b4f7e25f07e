"""Everything that commands change, in one place: balances, markets, orders, accounts' rights, timers, the wallet."""

from matching.core.balances import AssetBook, Balances
from matching.core.markets import Market
from matching.core.orders import Order
from matching.core.timers import Timers

NEWEST_RULES = 2


class Withdrawal:
    """Money reserved for a withdrawal; `fee_units` of it will be the venue's."""

    __slots__ = ("account_id", "asset", "fee_units", "units")

    def __init__(self, account_id: int, asset: AssetBook, units: int, fee_units: int) -> None:
        self.account_id = account_id
        self.asset = asset
        self.units = units
        self.fee_units = fee_units


class Venue:
    """The state of the exchange. `at_ms` is the time of the running command, `fired` how many triggers it has fired.

    `followups` are orders with terms that traded or ended in the running step and may have consequences for others.
    `blocks` holds `(account_id, market symbol or "" for all)`. `wallet_log` remembers the newest wallet commands by
    number.
    """

    __slots__ = (
        "at_ms",
        "balances",
        "blocks",
        "fired",
        "followups",
        "is_halted",
        "last_order_id",
        "markets",
        "open_orders",
        "rules_version",
        "tiers",
        "timers",
        "wallet_log",
        "wallet_number",
        "withdrawals",
    )

    def __init__(self) -> None:
        self.at_ms = 0
        self.rules_version = NEWEST_RULES
        self.last_order_id = 0
        self.balances = Balances()
        self.markets: dict[str, Market] = {}
        self.open_orders: dict[int, Order] = {}
        self.timers = Timers()
        self.is_halted = False
        self.tiers: dict[int, int] = {}
        self.blocks: dict[tuple[int, str], None] = {}
        self.withdrawals: dict[int, Withdrawal] = {}
        self.wallet_number = 0
        self.wallet_log: dict[int, tuple[str, str]] = {}
        self.followups: list[Order] = []
        self.fired = 0
