"""`./exchange test`, `lint` and `bench`: what continuous integration runs, and what a developer runs."""

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from exchange_site.launcher import embedded, startup
from exchange_site.launcher.child import Child
from exchange_site.launcher.home import ROOT, Home, LauncherError
from exchange_site.launcher.logs import Console, RotatingLog, last_lines
from exchange_site.launcher.processes import Process

BROWSER_PACKAGES = ("chromium", "fonts-liberation")
COUNT = re.compile(r"(\d+) (passed|failed|error|errors|skipped|deselected|xfailed|xpassed)\b")
SERVERS_TIMEOUT_S = 30.0


# ------------------------------------------------------------------------------------------------------------- test
def test(home: Home, options: argparse.Namespace) -> int:
    """Every test in two pytest processes; with words of the caller one run with them. Nothing of `home` is touched."""
    ensure_browser()
    return asyncio.run(run_tests(options.words))


async def run_tests(words: list[str]) -> int:
    runs = [words] if words else [["-m", "not e2e"], ["-m", "e2e", "exchange_site/tests/e2e"]]
    totals: dict[str, int] = {}
    code = 0
    async with scratch_services() as environment:
        for run in runs:
            found, counts = await asyncio.to_thread(pytest, run, environment)
            code = code or found
            for word, count in counts.items():
                totals[word] = totals.get(word, 0) + count
    failed = totals.get("failed", 0) + totals.get("error", 0)
    skipped = f", {totals['skipped']} skipped" if totals.get("skipped") else ""
    if code and not failed:
        print(f"pytest ended with exit code {code} without naming a failed test; see above.")
    print(f"{totals.get('passed', 0)} passed, {failed} failed{skipped}", flush=True)
    return code


def pytest(words: list[str], environment: dict[str, str]) -> tuple[int, dict[str, int]]:
    """Shows its output as it comes and reads the counts off its last line."""
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    command = [sys.executable, "-m", "pytest", *colour, *words]
    print("$ pytest " + " ".join(words), flush=True)
    last = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as running:
        assert running.stdout is not None
        try:
            for line in running.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                last = line if line.strip() else last
        except KeyboardInterrupt:
            running.terminate()
            raise
    counts = {word.removesuffix("s") if word == "errors" else word: int(number) for number, word in COUNT.findall(last)}
    return running.returncode, counts


@contextlib.asynccontextmanager
async def scratch_services() -> AsyncIterator[dict[str, str]]:
    """A Redis and a PostgreSQL that exist for this run only; yields the environment that leads to them."""
    with tempfile.TemporaryDirectory(prefix="exchange-test-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - where PostgreSQL runs as nobody it must be able to pass here.
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("EXCHANGE_", "REDIS_"))}
        for name in ("DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FILE"):
            environ.pop(name, None)
        home = Home(Path(folder) / "home", environ)
        home.prepare()
        if os.geteuid() == 0:
            home.path.chmod(0o711)
        ports = {name: home.pick_port(name) for name in ("redis", "postgres")}
        redis = embedded.prepare_valkey(home, ports["redis"])
        postgres = await asyncio.to_thread(embedded.prepare_postgres, home, ports["postgres"], False)
        environment = home.environment() | {"DJANGO_SETTINGS_MODULE": "exchange_site.settings.test"}
        probes = {
            "redis": startup.redis_probe(ports["redis"], home.secret("redis")),
            "postgres": startup.postgres_probe(environment["DATABASE_URL"]),
        }
        console = Console()
        silent = re.compile(rb"(?!)")
        children = []
        for name, service in (("redis", redis), ("postgres", postgres)):
            process = Process(name, service.command, probe=probes[name], user=service.user, on_console=silent)
            log = RotatingLog(home.logs / f"{name}.log")
            children.append(Child(process, environment, log, console, home.run / f"{name}.pid"))
        try:
            await start_all(children)
            yield environment
        finally:
            await asyncio.gather(*(child.stop() for child in children))
            console.close()


async def start_all(children: list[Child]) -> None:
    changed = asyncio.Event()
    for child in children:
        child.on_change = changed.set
        child.start()
    deadline = time.monotonic() + SERVERS_TIMEOUT_S
    while late := [child for child in children if child.state != "ready"]:
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), deadline - time.monotonic())
        except TimeoutError:
            lines = "\n".join(last_lines(late[0].log.path, 12))
            raise LauncherError(f"{late[0].process.name} for the tests does not start:\n{lines}") from None


def ensure_browser() -> None:
    """Debian's Chromium for the browser tests. They are never skipped in silence: without it there is no test run."""
    if shutil.which("chromium"):
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *BROWSER_PACKAGES]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"exchange: installing {' and '.join(BROWSER_PACKAGES)} ...", file=sys.stderr, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for attempt in (["apt-get", "update"], command):
            done = subprocess.run(
                attempt, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        if shutil.which("chromium"):
            return
        raise LauncherError(f"Chromium for the browser tests could not be installed:\n{done.stderr.strip()}")
    raise LauncherError(
        "The browser tests need the program chromium on PATH. On Debian: "
        f"sudo {' '.join(command)}. On Ubuntu, whose package is a snap, and elsewhere: install Chromium or Chrome "
        "yourself and put a link named chromium on PATH."
    )


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
