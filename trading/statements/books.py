"""An account's whole history walked once, oldest first: lots of every asset, and the figures of one year.

Rules (docs/statements.md): everything is valued in one asset, USDC. A trade gives one asset and gets another, fees and
rebates included; its value is the side that is USDC, or what the quote side was worth at that moment. What is given is
a disposal at that value, what is got a lot that cost it. What comes from outside is a lot at the market's value on
arrival; what leaves takes the oldest lots along without a gain.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from accounts.models import LedgerPosting
from accounts.wallet.value import VALUED_IN
from marketdata.models import Asset, Market
from trading.ledger.selectors import Entry, entries_of
from trading.statements.fifo import Lot, Lots, Match
from trading.statements.prices import Prices

FEE = str(LedgerPosting.Kind.FEE)
LEGS_PER_FILL = 4
BOUGHT = "bought"


@dataclass(slots=True)
class AssetYear:
    """Units of the asset, and values in units of the valuing asset, which itself has no cost and no gain."""

    asset: Asset
    opening_units: int = 0
    opening_cost: int = 0
    received_units: int = 0  # From outside: deposits, credits.
    received_value: int = 0
    bought_units: int = 0  # By trades, after fees.
    bought_cost: int = 0
    disposed_units: int = 0
    disposed_cost: int = 0
    proceeds: int = 0
    sent_units: int = 0  # To outside: withdrawals with their fees, debits.
    sent_cost: int = 0
    fee_units: int = 0  # Of trades; less rebates. Already in the figures above.
    closing_units: int = 0
    closing_cost: int = 0
    unknown_values: int = 0  # How often no price was known and zero was taken.

    @property
    def gain(self) -> int:
        return self.proceeds - self.disposed_cost


@dataclass(frozen=True, slots=True)
class Disposal:
    asset: Asset
    match: Match


@dataclass(slots=True)
class Year:
    """One statement. `ended`: the year is over; until then figures go on changing."""

    year: int
    assets: list[AssetYear]
    ended: bool
    entries: int = field(default=0)


class TooMany(Exception):
    """More entries than a page walks through."""


def bounds(year: int) -> tuple[datetime, datetime]:
    """UTC: the first counts, the second does not."""
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


class Books:
    """`walk` yields the year's disposals as they happen; `figures` are complete when it is done."""

    def __init__(self, account_id: int, year: int, max_entries: int | None = None) -> None:
        self._account_id, self._max = account_id, max_entries
        self._since, self._until = bounds(year)
        self._assets = {asset.pk: asset for asset in Asset.objects.all()}
        self._valuing = next((pk for pk, asset in self._assets.items() if asset.symbol == VALUED_IN), 0)
        self._quotes = dict(Market.objects.values_list("pk", "quote_id"))
        self._prices = Prices()
        self._lots: dict[int, Lots] = {pk: Lots() for pk in self._assets}
        self._years = {pk: AssetYear(asset) for pk, asset in self._assets.items()}
        self._opened = False
        self.entries = 0

    def walk(self) -> Iterator[Disposal]:
        """Raises TooMany."""
        entries = self._counted(entries_of(self._account_id, until=self._until))
        for (_, is_fill), legs in groupby(entries, key=_group):
            rows = list(legs)
            if rows[0].at >= self._since and not self._opened:
                self._open()
            if is_fill:
                yield from self._trade(rows)
            else:
                for entry in rows:
                    self._transfer(entry)
        if not self._opened:
            self._open()

    def figures(self) -> list[AssetYear]:
        """Of assets that the account had or moved in the year, in order of symbol."""
        for pk, row in self._years.items():
            lots = self._lots[pk]
            row.closing_units, row.closing_cost = lots.units, lots.cost
        rows = [row for row in self._years.values() if _says_something(row)]
        return sorted(rows, key=lambda row: row.asset.symbol)

    def _counted(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self.entries += 1
            if self._max is not None and self.entries > self._max:
                raise TooMany
            yield entry

    def _open(self) -> None:
        """Everything before the year is the opening; from here on the year's own figures count."""
        for pk, asset in self._assets.items():
            lots = self._lots[pk]
            self._years[pk] = AssetYear(asset, opening_units=lots.units, opening_cost=lots.cost)
        self._opened = True

    def _trade(self, legs: list[Entry]) -> Iterator[Disposal]:
        """One fill: base, quote, and the fee in one of them."""
        at, market_id = legs[0].at, legs[0].market_id
        change: dict[int, int] = {}
        for leg in legs:
            change[leg.asset_id] = change.get(leg.asset_id, 0) + leg.units
            if leg.kind == FEE:
                self._years[leg.asset_id].fee_units -= leg.units
        quote_id = self._quotes[market_id] if market_id is not None else 0
        value = self._value_of(change, quote_id, at)
        for asset_id, units in change.items():
            if units < 0:
                yield from self._give(asset_id, -units, value, at)
        for asset_id, units in change.items():
            if units > 0:
                self._get(asset_id, Lot(at, BOUGHT, units, value))

    def _value_of(self, change: dict[int, int], quote_id: int, at: datetime) -> int:
        if self._valuing in change:
            return abs(change[self._valuing])
        value = self._prices.value(quote_id, abs(change.get(quote_id, 0)), at)
        if value is None:
            for asset_id in change:
                self._years[asset_id].unknown_values += 1
        return value or 0

    def _give(self, asset_id: int, units: int, value: int, at: datetime) -> Iterator[Disposal]:
        row, lots = self._years[asset_id], self._lots[asset_id]
        row.disposed_units += units
        if asset_id == self._valuing:
            for _ in lots.take(units):
                pass
            return
        row.proceeds += value
        for match in lots.dispose(at, units, value):
            row.disposed_cost += match.cost
            if at >= self._since:
                yield Disposal(row.asset, match)

    def _get(self, asset_id: int, lot: Lot) -> None:
        row = self._years[asset_id]
        if asset_id == self._valuing:
            lot.cost = 0
        row.bought_units += lot.units
        row.bought_cost += lot.cost
        self._lots[asset_id].acquire(lot)

    def _transfer(self, entry: Entry) -> None:
        row, lots = self._years[entry.asset_id], self._lots[entry.asset_id]
        if entry.units > 0:
            value = 0
            if entry.asset_id != self._valuing:
                found = self._prices.value(entry.asset_id, entry.units, entry.at)
                row.unknown_values += found is None
                value = found or 0
            row.received_units += entry.units
            row.received_value += value
            lots.acquire(Lot(entry.at, entry.kind, entry.units, value, is_known=False))
        elif entry.units < 0:
            row.sent_units -= entry.units
            row.sent_cost += sum(lot.cost for lot in lots.take(-entry.units))


def _group(entry: Entry) -> tuple[int, bool]:
    """The legs of one fill belong together; every other entry stands alone with its event."""
    is_fill = entry.market_id is not None
    return (entry.id // LEGS_PER_FILL if is_fill else entry.id), is_fill


def _says_something(row: AssetYear) -> bool:
    return any(
        (row.opening_units, row.received_units, row.bought_units, row.disposed_units, row.sent_units, row.fee_units)
    )


def statement(account_id: int, year: int, now: datetime, max_entries: int | None = None) -> Year:
    """Raises TooMany."""
    books = Books(account_id, year, max_entries)
    for _ in books.walk():
        pass
    return Year(year, books.figures(), now >= bounds(year)[1], books.entries)


def years_of(account_id: int, now: datetime) -> list[int]:
    """From the first entry's year to this one, newest first; empty without any."""
    first = next(entries_of(account_id), None)
    return [] if first is None else list(range(now.year, first.at.year - 1, -1))
