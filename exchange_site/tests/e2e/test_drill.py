"""The runbook, rehearsed: `./exchange drill` does what the runbook says, and a step that goes wrong fails it."""

import re
import subprocess

import pytest

from exchange_site.launcher import drill
from exchange_site.launcher.home import ROOT
from exchange_site.launcher.processes import NAMES
from exchange_site.tests.e2e.running import clean_environment


def test_g24_the_drill_passes():
    done = subprocess.run(
        [str(ROOT / "exchange"), "drill"],
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=720,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert "rebuild the engine from the database" in done.stdout
    steps = [int(number) for number in re.findall(r"^ *(\d+)/\d+ ", done.stdout, re.MULTILINE)]
    assert steps == list(range(1, len(drill.KILLED) + 10))
    assert set(drill.KILLED) == set(NAMES), "each process is killed, comes back, and trading goes on"
    assert re.search(r"The drill passed: \d+ steps", done.stdout)


def test_a_step_that_does_not_heal_fails():
    with pytest.raises(drill.StepFailed, match="it heals"):
        drill.wait_until(lambda: 0, "it heals", timeout_s=0.2)
