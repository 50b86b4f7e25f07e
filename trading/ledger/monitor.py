"""Does the money add up, asset by asset, as it is known now? For the admin's monitor."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F, Sum

from accounts.ledger.models import Book, Reconciliation
from accounts.models import FEES_ACCOUNT_ID, HOUSE_ACCOUNT_ID, Balance
from accounts.wallet import book
from marketdata.models import Asset


@dataclass(frozen=True, slots=True)
class AssetLine:
    """Units of one asset. Held is what the ledger has in both wallets; on its way are deposits that are not credited
    (held, not owed) and payments that are sent and not settled (owed, not held). `difference` below zero is missing."""

    asset: Asset
    hot: int
    cold: int
    owed: int
    owed_to_users: int
    coming: int
    leaving: int

    @property
    def difference(self) -> int:
        return self.hot + self.cold - (self.owed + self.coming - self.leaving)


@dataclass(frozen=True, slots=True)
class Proof:
    """The last time that everything was found equal."""

    at: datetime
    n: int
    pk: int  # Of the comparison.


def lines() -> list[AssetLine]:
    """One snapshot of the database; the db writer may be some outcomes behind the engine."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        assets = list(Asset.objects.filter(networks__isnull=False).distinct().order_by("symbol"))
        sums = (
            Balance.objects.order_by()
            .values_list("asset_id")
            .annotate(units=Sum(F("available_units") + F("locked_units")))
        )
        owed = {asset_id: int(units) for asset_id, units in sums}
        venue = dict(sums.filter(account_id__in=[HOUSE_ACCOUNT_ID, FEES_ACCOUNT_ID]))
        ledger: dict[tuple[int, str], int] = {}
        for (asset_id, _, name), units in book.balances().items():
            ledger[asset_id, name] = ledger.get((asset_id, name), 0) + units
    return [
        AssetLine(
            asset=asset,
            hot=ledger.get((asset.pk, Book.HOT), 0),
            cold=ledger.get((asset.pk, Book.COLD), 0),
            owed=owed.get(asset.pk, 0),
            owed_to_users=owed.get(asset.pk, 0) - int(venue.get(asset.pk, 0)),
            coming=-ledger.get((asset.pk, Book.DEPOSITS), 0) - ledger.get((asset.pk, Book.DUST), 0),
            leaving=ledger.get((asset.pk, Book.PAYMENTS), 0),
        )
        for asset in assets
    ]


def last_proof() -> Proof | None:
    row = Reconciliation.objects.filter(equal=True).order_by("-pk").first()
    return None if row is None or row.finished_at is None or row.n is None else Proof(row.finished_at, row.n, row.pk)


@dataclass(frozen=True, slots=True)
class ProvenLine:
    """Units of one asset as a comparison found them: held by the chains themselves, owed by the engine's books."""

    asset: Asset
    held: int
    owed: int
    coming: int
    leaving: int

    @property
    def difference(self) -> int:
        """Above zero: more is held than owed, for example coins that somebody sent without a reason."""
        return self.held - (self.owed + self.coming - self.leaving)


def proven_lines(proof: Proof) -> list[ProvenLine]:
    """What the comparison kept, all chains of an asset together; [] when it did not look at the chains."""
    sums: dict[str, list[int]] = {}
    for place in Reconciliation.objects.values_list("holdings", flat=True).get(pk=proof.pk):
        held = place["hot_on_chain"] + place["cold_on_chain"]
        figures = (held, place["stands_for"], place["coming"], place["leaving"])
        before = sums.get(place["symbol"], [0] * len(figures))
        sums[place["symbol"]] = [sum(pair) for pair in zip(before, figures, strict=True)]
    assets = Asset.objects.filter(symbol__in=sums).order_by("symbol")
    return [ProvenLine(asset, *sums[asset.symbol]) for asset in assets]
