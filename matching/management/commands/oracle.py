"""`manage.py oracle FILE [--fees]`: prove the engine's matching against a workload with a known answer."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from matching import oracle


class Command(BaseCommand):
    help = "Feed a workload file (plain or gzip) through the engine core and print messages/s and the output's SHA-256."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--fees", action="store_true", help="Charge fees; the matching is the same.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = oracle.run(options["file"], options["fees"])
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"messages   {result.messages}")
        self.stdout.write(f"messages/s {result.messages_per_second}")
        self.stdout.write(f"sha256     {result.sha256}")
