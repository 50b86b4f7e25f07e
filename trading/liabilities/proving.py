"""Making a proof: all customers' balances at one outcome, read, hashed, stored and published in one transaction."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Account, Balance
from accounts.wallet.locks import only_one
from exchange_site.kernel.clock import datetime_of, iso_of
from marketdata.models import Asset
from trading.liabilities.models import LiabilityChunk, LiabilityProof, LiabilitySeed
from trading.liabilities.statement import NO_PREVIOUS, Root, Statement, commitment
from trading.liabilities.tree import AssetTree, depth_for, levels
from trading.models import Checkpoint
from trading.writer.store import CHECKPOINT

ROWS_AT_ONCE = 5_000  # Balances fetched.
CHUNKS_AT_ONCE = 100  # Of leaves, stored: 1.6 MB.
SEED_BYTES = 32


class NothingToProve(Exception):
    """The database has no outcome yet, or another process is making a proof."""


def prove() -> tuple[LiabilityProof, bool]:
    """The proof at the database's outcome now, and whether this call made it: an outcome has at most one.

    Raises NothingToProve, and trading.liabilities.tree.OutOfRange for numbers that nothing may be published from.
    """
    with only_one("liabilities") as mine:
        if not mine:
            raise NothingToProve("A proof is being made already.")
        with transaction.atomic():
            with connection.cursor() as cursor:  # One cut: the balances are those of the checkpoint's outcome.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return _prove_here()


def _prove_here() -> tuple[LiabilityProof, bool]:
    checkpoint = Checkpoint.objects.filter(name=CHECKPOINT).first()
    if checkpoint is None or checkpoint.n == 0:
        raise NothingToProve("The database has no outcome yet.")
    newest = LiabilityProof.objects.first()
    if newest is not None and newest.n >= checkpoint.n:
        return newest, False
    seed = secrets.token_bytes(SEED_BYTES)
    depth = depth_for(Account.objects.filter(kind=Account.Kind.USER).count())
    roots = [_root(asset, checkpoint.n, depth, seed) for asset in sorted(Asset.objects.all(), key=str)]
    previous = NO_PREVIOUS if newest is None else newest.commitment
    text = Statement(checkpoint.n, iso_of(checkpoint.at_ms) + "Z", previous, tuple(roots)).text()
    proof = LiabilityProof.objects.create(
        n=checkpoint.n, at=datetime_of(checkpoint.at_ms), statement=text, commitment=commitment(text)
    )
    LiabilitySeed.objects.create(proof=proof, seed=seed)
    return proof, True


def _root(asset: Asset, n: int, depth: int, seed: bytes) -> Root:
    """The asset's tree. Its leaves are stored, 16 bytes each; the tree itself is never held whole."""
    tops, rows = [], []
    for chunk in AssetTree(seed, asset.symbol, n).chunks(_balances(asset), depth):
        tops.append(chunk.top)
        rows.append(
            LiabilityChunk(
                proof_id=n,  # The proof's own row needs all roots, so it comes last; the database checks at the end.
                asset=asset.symbol,
                number=chunk.number,
                first_key=chunk.first_key,
                records=chunk.records,
                top_hash=chunk.top[0],
                top_units=chunk.top[1],
            )
        )
        if len(rows) == CHUNKS_AT_ONCE:
            LiabilityChunk.objects.bulk_create(rows)
            rows.clear()
    LiabilityChunk.objects.bulk_create(rows)
    top, units = levels(tops)[-1][0]
    return Root(asset.symbol, asset.decimals, depth, units, top.hex())


def _balances(asset: Asset) -> Iterator[tuple[int, int]]:
    """What each customer is owed: what is free, what orders hold, and what waits to be withdrawn."""
    rows = Balance.objects.filter(asset=asset, account__kind=Account.Kind.USER)
    owed = rows.annotate(owed=F("available_units") + F("locked_units")).exclude(owed=0)
    return owed.order_by().values_list("account_id", "owed").iterator(chunk_size=ROWS_AT_ONCE)


def paths_kept_until(proof: LiabilityProof) -> datetime:
    return proof.made_at + timedelta(days=settings.LIABILITY_PATHS_KEPT_DAYS)


def forget_old_paths() -> int:
    """Remove leaves and seeds of proofs older than promised; the published part stays. How many proofs that were."""
    cutoff = timezone.now() - timedelta(days=settings.LIABILITY_PATHS_KEPT_DAYS)
    old = list(LiabilitySeed.objects.filter(proof__made_at__lt=cutoff).values_list("pk", flat=True))
    with transaction.atomic():
        LiabilityChunk.objects.filter(proof_id__in=old).delete()
        LiabilitySeed.objects.filter(pk__in=old).delete()
    return len(old)
