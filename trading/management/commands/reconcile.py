"""`manage.py reconcile`: do engine, database, ledger and chains say the same?"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from matching.client.dump import DumpFailed
from trading.ledger import reconciling
from trading.reconcile import Report, reconcile


class Command(BaseCommand):
    help = (
        "Compares the engine's state with the database at the same outcome, the ledger with balances, trades and the "
        "wallet's rows, and the ledger with what the chains show. Exit code 1 when anything differs. Needs the "
        "engine's journal directory. Each result is kept (admin, Reconciliations)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="The result as one JSON object.")
        parser.add_argument("--new", action="store_true", help="Only trades since the last one that found nothing.")
        parser.add_argument("--no-chains", action="store_true", help="Leave the chains out, and keep no result.")
        parser.add_argument("--stop", action="store_true", help="Halt the wallet when something differs.")
        parser.add_argument("--stop-trading", action="store_true", help="Halt the wallet and all trading.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["no_chains"]:
            self._tell(_without_chains(), options["json"])
            return
        stop_trading = options["stop_trading"]
        row = reconciling.run(full=not options["new"], stop=options["stop"] or stop_trading, stop_trading=stop_trading)
        if row is None:
            raise CommandError("Another process is comparing just now.", returncode=2)
        if row.error:
            raise CommandError(f"The comparison could not be finished: {row.error}", returncode=2)
        self._tell(reconciling.as_dict(row), options["json"])

    def _tell(self, result: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(result, indent=1))
        else:
            counts = ", ".join(f"{count} {what}" for what, count in result["counts"].items())
            self.stdout.write(f"Compared at outcome {result['n']}: {counts}.")
            for difference in result["differences"]:
                self.stdout.write(f"  {difference}")
        count = result["difference_count"]
        if count:
            raise CommandError(f"{count} differences; {min(count, len(result['differences']))} are named.")
        if not as_json:
            self.stdout.write("Everything is equal.")


def _without_chains() -> dict[str, Any]:
    try:
        report: Report = reconcile()
    except DumpFailed as error:
        raise CommandError(f"The engine's state cannot be read: {error}", returncode=2) from error
    count = len(report.differences) + report.more
    return {"equal": not count, "difference_count": count, **asdict(report)}
