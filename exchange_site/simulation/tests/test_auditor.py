"""The auditor notices: after a quiet run one thing is changed by hand, and each change must be found."""

import msgspec
import pytest

from exchange_site.simulation.machine import Machine
from exchange_site.simulation.run import Run
from exchange_site.simulation.seams import installed
from exchange_site.simulation.workload import LOTS
from matching.tests.flows import ACCOUNTS


@pytest.fixture(scope="module")
def played():
    """A run that has come to rest, what the auditor expects of it, and the leader's engine."""
    run = Run(5, Machine(5, "", (), False), batches_each=4)
    run.machine.faults.weights = dict.fromkeys(run.machine.faults.weights, 0.0) | {"clock": 1.0}
    leaders = []
    audit = run._audit

    def audit_and_keep():
        leaders.append(run.services.leader(run._known()[b"owner"].decode()))
        audit()

    run._audit = audit_and_keep
    with installed(run.machine, run.services.store, False):
        run.play()
    assert run.auditor.violations == []
    return run, leaders[0]


def verdict(run, leader):
    """What a new comparison finds."""
    run.auditor.violations.clear()
    try:
        run.auditor.compare(run.auditor.expected(), leader, run.database, LOTS)
        return list(run.auditor.violations)
    finally:
        run.auditor.violations.clear()


def test_an_untouched_run_is_well(played):
    assert verdict(*played) == []


def test_g01_an_outcome_that_the_journal_does_not_have(played):
    run, leader = played
    run.auditor.published.append(run.auditor.published[-1])
    assert verdict(run, leader)[0].startswith("G1")
    run.auditor.published.pop()


def test_g01_an_outcome_that_was_published_otherwise(played):
    run, leader = played
    kept, run.auditor.published[3] = run.auditor.published[3], b"other"
    assert verdict(run, leader)[0].startswith("G1")
    run.auditor.published[3] = kept


def test_g01_an_answer_that_the_journal_does_not_lead_to(played):
    run, leader = played
    key, answer = next(iter(run.auditor._answered.items()))
    run.auditor._answered[key] = msgspec.structs.replace(answer, n=answer.n + 1)
    assert verdict(run, leader)[0].startswith("G1")
    run.auditor._answered[key] = answer


def test_g02_an_answer_to_a_command_somebody_else_sent(played):
    run, leader = played
    one, other = run.auditor.received[0], run.auditor.received[-1]
    run.auditor.received.append(type(one)(one.client, one.command, other.answer))
    assert verdict(run, leader)[0].startswith("G2")
    run.auditor.received.pop()


def test_g04_a_leader_in_another_state(played):
    run, leader = played
    leader.seq += 1
    assert verdict(run, leader)[0].startswith("G4")
    leader.seq -= 1


@pytest.mark.parametrize("table", ["orders", "balances", "markets"])
def test_g06_a_row_that_is_gone(played, table):
    run, leader = played
    rows = getattr(run.database, table)
    key = next(iter(rows))
    row = rows.pop(key)
    assert verdict(run, leader)[0].startswith("G6")
    rows[key] = row
    setattr(run.database, table, dict(sorted(rows.items(), key=lambda item: str(item[0]))))


def test_g07_a_posting_with_one_unit_more(played):
    run, leader = played
    postings = run.database.rows["postings"]
    key, posting = next((key, row) for key, row in postings.items() if row[4] in ACCOUNTS)
    postings[key] = (*posting[:6], posting[6] + 1, *posting[7:])
    found = verdict(run, leader)
    assert any(one.startswith("G7") for one in found), found
    postings[key] = posting


def test_g05_a_hole_and_g08_an_older_term(played):
    run, _ = played
    auditor = run.auditor
    encoded = msgspec.msgpack.encode([msgspec.Raw(auditor.published[-1])])
    n = len(auditor.published)
    auditor._observe_outcomes(n + 2, {b"t": b"%d" % auditor._term, b"f": b"%d" % (n + 2), b"b": encoded})
    auditor._observe_outcomes(n, {b"t": b"0", b"f": b"%d" % n, b"b": encoded})
    assert [one[:2] for one in auditor.violations] == ["G5", "G8"]
    auditor.violations.clear()
