"""`manage.py set_up_database`: migrations, roles of staff and roles of the database, by one process."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from accounts.database_rights import ROLES


class Command(BaseCommand):
    help = (
        "What a database needs before processes run: migrate, roles sync, and signer_role and app_role where their "
        "addresses are given. One after the other in one process, because starting one takes as long as its work."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, stdout=self.stdout)
        call_command("roles", "sync", stdout=self.stdout)
        if settings.SIGNER_DATABASE_URL:
            call_command("signer_role", stdout=self.stdout)
        if all(getattr(settings, setting) for setting in ROLES.values()):
            call_command("app_role", stdout=self.stdout)
