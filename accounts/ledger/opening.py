"""Entries for what the wallet did before it kept entries, as the SQL of a migration (accounts 0013).

Each entry is the one that `accounts.wallet.book` would have written, under the same key, so it exists once however
often this runs and whatever the wallet has written since. It follows from a row that was there: an answer of the
engine, a deposit in a block, a payment that was sent, the venue's own coins on a simulated chain. What no row tells is
not made up: the comparison (`manage.py reconcile`) goes on naming it.
"""

from collections.abc import Iterator
from typing import Any

REASON = "From the rows there were before the ledger"
TREASURY_MEMO, FROM_COLD_MEMO = "treasury", "from cold"  # As they were when this was written.

_INTO = """
INSERT INTO accounts_walletentry
    (key, at, kind, payer, payee, asset_id, blockchain, units, account_id, deposit_id, withdrawal_id, outcome_n,
     reference, reason)
"""
_ONCE = " ON CONFLICT (key) DO NOTHING"


def _deposit(key: str, kind: str, payer: str, payee: str, outcome_n: str, more: str) -> str:
    return f"""
SELECT {key}, now(), '{kind}', {payer}, {payee}, w.asset_id, d.blockchain, d.units, d.account_id, d.id, NULL::bigint,
       {outcome_n}, d.transaction_hash || ':' || d.output_index, %(reason)s
FROM accounts_deposit d JOIN accounts_assetnetwork w ON w.id = d.network_id {more}
"""  # noqa: S608 - our own words


def _withdrawal(kind: str, payer: str, payee: str, units: str, outcome_n: str, more: str) -> str:
    return f"""
SELECT '{kind}:' || r.engine_id, now(), '{kind}', '{payer}', '{payee}', w.asset_id, w.blockchain, {units},
       r.account_id, NULL::bigint, r.id, {outcome_n}, r.transaction_hash, %(reason)s
FROM accounts_withdrawal r JOIN accounts_assetnetwork w ON w.id = r.network_id {more}
"""  # noqa: S608 - our own words


_NO_ANSWER = "NULL::bigint"
_PAID = "r.units - r.fee_units"
_IN_A_BLOCK = """
JOIN LATERAL (
    SELECT count(*) AS count, COALESCE(sum(CASE 'hot' WHEN payee THEN units WHEN payer THEN -units END), 0) AS hot
    FROM accounts_walletentry WHERE deposit_id = d.id
) e ON true
WHERE NOT d.internal AND d.on_chain AND d.block_height IS NOT NULL AND e.hot = 0
"""
_DEPOSIT_ANSWER = "JOIN accounts_outboxcommand o ON o.deposit_id = d.id AND o.state = 'done' AND o.kind "
_ANSWER = "JOIN accounts_outboxcommand o ON o.withdrawal_id = r.id AND o.state = 'done' AND o.kind "
_OUTSIDE = " WHERE r.to_account_id IS NULL"

IN_BLOCKS = _deposit(
    "'deposit:' || d.id || ':' || e.count",
    "seen",
    "CASE d.held WHEN 'below_minimum' THEN 'dust' ELSE 'deposits' END",
    "'hot'",
    _NO_ANSWER,
    _IN_A_BLOCK,
)
# The answers' keys tell their round: a deposit that vanished and came back has one for each.
CREDITED = _deposit("o.key", "credited", "'books'", "'deposits'", "o.outcome_n", _DEPOSIT_ANSWER + "= 'credit'")
UNDONE = _deposit(
    "substr(o.key, length('defund:') + 1)",
    "undone",
    "'deposits'",
    "'books'",
    "o.outcome_n",
    _DEPOSIT_ANSWER + "= 'defund'",
)
RESERVED = _withdrawal("reserved", "locked", "pending", "r.units", "o.outcome_n", _ANSWER + "= 'reserve'")
ENDED = _withdrawal("ended", "pending", "locked", "r.units", "o.outcome_n", _ANSWER + "IN ('settle', 'release')")
SENT = _withdrawal(
    "sent", "hot", "payments", _PAID, _NO_ANSWER, _OUTSIDE + " AND r.state IN ('sent', 'settling', 'settled')"
)
SETTLED = _withdrawal("settled", "payments", "books", _PAID, "o.outcome_n", _ANSWER + "= 'settle'" + _OUTSIDE)
NETWORK_FEES = """
SELECT 'network:' || r.engine_id, now(), 'network_fee', 'hot', 'payments', a.id, p.blockchain, p.network_fee_units,
       r.account_id, NULL::bigint, r.id, NULL::bigint, r.transaction_hash, %(reason)s
FROM accounts_signedpayment p JOIN accounts_withdrawal r ON r.id = p.withdrawal_id
JOIN unnest(%(blockchains)s::text[], %(fee_assets)s::text[]) AS c (blockchain, fee_asset) USING (blockchain)
JOIN marketdata_asset a ON a.symbol = c.fee_asset
WHERE p.accepted_at IS NOT NULL AND p.network_fee_units > 0 AND r.state IN ('sent', 'settling', 'settled')
"""
NETWORK_FEES_BOOKED = """
SELECT 'network-booked:' || r.engine_id, now(), 'network_fee', 'payments', 'books', a.id, w.blockchain,
       (o.command->>'units')::bigint, r.account_id, NULL::bigint, r.id, o.outcome_n, r.transaction_hash, %(reason)s
FROM accounts_outboxcommand o JOIN accounts_withdrawal r ON r.id = o.withdrawal_id
JOIN accounts_assetnetwork w ON w.id = r.network_id JOIN marketdata_asset a ON a.symbol = o.command->>'asset'
WHERE o.kind = 'defund' AND o.state = 'done'
"""
OWN_COINS = """
SELECT left('treasury:' || t.chain_id || ':' || t.hash || ':' || out.index, 96), now(), 'treasury',
       CASE out.memo WHEN %(from_cold)s THEN 'cold' ELSE 'books' END,
       CASE out.address WHEN c.cold THEN 'cold' ELSE 'hot' END, a.id, t.chain_id, out.units, NULL::bigint, NULL::bigint,
       NULL::bigint, NULL::bigint, t.hash || ':' || out.index, %(reason)s
FROM accounts_simulatedoutput out JOIN accounts_simulatedtransaction t ON t.hash = out.transaction_id
JOIN accounts_simulatedblock b ON b.hash = t.block_id AND b.is_best
JOIN unnest(%(simulated)s::text[], %(hot)s::text[], %(cold)s::text[]) AS c (blockchain, hot, cold)
    ON c.blockchain = t.chain_id
JOIN marketdata_asset a ON a.symbol = out.asset
JOIN accounts_assetnetwork w ON w.asset_id = a.id AND w.blockchain = t.chain_id
WHERE NOT t.evicted AND t.sender <> 'wallet' AND (
    out.memo = %(treasury)s AND out.address IN (c.hot, c.cold) OR out.memo = %(from_cold)s AND out.address = c.hot)
"""
STATEMENTS = tuple(
    _INTO + select + _ONCE
    for select in (
        IN_BLOCKS, CREDITED, UNDONE, RESERVED, ENDED, SENT, SETTLED, NETWORK_FEES, NETWORK_FEES_BOOKED, OWN_COINS,
    )
)  # fmt: skip


def statements(chains: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with its parameters. `chains` is settings.WALLET_CHAINS: only coins of a simulated chain can be read."""
    from accounts.wallet.simulated.addresses import make_address
    from accounts.wallet.simulated.chain import COLD, FEE_ASSETS, WALLET

    simulated = [name for name, kind in chains.items() if kind == "simulated"]
    parameters = {
        "reason": REASON,
        "blockchains": list(FEE_ASSETS),
        "fee_assets": list(FEE_ASSETS.values()),
        "simulated": simulated,
        "hot": [make_address(name, WALLET) for name in simulated],
        "cold": [make_address(name, COLD) for name in simulated],
        "treasury": TREASURY_MEMO,
        "from_cold": FROM_COLD_MEMO,
    }
    for statement in STATEMENTS:
        yield statement, parameters
