"""Makes or renews a role of the database that a setting names, with the rights a command grants it."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from django.core.management.base import CommandError
from django.db import connection, transaction
from psycopg import sql

Statements = Callable[[str, str], list[sql.Composed]]


def make_role(setting: str, url: str, role: str, statements: Statements) -> None:
    """`statements` takes CREATE or ALTER and the password. All of them happen or none.

    Raises CommandError when the URL does not name the role and a password.
    """
    parts = urlsplit(url)
    if unquote(parts.username or "") != role or not parts.password:
        raise CommandError(f"{setting} must name the role {role} and its password.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        for statement in statements(verb, unquote(parts.password)):
            cursor.execute(statement.as_string(cursor.connection))
