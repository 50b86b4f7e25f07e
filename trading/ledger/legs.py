"""What a fill means for the ledger. Pure: the database's view `trading_ledgerentry` says the same in SQL.

A trade is two fills, and a fill has all that its legs need, so the legs of trades are not stored again (decision 0014).
The two fills of a trade have the same quantity and amount (a trigger sees to it), so the legs of a trade sum to zero in
each asset whatever its fees are.
"""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from accounts.models import FEES_ACCOUNT_ID
from matching.messages import Side
from trading.writer.money_events import FEE, LEGS_PER_EVENT, TRADE
from trading.writer.tables import FILLS

_FACTS = itemgetter(
    *(
        FILLS.columns.index(name)
        for name in ("id", "account_id", "side", "quantity_lots", "quote_units", "fee_units", "fee_asset_id")
    )
)


class Leg(NamedTuple):
    """`units` come to the account or leave it. `id` is event number x 8 + leg: the maker's four, then the taker's."""

    id: int
    seq: int
    kind: str
    account_id: int
    asset_id: int
    units: int


class FilledMarket(NamedTuple):
    """What a fill does not say itself."""

    base_id: int
    quote_id: int
    base_units_per_lot: int


def legs_of_fill(
    fill_id: int,
    account_id: int,
    is_bid: bool,
    quantity_lots: int,
    quote_units: int,
    fee_units: int,
    fee_asset_id: int,
    market: FilledMarket,
) -> Iterator[Leg]:
    """Base and quote change hands; the fee goes to the venue, or a rebate (below zero) comes from it."""
    seq, is_taker = divmod(fill_id, 2)
    first = seq * LEGS_PER_EVENT + 4 * is_taker
    base_units = quantity_lots * market.base_units_per_lot
    sign = 1 if is_bid else -1
    yield Leg(first, seq, TRADE, account_id, market.base_id, sign * base_units)
    yield Leg(first + 1, seq, TRADE, account_id, market.quote_id, -sign * quote_units)
    if fee_units:
        yield Leg(first + 2, seq, FEE, account_id, fee_asset_id, -fee_units)
        yield Leg(first + 3, seq, FEE, FEES_ACCOUNT_ID, fee_asset_id, fee_units)


def legs_of_row(row: tuple[Any, ...], market: FilledMarket) -> Iterator[Leg]:
    """The same for a row as the db writer makes it."""
    fill_id, account_id, side, lots, quote_units, fee_units, fee_asset_id = _FACTS(row)
    return legs_of_fill(fill_id, account_id, side == Side.BID, lots, quote_units, fee_units, fee_asset_id, market)
