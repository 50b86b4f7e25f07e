"""Do the processes run with the roles of the database that may not change what is kept (docs/ledger.md)?"""

from collections.abc import Iterator

from django.conf import settings
from django.db import connection

from accounts.database_rights import APP_ROLE, ROLES, differences, role_of, runs_alone
from accounts.management.commands.run_signer import SIGNER_ROLE
from exchange_site.ops.doctor.checks import Problem, check

MOST = 10
MEND = "Run manage.py app_role with the owner's role; `./exchange up` does it at each start."
GIVE = "Start it with its own DATABASE_URL (docs/runbook.md, Roles of the database)."
_NAMED = """
SELECT DISTINCT application_name, usename FROM pg_stat_activity
WHERE datname = current_database() AND application_name = ANY (%s) AND usename IS NOT NULL ORDER BY 1, 2
"""
PROCESSES = ("web", "db_writer", "market_feed", "user_feed", "celery_worker", "celery_beat", "signer")


@check("database roles")
def database_roles() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE])
        if not cursor.fetchone():
            said = "There are no roles for the processes, so they run with the role that owns the tables."
            yield Problem(said, MEND, is_warning=settings.DEMO_MODE)
            return
        alone = runs_alone(cursor)
        found = [text for role in ([APP_ROLE] if alone else ROLES) for text in differences(cursor, role, alone)]
        for text in found[:MOST]:
            yield Problem(text, MEND)
        if len(found) > MOST:
            yield Problem(f"{len(found) - MOST} more rights are not as they should be.", MEND)
        cursor.execute(_NAMED, [list(PROCESSES)])
        for process, role in cursor.fetchall():
            wanted = SIGNER_ROLE if process == "signer" else APP_ROLE if alone else role_of(process)
            if role != wanted:
                yield Problem(f"{process} is connected to the database as {role}, not as {wanted}.", GIVE)
