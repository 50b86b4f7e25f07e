"""What a transaction of the db writer changes, and the names a projection looks up. Pure data.

Rows are plain tuples in the column order that `tables` names; moments (`at`) are ISO text, made once an outcome.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from marketdata.klines import TickRun

IcebergLevels = dict[int, set[tuple[str, int]]]
"""By market: side and price in ticks of the levels at which an iceberg rests (or did, since this was read)."""


class UnknownName(Exception):
    """An outcome names an asset or market that the database does not have. Writing must stop: rows would be lost."""


class MarketRef(NamedTuple):
    """Primary keys of a market and its assets, and the numbers that rows need; `fee_version` as of the checkpoint."""

    id: int
    base_id: int
    quote_id: int
    base_units_per_lot: int
    step_size: Decimal = Decimal(1)
    fee_version: int = 1


class References(Protocol):
    """Names to primary keys. Both functions raise UnknownName."""

    iceberg_levels: IcebergLevels

    def market(self, symbol: str) -> MarketRef: ...

    def asset_id(self, symbol: str) -> int: ...


@dataclass(slots=True)
class OrderUpdate:
    """Later news of an order; None leaves a column as it is."""

    executed_lots: int | None = None
    executed_quote_units: int | None = None
    status: str | None = None
    end_reason: str | None = None
    updated_at: str = ""


@dataclass(slots=True)
class Figures:
    """Where a market stands; None means unchanged."""

    book_update_id: int | None = None
    last_trade_id: int | None = None
    last_price_ticks: int | None = None
    last_trade_at: str | None = None


@dataclass(slots=True)
class Changes:
    """Everything that consecutive outcomes do to the database, and the position afterwards.

    `orders` has the rows that are known whole. Those named in `viewed` have the columns of terms as well and may be in
    the database already; the others are new and plain.
    """

    n: int
    seq: int
    at_ms: int
    outcomes: int = 0
    orders: dict[int, list[Any]] = field(default_factory=dict)
    viewed: set[int] = field(default_factory=set)
    order_updates: dict[int, OrderUpdate] = field(default_factory=dict)
    fills: list[tuple[Any, ...]] = field(default_factory=list)
    older_fills: list[tuple[Any, ...]] = field(default_factory=list)  # Their orders' client ids are in the database.
    trades: list[tuple[Any, ...]] = field(default_factory=list)
    postings: list[tuple[Any, ...]] = field(default_factory=list)
    balances: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    steps: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)  # Event and moment of each balance.
    ticks: TickRun = field(default_factory=TickRun)
    figures: dict[int, Figures] = field(default_factory=dict)
    markets: dict[int, dict[str, Any]] = field(default_factory=dict)  # Columns of Market that changed.
    fee_versions: dict[int, int] = field(default_factory=dict)  # By market, where its schedule changed.
    statements: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)  # Rare news, one after the other.
    indications: dict[int, tuple[Any, ...]] = field(default_factory=dict)  # By market: the auction's newest.
    cancel_after: dict[int, str | None] = field(default_factory=dict)  # By account: when its orders are cancelled.
    visible: dict[tuple[int, str, int], int] = field(default_factory=dict)  # Lots of levels with icebergs.
    iceberg_levels: IcebergLevels = field(default_factory=dict)  # Those there are afterwards.
