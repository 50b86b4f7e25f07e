"""What the amounts an account holds now have cost, from its ledger.

Lots leave first in, first out, as in the yearly statements: so what is held now is what came last, and the ledger is
read backwards until the held amount is found. A purchase costs what was paid and brings what arrived, fees of both
sides included. What came from outside, or for another asset, has no known cost and is left out of the average.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from accounts.ledger.models import LedgerEntry
from accounts.models import LedgerPosting

MOST_ENTRIES = 20_000  # Read backwards; an asset whose lots lie further back has no average.
_TRADING = (LedgerPosting.Kind.TRADE, LedgerPosting.Kind.FEE)


@dataclass(slots=True)
class Cost:
    """What is known of a held amount: `paid_units` of the paying asset went for `units` of it. Both may be zero."""

    units: int = 0
    paid_units: int = 0


def average_costs(account_id: int, held: dict[int, int], paid_in: int) -> dict[int, Cost]:
    """By asset id: the cost of the part of `held` (units by asset id) that was bought with the asset `paid_in`.

    Assets without such a part, or whose lots were not all found within MOST_ENTRIES, are left out.
    """
    missing = {asset: units for asset, units in held.items() if units > 0 and asset != paid_in}
    found: dict[int, Cost] = defaultdict(Cost)
    for kinds, moved in _events(account_id):
        if not missing:
            break
        paid = -moved.get(paid_in, 0)
        came = [asset for asset, units in moved.items() if units > 0]
        for asset in came:
            if asset not in missing:
                continue
            units = min(moved[asset], missing[asset])
            if paid > 0 and came == [asset] and kinds.issubset(_TRADING):
                found[asset].units += units
                found[asset].paid_units += paid * units // moved[asset]
            missing[asset] -= units
            if not missing[asset]:
                del missing[asset]
    return {asset: cost for asset, cost in found.items() if cost.units and asset not in missing}


def _events(account_id: int) -> Iterator[tuple[set[str], dict[int, int]]]:
    """Events, newest first: the kinds of their entries, and what each moved, by asset id."""
    newest = LedgerEntry.objects.filter(account_id=account_id).order_by("-id")
    rows = newest.values_list("seq", "kind", "asset_id", "units")[:MOST_ENTRIES].iterator(chunk_size=500)
    for _seq, legs in groupby(rows, key=lambda row: row[0]):
        kinds: set[str] = set()
        moved: dict[int, int] = defaultdict(int)
        for _, kind, asset, units in legs:
            kinds.add(kind)
            moved[asset] += units
        yield kinds, moved
