"""Who has what: available and locked units per account and asset.

Every row that a command changes is noted once (`touched`). When the command is done, `changes` turns the noted rows
into events and proves, per asset, that the command created and destroyed nothing (invariants I1 and I2).
"""

from matching.messages import BalanceChanged, Event

HOUSE_ACCOUNT_ID = 1
FEES_ACCOUNT_ID = 2


class InvariantBroken(AssertionError):
    """The engine found its own state impossible. Nothing of the command may be published."""


class AssetBook:
    """All balances in one asset. `funded_units` is everything that ever entered the venue less what left it."""

    __slots__ = ("decimals", "drift_units", "fees", "funded_units", "rows", "symbol")

    def __init__(self, symbol: str, decimals: int) -> None:
        self.symbol = symbol
        self.decimals = decimals
        self.funded_units = 0
        self.drift_units = 0  # While a command runs: what it added to this asset so far. Between commands always 0.
        self.rows: dict[int, Row] = {}
        self.fees = self.row(FEES_ACCOUNT_ID)

    def row(self, account_id: int) -> "Row":
        """The account's row, made when it is missing."""
        row = self.rows.get(account_id)
        if row is None:
            row = self.rows[account_id] = Row(account_id, self)
        return row


class Row:
    """One account in one asset. Whoever changes it notes it (`Balances.touched`); `settled_units` is what it held, free
    and locked together, when the last command that did so was done."""

    __slots__ = ("account_id", "asset", "available", "locked", "settled_units", "symbol")

    def __init__(self, account_id: int, asset: AssetBook) -> None:
        self.account_id = account_id
        self.asset = asset
        self.symbol = asset.symbol
        self.available = 0
        self.locked = 0
        self.settled_units = 0


class Balances:
    """Every asset's rows, and those the running command changes, in the order in which it touched them first."""

    __slots__ = ("assets", "touched")

    def __init__(self) -> None:
        self.assets: dict[str, AssetBook] = {}
        self.touched: dict[Row, None] = {}  # A dict, not a set: its order is the same in every process.

    def touch(self, row: Row) -> None:
        """Note a row that changes."""
        self.touched[row] = None

    def lock(self, row: Row, units: int) -> None:
        """Move units from available to locked; the caller has already checked the funds."""
        assert 0 < units <= row.available, "lock() before the balance check"
        self.touched[row] = None
        row.available -= units
        row.locked += units

    def unlock(self, row: Row, units: int) -> None:
        """Give reserved units back."""
        assert 0 < units <= row.locked, "unlock() of more than is locked"
        self.touched[row] = None
        row.locked -= units
        row.available += units

    def changes(self, events: list[Event]) -> None:
        """Add an event for every touched row, in the order of their first touch; then a clean slate for the next.

        Raises InvariantBroken when a row went negative or an asset's total moved without funding.
        """
        touched, tell = self.touched, events.append
        if not touched:
            return
        for row in touched:
            available, locked = row.available, row.locked
            if available | locked < 0:  # Either of them.
                raise InvariantBroken(f"account {row.account_id} has negative {row.symbol}")
            gained = available + locked - row.settled_units
            if gained:
                row.settled_units += gained
                row.asset.drift_units += gained
            tell(BalanceChanged(row.account_id, row.symbol, available, locked))
        for row in touched:
            if row.asset.drift_units:
                raise InvariantBroken(f"{row.asset.drift_units} units of {row.symbol} from nowhere")
        self.touched = {}
