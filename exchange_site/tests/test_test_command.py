"""`./exchange test`: what failed beside other groups is looked at once more alone, and nothing failed goes unnamed."""

import contextlib
import os
from collections.abc import AsyncIterator

import pytest

from exchange_site.launcher import testing

FAILS_ONCE = """
import pathlib

def test_late(name=pathlib.Path(__file__).with_suffix(".tried")):
    tried = name.exists()
    name.touch()
    assert tried
"""
FAILS = "def test_wrong():\n    assert 1 + 1 == 3\n"
PASSES = "def test_right():\n    assert 1 + 1 == 2\n"


@pytest.fixture
def group(tmp_path, monkeypatch):
    """Makes a group of tests from sources, in a folder that pytest sees as the project."""

    @contextlib.asynccontextmanager
    async def no_services() -> AsyncIterator[dict[str, str]]:
        yield os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    monkeypatch.setattr(testing, "scratch_services", no_services)
    monkeypatch.setattr(testing, "ROOT", tmp_path)
    (tmp_path / "pytest.ini").touch()

    def write(name: str, *sources: str) -> dict[str, list[str]]:
        for number, source in enumerate(sources):
            (tmp_path / f"test_{name}{number}.py").write_text(source)
        return {name: [f"test_{name}{number}.py" for number in range(len(sources))]}

    return write


async def test_a_test_that_was_only_late_does_not_fail_the_run_and_is_named(group, capsys):
    assert await testing.run_tests([group("site", PASSES, FAILS_ONCE)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Failed beside others, passed alone: test_site1.py::test_late",
        "2 passed, 0 failed",
    ]


async def test_a_test_that_fails_alone_too_fails_the_run_though_others_passed(group, capsys):
    rounds = [group("site", PASSES, FAILS) | group("apps", FAILS_ONCE), group("alone", PASSES)]
    assert await testing.run_tests(rounds) == 1
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "Failed: test_site1.py::test_wrong",
        "Failed beside others, passed alone: test_apps0.py::test_late",
        "3 passed, 1 failed",
    ]


async def test_where_much_fails_nothing_is_tried_again(group, capsys, monkeypatch):
    monkeypatch.setattr(testing, "MOST_AGAIN", 1)
    assert await testing.run_tests([group("site", FAILS_ONCE, FAILS)]) == 1
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "Failed: test_site0.py::test_late",
        "Failed: test_site1.py::test_wrong",
        "0 passed, 2 failed",
    ]


async def test_a_run_of_the_callers_own_words_has_no_second_try(group, capsys):
    assert await testing.run_tests([{"": group("site", FAILS_ONCE)["site"]}]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed"


async def test_a_run_that_ends_without_a_test_fails(group, capsys):
    assert await testing.run_tests([group("site", "import no_such_module\n"), {"apps": ["no_such_file.py"]}]) == 2
    assert "no_such_file.py" in capsys.readouterr().out
