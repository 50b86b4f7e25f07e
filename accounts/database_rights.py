"""Which role of the database may do what (docs/ledger.md). The owner makes the schema; nothing that runs is the owner.

What the engine decides is written by the db writer alone; the wallet's part of the ledger by Celery (and the signer,
which has a role of its own); web processes write neither. Nobody changes or removes rows of what is kept.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from psycopg import sql

APP_ROLE, WEB_ROLE, WRITER_ROLE = "exchange_app", "exchange_web", "exchange_writer"
ROLES = {APP_ROLE: "APP_DATABASE_URL", WEB_ROLE: "WEB_DATABASE_URL", WRITER_ROLE: "WRITER_DATABASE_URL"}
"""Role: the setting with its address."""

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_READ = frozenset({"SELECT"})
_ADD = _READ | {"INSERT"}
_ADD_AND_CHANGE = _ADD | {"UPDATE"}
_EVERYTHING = _ADD_AND_CHANGE | {"DELETE"}

WRITTEN_BY_WRITER = {
    "accounts_ledgerposting": _ADD,
    "accounts_balancestep": _ADD,
    "trading_fill": _ADD,
    "marketdata_trade": _ADD,
    "accounts_balance": _ADD_AND_CHANGE,
    "trading_order": _ADD_AND_CHANGE,
    "trading_accountrules": _ADD_AND_CHANGE,
    "trading_venueswitch": _ADD_AND_CHANGE,
    "trading_accountblock": _EVERYTHING,
    "trading_checkpoint": _ADD_AND_CHANGE,
    "marketdata_kline": _ADD_AND_CHANGE,
    "marketdata_auction": _ADD_AND_CHANGE,
    "marketdata_iceberglevel": _ADD_AND_CHANGE,
    "marketdata_feeschedule": _ADD,
}
"""What the engine decided: for everybody but the db writer it can only be read."""
SHARED_WITH_WRITER = {"marketdata_market": _READ | {"UPDATE"}, "marketdata_marketfigures": _ADD_AND_CHANGE}
"""Staff lists a market, and the writer keeps its row up to date."""
READ_BY_WRITER = frozenset({"accounts_account", "marketdata_asset", "django_migrations"})
DIVIDED = ("marketdata_trade_", "marketdata_kline_")  # Partitions and the like: as the table they are a part of.

ONLY_ADDED = frozenset({"accounts_walletentry", "accounts_auditentry", "trading_liabilityproof"})
ONLY_READ = frozenset({"django_migrations", "accounts_signedpayment"})  # The owner's, and the signer's.
NOT_BY_WEB = frozenset(
    {
        "accounts_walletentry",
        "accounts_reconciliation",
        "trading_liabilityproof",
        "trading_liabilityseed",
        "trading_liabilitychunk",
    }
)
STAFF_MAY_SET = {"marketdata_market": ("position", "listed")}
"""Columns that staff decides in tables that are otherwise the writer's. A market that is listed stays so."""

MAKES_MONTHS = "marketdata_make_next_month()"
"""The one thing that is done with the owner's rights: Celery makes the next month's partition."""

KEPT = tuple(
    sorted(ONLY_ADDED | {"accounts_ledgerposting", "accounts_balancestep", "trading_fill", "marketdata_trade"})
)
"""Tables of which rows are only added, whoever does it."""


def role_of(process: str) -> str:
    """The role of a process, or of a command of `manage.py`. The signer's is its own matter."""
    return {"web": WEB_ROLE, "db_writer": WRITER_ROLE, "run_db_writer": WRITER_ROLE}.get(process, APP_ROLE)


def rights(role: str, table: str, is_view: bool = False) -> frozenset[str]:
    """The privileges that `role` has on a table or view of the schema."""
    return _rights(role, table) & _READ if is_view else _rights(role, table)


def _rights(role: str, table: str) -> frozenset[str]:
    whole = next((name[:-1] for name in DIVIDED if table.startswith(name)), table)
    if role == WRITER_ROLE:
        if whole in READ_BY_WRITER:
            return _READ
        return WRITTEN_BY_WRITER.get(whole) or SHARED_WITH_WRITER.get(whole, frozenset())
    if whole in WRITTEN_BY_WRITER or whole in ONLY_READ or (role == WEB_ROLE and whole in NOT_BY_WEB):
        return _READ
    if whole in ONLY_ADDED or whole in SHARED_WITH_WRITER:
        return _ADD
    return _EVERYTHING


def rights_of_one_role(table: str, is_view: bool = False) -> frozenset[str]:
    """Where one role runs everything but the signer: what any of the three may, and still no change of what is kept."""
    return rights(APP_ROLE, table, is_view) | rights(WRITER_ROLE, table, is_view)


def grants(role: str, tables: "Iterable[Table]", alone: bool = False) -> list[sql.Composed]:
    """The statements that leave `role` with its rights and no others. `alone`: it runs everything."""
    who = sql.Identifier(role)
    found = [
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(who),
        sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(who),
        sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(who),
    ]
    if role != WRITER_ROLE:  # What the owner makes between two runs of this, such as the partition of a new month.
        found.append(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {}").format(who))
    months = "GRANT EXECUTE ON FUNCTION {} TO {}" if role == APP_ROLE else "REVOKE ALL ON FUNCTION {} FROM {}"
    found.append(sql.SQL(months).format(sql.SQL(MAKES_MONTHS), who))
    for table in tables:
        named = sql.Identifier(table.name)
        if wanted := _wanted(role, table, alone):
            what = sql.SQL(", ").join(sql.SQL(name) for name in sorted(wanted))
            found.append(sql.SQL("GRANT {} ON {} TO {}").format(what, named, who))
        for column in STAFF_MAY_SET.get(table.name, ()) if role != WRITER_ROLE else ():
            found.append(sql.SQL("GRANT UPDATE ({}) ON {} TO {}").format(sql.Identifier(column), named, who))
    return found


_TABLES = """
SELECT c.relname, c.relkind IN ('v', 'm'), c.relispartition
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1
"""
_EXISTS = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = %s"
_HAS = """
SELECT c.relname, p.name FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
CROSS JOIN unnest(%s::text[]) AS p (name)
WHERE s.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege(%s, c.oid, p.name)
"""


_MAY_MAKE_MONTHS = "SELECT has_function_privilege(%s, to_regprocedure(%s), 'EXECUTE')"


class Table(NamedTuple):
    """A table or view of the schema. A partition needs no rights of its own: it is reached through its table."""

    name: str
    is_view: bool
    is_partition: bool


def tables_of(cursor: Any) -> list[Table]:
    """`cursor` is any open cursor of the database, of Django or psycopg."""
    cursor.execute(_TABLES)
    return [Table(*row) for row in cursor.fetchall()]


def _wanted(role: str, table: Table, alone: bool) -> frozenset[str]:
    return rights_of_one_role(table.name, table.is_view) if alone else rights(role, table.name, table.is_view)


def runs_alone(cursor: Any) -> bool:
    """Whether this database has one role for everything."""
    cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY (%s)", [[WEB_ROLE, WRITER_ROLE]])
    return bool(cursor.fetchone()[0] < 2)


def differences(cursor: Any, role: str, alone: bool = False) -> list[str]:
    """What the role may do and should not, and the other way round, a sentence each; [] when all is as it should be."""
    cursor.execute(_EXISTS, [role])
    row = cursor.fetchone()
    if row is None:
        return [f"There is no role {role}."]
    found = [f"The role {role} may do more than use tables."] if row[0] else []
    cursor.execute(_HAS, [list(PRIVILEGES), role])
    cursor.execute(_MAY_MAKE_MONTHS, [role, MAKES_MONTHS])
    if (may := cursor.fetchone()[0]) is not (role == APP_ROLE):
        found.append(f"{role} may {'' if may else 'not '}EXECUTE {MAKES_MONTHS}.")
    has = _given(cursor, role)
    for table in tables_of(cursor):
        if too_much := sorted(has.get(table.name, set()) - _wanted(role, table, alone)):
            found.append(f"{role} may {', '.join(too_much)} {table.name}.")
    return found + missing(cursor, role, alone)


def missing(cursor: Any, role: str, alone: bool = False) -> list[str]:
    """What the role cannot do yet, a sentence each: after a migration, until `app_role` has run."""
    has, found = _given(cursor, role), []
    for table in tables_of(cursor):
        if not table.is_partition and (lacks := sorted(_wanted(role, table, alone) - has.get(table.name, set()))):
            found.append(f"{role} may not {', '.join(lacks)} {table.name}.")
    return found


def _given(cursor: Any, role: str) -> dict[str, set[str]]:
    """Table: what the role may do with it."""
    found: dict[str, set[str]] = {}
    cursor.execute(_HAS, [list(PRIVILEGES), role])
    for name, privilege in cursor.fetchall():
        found.setdefault(name, set()).add(privilege)
    return found
