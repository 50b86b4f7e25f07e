"""Which faults are chosen, in which order they strike, and what the table says."""

import pytest

from exchange_site.chaos import report
from exchange_site.chaos.__main__ import chosen_faults
from exchange_site.chaos.campaign import FAULTS, Injected, schedule
from exchange_site.chaos.stage import Fault

PROMISED = {f"F{number}" for number in (*range(1, 19), 21, 22, 29)}
BEHIND_THE_ENGINE = {"F10", "F11", "F12", "F13"}


def test_every_promised_fault_is_there():
    assert {fault.number for fault in FAULTS} == PROMISED
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_faults_are_chosen_by_number_and_variant():
    assert {fault.number for fault in chosen_faults("f1, F4", True)} == {"F1", "F4"}
    assert [fault.variant for fault in chosen_faults("F6:FLUSH", True)] == ["FLUSHALL"]
    assert {fault.number for fault in chosen_faults("", False)} == PROMISED - BEHIND_THE_ENGINE


@pytest.mark.parametrize("words", ["F99", "F1:sleeps", "nonsense"])
def test_an_unknown_fault_is_a_wrong_command_line(words: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        chosen_faults(words, True)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_schedule_is_decided_by_its_seed_and_fair():
    faults = list(FAULTS)
    assert schedule(3, faults, 60) == schedule(3, faults, 60)
    assert schedule(3, faults, 60) != schedule(4, faults, 60)
    assert set(schedule(5, faults, len(faults))) == set(faults)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_percentiles_are_measured_values(share: float, expected: float):
    assert report.percentile([float(value) for value in range(1, 101)], share) == expected
    assert report.percentile([7.0], share) == 7.0


def test_the_table_names_what_failed():
    fault = Fault("F1", "killed", lambda stage: None, 5.0)
    good, bad = Injected(fault, 0.0, downtimes=[0.25]), Injected(fault, 0.0, downtimes=[6.0], findings=["too late"])
    rows = report.table([good, bad], 1.0).splitlines()
    assert rows[1].split() == ["F1", "killed", "2", "0.25", "s", "6.00", "s", "6.00", "s", "5", "s", "FAILED"]
    assert rows[-1].startswith("all takeovers (G14)")


def test_many_findings_are_shown_by_kind_and_losses_first():
    findings = [*(f"unexplained: line {number}" for number in range(9)), "missing: an answer"]
    lines = report.findings_by_kind(findings)
    assert lines[0] == "missing: an answer"
    assert lines[-1] == "unexplained: ... 9 altogether"
    assert len(lines) == 6
