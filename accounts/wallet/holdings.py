"""Chains against books: what the venue's wallets hold, and what it owes, per asset (I1, after Mt. Gox).

Owed is every balance here, the house's and the fees' included. What is on its way counts where it is: a deposit in a
block that is not credited yet is held and not owed; a payment already sent is owed until it is settled, and not held.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Sum

from accounts.ledger.models import Book
from accounts.models import Balance
from accounts.wallet import book, deposits
from accounts.wallet.chain import Chain, chain_of
from accounts.wallet.models import AssetNetwork, Deposit, OutboxCommand, SignedPayment, Withdrawal
from marketdata.models import Asset


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of one asset. `missing` is above zero when the venue holds less than it owes."""

    asset: Asset
    held: int
    owed: int
    coming: int  # In a block, not credited.
    leaving: int  # Sent or paid as a network fee, not taken from the books yet.

    @property
    def missing(self) -> int:
        return self.owed + self.coming - self.leaving - self.held


def holdings() -> list[Holding]:
    """Of every asset that has a chain here. Raises ChainError. Read it twice when something moves meanwhile."""
    return [_holding(asset) for asset in Asset.objects.filter(networks__isnull=False).distinct()]


def _holding(asset: Asset) -> Holding:
    chains = [row.blockchain for row in AssetNetwork.objects.filter(asset=asset)]
    ours = [chain_of(name) for name in chains if name in settings.WALLET_CHAINS]
    held = sum(chain.held_units(asset.symbol) + chain.cold_units(asset.symbol) for chain in ours)
    rows = Balance.objects.filter(asset=asset)
    owed = rows.aggregate(total=Sum(F("available_units") + F("locked_units")))["total"] or 0
    uncredited = Deposit.objects.filter(
        network__asset=asset, on_chain=True, internal=False, block_height__isnull=False,
        state__in=[Deposit.State.PENDING, Deposit.State.CREDITING],
    )  # fmt: skip
    coming = uncredited.aggregate(total=Sum("units"))["total"] or 0
    return Holding(asset, held, int(owed), int(coming), _leaving(asset))


def _leaving(asset: Asset) -> int:
    sent = Withdrawal.objects.filter(
        network__asset=asset, to_account=None, state__in=[Withdrawal.State.SENT, Withdrawal.State.SETTLING]
    )
    paid = sent.aggregate(total=Sum(F("units") - F("fee_units")))["total"] or 0
    booked = OutboxCommand.objects.filter(
        withdrawal=OuterRef("withdrawal"), kind=OutboxCommand.Kind.DEFUND, state=OutboxCommand.State.DONE
    )
    chains = [name for name in settings.WALLET_CHAINS if chain_of(name).fee_asset == asset.symbol]
    unbooked = SignedPayment.objects.filter(blockchain__in=chains, accepted_at__isnull=False).exclude(Exists(booked))
    return int(paid) + int(unbooked.aggregate(total=Sum("network_fee_units"))["total"] or 0)


@dataclass(frozen=True, slots=True)
class Place:
    """One asset on one chain: what the chain shows and what the ledger says, in units. `coming` and `leaving` are the
    ledger's; `in_doubt` may be gone from the chain already, `unconfirmed` may be there before a block has it."""

    symbol: str
    blockchain: str
    hot_on_chain: int
    hot: int
    cold_on_chain: int
    cold: int
    coming: int
    leaving: int
    stands_for: int
    in_doubt: int
    unconfirmed: int

    def differences(self) -> Iterator[str]:
        """Too little, sentence by sentence."""
        for name, chain, ledger in self._pairs():
            if chain + (self.in_doubt if name == "hot" else 0) < ledger:
                yield self._sentence(name, chain, ledger)

    def notes(self) -> Iterator[str]:
        """Too much: nobody is short of it, and anybody can send coins to a wallet."""
        for name, chain, ledger in self._pairs():
            if chain > ledger + (self.unconfirmed if name == "hot" else 0):
                yield f"{self._sentence(name, chain, ledger)} (a surplus)"

    def _pairs(self) -> tuple[tuple[str, int, int], tuple[str, int, int]]:
        return ("hot", self.hot_on_chain, self.hot), ("cold", self.cold_on_chain, self.cold)

    def _sentence(self, name: str, chain: int, ledger: int) -> str:
        return f"{self.symbol} {name} wallet on {self.blockchain}: the chain has {chain}, the ledger {ledger}"


def places() -> list[Place]:
    """Every asset on every chain, after a look at the chain for what is new. Raises ChainError."""
    found = []
    for blockchain in settings.WALLET_CHAINS:
        deposits.scan(blockchain)
        networks = AssetNetwork.objects.filter(blockchain=blockchain).select_related("asset").order_by("pk")
        found += [_place(network, chain_of(blockchain)) for network in networks]
    return found


def _place(network: AssetNetwork, chain: Chain) -> Place:
    """The chain first: what is sent in between makes a surplus, never a shortage."""
    asset, blockchain = network.asset, network.blockchain
    hot, cold = chain.held_units(asset.symbol), chain.cold_units(asset.symbol)
    ledger = {
        name: units for (pk, where, name), units in book.balances().items() if (pk, where) == (asset.pk, blockchain)
    }
    waiting = Deposit.objects.filter(network=network, on_chain=True, block_height__isnull=True, internal=False)
    return Place(
        symbol=asset.symbol,
        blockchain=blockchain,
        hot_on_chain=hot,
        hot=ledger.get(Book.HOT, 0),
        cold_on_chain=cold,
        cold=ledger.get(Book.COLD, 0),
        coming=-ledger.get(Book.DEPOSITS, 0) - ledger.get(Book.DUST, 0),
        leaving=ledger.get(Book.PAYMENTS, 0),
        stands_for=-ledger.get(Book.BOOKS, 0),
        in_doubt=_in_doubt(network, chain),
        unconfirmed=int(waiting.aggregate(total=Sum("units"))["total"] or 0),
    )


def _in_doubt(network: AssetNetwork, chain: Chain) -> int:
    """Signed payments that the chain has and the ledger not yet: the signer writes it down right after sending."""
    units = 0
    signed = SignedPayment.objects.filter(blockchain=network.blockchain, withdrawal__state=Withdrawal.State.SIGNED)
    for payment in signed.select_related("withdrawal__network")[:1_000]:
        if chain.confirmed(payment.transaction_hash) is None:
            continue
        row = payment.withdrawal
        if row.network.asset_id == network.asset_id:
            units += row.units - row.fee_units
        if chain.fee_asset == network.asset.symbol:
            units += payment.network_fee_units
    return units
