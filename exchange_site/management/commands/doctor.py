"""`manage.py doctor`: what is wrong with this installation, and how it is mended."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from exchange_site.ops.doctor import checks


class Command(BaseCommand):
    help = (
        "Checks everything a fresh or a broken installation can have wrong and prints the mend for each. It only "
        "looks. Exit code 1 when something is wrong; warnings do not count."
    )
    requires_system_checks: list[str] = []  # It must run on what does not.
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="For programs.")
        parser.add_argument("--only", action="append", metavar="NAME", help="One check; may be given more than once.")

    def handle(self, *args: Any, **options: Any) -> None:
        results = checks.run(set(options["only"]) if options["only"] else None)
        if options["json"]:
            said = [
                {"check": result.name, "fine": result.fine, "problems": [_plain(one) for one in result.problems]}
                for result in results
            ]
            self.stdout.write(json.dumps(said, indent=1))
        else:
            self._tell(results)
        if not all(result.fine for result in results):
            sys.exit(1)

    def _tell(self, results: list[checks.Result]) -> None:
        for result in results:
            word = "ok" if not result.problems else "warning" if result.fine else "WRONG"
            self.stdout.write(f"{word:<8} {result.name}")
            for problem in result.problems:
                self.stdout.write(f"         {problem.said}\n           -> {problem.mend}")
        wrong = sum(not result.fine for result in results)
        self.stdout.write(f"{len(results)} checks, {wrong} wrong.")


def _plain(problem: checks.Problem) -> dict[str, object]:
    return {"said": problem.said, "mend": problem.mend, "warning": problem.is_warning}
