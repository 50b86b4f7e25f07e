"""The rows a database needs before its writer can follow the campaign: assets, markets, people. Runs as a program."""

from decimal import Decimal

import django

UNIT = Decimal("0.000001")


def make_rows() -> None:
    from accounts.models import Account, User
    from exchange_site.chaos import workload
    from marketdata.models import Asset, Market

    assets = {
        symbol: Asset.objects.create(symbol=symbol, name=symbol, decimals=workload.DECIMALS, blockchain="Solana")
        for symbol in workload.ASSETS
    }
    for listing in workload.market_listings():
        step = UNIT * listing.base_units_per_lot
        Market.objects.create(
            symbol=listing.symbol,
            base=assets[listing.base],
            quote=assets[listing.quote],
            tick_size=UNIT * listing.quote_units_per_tick_lot / step,
            step_size=step,
            min_quantity=step * listing.min_quantity_lots,
            max_open_orders=listing.max_open_orders,
        )
    for account_id in workload.ALL_ACCOUNTS:
        Account.objects.create(id=account_id, user=User.objects.create_user(f"trader{account_id}@example.org"))


if __name__ == "__main__":
    django.setup()
    make_rows()
