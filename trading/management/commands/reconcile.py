"""`manage.py reconcile`: is the database what the engine decided?"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from matching.client.dump import DumpFailed
from trading.reconcile import reconcile


class Command(BaseCommand):
    help = (
        "Compares balances, open orders, markets, postings and the hash chain of the database with the engine at the "
        "same outcome. Exit code 1 when anything differs. Needs the engine's journal directory."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="The result as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = reconcile()
        except DumpFailed as error:
            raise CommandError(f"The engine's state cannot be read: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps({"equal": not report.differences, **asdict(report)}, indent=1))
        else:
            counts = ", ".join(f"{count} {what}" for what, count in report.counts.items())
            self.stdout.write(f"Compared at outcome {report.n}: {counts}.")
            for difference in report.differences:
                self.stdout.write(f"  {difference}")
            if report.more:
                self.stdout.write(f"  ... and {report.more} more")
        if report.differences:
            raise CommandError(f"{len(report.differences) + report.more} differences between engine and database.")
        if not options["json"]:
            self.stdout.write("Engine and database are equal.")
