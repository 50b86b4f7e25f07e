"""`manage.py timescale enable|disable|status`: trades as a hypertable, candles as continuous aggregates."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketdata.storage import StorageRefused, timescale


class Command(BaseCommand):
    help = (
        "enable: trades become a hypertable with compression, candles continuous aggregates under the same name, while "
        "the exchange runs; disable: plain tables again. Without --yes both only say what they would do. Needs a "
        "PostgreSQL with TimescaleDB; on any other `manage.py partitions` does the same job."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for name in ("enable", "disable"):
            verbs.add_parser(name).add_argument("--yes", action="store_true", help="Do it.")
        enable = verbs.choices["enable"]
        enable.add_argument("--keep-trades-days", type=int, metavar="DAYS", help="Drop older trades; never by itself.")
        enable.add_argument("--keep-seconds-days", type=int, metavar="DAYS", help="Drop older candles of one second.")
        verbs.add_parser("status")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except StorageRefused as error:
            raise CommandError(str(error)) from error

    def _enable(self, options: dict[str, Any]) -> None:
        timescale.demand_available()
        if not options["yes"]:
            self.stdout.write(
                "Trades would become a hypertable and candles continuous aggregates. Nothing was changed. "
                "Add --yes to do it."
            )
            return
        timescale.enable(self.stdout.write, options["keep_trades_days"], options["keep_seconds_days"])

    def _disable(self, options: dict[str, Any]) -> None:
        if not options["yes"]:
            self.stdout.write("Trades and candles would become plain tables. Nothing was changed. Add --yes to do it.")
            return
        timescale.disable(self.stdout.write)

    def _status(self, options: dict[str, Any]) -> None:
        for name, said in timescale.status().items():
            lines = said if isinstance(said, list) else [said]
            shown = "no" if said in (None, False) else "yes" if said is True else "; ".join(map(str, lines))
            self.stdout.write(f"{name}: {shown}")
