"""Engine against database at one and the same outcome (G22). Differences are named, never repaired here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import OUTSIDE_ACCOUNT_ID, Balance, LedgerPosting
from accounts.wallet.checks import check_books, check_wallet, reserved_at, unanswered_withdrawals
from exchange_site.kernel.clock import ms_of
from marketdata.models import Asset, Auction, FeeSchedule, Market
from matching.client.dump import engine_dump, plain_terms
from matching.messages import MarketState, Side
from trading import selectors
from trading.ledger.checks import Differ, check_ledger
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
    seq: int = 0
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
    outside: dict[str, int]  # Postings of the outside world, by asset.
    reserved: dict[int, tuple[int, str, int, int]]  # Withdrawals by the engine's id: account, asset, units, fee.
    unanswered: set[int]  # Withdrawals of which the engine may know more than the wallet has written down.


def reconcile(since_seq: int = 0, *, books: bool = False) -> Report:
    """Compare everything at the database's checkpoint; trades and postings only after event `since_seq`.

    `books` also compares what the engine owes with the coins that the wallet's entries stand for.
    Raises matching.client.dump.DumpFailed.
    """
    report = Report(0)
    database = read_database(report.differ, since_seq, books=books)
    report.n, report.seq = database.n, database.seq
    engine = engine_dump(database.n)
    report.compare("chain", engine["chain"], database.chain)
    report.compare("last event", engine["seq"], database.seq)
    _compare_balances(report, engine["balances"], database)
    _compare_orders(report, engine["orders"], database)
    _compare_markets(report, engine["markets"], database)
    _compare_levels(report, engine["markets"], database)
    _compare_accounts(report, engine, database)
    _compare_funding(report, engine["assets"], database)
    _compare_reserved(report, engine["withdrawals"], database)
    return report


def read_database(differ: Differ, since_seq: int = 0, *, books: bool = False) -> DatabaseState:
    """One snapshot. What the database can find out by itself is told to `differ` at once."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        checkpoint = Checkpoint.objects.filter(name=CHECKPOINT).first() or Checkpoint(name=CHECKPOINT, chain=bytes(32))
        symbols = dict(Asset.objects.values_list("pk", "symbol"))
        outside = LedgerPosting.objects.filter(account_id=OUTSIDE_ACCOUNT_ID).order_by()
        sums = outside.values_list("asset_id").annotate(total=Sum("units"))
        check_ledger(differ, since_seq)
        check_wallet(differ, checkpoint.n)
        if books:
            check_books(differ, checkpoint.n)
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
            outside={symbols[asset_id]: int(total) for asset_id, total in sums},
            reserved=reserved_at(checkpoint.n),
            unanswered=unanswered_withdrawals(),
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


def _compare_funding(report: Report, assets: Iterable[dict[str, Any]], database: DatabaseState) -> None:
    """I1: what people, fees and the house hold is what came from outside."""
    for asset in assets:
        symbol, funded = asset["symbol"], asset["funded_units"]
        held = sum(sum(amounts) for (_, name), amounts in database.balances.items() if name == symbol)
        report.compare(f"{symbol} sum of all balances", funded, held)
        report.compare(f"{symbol} from outside", funded, -database.outside.get(symbol, 0))


def _compare_reserved(report: Report, rows: Iterable[dict[str, Any]], database: DatabaseState) -> None:
    """What the engine keeps for withdrawals against what the wallet's rows say was reserved and not ended by then."""
    engine = {row["withdrawal_id"]: (row["account_id"], row["asset"], row["units"], row["fee_units"]) for row in rows}
    report.counts["reserved withdrawals"] = len(engine)
    for number in sorted(engine.keys() | database.reserved.keys()):
        if number not in database.unanswered:
            report.compare(f"withdrawal {number} reserved", engine.get(number), database.reserved.get(number))
