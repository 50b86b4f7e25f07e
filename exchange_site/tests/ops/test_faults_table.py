"""The runbook's table of faults: every fault of the design is there, and whatever it says injects one exists."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

from exchange_site.chaos.campaign import FAULTS
from exchange_site.launcher import cli
from exchange_site.launcher.drill import Drill
from exchange_site.launcher.home import ROOT
from exchange_site.simulation.faults import STRIKES_AT

NUMBERS = [f"F{number}" for number in range(1, 32)]
APPS = ("matching", "trading", "accounts", "marketdata", "exchange_site")


def rows():
    """Of the table: number, what is seen, what to do, and the names in the last column."""
    section = (
        (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8").split("## Faults, one by one")[1].split("\n## ")[0]
    )
    for line in section.splitlines():
        if re.match(r"\| F\d+ \|", line):
            number, _, seen, do, injected = (cell.strip() for cell in line.strip("| ").split(" | "))
            yield number, seen, do, re.findall(r"`([^`]+)`", injected)


@cache
def names_of_tests():
    text = "".join(path.read_text(encoding="utf-8") for app in APPS for path in (ROOT / app).rglob("test_*.py"))
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE))


def exists(name):
    kind, _, what = name.partition(" ")
    if kind == "chaos":
        return any(fault.number == what for fault in FAULTS)
    if kind == "sim":
        return what in STRIKES_AT
    if kind == "drill:":
        return what in [title for title, _ in Drill(Path("nowhere")).steps()]
    return name in names_of_tests()


def test_every_fault_of_the_design_is_in_the_table_once():
    assert [number for number, *_ in rows()] == NUMBERS


@pytest.mark.parametrize(("number", "seen", "do", "injected"), rows(), ids=NUMBERS)
def test_a_fault_says_what_is_seen_what_to_do_and_what_injects_it(number, seen, do, injected):
    assert seen
    assert do
    assert injected, f"nothing injects {number}"
    assert not [name for name in injected if not exists(name)]


def test_every_fault_of_a_campaign_is_in_the_table():
    table = {number: injected for number, _, _, injected in rows()}
    for fault in FAULTS:
        assert f"chaos {fault.number}" in table[fault.number], fault.name


def test_every_alarm_that_the_table_names_exists():
    known = set(
        re.findall(r"alert: (\w+)", (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    )
    named = {word for _, seen, *_ in rows() for word in re.findall(r"`([A-Z]\w+)`", seen)}
    assert named
    assert named <= known


def test_every_command_that_the_table_tells_to_run_exists():
    commands, verbs = set(get_commands()), set(cli.parser()._subparsers._group_actions[0].choices)
    told = [word.split() for _, _, do, _ in rows() for word in re.findall(r"`\./exchange ([^`]+)`", do)]
    assert told
    for words in told:
        assert words[0] in verbs, words
        assert words[0] != "manage" or words[1] in commands, words


def test_a_name_that_nothing_has_is_found():
    for name in ("chaos F99", "sim flood", "drill: kill -9 nobody", "test_of_nothing"):
        assert not exists(name)
