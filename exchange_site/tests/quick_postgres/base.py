"""PostgreSQL as ever, but emptying it after a test touches only what the test has filled.

Django truncates every table, which makes PostgreSQL create a hundred files, and then makes the content types and the
permissions of every app anew. Together that was half of the suite's time.
"""

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations

_GUARDED = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 8 > 0"
_KEPT = frozenset({"django_content_type", "auth_permission"})  # Made by the migrations, and by nothing else.


class QuickOperations(DatabaseOperations):
    def sql_flush(self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False) -> Any:
        """Empties the tables with rows. Where a trigger forbids that, it rests meanwhile.

        It is done here and at once: for statements that it is given, `flush` would afterwards fill what was kept.
        """
        if not tables or reset_sequences:
            return super().sql_flush(style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade)
        with self.connection.cursor() as cursor:
            cursor.execute(_GUARDED)
            guarded = {name for (name,) in cursor.fetchall()}
            # The names are those of our own models.
            one = "SELECT '{}' WHERE EXISTS (SELECT FROM {})"
            wanted = sorted(set(tables) - _KEPT)
            cursor.execute(" UNION ALL ".join(one.format(name, self.quote_name(name)) for name in wanted))
            filled = [name for (name,) in cursor.fetchall()]
        truncated = [self.quote_name(name) for name in filled if name in guarded]
        statements = []
        if truncated:
            rest, wake = "SET session_replication_role = replica;", "SET session_replication_role = DEFAULT;"
            statements = [rest, f"TRUNCATE {', '.join(truncated)} CASCADE;", wake]
        deleted = (self.quote_name(name) for name in filled if name not in guarded)
        self.execute_sql_flush([*statements, *(f"DELETE FROM {name};" for name in deleted)])  # noqa: S608 - our own.
        return []


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = QuickOperations
