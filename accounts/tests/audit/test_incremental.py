"""`audit verify` goes on where the last reading ended, and nobody else can say where that was."""

import pytest

from accounts.audit import heads, verified
from accounts.audit.models import AuditEntry
from accounts.audit.tasks import AuditLogBroken, verify_audit_log
from accounts.audit.verify import Head, head
from accounts.tests.audit.test_chain import heads_file, rows, tamper, verify

__all__ = ["heads_file", "rows"]  # Fixtures of the log and of its file.


def act(action="market.halt"):
    return AuditEntry.objects.create(action=action, subject="SOL_USDC", reason="x")


def test_the_second_reading_begins_where_the_first_ended(rows):
    assert "every row was read" in verify()[1]
    act()
    code, said = verify()
    assert code == 0
    assert "read from row 5 on" in said
    assert verified.last() == head()
    assert verified.path().stat().st_mode & 0o077 == 0


def test_what_is_new_is_read_and_what_is_wrong_in_it_is_named(rows):
    verify()
    act()
    act()
    tamper("UPDATE accounts_auditentry SET reason = 'y' WHERE number = 6")
    assert verify() == (1, "The audit log is not whole: row 6: its content is not what its hash says.\n")
    assert verified.last().number == 5, "what was not whole is not remembered"


def test_an_older_row_that_is_changed_is_found_by_reading_everything(rows):
    verify()
    tamper("UPDATE accounts_auditentry SET reason = 'y' WHERE number = 2")
    assert verify()[0] == 0, "that is the price of not reading it again"
    assert "row 2: its content" in verify("--all")[1]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM accounts_auditentry WHERE number = 3", "only 4 are there"),
        ("DELETE FROM accounts_auditentry WHERE number = 5", "row 5: it is missing"),
        ("UPDATE accounts_auditentry SET reason = 'y' WHERE number = 5", "row 5: it is not the row"),
    ],
)
def test_rows_that_are_gone_or_the_one_it_ended_with_are_found_at_once(rows, statement, said):
    verify()
    act()
    tamper(statement)
    code, told = verify()
    assert code == 1
    assert said in told


def test_a_noted_head_among_the_older_rows_is_still_compared(rows):
    heads.note_head()
    verify()
    act()
    verify()
    tamper("UPDATE accounts_auditentry SET hash = %s WHERE number = 5", "0" * 64)
    assert "row 5: another row stood here" in verify()[1]


def test_a_changed_file_is_noticed_and_reading_everything_mends_it(rows):
    verify()
    act()
    verify()
    lines = verified.path().read_text().splitlines(keepends=True)
    assert len(lines) == 2
    forged = lines[1].replace(f" {head().number} ", " 99 ")
    for content in (
        lines[0] + forged,
        lines[1] + lines[0],
        "x\n",
        lines[0] + "\udce4".encode(errors="replace").decode(),
    ):
        verified.path().write_text(content)
        code, said = verify()
        assert code == 1, content
        assert "cannot be believed" in said
    assert verify("--all")[0] == 0
    assert verified.last() == head()
    assert verify()[0] == 0
    assert list(verified.path().parent.glob("verified.aside-*")), "the other one is kept"


def test_a_former_key_is_believed_as_long_as_it_is_a_fallback(rows, settings):
    verify()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [settings.SECRET_KEY]
    act()
    assert verify()[0] == 0
    settings.SECRET_KEY_FALLBACKS = []
    assert verify()[0] == 1


def test_the_file_stays_bounded(rows, monkeypatch):
    monkeypatch.setattr(verified, "MAX_KEPT_BYTES", 2_000)
    for number in range(1, 30):
        verified.note(Head(number, "a" * 64))
    assert verified.path().stat().st_size <= 2_000
    assert verified.last() == Head(29, "a" * 64)


def test_the_job_fails_where_the_log_is_broken(rows):
    assert "whole up to row 5" in verify_audit_log()
    act()
    tamper("UPDATE accounts_auditentry SET reason = 'y' WHERE number = 6")
    with pytest.raises(AuditLogBroken, match="row 6"):
        verify_audit_log()
