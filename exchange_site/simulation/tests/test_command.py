"""`./exchange sim` as its caller sees it: exit codes, and the one command that repeats a failure."""

import dataclasses

import pytest

from exchange_site.simulation import command
from exchange_site.simulation.many import Total
from exchange_site.simulation.run import simulate


def test_a_good_seed_is_reported_and_ends_with_zero(capsys):
    assert command.main(["--seeds", "2", "--first", "3", "--steps", "2", "--jobs", "1"]) == 0
    assert "2 runs" in capsys.readouterr().out


def test_a_broken_promise_ends_with_one_and_the_command_that_repeats_it(capsys, monkeypatch):
    broken = dataclasses.replace(simulate(3, batches_each=1), violations=["G1: something was lost"])
    monkeypatch.setattr(command, "simulate_many", lambda *_, **__: Total(runs=1, broken=broken))
    assert command.main(["--steps", "1"]) == 1
    said = capsys.readouterr().out
    assert "G1: something was lost" in said
    assert "./exchange sim --first 3 --seeds 1 --steps 1" in said


def test_a_trace_shows_every_step(capsys):
    assert command.main(["--first", "3", "--steps", "1", "--trace"]) == 0
    assert "disk.fdatasync" in capsys.readouterr().out


@pytest.mark.parametrize(("seeds", "code", "word"), [("6", 0, "caught by seed"), ("0", 2, "must be 1 or more")])
def test_an_ablation_says_which_seed_caught_it(capsys, seeds, code, word):
    try:
        found = command.main(["--ablate", "fence", "--seeds", seeds])
    except SystemExit as error:
        found = error.code
    said = capsys.readouterr()
    assert found == code
    assert word in said.out + said.err


def test_an_ablation_that_nobody_notices_is_a_failure(capsys, monkeypatch):
    monkeypatch.setattr(command, "simulate_many", lambda *_, **__: Total(runs=9))
    assert command.main(["--ablate", "fence"]) == 1
    assert "blind" in capsys.readouterr().out
