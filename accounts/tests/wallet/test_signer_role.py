"""S23: the signer's database role may do what the signer does, and nothing else; only the signer has keys."""

from urllib.parse import quote

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from accounts.management.commands.signer_role import SIGNER_ROLE
from accounts.wallet.chain import Signed, paying_chain_of
from accounts.wallet.signer_journal import Entry, Journal, JournalDamaged, JournalInUse
from accounts.wallet.simulated.wallet import KEY_FILE, SignerKeysMissing

FORBIDDEN = [
    "SELECT password FROM accounts_user",
    "SELECT * FROM django_session",
    "SELECT * FROM mfa_authenticator",
    "UPDATE accounts_withdrawal SET address = 'x'",
    "UPDATE accounts_withdrawal SET units = 1",
    "UPDATE accounts_withdrawal SET confirmed_at = now()",
    "UPDATE accounts_signedpayment SET raw = 'x'",
    "DELETE FROM accounts_signedpayment",
    "INSERT INTO accounts_withdrawalapproval (withdrawal_id, operator_id, reason, at) VALUES (1, 1, 'x', now())",
    "UPDATE accounts_walletalarm SET resolved_at = now()",
    "UPDATE accounts_balance SET available_units = 1",
    "INSERT INTO accounts_outboxcommand (key) VALUES ('x')",
    "CREATE TABLE mine (x int)",
]
ALLOWED = [
    "SELECT id, is_staff FROM accounts_user",
    "UPDATE accounts_withdrawal SET state = state",
    "SELECT * FROM accounts_withdrawal FOR UPDATE",
    "UPDATE accounts_signedpayment SET accepted_at = now()",
]


@pytest.fixture
def role(transactional_db, settings):
    database = connection.settings_dict
    address = f"{database['HOST']}:{database['PORT']}/{quote(database['NAME'])}"
    settings.SIGNER_DATABASE_URL = f"postgresql://{SIGNER_ROLE}:a-password@{address}"
    call_command("signer_role")
    call_command("signer_role")  # After the next migration.
    yield settings.SIGNER_DATABASE_URL
    with connection.cursor() as cursor:
        for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
            cursor.execute(sql.SQL(statement).format(sql.Identifier(SIGNER_ROLE)).as_string(cursor.connection))


def test_s23_the_role_may_do_its_work_and_nothing_else(role):
    with psycopg.connect(role, autocommit=True) as signer:
        for statement in ALLOWED:
            signer.execute(statement)
        for statement in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                signer.execute(statement)


def test_the_role_must_be_named_with_a_password(settings):
    settings.SIGNER_DATABASE_URL = "postgresql://exchange:x@localhost/x"
    with pytest.raises(CommandError, match=SIGNER_ROLE):
        call_command("signer_role")


def test_s23_other_processes_cannot_reach_the_keys(settings):
    settings.SIGNER_DIR = ""
    with pytest.raises(SignerKeysMissing):
        paying_chain_of("Solana")
    with pytest.raises(CommandError, match="SIGNER_DIR"):
        call_command("run_signer")


def test_keys_are_readable_by_their_owner_only(rig, tmp_path):
    paying_chain_of("Solana")
    folder = tmp_path / "signer"
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / KEY_FILE).stat().st_mode & 0o077 == 0


def entry(number: int) -> Entry:
    return Entry(number, 1_000 + number, 100, "Solana", Signed(f"raw {number}", f"{number:064x}", 5))


def test_the_journal_remembers_through_torn_lines_and_refuses_damage(tmp_path):
    journal = Journal(tmp_path)
    for number in (1, 2, 3):
        journal.signed(entry(number))
    journal.committed(2)
    with pytest.raises(JournalInUse):
        Journal(tmp_path)
    journal.close()
    whole = journal.path.read_bytes()
    for cut in range(1, 40):
        journal.path.write_bytes(whole[:-cut])
        again = Journal(tmp_path)
        assert set(again.entries) == {1, 2, 3}
        again.close()
    journal.path.write_bytes(whole)
    again = Journal(tmp_path)
    assert [again.entries[n].committed for n in (1, 2, 3)] == [False, True, False]
    assert again.entries[3].signed == entry(3).signed
    assert again.value_since(1_001) == 200
    again.close()
    journal.path.write_bytes(whole[:20] + b"#" + whole[21:])
    with pytest.raises(JournalDamaged, match="line 1"):
        Journal(tmp_path)
