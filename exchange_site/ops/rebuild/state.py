"""The database's rows as an engine's state at the outcome where the db writer stands."""

from dataclasses import dataclass
from typing import Any

import msgspec
from django.db.models import Max

from accounts.models import Balance
from exchange_site.kernel.clock import ms_of
from exchange_site.ops.rebuild import RebuildRefused
from exchange_site.ops.rebuild.orders import MarketOrders
from exchange_site.ops.rebuild.wallet import WalletState, possible_states
from marketdata.models import Asset, Auction, FeeSchedule, Market, Trade
from matching.core.balances import InvariantBroken
from matching.core.engine import Engine
from matching.core.venue import NEWEST_RULES
from matching.messages import AuctionIndicated, MarketState
from trading.models import Checkpoint, Order, VenueSwitch
from trading.reconcile import LIMIT_FIELDS, DatabaseState, read_database
from trading.writer.store import CHECKPOINT

MAX_NAMED = 10


@dataclass(frozen=True)
class Rebuilt:
    """An engine after outcome `n` with the history's chain there; `notes` are sentences about what was guessed."""

    engine: Engine
    chain: bytes
    notes: list[str]

    @property
    def n(self) -> int:
        return self.engine.n


def rebuild() -> Rebuilt:
    """Raises RebuildRefused when the database contradicts itself, makes no sound state, or is written to meanwhile."""
    found: list[str] = []
    database = read_database(found.append)
    _demand(found, "The database contradicts itself")
    checkpoint = Checkpoint.objects.filter(name=CHECKPOINT).first()
    if checkpoint is None or not checkpoint.n:
        raise RebuildRefused("The database has no outcome yet, so there is nothing to build from.")
    rebuilt = _first_sound(database, checkpoint)
    if not Checkpoint.objects.filter(name=CHECKPOINT, n=database.n).exists():
        raise RebuildRefused("The database was written to meanwhile. Wait until the db writer has nothing more to do.")
    return rebuilt


def _first_sound(database: DatabaseState, checkpoint: Checkpoint) -> Rebuilt:
    notes: list[str] = []
    plain = _plain(database, checkpoint, notes)
    broken: list[str] = []
    for wallet in possible_states(checkpoint.n):
        try:
            engine = Engine.load(plain | _wallet(wallet))
        except (InvariantBroken, AssertionError, KeyError, TypeError, ValueError) as error:
            broken.append(f"{type(error).__name__}: {error}")
            continue
        return Rebuilt(engine, bytes(checkpoint.chain), notes)
    _demand(broken, "The rows make no sound state of an engine")
    raise AssertionError("there is at least one possible state")


def _demand(found: list[str], what: str) -> None:
    if found:
        more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
        raise RebuildRefused(f"{what}: {'; '.join(found[:MAX_NAMED])}{more}.")


def _wallet(wallet: WalletState) -> dict[str, Any]:
    return {
        "withdrawals": [[number, *one] for number, one in sorted(wallet.reserved.items())],
        "wallet_number": wallet.number,
        "wallet_log": [list(entry) for entry in wallet.log],
    }


def _plain(database: DatabaseState, checkpoint: Checkpoint, notes: list[str]) -> dict[str, Any]:
    """As `matching.core.state.dump` would say it, without the wallet."""
    markets = [_market(market, database, notes) for market in _known_markets(database, notes)]
    last_order_id = Order.objects.aggregate(last=Max("id"))["last"] or 0
    traded_id = Trade.objects.aggregate(last=Max("taker_order_id"))["last"] or 0
    deadlines = {pk: ms_of(row.cancel_after) for pk, row in database.rules.items() if row.cancel_after is not None}
    return {
        "n": checkpoint.n,
        "seq": checkpoint.seq,
        "at_ms": checkpoint.at_ms,
        "rules_version": database.switches.get(str(VenueSwitch.Name.RULES), NEWEST_RULES),
        "last_order_id": max(last_order_id, traded_id),
        "is_halted": bool(database.switches.get(str(VenueSwitch.Name.KILL), 0)),
        "assets": _assets(database),
        "markets": markets,
        "tiers": sorted(_tiers(database).items()),
        "blocks": sorted(database.blocks),
        "deadlines": sorted(deadlines.items()),
        "retries": [],
    }


def _known_markets(database: DatabaseState, notes: list[str]) -> list[Market]:
    """Those whose listing the database has seen; `listed` alone may be younger than that."""
    known = []
    for symbol, market in sorted(database.markets.items()):
        if symbol in database.fees:
            known.append(market)
        elif market.listed:
            notes.append(f"Market {symbol} was listed after this outcome: list it again.")
    return known


def _assets(database: DatabaseState) -> list[dict[str, Any]]:
    """Every asset of a listed market or with a balance; what was funded is what the outside world gave."""
    used = {asset.pk for market in database.markets.values() for asset in (market.base, market.quote)}
    used |= set(Balance.objects.values_list("asset_id", flat=True).distinct())
    return [
        {
            "symbol": asset.symbol,
            "decimals": asset.decimals,
            "funded_units": -database.outside.get(asset.symbol, 0),
            "rows": [
                [account_id, available, locked]
                for (account_id, symbol), (available, locked) in sorted(database.balances.items())
                if symbol == asset.symbol
            ],
        }
        for asset in Asset.objects.filter(pk__in=used).order_by("symbol")
    ]


def _tiers(database: DatabaseState) -> dict[int, int]:
    return {pk: row.tier for pk, row in database.rules.items() if row.tier}


def _market(market: Market, database: DatabaseState, notes: list[str]) -> dict[str, Any]:
    symbol, spec = market.symbol, market.spec()
    schedules = list(FeeSchedule.objects.filter(market=market).order_by("version", "seq"))
    mine = [order for order in database.orders.values() if order.market_id == market.pk]
    orders = MarketOrders(spec, mine, database.levels[symbol], schedules, _tiers(database))
    figures = getattr(market, "figures", None)
    auction = database.auctions.get(symbol) if market.state == MarketState.AUCTION else None
    if market.state == MarketState.AUCTION:
        notes.append(f"Market {symbol} is in an auction and will be Open after it.")
    return {
        "symbol": symbol,
        "base": market.base.symbol,
        "quote": market.quote.symbol,
        "base_units_per_lot": spec.base_units_per_lot,
        "quote_units_per_tick_lot": spec.quote_units_per_tick_lot,
        "book_update_id": 0 if figures is None else figures.book_update_id,
        "last_trade_id": 0 if figures is None else figures.last_trade_id,
        "last_price_ticks": None if figures is None else figures.last_price_ticks,
        "last_place": len(orders.resting),
        "reference_ticks": None,
        "reference_at_ms": 0,
        "auction_ends_at_ms": None if auction is None or auction.ends_at is None else ms_of(auction.ends_at),
        "limits": {
            "min_quantity_lots": spec.min_quantity_lots,
            **{name: getattr(market, name) for name in LIMIT_FIELDS},
        },
        "fees": [[int(tier), *rates] for tier, rates in sorted(database.fees[symbol].items())],
        "fee_version": database.fee_versions[symbol],
        "indicated": None if auction is None else _indicated(symbol, auction),
        "state": market.state,
        "resumes_in": MarketState.OPEN,
        "orders": orders.resting,
        "waiting": orders.waiting,
    }


def _indicated(symbol: str, auction: Auction) -> Any:
    indicated = AuctionIndicated(
        market=symbol, price_ticks=auction.price_ticks, lots=auction.lots, surplus_lots=auction.surplus_lots
    )
    return msgspec.to_builtins(indicated)
