"""`./exchange test`: every test, in groups that run beside each other on servers of their own."""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
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

Groups = dict[str, list[str]]  # The words for pytest of each group, by its name.

BROWSER_PACKAGES = ("chromium", "fonts-liberation")
COUNT = re.compile(r"(\d+) (passed|failed|error|errors|skipped|deselected|xfailed|xpassed)\b")
SERVERS_TIMEOUT_S = 30.0
LONGEST_LINE_BYTES = 16 * 1024 * 1024  # A failed comparison may print a whole book in one line.
SHOW_SLOWEST = ("--durations=12",)
AT_ONCE = 2  # Groups beside each other. Each is one busy process and its servers; more only makes them wait.
MOST_AGAIN = 10  # Failed tests that are worth a second look. Where more have failed, it was not the machine.

# The browser tests need a process of their own: Playwright keeps an event loop in the main thread. The site group is
# what no other group names, so that a new folder of tests cannot be forgotten; it says "." because an --ignore has no
# power over the configured testpaths. The browser group is in the same way what is left of its folder when those are
# gone that start exchanges of their own. Longer groups come first, so that none is left to run alone at the end.
ENGINE_FOLDERS = ("matching", "exchange_site/simulation", "exchange_site/chaos")
APP_FOLDERS = ("accounts", "marketdata", "trading")
BROWSER_FOLDER = "exchange_site/tests/e2e"
OPERATIONS = [
    f"{BROWSER_FOLDER}/test_{name}.py"
    for name in ("backup", "chaos", "drill", "launcher", "operations", "rolling_deploy", "staff")
]
ELSEWHERE = (*ENGINE_FOLDERS, *APP_FOLDERS, BROWSER_FOLDER)
GROUPS = {
    "browser": ["-m", "e2e", BROWSER_FOLDER, *(f"--ignore={file}" for file in OPERATIONS)],
    "drills": ["-m", "e2e", *OPERATIONS],
    "site": ["-m", "not alone", ".", *(f"--ignore={folder}" for folder in ELSEWHERE)],
    "apps": ["-m", "not alone", *APP_FOLDERS],
    "engine": ["-m", "not alone", *ENGINE_FOLDERS],
}
ALONE = {"alone": ["-m", "alone and not e2e"]}  # What holds a promise about time, when all the rest is done.


@dataclasses.dataclass
class Ended:
    """How one pytest ended: its exit code, its last line's counts, and the tests that failed, by their ids."""

    code: int
    counts: dict[str, int]
    failed: list[str]


def test(home: Home, options: argparse.Namespace) -> int:
    """Every test; with words of the caller one pytest run with them. Nothing of `home` is touched."""
    ensure_browser()
    return asyncio.run(run_tests([{"": options.words}] if options.words else [GROUPS, ALONE]))


async def run_tests(rounds: list[Groups]) -> int:
    """Runs each group on servers of its own, a round's groups beside each other; the code of the first that failed.

    The browser and the real processes of some tests share the machine with another group and can be too late for
    no fault of theirs. So what failed in a named group is run once more with nothing beside it, and only that second
    answer counts; the last lines name what needed it. A run with the caller's own words has no second try.
    """
    ended: dict[str, Ended] = {}
    for groups in rounds:
        ended |= await run_round(groups, AT_ONCE)
    again = {name: one.failed for name, one in ended.items() if name and one.failed}
    if again and sum(map(len, again.values())) <= MOST_AGAIN:
        print("\nWhat failed, once more with nothing beside it:", flush=True)
        second = await run_round(again, 1)
    else:
        second = {}
    return report(ended, second)


async def run_round(groups: Groups, at_once: int) -> dict[str, Ended]:
    turns = asyncio.Semaphore(at_once)

    async def run(name: str, words: list[str]) -> Ended:
        async with turns, scratch_services() as environment:
            return await pytest([*words, *SHOW_SLOWEST] if name else words, environment, name)

    return dict(zip(groups, await asyncio.gather(*(run(*group) for group in groups.items())), strict=True))


def report(ended: dict[str, Ended], second: dict[str, Ended]) -> int:
    """Prints what failed, what passed only at its second try, and the counts; returns the exit code of the whole."""
    last = {name: second.get(name, one) for name, one in ended.items()}
    failed = sum(one.counts.get(word, 0) for one in last.values() for word in ("failed", "error"))
    if not failed and any(one.code for one in last.values()):
        print("pytest ended with an exit code that is not 0 without naming a failed test; see above.")
    late = [test for name in second for test in ended[name].failed if test not in second[name].failed]
    lines = [f"Failed: {test}" for one in last.values() for test in one.failed]
    lines += [f"Failed beside others, passed alone: {test}" for test in late]
    totals = {word: sum(one.counts.get(word, 0) for one in ended.values()) for word in ("passed", "skipped")}
    skipped = f", {totals['skipped']} skipped" if totals["skipped"] else ""
    print(*lines, f"{totals['passed'] + len(late)} passed, {failed} failed{skipped}", sep="\n", flush=True)
    return next((one.code for one in last.values() if one.code), 0)


async def pytest(words: list[str], environment: dict[str, str], name: str) -> Ended:
    """Shows its output as it comes, each line under the group's name; the counts are read off its last line."""
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    label = f"{name:<7} | " if name else ""
    print(f"{label}$ pytest " + " ".join(words), flush=True)
    with tempfile.TemporaryDirectory(prefix="exchange-pytest-") as cache:
        kept = ["-o", f"cache_dir={cache}"] if name else []  # The caller's own run keeps the project's, for its --lf.
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", *kept, *colour, *words),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            limit=LONGEST_LINE_BYTES,
        )
        try:
            last = await show(running, label)
            code = await running.wait()
        finally:
            if running.returncode is None:
                running.send_signal(signal.SIGTERM)
                await running.wait()
        failed = last_failed(Path(cache))
    counts = {word.removesuffix("s") if word == "errors" else word: int(number) for number, word in COUNT.findall(last)}
    return Ended(code, counts, failed)


async def show(running: asyncio.subprocess.Process, label: str) -> str:
    """Prints what it writes as it comes; returns the last line that is not empty."""
    last = ""
    assert running.stdout is not None
    async for raw in running.stdout:
        line = raw.decode(errors="replace")
        sys.stdout.write(label + line)
        sys.stdout.flush()
        last = line if line.strip() else last
    return last


def last_failed(cache: Path) -> list[str]:
    """The ids of the tests that failed, from where pytest keeps them for its own --last-failed."""
    kept = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text())) if kept.exists() else []


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
