"""`manage.py set_up_database`: migrations, roles of staff and roles of the database, by one process."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.database_rights import ROLES, missing, runs_alone


class Command(BaseCommand):
    help = (
        "What a database needs before processes run: migrate, roles sync, and signer_role and app_role where their "
        "addresses are given. One after the other in one process, because starting one takes as long as its work. It "
        "may run again at any time. --check, with the role of any process, only says whether that is done: exit code "
        "1 while a migration is missing, or a right of this role."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Change nothing; exit code 1 when something is missing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            if lacks := _lacks():
                raise CommandError(lacks)
            self.stdout.write("The database is ready.")
            return
        call_command("migrate", interactive=False, stdout=self.stdout)
        call_command("roles", "sync", stdout=self.stdout)
        if settings.SIGNER_DATABASE_URL:
            call_command("signer_role", stdout=self.stdout)
        if all(getattr(settings, setting) for setting in ROLES.values()):
            call_command("app_role", stdout=self.stdout)


def _lacks() -> str:
    """What this process would miss, in a sentence; "" when the database is ready for it."""
    try:
        executor = MigrationExecutor(connection)
        if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return f"{len(plan)} migrations are not applied yet, the first is {plan[0][0]}."
        with connection.cursor() as cursor:
            role = connection.settings_dict["USER"]
            rights = missing(cursor, role, runs_alone(cursor)) if role in ROLES else []
    except DatabaseError as error:
        return f"The database cannot be asked: {' '.join(str(error).split())}"
    return f"{len(rights)} rights are missing: {rights[0]}" if rights else ""
