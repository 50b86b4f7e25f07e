"""S29 on a real exchange: what its processes really have in their environment, and what one can do with it."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from exchange_site.tests.e2e.running import RunningExchange

ROLES = {"web": "exchange_web", "db_writer": "exchange_writer", "signer": "exchange_signer"}
FORBIDDEN = (
    "UPDATE accounts_ledgerposting SET units = units + 1",
    "UPDATE marketdata_trade SET price_ticks = 1",
    "UPDATE trading_fill SET quote_units = 1",
    "UPDATE accounts_balance SET available_units = 10 ^ 12",
    "DELETE FROM accounts_walletentry",
    "TRUNCATE accounts_auditentry",
    "INSERT INTO accounts_ledgerposting (id) VALUES (1)",
    "INSERT INTO trading_fill (id) VALUES (1)",
    "INSERT INTO accounts_walletentry (key) VALUES ('mine')",
    "ALTER TABLE trading_fill DISABLE TRIGGER ALL",
    "CREATE ROLE another SUPERUSER",
)


def environment_of(exchange: RunningExchange, process: str) -> dict[str, str]:
    pid = (exchange.home / "run" / f"{process}.pid").read_text(encoding="utf-8").strip()
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def test_s29_each_process_has_its_own_role_and_no_other_address(exchange: RunningExchange) -> None:
    owner = json.loads((exchange.home / "secrets.json").read_text(encoding="utf-8"))["postgres"]
    processes = {path.stem for path in (exchange.home / "run").glob("*.pid")} - {"redis", "postgres", "exchange"}
    assert processes >= {"web", "db_writer", "celery_worker", "signer", "engine"}
    for process in processes:
        given = environment_of(exchange, process)
        addresses = [value for value in given.values() if value.startswith("postgresql://")]
        assert [urlsplit(one).username for one in addresses] == [ROLES.get(process, "exchange_app")], process
        assert owner not in "".join(given.values()), process


def test_s29_a_web_process_cannot_write_what_the_engine_decided_nor_the_ledger(exchange: RunningExchange) -> None:
    address = environment_of(exchange, "web")["DATABASE_URL"]
    with psycopg.connect(address, autocommit=True) as web:
        web.execute("SELECT count(*) FROM trading_fill")
        for statement in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                web.execute(statement)


def test_the_doctor_finds_every_process_with_its_role(exchange: RunningExchange) -> None:
    assert json.loads(exchange.manage("doctor", "--only", "database roles", "--json")) == [
        {"check": "database roles", "fine": True, "problems": []}
    ]
