"""`manage.py prove_liabilities`: publish what customers are owed now, in a form everybody can check."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange_site.kernel.money import from_units
from trading.liabilities.proving import NothingToProve, prove
from trading.liabilities.tree import OutOfRange


class Command(BaseCommand):
    help = (
        "Sums all balances of customers at the database's outcome into one tree per asset and publishes the roots. "
        "The same outcome has one proof: running it again shows that one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="The result as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proof, is_new = prove()
        except (NothingToProve, OutOfRange) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            found = {"new": is_new, "commitment": proof.commitment, "statement": proof.statement}
            self.stdout.write(json.dumps(found, indent=1))
            return
        self.stdout.write(f"{'Published' if is_new else 'Already published'}: liabilities at outcome {proof.n}.")
        for root in proof.parsed().roots:
            self.stdout.write(f"  {root.asset}: {from_units(root.units, root.decimals)}")
        self.stdout.write(f"Commitment: {proof.commitment}")
