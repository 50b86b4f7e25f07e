"""Does the ledger add up, and do the tables around it say the same? Everything here is SQL on one snapshot.

`seq` bounds the work: events up to it were proven by an earlier comparison, 0 means everything. It must be where a
transaction of the db writer ended, because only there all steps of balances are of one moment. Differences are told to
the report as a sentence with both figures; the caller's transaction must not see writes in between.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

from trading.ledger import view

MAX_ROWS = 200
Differ = Callable[[str], None]

_ENTRIES = view.entries(bounded=True)
# What an account should have: its last step until `seq`, and everything that moved it since.
_SUMS = f"""
WITH moved AS (SELECT account_id, asset_id, sum(units) AS units FROM ({_ENTRIES}) e GROUP BY 1, 2),
known AS (
    SELECT account_id, asset_id FROM accounts_balance UNION
    SELECT account_id, asset_id FROM moved WHERE account_id <> 3
)
SELECT k.account_id, a.symbol,
       COALESCE(base.units, 0) + COALESCE(moved.units, 0) AS ledger, COALESCE(b.available_units + b.locked_units, 0)
FROM known k JOIN marketdata_asset a ON a.id = k.asset_id
LEFT JOIN moved USING (account_id, asset_id) LEFT JOIN accounts_balance b USING (account_id, asset_id)
LEFT JOIN LATERAL (
    SELECT s.available_units + s.locked_units AS units FROM accounts_balancestep s
    WHERE s.account_id = k.account_id AND s.asset_id = k.asset_id AND s.seq <= %(seq)s AND %(seq)s > 0
    ORDER BY s.seq DESC LIMIT 1
) base ON true
WHERE COALESCE(base.units, 0) + COALESCE(moved.units, 0) <> COALESCE(b.available_units + b.locked_units, 0)
ORDER BY 1, 2 LIMIT %(limit)s
"""  # noqa: S608 - our own words
_UNBALANCED = f"""
SELECT seq, asset_id, sum(units) FROM ({_ENTRIES}) e GROUP BY 1, 2 HAVING sum(units) <> 0 ORDER BY 1, 2 LIMIT %(limit)s
"""  # noqa: S608 - our own words
_STEPS = """
SELECT b.account_id, a.symbol, b.available_units, b.locked_units, s.available_units, s.locked_units
FROM accounts_balance b JOIN marketdata_asset a ON a.id = b.asset_id
LEFT JOIN LATERAL (
    SELECT available_units, locked_units FROM accounts_balancestep s
    WHERE s.account_id = b.account_id AND s.asset_id = b.asset_id ORDER BY s.seq DESC LIMIT 1
) s ON true
WHERE (b.available_units, b.locked_units) IS DISTINCT FROM (s.available_units, s.locked_units)
ORDER BY 1, 2 LIMIT %(limit)s
"""
# Each step against everything that had happened by then, from the beginning: one walk through the whole ledger.
_EVERY_STEP = f"""
WITH story AS (
    SELECT account_id, asset_id, seq, 0 AS is_step, units, NULL::bigint AS total FROM ({_ENTRIES}) e
    UNION ALL SELECT account_id, asset_id, seq, 1, 0, available_units + locked_units FROM accounts_balancestep
), walked AS (
    SELECT *, sum(units) OVER (PARTITION BY account_id, asset_id ORDER BY seq, is_step) AS ledger FROM story
)
SELECT account_id, a.symbol, seq, total, ledger FROM walked JOIN marketdata_asset a ON a.id = asset_id
WHERE is_step = 1 AND total <> ledger ORDER BY seq, account_id LIMIT %(limit)s
"""  # noqa: S608 - our own words
# Both sides of a trade and its row on the tape, and the amount that price and quantity make.
_TRADES = """
SELECT COALESCE(t.seq, f.id / 2), f.id, m.symbol,
       ARRAY[t.market_id, t.trade_id, t.price_ticks, t.quantity_lots, t.quote_units,
             CASE WHEN f.is_maker THEN t.maker_order_id ELSE t.taker_order_id END]::text,
       ARRAY[f.market_id, f.trade_id, f.price_ticks, f.quantity_lots, f.quote_units, f.order_id]::text
FROM (SELECT * FROM marketdata_trade WHERE seq > %(seq)s) t
FULL JOIN (
    SELECT * FROM trading_fill
    WHERE id > GREATEST(%(seq)s::bigint * 2 + 1, (SELECT COALESCE(min(seq), 0) * 2 - 1 FROM marketdata_trade))
) f ON f.id / 2 = t.seq
LEFT JOIN marketdata_market m ON m.id = COALESCE(t.market_id, f.market_id)
WHERE t.seq IS NULL OR f.id IS NULL
   OR (t.market_id, t.trade_id, t.price_ticks, t.quantity_lots, t.quote_units,
       CASE WHEN f.is_maker THEN t.maker_order_id ELSE t.taker_order_id END, t.buyer_is_maker)
      <> (f.market_id, f.trade_id, f.price_ticks, f.quantity_lots, f.quote_units, f.order_id,
          (f.side = 'Bid') = f.is_maker)
ORDER BY 1 LIMIT %(limit)s
"""
_SIDES = """
SELECT f.id / 2, min(m.symbol), count(*) FROM trading_fill f LEFT JOIN marketdata_market m ON m.id = f.market_id
WHERE f.id > %(seq)s::bigint * 2 + 1 GROUP BY 1 HAVING count(*) <> 2 ORDER BY 1 LIMIT %(limit)s
"""
_AMOUNTS = """
SELECT f.id, m.symbol, f.quote_units,
       f.price_ticks * f.quantity_lots * (m.tick_size * m.step_size * 10::numeric ^ q.decimals)::bigint
FROM trading_fill f JOIN marketdata_market m ON m.id = f.market_id JOIN marketdata_asset q ON q.id = m.quote_id
WHERE f.id > %(seq)s::bigint * 2 + 1
  AND f.quote_units <> f.price_ticks * f.quantity_lots * (m.tick_size * m.step_size * 10::numeric ^ q.decimals)::bigint
ORDER BY 1 LIMIT %(limit)s
"""
_ORDERS = """
SELECT o.id, o.executed_lots, o.executed_quote_units, sum(f.quantity_lots), sum(f.quote_units)
FROM (SELECT DISTINCT order_id FROM trading_fill WHERE id > %(seq)s::bigint * 2 + 1) touched
JOIN trading_order o ON o.id = touched.order_id JOIN trading_fill f ON f.order_id = o.id
GROUP BY o.id HAVING o.executed_lots <> sum(f.quantity_lots) OR o.executed_quote_units <> sum(f.quote_units)
ORDER BY 1 LIMIT %(limit)s
"""


def check_ledger(differ: Differ, seq: int) -> None:
    """Ledger against balances, legs against each other, trades against fills and orders, after event `seq`."""
    for account_id, symbol, ledger, balance in _rows(_SUMS, seq):
        differ(f"account {account_id} {symbol}: the ledger has {ledger}, the balance {balance}")
    for event, asset_id, total in _rows(_UNBALANCED, seq):
        differ(f"postings of event {event} in asset {asset_id} sum to {total}, not to 0")
    for account_id, symbol, available, locked, was_available, was_locked in _rows(_STEPS, seq):
        differ(
            f"account {account_id} {symbol}: the last step has {was_available} available and {was_locked} locked, "
            f"the balance {available} and {locked}"
        )
    for account_id, symbol, event, total, ledger in _rows(_EVERY_STEP, seq) if seq == 0 else ():
        differ(f"account {account_id} {symbol} step at event {event}: it has {total}, the ledger until then {ledger}")
    _check_trades(differ, seq)


def _check_trades(differ: Differ, seq: int) -> None:
    for event, fill_id, symbol, trade, fill in _rows(_TRADES, seq):
        if fill_id is None:
            differ(f"trade {event} {symbol}: it has no fills")
        else:
            differ(f"trade {event} {symbol}: the trade has {trade}, fill {fill_id} has {fill}")
    for event, symbol, sides in _rows(_SIDES, seq):
        differ(f"trade {event} {symbol}: it has {sides} of its 2 fills")
    for fill_id, symbol, kept, product in _rows(_AMOUNTS, seq):
        differ(f"fill {fill_id} {symbol}: it has an amount of {kept}, price times quantity is {product}")
    for order_id, lots, quote_units, filled_lots, filled_quote in _rows(_ORDERS, seq):
        differ(
            f"order {order_id}: the order has executed {lots} lots for {quote_units}, "
            f"its fills {filled_lots} for {filled_quote}"
        )


def _rows(statement: str, seq: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"seq": seq, "limit": MAX_ROWS})
        return list(cursor.fetchall())
