"""Reading proofs for pages and the API."""

from typing import Any

from exchange_site.kernel.money import from_units
from trading.liabilities.models import LiabilityProof
from trading.liabilities.proving import paths_kept_until


def newest(limit: int, before: int | None = None) -> list[LiabilityProof]:
    """By outcome, newest first; `before`: only those of earlier outcomes."""
    rows = LiabilityProof.objects.order_by("-n")
    return list((rows if before is None else rows.filter(n__lt=before))[:limit])


def one(n: int | None) -> LiabilityProof | None:
    """The proof at this outcome; the newest without one."""
    rows = LiabilityProof.objects.order_by("-n")
    return rows.first() if n is None else rows.filter(n=n).first()


def plain(proof: LiabilityProof) -> dict[str, Any]:
    """As the API shows it."""
    stated = proof.parsed()
    return {
        "outcome": str(proof.n),
        "timestamp": stated.at.removesuffix("Z"),
        "commitment": proof.commitment,
        "previous": stated.previous,
        "pathsUntil": paths_kept_until(proof).strftime("%Y-%m-%dT%H:%M:%S.000"),
        "statement": proof.statement,
        "assets": [
            {
                "symbol": root.asset,
                "quantity": from_units(root.units, root.decimals),
                "root": root.hash,
                "depth": root.depth,
            }
            for root in stated.roots
        ],
    }
