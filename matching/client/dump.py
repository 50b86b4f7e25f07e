"""What the engine holds at one outcome, as plain values, for people and for reconciliation.

The only module outside the runtime that reads journal and snapshots; it must run where their directories are.
"""

from typing import Any

import msgspec
from django.conf import settings

from matching.core.balances import InvariantBroken
from matching.core.engine import Engine
from matching.runtime.journal import JournalDamaged
from matching.runtime.readonly import load_engine_readonly
from matching.runtime.recovery import RecoveryRefused


class DumpFailed(Exception):
    """Journal and snapshots do not give the state that was asked for. The message is a sentence."""


def engine_dump(up_to_n: int | None = None) -> dict[str, Any]:
    """State after outcome `up_to_n` (None: the last one), see `describe`. Raises DumpFailed."""
    try:
        engine, chain = load_engine_readonly(settings.JOURNAL_DIR, settings.SNAPSHOT_DIR, up_to_n)
        engine.check_invariants()
    except (RecoveryRefused, JournalDamaged, InvariantBroken, OSError) as error:
        raise DumpFailed(str(error)) from error
    return describe(engine, chain)


def describe(engine: Engine, chain: bytes) -> dict[str, Any]:
    """An engine's state as plain values.

    Keys: n, seq, at_ms, chain (hex), assets [{symbol, decimals, funded_units}], markets [{symbol, state, ...}],
    balances [{account_id, asset, available_units, locked_units}], orders (open ones, oldest first).
    """
    return {
        "n": engine.n,
        "seq": engine.seq,
        "at_ms": engine.at_ms,
        "chain": chain.hex(),
        "assets": [
            {"symbol": asset.symbol, "decimals": asset.decimals, "funded_units": asset.funded_units}
            for asset in engine.balances.assets.values()
        ],
        "markets": [
            {
                "symbol": market.symbol,
                "state": market.state.value,
                "maker_fee_ppm": market.maker_fee_ppm,
                "taker_fee_ppm": market.taker_fee_ppm,
                "book_update_id": market.book_update_id,
                "last_trade_id": market.last_trade_id,
                "last_price_ticks": market.last_price_ticks,
            }
            for market in engine.markets.values()
        ],
        "balances": [
            {"account_id": account_id, "asset": asset, "available_units": available, "locked_units": locked}
            for account_id, asset, available, locked in engine.balance_rows()
        ],
        "orders": [msgspec.structs.asdict(view) for view in engine.open_order_views()],
    }
