"""The demo's wallet: rules of each asset's chain, and coins on the simulated chains for what the house has."""

from collections.abc import Mapping

from django.conf import settings

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
        if simulated and asset.symbol in house:
            whole = units(house[asset.symbol])
            cold = whole * COLD_PERCENT // 100
            bring_coins(asset, cold, f"cold treasury {asset.symbol}", cold=True)
            bring_coins(asset, whole - cold, f"treasury {asset.symbol}")


def bring_coins(asset: Asset, units: int, sender: str, *, cold: bool = False) -> None:
    """The venue's own coins on a simulated chain, for what the house gets in the engine; once for each `sender`."""
    if settings.WALLET_CHAINS.get(asset.blockchain) != "simulated":
        return
    network = Network(asset.blockchain)
    if SimulatedTransaction.objects.filter(chain_id=asset.blockchain, sender=sender).exists():
        return
    chain = Simulated(asset.blockchain)
    address = chain.cold_address() if cold else chain.wallet_address()
    network.send(address, asset.symbol, units, memo=TREASURY_MEMO, sender=sender)
    network.mine()
