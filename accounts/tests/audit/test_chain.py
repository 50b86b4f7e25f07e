"""The audit log is a chain: nobody changes, removes or slips in a row without `manage.py audit verify` naming it."""

import io
import threading

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from accounts.audit import heads
from accounts.audit.models import AppendOnly, AuditEntry
from accounts.audit.verify import first_wrong, head
from accounts.models import User


@pytest.fixture(autouse=True)
def heads_file(settings, tmp_path):
    settings.AUDIT_HEADS_FILE = str(tmp_path / "audit" / "heads.txt")


@pytest.fixture
def rows(db):
    eve = User.objects.create_user("eve@example.org")
    details = {"before": {"maker": -5}, "after": [1, "ü", None, True], "approver": "mallory@example.org"}
    for number in range(1, 6):
        AuditEntry.objects.create(
            actor=eve,
            action="market.fees",
            subject=f"SOL_USDC tier {number}",
            reason="campaign €",
            details=details,
            ip_address="2001:DB8::0001" if number % 2 else "10.0.0.1",
        )
    return list(AuditEntry.objects.order_by("number"))


class AsSuperuserOfTheDatabase:
    """What nobody of ours can do: the triggers are off."""

    def __enter__(self):
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")

    def __exit__(self, *_):
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = DEFAULT")


def tamper(statement, *values):
    with AsSuperuserOfTheDatabase(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def verify(*arguments):
    """Exit code and what was said."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("audit", "verify", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return ended.code, err.getvalue()
    return 0, out.getvalue()


def test_an_untouched_log_is_whole(rows):
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    code, said = verify()
    assert code == 0
    assert f"Head 5:{rows[-1].hash}" in said


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("reason", "nothing to see"),
        ("actor_name", "mallory@example.org"),
        ("actor_id", None),
        ("at", "2020-01-01 00:00:00+00"),
        ("details", '{"before": {"maker": -6}}'),
        ("ip_address", "10.0.0.2"),
        ("command_id", "x"),
        ("request_id", "x"),
        ("subject", "SOL_USDC tier 9"),
        ("action", "venue.stop"),
    ],
)
def test_s26_a_changed_row_is_named(rows, column, value):
    tamper(f"UPDATE accounts_auditentry SET {column} = %s WHERE number = 3", value)  # noqa: S608
    code, said = verify()
    assert code == 1
    assert "row 3: its content is not what its hash says" in said


def test_s26_a_removed_row_is_named(rows):
    tamper("DELETE FROM accounts_auditentry WHERE number = 2")
    assert verify() == (1, "The audit log is not whole: row 2: it is missing.\n")


def test_s26_a_rewritten_chain_is_found_by_a_head_kept_elsewhere(rows):
    """Whoever may do everything in the database can make a new chain; its hashes are not those that were noted."""
    kept = heads.note_head()
    with AsSuperuserOfTheDatabase():
        AuditEntry.objects.filter(number__gte=3)._raw_delete(using="default")
    for row in rows[2:]:
        AuditEntry.objects.create(action=row.action, subject="forged", reason=row.reason)
    assert first_wrong() is None
    code, said = verify()
    assert code == 1
    assert f"row {kept.number}: another row stood here" in said


def test_s26_a_tail_cut_off_is_found_by_the_noted_head(rows):
    kept = heads.note_head()
    tamper("DELETE FROM accounts_auditentry WHERE number >= 4")
    code, said = verify()
    assert code == 1
    assert "row 4: rows are cut off: row 5 was there" in said
    heads.path().unlink()
    assert verify()[0] == 0, "without any note nobody could know"
    assert verify("--head", str(kept))[0] == 1


def test_a_head_is_noted_once_and_the_file_is_private(rows):
    assert heads.note_head() == heads.note_head() == head()
    assert len(list(heads.noted())) == 1
    assert heads.path().stat().st_mode & 0o077 == 0


SLIPPED_IN = """
INSERT INTO accounts_auditentry (number, at, action, subject, reason, actor_name, details, command_id, request_id,
previous_hash, hash) VALUES (9, now(), 'x', 'x', '', '', '{}', '', '', '', 'x')
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET reason = 'x' WHERE number = 1",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry CASCADE",
        SLIPPED_IN,
    ],
)
def test_s26_the_database_refuses_to_change_the_log(rows, statement):
    refused = pytest.raises(DatabaseError, match=r"append-only|does not follow")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # A table with checks to come cannot be truncated anyway.
        cursor.execute(statement)
    assert first_wrong() is None


def test_our_own_code_cannot_change_the_log_either(rows):
    row = rows[0]
    row.reason = "x"
    for attempt in (
        row.save,
        row.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(reason="x"),
        lambda: AuditEntry.objects.bulk_create([AuditEntry(action="x", subject="x")]),
    ):
        with pytest.raises(AppendOnly):
            attempt()


def test_what_cannot_be_kept_as_it_is_becomes_text(db):
    AuditEntry.objects.create(action="x", subject="a\0b\ud800" + "c" * 300, details={"at": 1.5, "row": User(email="u")})
    assert first_wrong() is None
    row = AuditEntry.objects.get()
    assert row.subject.startswith("ab?ccc")
    assert len(row.subject) == 128
    assert row.details == {"at": "1.5", "row": "u"}


def test_a_row_goes_with_its_act_or_not_at_all(rows):
    with transaction.atomic():
        AuditEntry.objects.create(action="x", subject="undone")
        transaction.set_rollback(True)
    assert head().number == 5
    assert AuditEntry.objects.create(action="x", subject="done").number == 6
    assert first_wrong() is None


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_chain():
    failures = []

    def write():
        try:
            for _ in range(10):
                AuditEntry.objects.create(action="x", subject="at once")
        except DatabaseError as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert head().number == 40
    assert first_wrong() is None
