"""The example for continuous integration runs what the README tells people to run, and nothing that is not pinned."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from exchange_site.launcher.home import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
RUN = ROOT / ".ci" / "run"


@pytest.fixture(scope="module")
def steps() -> list[dict[str, Any]]:
    jobs = YAML(typ="safe").load(WORKFLOW)["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_the_workflow_follows_its_schema():
    check = Path(sys.executable).with_name("check-jsonschema")
    command = [check, "--builtin-schema", "vendor.github-workflows", WORKFLOW]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs_the_commands_of_every_other_runner(steps):
    ours = [step["run"] for step in steps if step.get("run", "").startswith("./exchange")]
    there = [line for line in RUN.read_text(encoding="utf-8").splitlines() if line.startswith("./exchange")]
    assert ours == there == ["./exchange lint", "./exchange test"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "./exchange test" in readme


def test_what_it_uses_is_pinned_to_a_commit_and_gets_no_rights(steps):
    for step in steps:
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
    assert YAML(typ="safe").load(WORKFLOW)["permissions"] == {"contents": "read"}


def test_every_overlay_it_renders_exists(steps):
    text = "\n".join(step.get("run", "") for step in steps)
    [folders] = re.findall(r"for folder in ([^;]+);", text)
    for folder in folders.split():
        assert (ROOT / "deploy" / "kubernetes" / folder / "kustomization.yaml").is_file()
