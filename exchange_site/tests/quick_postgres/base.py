"""PostgreSQL as ever, but emptying it after a test touches only what the test has filled.

Django truncates every table, which makes PostgreSQL create a hundred files; that was a third of the suite's time.
"""

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations

_GUARDED = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 8 > 0"


class QuickOperations(DatabaseOperations):
    def sql_flush(self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False) -> Any:
        """Statements that empty the tables with rows. Where a trigger forbids that, it rests meanwhile."""
        if not tables or reset_sequences:
            return super().sql_flush(style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade)
        with self.connection.cursor() as cursor:
            cursor.execute(_GUARDED)
            guarded = {name for (name,) in cursor.fetchall()}
            # The names are those of our own models.
            one = "SELECT '{}' WHERE EXISTS (SELECT FROM {})"
            cursor.execute(" UNION ALL ".join(one.format(name, self.quote_name(name)) for name in sorted(tables)))
            filled = [name for (name,) in cursor.fetchall()]
        truncated = [self.quote_name(name) for name in filled if name in guarded]
        statements = []
        if truncated:
            rest, wake = "SET session_replication_role = replica;", "SET session_replication_role = DEFAULT;"
            statements = [rest, f"TRUNCATE {', '.join(truncated)} CASCADE;", wake]
        deleted = (self.quote_name(name) for name in filled if name not in guarded)
        return [*statements, *(f"DELETE FROM {name};" for name in deleted)]  # noqa: S608 - our own names.


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = QuickOperations
