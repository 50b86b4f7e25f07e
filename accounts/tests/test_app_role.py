"""The role the exchange runs with: everything it needs, and only added to what is kept."""

from urllib.parse import quote

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from accounts.management.commands.app_role import APP_ROLE, KEPT


@pytest.fixture
def role(transactional_db, settings):
    database = connection.settings_dict
    address = f"{database['HOST']}:{database['PORT']}/{quote(database['NAME'])}"
    settings.APP_DATABASE_URL = f"postgresql://{APP_ROLE}:a-password@{address}"
    call_command("app_role")
    call_command("app_role")  # After the next migration.
    yield settings.APP_DATABASE_URL
    with connection.cursor() as cursor:
        for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
            cursor.execute(sql.SQL(statement).format(sql.Identifier(APP_ROLE)).as_string(cursor.connection))


def test_what_is_kept_can_only_be_added_to(role):
    with psycopg.connect(role, autocommit=True) as app:
        for table in KEPT:
            name = sql.Identifier(table)
            app.execute(sql.SQL("SELECT count(*) FROM {}").format(name))
            for statement in ("DELETE FROM {}", "TRUNCATE {}", "ALTER TABLE {} DISABLE TRIGGER ALL", "DROP TABLE {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(sql.SQL(statement).format(name))
            [column] = app.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [table]
            ).fetchone()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(sql.SQL("UPDATE {} SET {} = {}").format(name, *[sql.Identifier(column)] * 2))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SET session_replication_role = replica")


def test_the_rest_of_the_exchange_works_with_it(role):
    with psycopg.connect(role) as app:
        app.execute("CREATE TEMP TABLE stage_x (LIKE accounts_balance) ON COMMIT DROP")
        app.execute(
            "INSERT INTO accounts_ratetier (name, requests_per_minute, counts_for_address) VALUES ('x', 60, true)"
        )
        app.execute("UPDATE accounts_ratetier SET name = 'y'")
        app.execute("DELETE FROM accounts_ratetier WHERE name = 'y'")
        app.execute(
            "INSERT INTO accounts_ledgerposting (id, seq, at, kind, account_id, asset_id, units, reference) "
            "VALUES (8, 1, now(), 'credit', 1, 1, -5, ''), (9, 1, now(), 'credit', 2, 1, 5, '')"
        )
        app.rollback()


def test_the_role_must_be_named_with_a_password(settings):
    settings.APP_DATABASE_URL = "postgresql://exchange:x@localhost/x"
    with pytest.raises(CommandError, match=APP_ROLE):
        call_command("app_role")
