"""`manage.py reconcile_wallet`: what the chains hold against what is owed; exit 1 when something is missing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.wallet import alarms
from accounts.wallet.chain import ChainError
from accounts.wallet.holdings import holdings


class Command(BaseCommand):
    help = "Compares the venue's wallets on the chains with all balances. Stops nothing unless --stop is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--stop", action="store_true", help="Stop the wallet when something is missing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = holdings()
        except ChainError as error:
            raise CommandError(f"A chain could not be asked: {error}") from error
        missing = []
        for row in rows:
            show, symbol = row.asset.spec().format, row.asset.symbol
            self.stdout.write(
                f"{symbol}: {show(row.held)} on chains, {show(row.owed)} owed, {show(row.coming)} coming in, "
                f"{show(row.leaving)} going out"
            )
            if row.missing > 0:
                missing.append(f"{show(row.missing)} {symbol}")
                if options["stop"]:
                    detail = f"The wallets hold {show(row.missing)} {symbol} less than is owed."
                    alarms.raise_alarm(alarms.DIFFERENCE, symbol, detail, stops=True)
        if missing:
            raise CommandError(f"Missing: {', '.join(missing)}.", returncode=1)
        self.stdout.write("Nothing is missing.")
