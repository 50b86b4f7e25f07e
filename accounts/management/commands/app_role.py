"""`manage.py app_role`: the roles that the exchange runs with; none of them may change what is kept."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from psycopg import sql

from accounts.database_rights import APP_ROLE, ROLES, Table, grants, tables_of
from accounts.database_role import Statements, make_role

ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"


class Command(BaseCommand):
    help = (
        "Makes or renews the roles that WEB_DATABASE_URL, WRITER_DATABASE_URL and APP_DATABASE_URL name: for web "
        "processes, for the db writer, and for every other process but the signer. Only the db writer may write what "
        "the engine decided, and none may change or remove what is kept. With APP_DATABASE_URL alone, one role for "
        "all of them. Run it with the owner's role, after every migration."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():  # All or none: a role of before beside two of now would fail half the work.
            with connection.cursor() as cursor:
                tables = tables_of(cursor)
            alone = not settings.WEB_DATABASE_URL and not settings.WRITER_DATABASE_URL
            roles = {APP_ROLE: ROLES[APP_ROLE]} if alone else ROLES
            for role, setting in roles.items():
                make_role(setting, getattr(settings, setting), role, _statements(role, tables, alone))
        made = "role exchange_app may" if alone else f"roles {', '.join(ROLES)} may"
        self.stdout.write(f"The {made} run the exchange, and only add to what is kept.")


def _statements(role: str, tables: list[Table], alone: bool) -> Statements:
    def statements(verb: str, password: str) -> list[sql.Composed]:
        made = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
            sql.SQL(verb), sql.Identifier(role), sql.SQL(ATTRIBUTES), sql.Literal(password)
        )
        return [made, *grants(role, tables, alone)]

    return statements
