"""`./exchange lint`, `sim` and `bench`: style, types and import rules; the simulation; the measurements."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from exchange_site.launcher.home import ROOT, Home, LauncherError


# ------------------------------------------------------------------------------------------------------------- lint
def lint(home: Home, options: argparse.Namespace) -> int:
    """Runs all checks, also after one that fails, and says at the end which did."""
    bin_folder = Path(sys.executable).parent
    python = sys.executable
    checks: dict[str, list[str]] = {
        "ruff check": [str(bin_folder / "ruff"), "check", "."],
        "ruff format": [str(bin_folder / "ruff"), "format", "--check", "."],
        "mypy": [python, "-m", "mypy", "."],
        "import-linter": [str(bin_folder / "lint-imports")],
        "migrations": [python, "-W", "ignore::RuntimeWarning", "manage.py", "makemigrations", "--check", "--dry-run"],
        "compose file": [
            str(bin_folder / "check-jsonschema"),
            "--builtin-schema",
            "vendor.compose-spec",
            "docker-compose.yml",
        ],
    }
    environment = environment_without_servers()
    failed = []
    for name, command in checks.items():
        print(f"--- {name}", flush=True)
        if subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode:
            failed.append(name)
    print(
        f"lint: {len(checks) - len(failed)} of {len(checks)} passed" + (f"; failed: {', '.join(failed)}" * bool(failed))
    )
    return 1 if failed else 0


def environment_without_servers() -> dict[str, str]:
    """Settings can be read without any server; what runs with these talks to none."""
    unused = {
        "SECRET_KEY": "unused",
        "DATABASE_URL": "postgresql://unused@127.0.0.1:9/unused",
        "REDIS_LOG_URL": "redis://127.0.0.1:9/0",
        "REDIS_FAN_URL": "redis://127.0.0.1:9/1",
    }
    return {**os.environ, **unused, "DJANGO_SETTINGS_MODULE": "exchange_site.settings.test"}


# -------------------------------------------------------------------------------------------------------------- sim
def sim(home: Home, options: argparse.Namespace) -> int:
    """The simulation of engine, log and database writer; it needs no server and touches no data."""
    command = [sys.executable, "-m", "exchange_site.simulation", *options.words]
    return subprocess.run(command, cwd=ROOT, env=environment_without_servers(), check=False).returncode


# ------------------------------------------------------------------------------------------------------------ bench
def bench(home: Home, options: argparse.Namespace) -> int:
    """Benchmarks are programs in scripts/; without a name the ones there are listed."""
    folder = ROOT / "scripts"
    known = sorted(file.stem.removeprefix("bench_") for file in folder.glob("bench_*.py"))
    if not options.words:
        print("Benchmarks: " + (", ".join(known) or "none in this version") + ".")
        return 0
    name, *rest = options.words
    if name not in known:
        raise LauncherError(f"There is no benchmark {name}. There are: {', '.join(known) or 'none'}.")
    home.prepare()
    command = [sys.executable, str(folder / f"bench_{name}.py"), *rest]
    return subprocess.run(command, cwd=ROOT, env=home.environment(), check=False).returncode
