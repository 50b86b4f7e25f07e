"""`manage.py signer_role`: the database role of the signer, with what it needs and nothing else."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from psycopg import sql

from accounts.database_role import make_role
from accounts.management.commands.run_signer import SIGNER_ROLE

READS = (
    "accounts_withdrawal",
    "accounts_withdrawalapproval",
    "accounts_assetnetwork",
    "accounts_depositaddress",
    "accounts_outboxcommand",
    "accounts_account",
    "accounts_walletalarm",
    "accounts_signedpayment",
    "accounts_walletentry",
    "marketdata_asset",
    "django_migrations",  # It waits for them.
)
CHANGES = {  # Table: columns.
    "accounts_withdrawal": ("state", "state_since", "transaction_hash"),
    "accounts_signedpayment": ("accepted_at",),
}
ADDS = ("accounts_signedpayment", "accounts_walletalarm", "accounts_walletentry")
USER_COLUMNS = ("id", "is_staff", "is_active")
OUTSIDE = ("simulatedchain", "simulatedblock", "simulatedtransaction", "simulatedoutput")  # The simulated network.


class Command(BaseCommand):
    help = (
        "Makes or renews the role that SIGNER_DATABASE_URL names: it may read withdrawals, note that they are signed "
        "and sent, and keep payments. Run it with a role that may make roles, after every migration."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        make_role("SIGNER_DATABASE_URL", settings.SIGNER_DATABASE_URL, SIGNER_ROLE, statements)
        self.stdout.write(f"The role {SIGNER_ROLE} may do what the signer does.")


def statements(verb: str, password: str) -> list[sql.Composed]:
    role = sql.Identifier(SIGNER_ROLE)

    def grant(what: str, table: str, columns: tuple[str, ...] = ()) -> sql.Composed:
        some = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns))) if columns else sql.SQL("")
        return sql.SQL("GRANT {}{} ON {} TO {}").format(sql.SQL(what), some, sql.Identifier(table), role)

    found = [
        sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
            sql.SQL(verb), role, sql.Literal(password)
        ),
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(role),
        sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(role),
        sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role),
    ]
    found += [grant("SELECT", table) for table in READS]
    found += [grant("SELECT", "accounts_user", USER_COLUMNS)]
    found += [grant("UPDATE", table, columns) for table, columns in CHANGES.items()]
    found += [grant("INSERT", table) for table in ADDS]
    found += [grant("SELECT, INSERT, UPDATE", f"accounts_{table}") for table in OUTSIDE]
    for table in (*ADDS, "accounts_simulatedoutput"):
        sequence = sql.Identifier(f"{table}_id_seq")
        found.append(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sequence, role))
    return found
