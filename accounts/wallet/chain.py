"""What the wallet needs of a blockchain. Two ports: one to look, for every process; one to pay, for the signer alone.

`simulated` and `bitcoin_core` implement them; `settings.WALLET_CHAINS` says which chain is which.
"""

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings


class ChainError(Exception):
    """The node is away or answered nonsense. Nothing is known to have happened; try again later."""


class PaymentRefused(ChainError):
    """The chain will not take this transaction, now or later; a person must look."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An output as the chain shows it now. `block_height` is None while no block has it."""

    transaction_hash: str
    output_index: int
    address: str
    asset: str
    units: int
    memo: str
    block_height: int | None
    confirmations: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Every output in blocks above `complete_above` and outside all blocks; what should be there and is not is gone.

    `gone` names outputs of undone blocks, where the chain tells. `cursor` is where the next look begins, deep enough
    that everything watched is listed again.
    """

    incoming: list[Incoming]
    gone: list[tuple[str, int]]
    cursor: str
    height: int
    complete_above: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How deep a payment of ours is: 0 while no block has it."""

    confirmations: int


class Chain(Protocol):
    """Looking. Every method raises ChainError."""

    blockchain: str
    fee_asset: str  # What the network takes its fees in.

    def is_valid_address(self, address: str) -> bool: ...

    def new_address(self, account_id: int) -> str:
        """An address of our wallet for this account. Calling it again may give another one."""
        ...

    def wallet_address(self) -> str | None:
        """Where money with a memo arrives, on chains that have such an address."""
        ...

    def cold_address(self) -> str | None:
        """Of the cold wallet, where there is one address of it. Nothing here can pay from it."""
        ...

    def changes_since(self, cursor: str, watched_depth: int) -> Changes: ...

    def confirmed(self, transaction_hash: str) -> Confirmed | None:
        """None: the chain does not know this transaction (any more)."""
        ...

    def held_units(self, asset: str) -> int:
        """What our hot wallet has there, less what it has already sent."""
        ...

    def cold_units(self, asset: str) -> int:
        """What our cold wallet has there."""
        ...


@dataclass(frozen=True, slots=True)
class Payment:
    """What a withdrawal pays: `units` of `asset` to `address`. `reference` is ours and may be shown on the chain."""

    reference: str
    address: str
    memo: str
    asset: str
    units: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction that can be sent any number of times and takes place at most once."""

    raw: str
    transaction_hash: str
    fee_units: int


class PayingChain(Protocol):
    """Paying. Signing changes nothing outside; sending the same bytes again changes nothing more."""

    def sign(self, payment: Payment) -> Signed:
        """Raises ChainError, PaymentRefused (for example too little in the wallet)."""
        ...

    def send(self, signed: Signed) -> None:
        """Done also when the chain has it already. Raises ChainError (try again), PaymentRefused."""
        ...


def chain_of(blockchain: str) -> Chain:
    """Raises KeyError for a chain that is not set up."""
    kind = settings.WALLET_CHAINS[blockchain]
    if kind == "bitcoin_core":
        from accounts.wallet.bitcoin_core import watching_wallet

        return watching_wallet()
    from accounts.wallet.simulated.chain import Simulated

    return Simulated(blockchain)


def paying_chain_of(blockchain: str) -> PayingChain:
    """Only in the signer: needs its keys. Raises KeyError, and SignerKeysMissing anywhere else."""
    kind = settings.WALLET_CHAINS[blockchain]
    if kind == "bitcoin_core":
        from accounts.wallet.bitcoin_core import signing_wallet

        return signing_wallet()
    from accounts.wallet.simulated.wallet import SimulatedWallet

    return SimulatedWallet(blockchain)
