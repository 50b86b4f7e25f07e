"""The demo's wallet: rules of each asset's chain, and coins on the simulated chains for what the house has."""

from collections.abc import Container, Mapping

from django.conf import settings

from accounts.models import OUTSIDE_ACCOUNT_ID, LedgerPosting
from accounts.wallet.deposits import TREASURY_MEMO
from accounts.wallet.models import AssetNetwork
from accounts.wallet.simulated.chain import Simulated
from accounts.wallet.simulated.models import SimulatedTransaction
from accounts.wallet.simulated.network import Network
from marketdata.models import Asset

# Symbol: confirmations, smallest deposit, smallest withdrawal, fee, limit of 24 hours, two operators above.
RULES = {
    "SOL": (4, "0.01", "0.02", "0.01", "5000", "1000"),
    "BTC": (3, "0.0001", "0.0005", "0.0001", "20", "2"),
    "ETH": (6, "0.001", "0.005", "0.001", "200", "30"),
    "USDC": (4, "1", "5", "1", "1000000", "100000"),
}


COLD_PERCENT = 80  # Of the house's coins.


def seed_wallet(house: Mapping[str, str]) -> None:
    """Rules that staff have not set yet, and once for each asset the coins of `house` (whole coins). May run again."""
    for asset in Asset.objects.filter(symbol__in=RULES):
        confirmations, deposit, withdrawal, fee, limit, threshold = RULES[asset.symbol]
        units = asset.spec().parse
        AssetNetwork.objects.get_or_create(
            asset=asset,
            blockchain=asset.blockchain,
            defaults={
                "confirmations": confirmations,
                "minimum_deposit_units": units(deposit),
                "minimum_withdrawal_units": units(withdrawal),
                "withdrawal_fee_units": units(fee),
                "daily_limit_units": units(limit),
                "approval_above_units": units(threshold),
            },
        )
        simulated = settings.WALLET_CHAINS.get(asset.blockchain) == "simulated"
        if simulated and asset.symbol in house and not _brought(asset, sender := f"treasury {asset.symbol}"):
            whole = units(house[asset.symbol])
            cold = whole * COLD_PERCENT // 100
            bring_coins(asset, cold, f"cold {sender}", cold=True)
            bring_coins(asset, whole - cold, sender)  # Last: it says that both are there.


def bring_coins_of_earlier_payments(house_references: Container[str]) -> int:
    """Coins for what `manage.py fund` paid before it brought any; how many payments now have theirs. May run again.

    Only on simulated chains, and for what the engine has booked as money from outside. `house_references` names the
    payments whose coins `seed_wallet` brings.
    """
    brought = 0
    paid = LedgerPosting.objects.filter(account_id=OUTSIDE_ACCOUNT_ID, kind=LedgerPosting.Kind.FUNDING, units__lt=0)
    assets = {asset.pk: asset for asset in Asset.objects.filter(networks__isnull=False).distinct()}
    for asset_id, reference, units in paid.order_by("pk").values_list("asset_id", "reference", "units").iterator():
        asset = assets.get(asset_id)
        if asset is not None and reference not in house_references:
            brought += bring_coins(asset, -units, sender_of(reference))
    return brought


def sender_of(reference: str) -> str:
    """Who sends the coins of a payment by `manage.py fund`."""
    return f"fund {reference}"[:128]


def bring_coins(asset: Asset, units: int, sender: str, *, cold: bool = False) -> bool:
    """The venue's own coins on a simulated chain, for what the house gets in the engine; once for each `sender`.

    False: they are there already, or the chain is a real one.
    """
    if settings.WALLET_CHAINS.get(asset.blockchain) != "simulated" or _brought(asset, sender):
        return False
    network, chain = Network(asset.blockchain), Simulated(asset.blockchain)
    address = chain.cold_address() if cold else chain.wallet_address()
    network.send(address, asset.symbol, units, memo=TREASURY_MEMO, sender=sender)
    network.mine()
    return True


def _brought(asset: Asset, sender: str) -> bool:
    sent = SimulatedTransaction.objects.filter(chain_id=asset.blockchain, sender=sender)
    return sent.filter(outputs__asset=asset.symbol).exists()
