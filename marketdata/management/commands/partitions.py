"""`manage.py partitions enable|disable|status|ahead|drop`: trades and candles in native partitions by month."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketdata.storage import StorageRefused, candles, partitions


class Command(BaseCommand):
    help = (
        "enable: trades and candles in partitions by month, on any PostgreSQL, while the exchange runs; disable: plain "
        "tables again. Without --yes both only say what they would do. status: how they lie. ahead: make the next "
        "months (a daily job does it too). drop: remove whole months that are older than you want to keep."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for name in ("enable", "disable", "drop"):
            verbs.add_parser(name).add_argument("--yes", action="store_true", help="Do it.")
        status = verbs.add_parser("status")
        status.add_argument("--verify", action="store_true", help="Compare every candle with the trades (reads all).")
        verbs.add_parser("ahead")
        drop = verbs.choices["drop"]
        drop.add_argument("--keep-trades-days", type=int, metavar="DAYS")
        drop.add_argument("--keep-seconds-days", type=int, metavar="DAYS", help="Candles of one second only.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except StorageRefused as error:
            raise CommandError(str(error)) from error

    def _enable(self, options: dict[str, Any]) -> None:
        if self._sure(options, "Trades and candles would be copied into partitions by month, and take their place."):
            partitions.enable(self.stdout.write)

    def _disable(self, options: dict[str, Any]) -> None:
        if self._sure(options, "Trades and candles would be copied into plain tables, and take their place."):
            partitions.disable(self.stdout.write)

    def _status(self, options: dict[str, Any]) -> None:
        for state in partitions.states():
            self.stdout.write(f"{state.table}: {state.shape.value}, about {state.rows:,} rows")
            if state.partitions:
                self.stdout.write(f"  {state.partitions} months, the last is {state.last_month}")
                self.stdout.write(f"  {state.in_default:,} rows in no month's partition")
        if options["verify"]:
            since = candles.trimmed_until()
            if since is not None:
                self.stdout.write(f"Trades before {since:%Y-%m-%d} were dropped; older candles are not compared.")
            found = list(candles.differences("marketdata_kline", candles.of_kept_trades(), since))
            for line in found:
                self.stdout.write(line)
            if found:
                raise CommandError("Candles are not what the trades make.")
            self.stdout.write("Every candle is what the trades make, to the last digit.")

    def _ahead(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{partitions.make_ahead()} partitions were made.")

    def _drop(self, options: dict[str, Any]) -> None:
        wanted = partitions.old(options["keep_trades_days"], options["keep_seconds_days"], datetime.now(UTC))
        if not wanted:
            raise CommandError("Say what to keep: --keep-trades-days DAYS, --keep-seconds-days DAYS, or both.")
        names = [name for parent, day in wanted for name in partitions.names_before(parent, day)]
        if not names:
            self.stdout.write("No whole month is that old.")
            return
        if self._sure(options, f"These would be dropped for good: {', '.join(names)}."):
            for parent, day in wanted:
                for name in partitions.drop_before(parent, day):
                    self.stdout.write(f"{name} was dropped.")

    def _sure(self, options: dict[str, Any], what: str) -> bool:
        if options["yes"]:
            return True
        self.stdout.write(f"{what} Nothing was changed. Add --yes to do it.")
        return False
