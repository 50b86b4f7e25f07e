"""Chains against books: what the venue's wallets hold, and what it owes, per asset (I1, after Mt. Gox).

Owed is every balance here, the house's and the fees' included. What is on its way counts where it is: a deposit in a
block that is not credited yet is held and not owed; a payment already sent is owed until it is settled, and not held.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Sum

from accounts.models import Balance
from accounts.wallet.chain import chain_of
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
    held = sum(chain_of(name).held_units(asset.symbol) for name in chains if name in settings.WALLET_CHAINS)
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
