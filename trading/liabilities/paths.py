"""What one account needs to check its part of a proof: its leaves, and the siblings up to each published root."""

from typing import Any

from trading.liabilities.models import LiabilityChunk, LiabilityProof, LiabilitySeed
from trading.liabilities.statement import Root
from trading.liabilities.tree import AssetTree, Node, find, levels, path

FORMAT = "liabilities 1"


class PathsGone(Exception):
    """The proof is older than paths are kept."""


class DamagedProof(Exception):
    """The kept leaves do not lead to the published root: rows were changed behind the program's back."""


def proof_of(account_id: int, proof: LiabilityProof) -> dict[str, Any]:
    """The file of `docs/liabilities.md`, with every number a string. Raises PathsGone and DamagedProof."""
    seed = LiabilitySeed.objects.filter(proof=proof).first()
    if seed is None:
        raise PathsGone
    try:
        leaves = [_leaf(account_id, proof, bytes(seed.seed), root) for root in proof.parsed().roots]
    except (IndexError, DamagedProof):
        if _forgotten(proof):
            raise PathsGone from None
        raise
    if _forgotten(proof):  # While they were read: a leaf that is missing now would pass for one that never was.
        raise PathsGone
    return {
        "format": FORMAT,
        "account": str(account_id),
        "commitment": proof.commitment,
        "statement": proof.statement,
        "leaves": [leaf for leaf in leaves if leaf is not None],
    }


def _forgotten(proof: LiabilityProof) -> bool:
    """Seed and leaves go in one transaction, so the seed says it of both."""
    return not LiabilitySeed.objects.filter(proof=proof).exists()


def _leaf(account_id: int, proof: LiabilityProof, seed: bytes, root: Root) -> dict[str, Any] | None:
    """None where the account had nothing of the asset."""
    tree = AssetTree(seed, root.asset, proof.n)
    rows = LiabilityChunk.objects.filter(proof=proof, asset=root.asset)
    chunk = rows.filter(first_key__lte=tree.order_key(account_id)).order_by("-number").first()
    found = None if chunk is None else find(bytes(chunk.records), account_id)
    if chunk is None or found is None:
        return None
    index, units = found
    lower = levels(tree.nodes(chunk.number, bytes(chunk.records)))
    tops: list[Node] = [
        (bytes(top), sum_) for top, sum_ in rows.order_by("number").values_list("top_hash", "top_units")
    ]
    upper = levels(tops)
    top, total = upper[-1][0]
    if lower[-1][0] != tops[chunk.number] or (top.hex(), total) != (root.hash, root.units):
        raise DamagedProof(f"{proof}, {root.asset}")
    siblings = path(lower, index) + path(upper, chunk.number)
    return {
        "asset": root.asset,
        "units": str(units),
        "salt": tree.salt(account_id).hex(),
        "position": str(chunk.number * len(lower[0]) + index),
        "path": [{"hash": sibling.hex(), "units": str(sum_)} for sibling, sum_ in siblings],
    }
