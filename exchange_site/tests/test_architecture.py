"""The direction of imports, the size of files and the names of Redis keys are rules, and rules are tests."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = ("exchange_site", "matching", "marketdata", "accounts", "trading")
MAX_LINES = 400


def python_files():
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def test_imports_point_one_way():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_stay_small():
    long = {str(path.relative_to(ROOT)): lines for path in python_files() if (lines := count(path)) > MAX_LINES}
    long.pop("matching/messages.py", None)  # The whole vocabulary in one place is worth its length.
    assert not long, long


def count(path):
    return len(path.read_text().splitlines())


def test_only_one_module_reads_the_environment():
    readers = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if re.search(r"os\.environ\[|os\.environ\.get|os\.getenv", path.read_text())
        and "launcher" not in path.parts
        and "tests" not in path.parts
    ]
    assert readers == ["exchange_site/settings/env.py"]


def test_the_two_spellings_of_the_system_theme_are_equal():
    """A media query cannot share a rule with a selector, so two themes are written twice."""
    css = (ROOT / "static/css/tokens_system.css").read_text()
    by_choice = "".join((ROOT / f"static/css/tokens_{name}.css").read_text() for name in ("light", "chosen"))
    for theme, query in (("light", "prefers-color-scheme: light"), ("contrast", "prefers-contrast: more")):
        chosen = declarations(by_choice.split(f'[data-theme="{theme}"] {{')[1].split("}")[0])
        system = declarations(css.split(f"@media ({query})")[1].split("{", 2)[2].split("}")[0])
        assert chosen == system, theme


def declarations(block):
    block = re.sub(r"/\*.*?\*/", "", block, flags=re.S)
    pairs = [line.split(":", 1) for line in block.split(";") if ":" in line]
    return {name.strip(): " ".join(value.split()) for name, value in pairs}
