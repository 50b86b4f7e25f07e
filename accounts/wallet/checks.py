"""Do the wallet's rows say what the engine and the ledger say? SQL on one snapshot; see `trading.reconcile`.

The engine's answers are folded to outcome `n`: what it said later, the ledger of the db writer cannot know yet.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

from accounts.wallet.models import OutboxCommand

MAX_ROWS = 200
Differ = Callable[[str], None]

# A deposit that was credited has one posting, of its amount, to its account; one that was not has none.
_DEPOSITS = """
SELECT d.id, a.symbol, d.state, d.units, d.account_id, p.units, p.account_id
FROM accounts_deposit d
JOIN accounts_assetnetwork w ON w.id = d.network_id JOIN marketdata_asset a ON a.id = w.asset_id
LEFT JOIN accounts_outboxcommand o ON o.key = 'credit:' || d.engine_id AND o.state = 'done'
LEFT JOIN accounts_ledgerposting p ON p.reference = 'deposit:' || d.engine_id AND p.kind = 'deposit' AND p.units > 0
WHERE NOT d.internal AND (o.id IS NULL OR o.outcome_n <= %(n)s)
  AND NOT EXISTS (SELECT FROM accounts_outboxcommand s WHERE s.deposit_id = d.id AND s.state = 'sent')
  AND CASE WHEN d.state IN ('pending', 'crediting') THEN p.id IS NOT NULL
      ELSE (p.units, p.account_id, p.asset_id) IS DISTINCT FROM (d.units, d.account_id, w.asset_id) END
ORDER BY 1 LIMIT %(limit)s
"""
# One that was settled has left its account whole; the engine was asked for just this amount and fee.
_WITHDRAWALS = """
SELECT r.id, r.account_id, a.symbol, r.state, r.units, r.fee_units, (o.command->>'units')::numeric,
       (o.command->>'fee_units')::numeric, -p.units
FROM accounts_withdrawal r
JOIN accounts_assetnetwork w ON w.id = r.network_id JOIN marketdata_asset a ON a.id = w.asset_id
LEFT JOIN accounts_outboxcommand o ON o.key = 'reserve:' || r.engine_id
LEFT JOIN accounts_outboxcommand s ON s.key = 'settle:' || r.engine_id AND s.state = 'done'
LEFT JOIN accounts_ledgerposting p
    ON p.reference = 'withdrawal:' || r.engine_id AND p.account_id = r.account_id AND p.units < 0
    AND p.kind = 'withdraw'
WHERE ((o.command->>'units')::numeric, (o.command->>'fee_units')::numeric, (o.command->>'account_id')::numeric)
       IS DISTINCT FROM (r.units::numeric, r.fee_units::numeric, r.account_id::numeric)
   OR (s.outcome_n <= %(n)s AND (-p.units IS DISTINCT FROM r.units OR r.state <> 'settled'))
   OR (r.state = 'settled' AND s.id IS NULL)
ORDER BY 1 LIMIT %(limit)s
"""
# What a deposit's entries leave in each book is what its row says about chain and engine.
_DEPOSIT_ENTRIES = """
SELECT d.id, a.symbol, d.units, e.hot, e.books, e.waiting, CASE WHEN d.on_chain AND d.block_height IS NOT NULL
       THEN d.units ELSE 0 END, CASE WHEN d.state IN ('credited', 'reversing') THEN -d.units ELSE 0 END
FROM accounts_deposit d
JOIN accounts_assetnetwork w ON w.id = d.network_id JOIN marketdata_asset a ON a.id = w.asset_id
JOIN LATERAL (
    SELECT COALESCE(sum(CASE 'hot' WHEN payee THEN units WHEN payer THEN -units ELSE 0 END), 0) AS hot,
           COALESCE(sum(CASE 'books' WHEN payee THEN units WHEN payer THEN -units ELSE 0 END), 0) AS books,
           COALESCE(sum(CASE WHEN payee IN ('deposits', 'dust') THEN units ELSE 0 END)
                  - sum(CASE WHEN payer IN ('deposits', 'dust') THEN units ELSE 0 END), 0) AS waiting
    FROM accounts_walletentry WHERE deposit_id = d.id
) e ON true
WHERE NOT d.internal AND (
    e.hot <> CASE WHEN d.on_chain AND d.block_height IS NOT NULL THEN d.units ELSE 0 END
    OR (d.state NOT IN ('reversed', 'lost') AND
        e.books <> CASE WHEN d.state IN ('credited', 'reversing') THEN -d.units ELSE 0 END))
ORDER BY 1 LIMIT %(limit)s
"""
_WITHDRAWAL_ENTRIES = """
SELECT r.id, r.account_id, a.symbol, r.state, e.pending, e.sent,
       CASE WHEN r.state IN ('created', 'refused', 'settled', 'released') THEN 0 ELSE r.units END,
       CASE WHEN r.to_account_id IS NULL AND r.state IN ('sent', 'settling', 'settled') THEN r.units - r.fee_units
            ELSE 0 END
FROM accounts_withdrawal r
JOIN accounts_assetnetwork w ON w.id = r.network_id JOIN marketdata_asset a ON a.id = w.asset_id
JOIN LATERAL (
    SELECT COALESCE(sum(CASE 'pending' WHEN payee THEN units WHEN payer THEN -units ELSE 0 END), 0) AS pending,
           COALESCE(sum(units) FILTER (WHERE kind = 'sent'), 0) AS sent
    FROM accounts_walletentry WHERE withdrawal_id = r.id
) e ON true
WHERE e.pending <> CASE WHEN r.state IN ('created', 'refused', 'settled', 'released') THEN 0 ELSE r.units END
   OR e.sent <> CASE WHEN r.to_account_id IS NULL AND r.state IN ('sent', 'settling', 'settled')
                THEN r.units - r.fee_units ELSE 0 END
ORDER BY 1 LIMIT %(limit)s
"""
# Rows that others speak of. Foreign keys keep them; who may do everything in the database can switch those off.
_MISSING = """
SELECT 'withdrawal', o.withdrawal_id, 'command ' || o.key FROM accounts_outboxcommand o
LEFT JOIN accounts_withdrawal r ON r.id = o.withdrawal_id WHERE o.withdrawal_id IS NOT NULL AND r.id IS NULL
UNION ALL SELECT 'deposit', o.deposit_id, 'command ' || o.key FROM accounts_outboxcommand o
LEFT JOIN accounts_deposit d ON d.id = o.deposit_id WHERE o.deposit_id IS NOT NULL AND d.id IS NULL
UNION ALL SELECT 'withdrawal', e.withdrawal_id, 'entry ' || e.key FROM accounts_walletentry e
LEFT JOIN accounts_withdrawal r ON r.id = e.withdrawal_id WHERE e.withdrawal_id IS NOT NULL AND r.id IS NULL
UNION ALL SELECT 'deposit', e.deposit_id, 'entry ' || e.key FROM accounts_walletentry e
LEFT JOIN accounts_deposit d ON d.id = e.deposit_id WHERE e.deposit_id IS NOT NULL AND d.id IS NULL
UNION ALL SELECT 'withdrawal', s.withdrawal_id, 'payment ' || s.transaction_hash FROM accounts_signedpayment s
LEFT JOIN accounts_withdrawal r ON r.id = s.withdrawal_id WHERE r.id IS NULL
ORDER BY 1, 2, 3 LIMIT %(limit)s
"""
_RESERVED = """
SELECT (r.command->>'withdrawal_id')::bigint, (r.command->>'account_id')::bigint, r.command->>'asset',
       (r.command->>'units')::bigint, (r.command->>'fee_units')::bigint
FROM accounts_outboxcommand r
WHERE r.kind = 'reserve' AND r.state = 'done' AND r.outcome_n <= %(n)s AND NOT EXISTS (
    SELECT FROM accounts_outboxcommand e
    WHERE e.withdrawal_id = r.withdrawal_id AND e.kind IN ('settle', 'release') AND e.state = 'done'
      AND e.outcome_n <= %(n)s)
"""


# What the engine owes for coins, and what the wallet's entries stand for, with what the last command may have added.
_BOOKS = """
SELECT a.symbol, COALESCE(e.units, 0), COALESCE(b.units, 0), COALESCE(s.units, 0)
FROM marketdata_asset a
LEFT JOIN (
    SELECT asset_id, -sum(units) AS units FROM accounts_ledgerposting WHERE account_id = 3 GROUP BY 1
) e ON e.asset_id = a.id
LEFT JOIN (
    SELECT asset_id, sum(CASE WHEN payer = 'books' THEN units ELSE -units END) AS units FROM accounts_walletentry
    WHERE 'books' IN (payer, payee) AND (outcome_n IS NULL OR outcome_n <= %(n)s) GROUP BY 1
) b ON b.asset_id = a.id
LEFT JOIN (
    SELECT COALESCE(w.asset_id, d.asset_id, f.id) AS asset_id,
           CASE o.kind WHEN 'credit' THEN dep.units WHEN 'settle' THEN r.fee_units - r.units
           WHEN 'defund' THEN -(o.command->>'units')::bigint ELSE 0 END AS units
    FROM accounts_outboxcommand o
    LEFT JOIN accounts_withdrawal r ON r.id = o.withdrawal_id AND o.kind = 'settle' AND r.to_account_id IS NULL
    LEFT JOIN accounts_assetnetwork w ON w.id = r.network_id
    LEFT JOIN accounts_deposit dep ON dep.id = o.deposit_id AND o.kind = 'credit'
    LEFT JOIN accounts_assetnetwork d ON d.id = dep.network_id
    LEFT JOIN marketdata_asset f ON f.symbol = o.command->>'asset'
    WHERE o.state = 'sent'
) s ON s.asset_id = a.id
WHERE EXISTS (SELECT FROM accounts_assetnetwork n WHERE n.asset_id = a.id)
ORDER BY 1 LIMIT %(limit)s
"""


def check_wallet(differ: Differ, n: int) -> None:
    """Deposits and withdrawals against what the engine was asked, what it booked, and the wallet's own entries."""
    for pk, symbol, state, units, account_id, posted, posted_to in _rows(_DEPOSITS, n):
        differ(
            f"deposit {pk} {symbol} ({state}): the row has {units} for account {account_id}, "
            f"the engine's posting {posted} for account {posted_to}"
        )
    for pk, account_id, symbol, state, units, fee, asked, asked_fee, posted in _rows(_WITHDRAWALS, n):
        differ(
            f"withdrawal {pk} of account {account_id} {symbol} ({state}): the row has {units} with a fee of {fee}, "
            f"the engine was asked for {asked} with {asked_fee} and has taken {posted}"
        )
    for pk, symbol, units, hot, books, waiting, on_chain, owed in _rows(_DEPOSIT_ENTRIES, n):
        differ(
            f"deposit {pk} {symbol} of {units}: its entries have {hot} in the hot wallet, {books} in the books and "
            f"{waiting} in transit; its row says {on_chain} and {owed}"
        )
    for pk, account_id, symbol, state, pending, sent, reserved, paid in _rows(_WITHDRAWAL_ENTRIES, n):
        differ(
            f"withdrawal {pk} of account {account_id} {symbol} ({state}): its entries have {pending} pending and "
            f"{sent} sent, its row says {reserved} and {paid}"
        )
    for what, pk, said_by in _rows(_MISSING, n):
        differ(f"{what} {pk}: there is no such row, but {said_by} is of it")


def check_books(differ: Differ, n: int) -> None:
    """What the engine owes for coins from outside against the coins that the wallet's entries stand for."""
    for symbol, owed, stands_for, unanswered in _rows(_BOOKS, n):
        if owed > stands_for and owed - unanswered != stands_for:
            differ(f"{symbol} owed: the engine has {owed}, the wallet's ledger has coins for {stands_for}")


def reserved_at(n: int) -> dict[int, tuple[int, str, int, int]]:
    """By the engine's id: account, asset, units and fee that were reserved and not ended at outcome `n`."""
    return {number: (account_id, asset, units, fee) for number, account_id, asset, units, fee in _rows(_RESERVED, n)}


def unanswered_withdrawals() -> set[int]:
    """The engine's ids of withdrawals whose command is under way, so that it may know more than the wallet."""
    rows = OutboxCommand.objects.filter(state=OutboxCommand.State.SENT, withdrawal__isnull=False)
    return set(rows.values_list("withdrawal__engine_id", flat=True))


def _rows(statement: str, n: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"n": n, "limit": MAX_ROWS})
        return list(cursor.fetchall())
