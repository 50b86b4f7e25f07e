"""Tables and columns the db writer fills, in the order of the projector's tuples, and the SQL made of them once."""

from typing import NamedTuple


class Table(NamedTuple):
    """A table that only ever gains rows keyed by the engine's numbers."""

    name: str
    columns: tuple[str, ...]
    key: str = "id"
    stage_suffix: str = ""

    @property
    def stage(self) -> str:
        return f"stage_{self.name}{self.stage_suffix}"

    def copy(self, target: str) -> str:
        return f"COPY {target} ({', '.join(self.columns)}) FROM STDIN"

    def create_stage(self) -> str:
        return f"CREATE TEMP TABLE {self.stage} (LIKE {self.name}) ON COMMIT DROP"

    def insert_from_stage(self) -> str:
        """Rows that exist already are what this would write, so they stay."""
        columns = ", ".join(self.columns)
        key = f" ({self.key})" if self.key else ""
        return (
            f"INSERT INTO {self.name} ({columns}) SELECT {columns} FROM {self.stage} "  # noqa: S608 - names from here
            f"ON CONFLICT{key} DO NOTHING"
        )

    def upsert_from_stage(self, kept: tuple[str, ...]) -> str:
        """Rows that exist already get the new values, except in the columns `kept`."""
        columns = ", ".join(self.columns)
        changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in self.columns if name not in (self.key, *kept))
        return (
            f"INSERT INTO {self.name} ({columns}) SELECT {columns} FROM {self.stage} "  # noqa: S608 - names from here
            f"ON CONFLICT ({self.key}) DO UPDATE SET {changed}"
        )


ORDERS = Table(
    "trading_order",
    (
        "id",
        "account_id",
        "market_id",
        "side",
        "order_type",
        "status",
        "price_ticks",
        "quantity_lots",
        "quote_units",
        "executed_lots",
        "executed_quote_units",
        "time_in_force",
        "post_only",
        "self_trade_prevention",
        "client_id",
        "end_reason",
        "created_at",
        "updated_at",
        "n",
        "fee_version",
        "ahead_lots",
    ),
)
KEPT_OF_VIEWED = ("created_at", "n", "ahead_lots")  # What a later view of a known order does not replace.
VIEWED_ORDERS = Table(
    ORDERS.name,
    (
        *ORDERS.columns,
        "trigger_price_ticks",
        "trailing_ticks",
        "fires_above",
        "triggered_at",
        "expires_at",
        "display_lots",
        "stop_loss_trigger_ticks",
        "stop_loss_price_ticks",
        "take_profit_trigger_ticks",
        "take_profit_price_ticks",
        "slippage_ticks",
        "slippage_ppm",
        "related_order_id",
    ),
    stage_suffix="_viewed",
)
FILLS = Table(
    "trading_fill",
    (
        "id",
        "account_id",
        "market_id",
        "order_id",
        "client_id",
        "trade_id",
        "side",
        "price_ticks",
        "quantity_lots",
        "quote_units",
        "fee_units",
        "fee_asset_id",
        "is_maker",
        "at",
    ),
)
TRADES = Table(
    "marketdata_trade",
    (
        "seq",
        "market_id",
        "trade_id",
        "at",
        "price_ticks",
        "quantity_lots",
        "quote_units",
        "buyer_is_maker",
        "maker_order_id",
        "taker_order_id",
    ),
    key="",  # Whichever it has: with the time in it where the table is divided by time (marketdata.storage).
)
POSTINGS = Table(
    "accounts_ledgerposting",
    ("id", "seq", "at", "kind", "account_id", "asset_id", "units", "reference"),
)

SELECT_CLIENT_IDS = "SELECT id, client_id FROM trading_order WHERE id = ANY(%s::bigint[]) AND client_id IS NOT NULL"

CREATE_ORDER_STAGE = """
CREATE TEMP TABLE stage_order_update (
    id bigint, executed_lots bigint, executed_quote_units bigint, status text, end_reason text, updated_at timestamptz
) ON COMMIT DELETE ROWS
"""
COPY_ORDER_UPDATES = """
COPY stage_order_update (id, executed_lots, executed_quote_units, status, end_reason, updated_at) FROM STDIN
"""
UPDATE_ORDERS = """
UPDATE trading_order o SET
    executed_lots = COALESCE(s.executed_lots, o.executed_lots),
    executed_quote_units = COALESCE(s.executed_quote_units, o.executed_quote_units),
    status = s.status,
    end_reason = COALESCE(s.end_reason, o.end_reason),
    updated_at = s.updated_at
FROM stage_order_update s WHERE o.id = s.id
"""

CREATE_BALANCE_STAGE = """
CREATE TEMP TABLE stage_balance (
    account_id bigint, asset_id bigint, available_units bigint, locked_units bigint, seq bigint, at timestamptz
) ON COMMIT DELETE ROWS
"""
COPY_BALANCES = "COPY stage_balance (account_id, asset_id, available_units, locked_units, seq, at) FROM STDIN"
UPSERT_BALANCES = """
INSERT INTO accounts_balance (account_id, asset_id, available_units, locked_units)
SELECT account_id, asset_id, available_units, locked_units FROM stage_balance
ON CONFLICT (account_id, asset_id) DO UPDATE SET
    available_units = EXCLUDED.available_units, locked_units = EXCLUDED.locked_units
"""

INSERT_STEPS = """
INSERT INTO accounts_balancestep (account_id, asset_id, seq, at, available_units, locked_units)
SELECT account_id, asset_id, seq, at, available_units, locked_units FROM stage_balance ON CONFLICT DO NOTHING
"""

CANDLES_ARE_KEPT = "SELECT relkind <> 'v' FROM pg_class WHERE oid = 'marketdata_kline'::regclass"
SELECT_CANDLES = """
SELECT k.market_id, k.interval, k.start, k.open_ticks, k.high_ticks, k.low_ticks, k.close_ticks, k.volume_lots,
       k.quote_units, k.trades, k.last_seq
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS wanted (market_id, interval, start)
JOIN marketdata_kline k ON (k.market_id, k.interval, k.start) = (wanted.market_id, wanted.interval, wanted.start)
"""
UPSERT_CANDLES = """
INSERT INTO marketdata_kline (market_id, interval, start, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots,
                              quote_units, trades, last_seq)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[],
                     %s::bigint[], %s::bigint[], %s::numeric[], %s::bigint[], %s::bigint[])
ON CONFLICT (market_id, interval, start) DO UPDATE SET
    high_ticks = EXCLUDED.high_ticks, low_ticks = EXCLUDED.low_ticks, close_ticks = EXCLUDED.close_ticks,
    volume_lots = EXCLUDED.volume_lots, quote_units = EXCLUDED.quote_units, trades = EXCLUDED.trades,
    last_seq = EXCLUDED.last_seq
"""

UPSERT_FIGURES = """
INSERT INTO marketdata_marketfigures AS f
    (market_id, book_update_id, last_trade_id, last_price_ticks, last_trade_at)
SELECT market_id, COALESCE(update_id, 0), COALESCE(trade_id, 0), price_ticks, at
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])
    AS news (market_id, update_id, trade_id, price_ticks, at)
ON CONFLICT (market_id) DO UPDATE SET
    book_update_id = CASE WHEN EXCLUDED.book_update_id > 0 THEN EXCLUDED.book_update_id ELSE f.book_update_id END,
    last_trade_id = CASE WHEN EXCLUDED.last_trade_id > 0 THEN EXCLUDED.last_trade_id ELSE f.last_trade_id END,
    last_price_ticks = COALESCE(EXCLUDED.last_price_ticks, f.last_price_ticks),
    last_trade_at = COALESCE(EXCLUDED.last_trade_at, f.last_trade_at)
"""

CREATE_CHECKPOINT = """
INSERT INTO trading_checkpoint (name, n, seq, chain, at_ms) VALUES (%s, 0, 0, %s, 0) ON CONFLICT (name) DO NOTHING
"""
READ_CHECKPOINT = "SELECT n, seq, chain FROM trading_checkpoint WHERE name = %s"
ADVANCE_CHECKPOINT = """
UPDATE trading_checkpoint SET n = %s, seq = %s, chain = %s, at_ms = %s WHERE name = %s AND n = %s
"""
