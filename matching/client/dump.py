"""What the engine holds at one outcome, as plain values, for people and for reconciliation.

The only module outside the runtime that reads journal and snapshots; it must run where their directories are.
"""

from dataclasses import asdict
from typing import Any

import msgspec
from django.conf import settings

from matching.core.balances import InvariantBroken
from matching.core.engine import Engine
from matching.core.markets import Market
from matching.messages import OrderTerms, OrderView, Side
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

    Keys: n, seq, at_ms, chain (hex), rules_version, is_halted, assets [{symbol, decimals, funded_units}], markets
    [{symbol, state, limits, fees by tier, levels ...}], balances [{account_id, asset, available_units, locked_units}],
    orders (open ones, resting and conditional, oldest first), tiers and deadlines by account id, blocks, withdrawals
    (reserved ones).
    """
    venue = engine.venue
    return {
        "n": engine.n,
        "seq": engine.seq,
        "at_ms": engine.at_ms,
        "chain": chain.hex(),
        "rules_version": engine.rules_version,
        "is_halted": venue.is_halted,
        "assets": [
            {"symbol": asset.symbol, "decimals": asset.decimals, "funded_units": asset.funded_units}
            for asset in engine.balances.assets.values()
        ],
        "markets": [_market(market) for market in engine.markets.values()],
        "balances": [
            {"account_id": account_id, "asset": asset, "available_units": available, "locked_units": locked}
            for account_id, asset, available, locked in engine.balance_rows()
        ],
        "orders": [_order(view) for view in engine.open_order_views()],
        "tiers": {str(account_id): tier for account_id, tier in sorted(venue.tiers.items())},
        "deadlines": {str(account_id): at_ms for account_id, at_ms in sorted(venue.timers.deadlines.items())},
        "blocks": [{"account_id": account_id, "market": market} for account_id, market in sorted(venue.blocks)],
        "withdrawals": [
            {
                "withdrawal_id": number,
                "account_id": withdrawal.account_id,
                "asset": withdrawal.asset.symbol,
                "units": withdrawal.units,
                "fee_units": withdrawal.fee_units,
            }
            for number, withdrawal in sorted(venue.withdrawals.items())
        ],
    }


def _market(market: Market) -> dict[str, Any]:
    """`levels` is the visible book: [side, price in ticks, lots], what icebergs hide left out."""
    sides = ((Side.BID, market.bids), (Side.ASK, market.asks))
    return {
        "symbol": market.symbol,
        "state": market.state.value,
        "limits": asdict(market.limits),
        "maker_fee_ppm": market.maker_fee_ppm,
        "taker_fee_ppm": market.taker_fee_ppm,
        "fees": {str(tier): list(fees) for tier, fees in sorted(market.fees.items())},
        "fee_version": market.fee_version,
        "auction_ends_at_ms": market.auction_ends_at_ms,
        "indicated": None if market.indicated is None else [market.indicated.price_ticks, market.indicated.lots],
        "book_update_id": market.book_update_id,
        "last_trade_id": market.last_trade_id,
        "last_price_ticks": market.last_price_ticks,
        "levels": [[side.value, level.price_ticks, level.lots] for side, book in sides for level in book.best_first()],
    }


def _order(view: OrderView) -> dict[str, Any]:
    return {**msgspec.structs.asdict(view), "terms": plain_terms(view.terms)}


def plain_terms(terms: OrderTerms | None) -> dict[str, Any]:
    """The terms that are set, by name."""
    if terms is None:
        return {}
    values = msgspec.structs.asdict(terms)
    for name in ("stop_loss", "take_profit"):
        values[name] = None if values[name] is None else msgspec.structs.asdict(values[name])
    return {name: value for name, value in values.items() if value is not None}
