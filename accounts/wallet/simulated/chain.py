"""The simulated chain as the wallet sees it: blocks on a best branch, transactions in them or waiting."""

from django.db.models import Q, Sum

from accounts.wallet.chain import Changes, Confirmed, Incoming
from accounts.wallet.models import DepositAddress
from accounts.wallet.simulated.addresses import is_valid, make_address
from accounts.wallet.simulated.models import SimulatedBlock, SimulatedChain, SimulatedOutput, SimulatedTransaction

FEE_ASSETS = {"Solana": "SOL", "Bitcoin": "BTC", "Ethereum": "ETH"}
WALLET = "wallet"  # The sender of what the venue pays.
COLD = "cold wallet"  # The sender of what leaves the cold wallet.


class Simulated:
    """Implements `accounts.wallet.chain.Chain`. The chain itself is driven by `accounts.wallet.simulated.network`."""

    def __init__(self, blockchain: str) -> None:
        self.blockchain = blockchain
        self.fee_asset = FEE_ASSETS.get(blockchain, "")

    def is_valid_address(self, address: str) -> bool:
        return is_valid(self.blockchain, address)

    def new_address(self, account_id: int) -> str:
        return make_address(self.blockchain, f"account {account_id}")

    def wallet_address(self) -> str:
        return make_address(self.blockchain, WALLET)

    def cold_address(self) -> str:
        return make_address(self.blockchain, COLD)

    def changes_since(self, cursor: str, watched_depth: int) -> Changes:
        """As Bitcoin Core's `listsinceblock`: from the fork point of the block that `cursor` names."""
        chain = self._chain()
        since = SimulatedBlock.objects.filter(pk=cursor, chain=chain).first() if cursor else None
        while since is not None and not since.is_best:
            since = SimulatedBlock.objects.filter(pk=since.parent_hash).first()
        floor = -1 if since is None else since.height
        outputs = SimulatedOutput.objects.filter(transaction__chain=chain, transaction__evicted=False).filter(
            Q(transaction__block__isnull=True)
            | Q(transaction__block__is_best=True, transaction__block__height__gt=floor)
        )
        rows = outputs.exclude(transaction__sender=WALLET).select_related("transaction__block")
        conflicted = self._conflicted()
        incoming = [
            _incoming(row, chain.height)
            for row in rows.order_by("transaction__seen_at", "transaction_id", "index")
            if row.transaction_id not in conflicted
        ]
        deep = SimulatedBlock.objects.filter(chain=chain, is_best=True, height__lte=chain.height - watched_depth)
        newest = deep.order_by("-height").first()
        return Changes(incoming, [], newest.pk if newest else "", chain.height, complete_above=floor)

    def confirmed(self, transaction_hash: str) -> Confirmed | None:
        row = SimulatedTransaction.objects.filter(pk=transaction_hash, chain_id=self.blockchain, evicted=False)
        found = row.select_related("block").first()
        if found is None:
            return None
        if found.block is None:
            return Confirmed(0)
        return Confirmed(self._chain().height - found.block.height + 1)

    def held_units(self, asset: str) -> int:
        ours = {self.wallet_address(), *self._addresses()}
        on_chain = SimulatedOutput.objects.filter(transaction__chain_id=self.blockchain, asset=asset)
        living = on_chain.filter(transaction__evicted=False)
        received = living.filter(address__in=ours, transaction__block__is_best=True)
        spent = living.filter(transaction__sender=WALLET)
        fees = SimulatedTransaction.objects.filter(
            chain_id=self.blockchain, sender=WALLET, evicted=False, fee_asset=asset
        )
        return _sum(received, "units") - _sum(spent, "units") - _sum(fees, "fee_units")

    def cold_units(self, asset: str) -> int:
        on_chain = SimulatedOutput.objects.filter(transaction__chain_id=self.blockchain, asset=asset)
        mined = on_chain.filter(transaction__evicted=False, transaction__block__is_best=True)
        received, spent = mined.filter(address=self.cold_address()), mined.filter(transaction__sender=COLD)
        return _sum(received, "units") - _sum(spent, "units")

    def _addresses(self) -> list[str]:
        return list(DepositAddress.objects.filter(blockchain=self.blockchain).values_list("address", flat=True))

    def _chain(self) -> SimulatedChain:
        return SimulatedChain.objects.get_or_create(pk=self.blockchain)[0]

    def _conflicted(self) -> set[str]:
        """Waiting transactions whose spend another one has already made on the best branch."""
        waiting = SimulatedTransaction.objects.filter(chain_id=self.blockchain, block__isnull=True)
        return {row.pk for row in waiting if is_conflicted(row)}


def is_conflicted(row: SimulatedTransaction) -> bool:
    same = SimulatedTransaction.objects.filter(chain_id=row.chain_id, sender=row.sender, nonce=row.nonce)
    return same.filter(block__is_best=True).exclude(pk=row.pk).exists()


def _incoming(row: SimulatedOutput, height: int) -> Incoming:
    block = row.transaction.block
    return Incoming(
        transaction_hash=row.transaction_id,
        output_index=row.index,
        address=row.address,
        asset=row.asset,
        units=row.units,
        memo=row.memo,
        block_height=None if block is None else block.height,
        confirmations=0 if block is None else height - block.height + 1,
    )


def _sum(rows: object, column: str) -> int:
    total = rows.aggregate(total=Sum(column))["total"]  # type: ignore[attr-defined]
    return int(total or 0)
