"""The roles the exchange runs with: each has what it needs, and none changes what is kept."""

from urllib.parse import quote

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from psycopg import sql

from accounts.database_rights import (
    APP_ROLE,
    KEPT,
    ROLES,
    WEB_ROLE,
    WRITER_ROLE,
    WRITTEN_BY_WRITER,
    differences,
    tables_of,
)
from marketdata.storage import partitions
from marketdata.storage.tables import Shape, ask, month_of, next_month, partition_name, run, shape_of

POSTINGS = (
    "INSERT INTO accounts_ledgerposting (id, seq, at, kind, account_id, asset_id, units, reference) "
    "VALUES (8, 1, now(), 'credit', 1, 1, -5, ''), (9, 1, now(), 'credit', 2, 1, 5, '')"
)
WALLET_ENTRY = (
    "INSERT INTO accounts_walletentry (key, kind, payer, payee, asset_id, units, blockchain, reference, at, reason) "
    "VALUES ('x', 'treasury', 'books', 'hot', 1, 5, '', '', now(), '')"
)
NOT_ALLOWED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def addresses(transactional_db, settings):
    """Role: the address with it."""
    database = connection.settings_dict
    found = {}
    for role, setting in ROLES.items():
        found[role] = f"postgresql://{role}:a-password@{database['HOST']}:{database['PORT']}/{quote(database['NAME'])}"
        setattr(settings, setting, found[role])
    call_command("app_role")
    call_command("app_role")  # After the next migration.
    yield found
    with connection.cursor() as cursor:
        for role in ROLES:
            for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
                cursor.execute(sql.SQL(statement).format(sql.Identifier(role)).as_string(cursor.connection))


@pytest.fixture
def one_role(addresses, settings):
    """An installation that has one role for everything but the signer."""
    settings.WEB_DATABASE_URL = settings.WRITER_DATABASE_URL = ""
    call_command("app_role")
    return addresses[APP_ROLE]


def refused(address: str, *statements: str | sql.Composed) -> None:
    with psycopg.connect(address, autocommit=True) as connected:
        for statement in statements:
            with pytest.raises(NOT_ALLOWED):
                connected.execute(statement)


def first_column(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [table])
        return str(cursor.fetchone()[0])


def changes_of(table: str) -> list[sql.Composed]:
    name, column = sql.Identifier(table), sql.Identifier(first_column(table))
    words = ("DELETE FROM {}", "TRUNCATE {}", "ALTER TABLE {} DISABLE TRIGGER ALL", "DROP TABLE {}")
    return [*(sql.SQL(text).format(name) for text in words), sql.SQL("UPDATE {0} SET {1} = {1}").format(name, column)]


@pytest.mark.parametrize("role", ROLES)
def test_s29_no_role_changes_what_is_kept(addresses, role):
    for table in KEPT:
        refused(addresses[role], *changes_of(table))
    refused(addresses[role], "SET session_replication_role = replica", "CREATE TABLE mine (x int)")


def test_one_role_for_everything_changes_nothing_of_what_is_kept_either(one_role):
    for table in KEPT:
        refused(one_role, *changes_of(table))
    with psycopg.connect(one_role) as app:
        app.execute(POSTINGS)
        app.rollback()


@pytest.mark.parametrize("role", [WEB_ROLE, APP_ROLE])
def test_s29_only_the_db_writer_writes_what_the_engine_decided(addresses, role):
    """Neither a trade, nor a ledger entry, nor a balance: a web process that was taken over can only ask the engine."""
    for table in WRITTEN_BY_WRITER:
        refused(
            addresses[role], sql.SQL("INSERT INTO {} DEFAULT VALUES").format(sql.Identifier(table)), *changes_of(table)
        )
    refused(
        addresses[role],
        POSTINGS,
        "UPDATE accounts_balance SET available_units = available_units + 1",
        "UPDATE trading_fill SET quote_units = 1",
        "UPDATE marketdata_trade SET price_ticks = 1",
        "UPDATE marketdata_market SET state = 'open'",
        "UPDATE trading_checkpoint SET n = 0",
        "DELETE FROM accounts_signedpayment",
    )


def test_s29_the_wallets_ledger_is_written_by_celery_and_not_by_the_web(addresses):
    refused(addresses[WEB_ROLE], WALLET_ENTRY)
    refused(addresses[WRITER_ROLE], WALLET_ENTRY)
    with psycopg.connect(addresses[APP_ROLE]) as app:
        app.execute(WALLET_ENTRY)
        app.rollback()


def test_the_db_writer_reaches_nothing_of_peoples_accounts(addresses):
    tables = ("accounts_user", "accounts_apikey", "accounts_withdrawal", "django_session", "accounts_auditentry")
    refused(addresses[WRITER_ROLE], *(f"SELECT 1 FROM {table}" for table in tables))  # noqa: S608 - from above
    with psycopg.connect(addresses[WRITER_ROLE]) as writer:
        writer.execute("CREATE TEMP TABLE stage_x (LIKE accounts_balance) ON COMMIT DROP")
        writer.execute(POSTINGS)
        writer.rollback()


@pytest.mark.parametrize("role", [WEB_ROLE, APP_ROLE])
def test_the_rest_of_the_exchange_works_with_it(addresses, role):
    with psycopg.connect(addresses[role]) as app:
        app.execute(
            "INSERT INTO accounts_ratetier (name, requests_per_minute, counts_for_address) VALUES ('x', 60, true)"
        )
        app.execute("UPDATE accounts_ratetier SET name = 'y'")
        app.execute("DELETE FROM accounts_ratetier WHERE name = 'y'")
        app.execute("UPDATE marketdata_market SET position = position, listed = true")  # What staff decides of it.
        app.rollback()


@pytest.fixture
def divided(addresses):
    """Trades and candles in partitions, one month of which nobody has made."""
    partitions.enable(lambda _: None)
    call_command("app_role")
    month = next_month(next_month(month_of(timezone.now())))
    run(f"DROP TABLE {partition_name('marketdata_trade', month)}")
    yield partition_name("marketdata_trade", month)
    partitions.disable(lambda _: None)


def test_celerys_role_makes_the_next_month_and_nothing_else_of_the_owners(addresses, divided):
    with psycopg.connect(addresses[APP_ROLE], autocommit=True) as app:
        assert app.execute("SELECT marketdata_make_next_month()").fetchone() == (divided,)
        assert app.execute("SELECT marketdata_make_next_month()").fetchone() == (None,)
        # A table of its own that looks like one of ours does not mislead what runs with the owner's rights.
        app.execute("CREATE TEMP TABLE pg_partitioned_table (partrelid oid)")
        app.execute("CREATE TEMP TABLE marketdata_trade_default (at timestamptz)")
        app.execute("INSERT INTO marketdata_trade_default VALUES ('2001-01-01')")
        app.execute("SET search_path = pg_temp, public")
        assert app.execute("SELECT public.marketdata_make_next_month()").fetchone() == (None,)
    assert shape_of("marketdata_trade_200101") is Shape.MISSING
    assert ask("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass", divided) == [
        (connection.settings_dict["USER"],)
    ]
    refused(addresses[APP_ROLE], *changes_of(divided))
    with connection.cursor() as cursor:
        for role in ROLES:
            assert differences(cursor, role) == [], role


@pytest.mark.parametrize("role", [WEB_ROLE, WRITER_ROLE])
def test_no_other_role_may_make_months(addresses, role):
    refused(addresses[role], "SELECT marketdata_make_next_month()")
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT EXECUTE ON FUNCTION marketdata_make_next_month() TO {role}")
        assert differences(cursor, role) == [f"{role} may EXECUTE marketdata_make_next_month()."]


def test_a_right_that_was_given_or_taken_by_hand_is_named(addresses):
    with connection.cursor() as cursor:
        for role in ROLES:
            assert differences(cursor, role) == []
        cursor.execute("GRANT UPDATE ON trading_fill TO exchange_web")
        cursor.execute("REVOKE INSERT ON trading_order FROM exchange_writer")
        assert differences(cursor, WEB_ROLE) == ["exchange_web may UPDATE trading_fill."]
        assert differences(cursor, WRITER_ROLE) == ["exchange_writer may not INSERT trading_order."]
        cursor.execute("ALTER ROLE exchange_app CREATEROLE")
        assert differences(cursor, APP_ROLE) == ["The role exchange_app may do more than use tables."]


def test_every_table_of_the_rules_is_a_table(addresses):
    """A name that is written wrong would protect nothing."""
    with connection.cursor() as cursor:
        known = {table.name for table in tables_of(cursor)}
    assert {*KEPT, *WRITTEN_BY_WRITER} <= known


@pytest.mark.django_db
def test_the_role_must_be_named_with_a_password(settings):
    settings.APP_DATABASE_URL = "postgresql://exchange:x@localhost/x"
    with pytest.raises(CommandError, match=APP_ROLE):
        call_command("app_role")


@pytest.mark.django_db
def test_two_of_three_roles_are_refused(settings):
    settings.APP_DATABASE_URL = "postgresql://exchange_app:x@localhost/x"
    settings.WEB_DATABASE_URL = "postgresql://exchange_web:x@localhost/x"
    with pytest.raises(CommandError, match="WRITER_DATABASE_URL"):
        call_command("app_role")
