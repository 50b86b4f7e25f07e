"""Everything that can happen on a simulated chain, for the command, the page and tests. One caller at a time."""

import hashlib

from django.db import transaction
from django.db.models import Max

from accounts.wallet.simulated.chain import is_conflicted
from accounts.wallet.simulated.models import SimulatedBlock, SimulatedChain, SimulatedOutput, SimulatedTransaction

MAX_BLOCKS = 1_000
MAX_UNITS = 2**62


class SimulationError(Exception):
    """What was asked for cannot happen on a chain. The text is a sentence."""


class Network:
    """The outside world of one chain."""

    def __init__(self, blockchain: str) -> None:
        self.blockchain = blockchain

    @transaction.atomic
    def mine(self, count: int = 1, *, empty: bool = False) -> int:
        """New blocks on the best branch, the first with everything that waits (unless `empty`); the new height."""
        if not 0 < count <= MAX_BLOCKS:
            raise SimulationError(f"Mine 1 to {MAX_BLOCKS} blocks at once.")
        chain = self._locked()
        for number in range(count):
            block = self._add_block(chain)
            if number == 0 and not empty:
                self._fill(block)
        return chain.height

    def has_waiting(self) -> bool:
        """Whether a transaction waits that the next block could take."""
        waiting = SimulatedTransaction.objects.filter(chain_id=self.blockchain, block__isnull=True, evicted=False)
        return any(not is_conflicted(row) for row in waiting[:100])

    @transaction.atomic
    def send(
        self, address: str, asset: str, units: int, *, memo: str = "", sender: str = "outside", nonce: int | None = None
    ) -> SimulatedTransaction:
        """Somebody outside pays an address. The transaction waits until a block is mined."""
        return self.send_many([(address, asset, units, memo)], sender=sender, nonce=nonce)

    @transaction.atomic
    def send_many(
        self, outputs: list[tuple[str, str, int, str]], *, sender: str = "outside", nonce: int | None = None
    ) -> SimulatedTransaction:
        if not outputs or any(not 0 < units <= MAX_UNITS for _, _, units, _ in outputs):
            raise SimulationError("Each output pays more than nothing.")
        chain = self._locked()
        if nonce is None:
            last = SimulatedTransaction.objects.filter(chain=chain, sender=sender).aggregate(last=Max("nonce"))["last"]
            nonce = 1 if last is None else last + 1
        return self.add(chain, self._new_hash(chain, "transaction"), sender, nonce, outputs)

    @transaction.atomic
    def reorganise(self, depth: int, *, keep: bool = True, longer_by: int = 1, double: str | None = None) -> int:
        """Undo the last `depth` blocks and grow another branch, longer by `longer_by`; the new height.

        The undone transactions are mined again in its first block, or go on waiting when `keep` is false. `double`
        names one whose sender spends the same money elsewhere in the new branch, so that it can never come back.
        """
        chain = self._locked()
        if not 0 < depth <= min(chain.height, MAX_BLOCKS):
            raise SimulationError(f"The chain has {chain.height} blocks to undo.")
        undone = SimulatedBlock.objects.filter(chain=chain, is_best=True, height__gt=chain.height - depth)
        SimulatedTransaction.objects.filter(block__in=undone).update(block=None)
        undone.update(is_best=False)
        chain.height -= depth
        if double is not None:
            self._spend_elsewhere(chain, double)
        for number in range(depth + longer_by):
            block = self._add_block(chain)
            if number == 0 and (keep or double is not None):
                self._fill(block, only=None if keep else self._doubles(double))
        return chain.height

    @transaction.atomic
    def evict(self, transaction_hash: str) -> None:
        """Every node forgets a waiting transaction."""
        row = self._waiting(transaction_hash)
        row.evicted = True
        row.save(update_fields=["evicted"])

    @transaction.atomic
    def send_again(self, transaction_hash: str) -> None:
        """Somebody offers a forgotten transaction to the nodes again."""
        SimulatedTransaction.objects.filter(pk=transaction_hash, chain_id=self.blockchain).update(evicted=False)

    def add(
        self,
        chain: SimulatedChain,
        transaction_hash: str,
        sender: str,
        nonce: int,
        outputs: list[tuple[str, str, int, str]],
        fee_units: int = 0,
        fee_asset: str = "",
    ) -> SimulatedTransaction:
        """A transaction that nodes accept; the caller holds the chain's lock."""
        row = SimulatedTransaction.objects.create(
            pk=transaction_hash, chain=chain, sender=sender, nonce=nonce, fee_units=fee_units, fee_asset=fee_asset
        )
        for index, (address, asset, units, memo) in enumerate(outputs):
            SimulatedOutput.objects.create(
                transaction=row, index=index, address=address, asset=asset, units=units, memo=memo
            )
        return row

    def locked(self) -> SimulatedChain:
        return self._locked()

    def _locked(self) -> SimulatedChain:
        SimulatedChain.objects.get_or_create(pk=self.blockchain)
        return SimulatedChain.objects.select_for_update().get(pk=self.blockchain)

    def _new_hash(self, chain: SimulatedChain, what: str) -> str:
        chain.counter += 1
        chain.save(update_fields=["counter"])
        return hashlib.sha256(f"{self.blockchain}|{what}|{chain.counter}".encode()).hexdigest()

    def _add_block(self, chain: SimulatedChain) -> SimulatedBlock:
        parent = SimulatedBlock.objects.filter(chain=chain, is_best=True, height=chain.height).first()
        block_hash = self._new_hash(chain, "block")
        chain.height += 1
        chain.save(update_fields=["height"])
        return SimulatedBlock.objects.create(
            pk=block_hash, chain=chain, height=chain.height, parent_hash=parent.pk if parent else ""
        )

    def _fill(self, block: SimulatedBlock, only: set[str] | None = None) -> None:
        waiting = SimulatedTransaction.objects.filter(chain=block.chain, block__isnull=True, evicted=False)
        for row in waiting.order_by("seen_at", "pk"):
            if (only is None or row.pk in only) and not is_conflicted(row):
                row.block = block
                row.save(update_fields=["block"])

    def _waiting(self, transaction_hash: str) -> SimulatedTransaction:
        self._locked()
        row = SimulatedTransaction.objects.filter(pk=transaction_hash, chain_id=self.blockchain).first()
        if row is None or row.block_id is not None:
            raise SimulationError("No such transaction waits outside the blocks.")
        return row

    def _spend_elsewhere(self, chain: SimulatedChain, transaction_hash: str) -> None:
        row = SimulatedTransaction.objects.filter(pk=transaction_hash, chain=chain).first()
        if row is None or row.block_id is not None:
            raise SimulationError("The transaction to spend twice is not in the undone blocks.")
        outputs = [
            (f"elsewhere-{index}", output.asset, output.units, "")
            for index, output in enumerate(row.outputs.order_by("index"))
        ]
        twin = self.add(chain, self._new_hash(chain, "transaction"), row.sender, row.nonce, outputs)
        SimulatedTransaction.objects.filter(pk=twin.pk).update(seen_at=row.seen_at)
        row.evicted = True
        row.save(update_fields=["evicted"])

    def _doubles(self, transaction_hash: str | None) -> set[str]:
        row = SimulatedTransaction.objects.get(pk=transaction_hash)
        same = SimulatedTransaction.objects.filter(chain_id=row.chain_id, sender=row.sender, nonce=row.nonce)
        return set(same.exclude(pk=row.pk).values_list("pk", flat=True))
