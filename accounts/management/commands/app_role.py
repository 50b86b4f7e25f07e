"""`manage.py app_role`: the role that the exchange runs with, which may add to the ledger and change nothing in it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from psycopg import sql

from accounts.database_role import make_role
from accounts.ledger.guards import APPEND_ONLY

APP_ROLE = "exchange_app"
KEPT = (*(f"accounts_{name}" for name in APPEND_ONLY), "accounts_auditentry", "trading_fill", "trading_liabilityproof")
"""Tables of which rows are only added."""


class Command(BaseCommand):
    help = (
        "Makes or renews the role that APP_DATABASE_URL names. Every process but the signer can run with it; it may "
        "not change or remove rows of the ledger, of fills, of the audit log and of proofs, nor the triggers that keep "
        "them. Run it, and migrations, with the owner's role, after every migration."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        make_role("APP_DATABASE_URL", settings.APP_DATABASE_URL, APP_ROLE, statements)
        self.stdout.write(f"The role {APP_ROLE} may run the exchange, and only add to what is kept.")


def statements(verb: str, password: str) -> list[sql.Composed]:
    role = sql.Identifier(APP_ROLE)
    attributes = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
    found = [
        sql.SQL("{} ROLE {} {} PASSWORD {}").format(sql.SQL(verb), role, sql.SQL(attributes), sql.Literal(password)),
        sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role),
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}").format(role),
        sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(role),
    ]
    found += [
        sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER ON {} FROM {}").format(sql.Identifier(table), role)
        for table in KEPT
    ]
    return found
