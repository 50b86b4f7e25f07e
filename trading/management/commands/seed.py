"""`manage.py seed`: the demo venue."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.services import DatabaseBehind
from exchange_site.kernel.errors import ApiError
from trading import demo


class Command(BaseCommand):
    help = (
        "Makes the demo assets, markets, people and keys. Without an option both parts, one after the other; each may "
        "run again. Only in demo mode."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        part = parser.add_mutually_exclusive_group()
        part.add_argument("--database", action="store_true", help="Only what needs no engine: rows, demo.json, keys.")
        part.add_argument("--engine", action="store_true", help="Only what the engine decides: listings and money.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_MODE:
            raise CommandError("Demo money and demo logins exist only in demo mode (EXCHANGE_DEMO=true).")
        if not options["engine"]:
            demo.seed_database()
            self.stdout.write(f"Demo rows are in place; logins are in {settings.HOME_DIR / 'demo.json'}.")
        if not options["database"]:
            try:
                n = demo.seed_engine()
            except DatabaseBehind as error:
                raise CommandError(f"{error} Is the database writer running?") from error
            except ApiError as error:
                raise CommandError(f"{error.kind.code}: {error.message or error.kind.message}") from error
            self.stdout.write(f"The engine has the demo markets and money (outcome {n}).")
