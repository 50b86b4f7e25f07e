"""Engine against database at one and the same outcome (G22). Differences are named, never repaired here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import OUTSIDE_ACCOUNT_ID, Balance, LedgerPosting
from exchange_site.kernel.clock import ms_of
from marketdata.models import Asset, Auction, FeeSchedule, Market
from matching.client.dump import engine_dump, plain_terms
from matching.messages import MarketState, Side
from trading import selectors
from trading.models import AccountBlock, AccountRules, Checkpoint, Order, VenueSwitch
from trading.writer.store import CHECKPOINT

MAX_LEVELS = 1_000_000  # Of a side of a book: all of them.
MAX_NAMED = 200  # Differences listed; the rest is only counted.
ORDER_FIELDS = (
    "account_id",
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
    "fee_version",
)
MARKET_FIELDS = ("state", "maker_fee_ppm", "taker_fee_ppm")
LIMIT_FIELDS = (
    "max_open_orders", "max_quantity_lots", "min_notional_units", "min_price_ppm", "max_price_ppm", "min_impact_ppm",
    "max_impact_ppm", "band_ppm", "band_window_ms", "auction_ms",
)  # fmt: skip
FIGURE_FIELDS = ("book_update_id", "last_trade_id", "last_price_ticks")


@dataclass
class Report:
    """What was compared, and every difference as one sentence."""

    n: int
    counts: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    more: int = 0

    def differ(self, what: str) -> None:
        if len(self.differences) < MAX_NAMED:
            self.differences.append(what)
        else:
            self.more += 1

    def compare(self, subject: str, engine: object, database: object) -> None:
        if engine != database:
            self.differ(f"{subject}: engine has {engine}, database has {database}")


@dataclass(frozen=True)
class DatabaseState:
    """Everything the comparison needs, read in one snapshot of the database."""

    n: int
    seq: int
    chain: str
    balances: dict[tuple[int, str], tuple[int, int]]
    orders: dict[int, Order]
    markets: dict[str, Market]
    levels: dict[str, dict[tuple[str, int], int]]  # By market: what each level of the book shows.
    fees: dict[str, dict[str, list[int]]]  # By market and tier: maker, taker.
    fee_versions: dict[str, int]
    auctions: dict[str, Auction]  # Those that run.
    rules: dict[int, AccountRules]
    blocks: set[tuple[int, str]]
    switches: dict[str, int]
    ledger: dict[tuple[int, str], int]
    unbalanced: list[tuple[int, int, int]]  # (event seq, asset id, sum that should be 0)


def reconcile() -> Report:
    """Compare everything at the database's checkpoint. Raises matching.client.dump.DumpFailed."""
    database = read_database()
    report = Report(database.n)
    engine = engine_dump(database.n)
    report.compare("chain", engine["chain"], database.chain)
    report.compare("last event", engine["seq"], database.seq)
    _compare_balances(report, engine["balances"], database)
    _compare_orders(report, engine["orders"], database)
    _compare_markets(report, engine["markets"], database)
    _compare_levels(report, engine["markets"], database)
    _compare_accounts(report, engine, database)
    _compare_ledger(report, engine["assets"], database)
    return report


def read_database() -> DatabaseState:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        checkpoint = Checkpoint.objects.filter(name=CHECKPOINT).first() or Checkpoint(name=CHECKPOINT, chain=bytes(32))
        symbols = dict(Asset.objects.values_list("pk", "symbol"))
        sums = LedgerPosting.objects.order_by().values_list("account_id", "asset_id").annotate(total=Sum("units"))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id / 8, asset_id, sum(units) FROM accounts_ledgerposting "
                "GROUP BY 1, 2 HAVING sum(units) <> 0 ORDER BY 1 LIMIT %s",
                [MAX_NAMED],
            )
            unbalanced = cursor.fetchall()
        open_orders = Order.objects.filter(status__in=selectors.OPEN)
        markets = {market.symbol: market for market in Market.objects.select_related("base", "quote", "figures")}
        names = {market.pk: symbol for symbol, market in markets.items()}
        schedules = list(FeeSchedule.objects.order_by("seq"))
        return DatabaseState(
            n=checkpoint.n,
            seq=checkpoint.seq,
            chain=bytes(checkpoint.chain).hex(),
            balances={
                (row.account_id, symbols[row.asset_id]): (row.available_units, row.locked_units)
                for row in Balance.objects.all()
            },
            orders={order.pk: order for order in open_orders.select_related("market")},
            markets=markets,
            levels=_levels(markets),
            fees=_fees(schedules, names),
            fee_versions={names[row.market_id]: row.version for row in schedules},
            auctions={names[row.market_id]: row for row in Auction.objects.filter(ended_at=None).order_by("seq")},
            rules={row.pk: row for row in AccountRules.objects.all()},
            blocks=set(AccountBlock.objects.values_list("account_id", "market")),
            switches=dict(VenueSwitch.objects.values_list("name", "value")),
            ledger={(account_id, symbols[asset_id]): int(total) for account_id, asset_id, total in sums},
            unbalanced=unbalanced,
        )


def _levels(markets: dict[str, Market]) -> dict[str, dict[tuple[str, int], int]]:
    return {
        symbol: {
            (side.value, price_ticks): lots
            for side in Side
            for price_ticks, lots in selectors.book_levels(market.pk, side, MAX_LEVELS)
        }
        for symbol, market in markets.items()
    }


def _fees(schedules: list[FeeSchedule], names: dict[int, str]) -> dict[str, dict[str, list[int]]]:
    fees: dict[str, dict[str, list[int]]] = {}
    for row in schedules:
        fees.setdefault(names[row.market_id], {})[str(row.tier)] = [row.maker_fee_ppm, row.taker_fee_ppm]
    return fees


def _compare_balances(report: Report, rows: Iterable[dict[str, Any]], database: DatabaseState) -> None:
    engine = {(row["account_id"], row["asset"]): (row["available_units"], row["locked_units"]) for row in rows}
    report.counts["balances"] = len(engine)
    for account_id, asset in sorted(engine.keys() | database.balances.keys()):
        held = engine.get((account_id, asset), (0, 0))
        kept = database.balances.get((account_id, asset), (0, 0))
        report.compare(f"account {account_id} {asset} available", held[0], kept[0])
        report.compare(f"account {account_id} {asset} locked", held[1], kept[1])
        report.compare(
            f"account {account_id} {asset} sum of postings", sum(held), database.ledger.get((account_id, asset), 0)
        )


def _compare_orders(report: Report, rows: Iterable[dict[str, Any]], database: DatabaseState) -> None:
    engine = {row["order_id"]: row for row in rows}
    report.counts["open orders"] = len(engine)
    for order_id in sorted(engine.keys() | database.orders.keys()):
        row, order = engine.get(order_id), database.orders.get(order_id)
        if row is None or order is None:
            report.compare(f"order {order_id} is open", row is not None, order is not None)
            continue
        for name in ORDER_FIELDS:
            report.compare(f"order {order_id} {name}", row[name], getattr(order, name))
        report.compare(f"order {order_id} market", row["market"], order.market.symbol)
        report.compare(f"order {order_id} created_at", row["created_at_ms"], ms_of(order.created_at))
        triggered_at_ms = None if order.triggered_at is None else ms_of(order.triggered_at)
        report.compare(f"order {order_id} triggered_at", row["triggered_at_ms"], triggered_at_ms)
        report.compare(f"order {order_id} terms", _stable(row["terms"]), _stable(plain_terms(order.terms())))


def _stable(terms: dict[str, Any]) -> dict[str, Any]:
    """The trigger of a trailing order moves with each trade, and no event tells."""
    return {
        name: value for name, value in terms.items() if name != "trigger_price_ticks" or "trailing_ticks" not in terms
    }


def _compare_markets(report: Report, rows: Iterable[dict[str, Any]], database: DatabaseState) -> None:
    engine = {row["symbol"]: row for row in rows}
    report.counts["markets"] = len(engine)
    for symbol, row in sorted(engine.items()):
        market = database.markets.get(symbol)
        if market is None:
            report.differ(f"market {symbol}: the database does not have it")
            continue
        report.compare(f"market {symbol} listed", True, market.listed)
        for name in MARKET_FIELDS:
            report.compare(f"market {symbol} {name}", row[name], getattr(market, name))
        for name in LIMIT_FIELDS:
            report.compare(f"market {symbol} {name}", row["limits"][name], getattr(market, name))
        least = market.spec().min_quantity_lots
        report.compare(f"market {symbol} min_quantity_lots", row["limits"]["min_quantity_lots"], least)
        report.compare(f"market {symbol} fees by tier", row["fees"], database.fees.get(symbol))
        report.compare(f"market {symbol} fee_version", row["fee_version"], database.fee_versions.get(symbol))
        auction = database.auctions.get(symbol)
        if row["state"] == MarketState.AUCTION:
            shown = [None, None] if auction is None else [auction.price_ticks, auction.lots]
            report.compare(f"market {symbol} indicated price and lots", row["indicated"], shown)
        figures = getattr(market, "figures", None)
        for name in FIGURE_FIELDS:
            report.compare(f"market {symbol} {name}", row[name] or 0, getattr(figures, name, 0) or 0)


def _compare_levels(report: Report, rows: Iterable[dict[str, Any]], database: DatabaseState) -> None:
    """What the market feed starts from: the book as everybody sees it."""
    for row in rows:
        symbol = row["symbol"]
        engine = {(side, price_ticks): lots for side, price_ticks, lots in row["levels"]}
        shown = database.levels.get(symbol, {})
        report.counts["levels"] = report.counts.get("levels", 0) + len(engine)
        for level in sorted(engine.keys() | shown.keys()):
            report.compare(f"market {symbol} {level[0]} {level[1]} lots", engine.get(level), shown.get(level))


def _compare_accounts(report: Report, engine: dict[str, Any], database: DatabaseState) -> None:
    """Tiers, dead man's switches, blocks, and what binds everybody."""
    tiers = {pk: row.tier for pk, row in database.rules.items() if row.tier}
    report.compare("tiers of accounts", {int(pk): tier for pk, tier in engine["tiers"].items()}, tiers)
    deadlines = {pk: ms_of(row.cancel_after) for pk, row in database.rules.items() if row.cancel_after is not None}
    report.compare("dead man's switches", {int(pk): at_ms for pk, at_ms in engine["deadlines"].items()}, deadlines)
    blocks = {(row["account_id"], row["market"]) for row in engine["blocks"]}
    report.compare("blocked accounts", sorted(blocks), sorted(database.blocks))
    report.compare("kill switch", int(engine["is_halted"]), database.switches.get(str(VenueSwitch.Name.KILL), 0))
    rules = engine["rules_version"]
    report.compare("rules version", rules, database.switches.get(str(VenueSwitch.Name.RULES), rules))


def _compare_ledger(report: Report, assets: Iterable[dict[str, Any]], database: DatabaseState) -> None:
    """I1: what people, fees and the house hold is what came from outside; every event's postings sum to zero."""
    report.counts["accounts with postings"] = len(database.ledger)
    for asset in assets:
        symbol, funded = asset["symbol"], asset["funded_units"]
        held = sum(sum(amounts) for (_, name), amounts in database.balances.items() if name == symbol)
        report.compare(f"{symbol} sum of all balances", funded, held)
        report.compare(f"{symbol} from outside", funded, -database.ledger.get((OUTSIDE_ACCOUNT_ID, symbol), 0))
    for account_id, name in sorted(database.ledger):
        if account_id != OUTSIDE_ACCOUNT_ID and (account_id, name) not in database.balances:
            report.differ(f"account {account_id} {name} has postings but no balance")
    for seq, asset_id, total in database.unbalanced:
        report.differ(f"postings of event {seq} in asset {asset_id} sum to {total}, not to 0")
