"""`./exchange drill`: the runbook, rehearsed on a scratch exchange that holds nothing of anybody's.

Every step says what it does, how long it took, and what it found. The first one that fails ends the drill.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from exchange_site.launcher.child import die_with_parent
from exchange_site.launcher.home import ROOT, Home, LauncherError, free_port
from exchange_site.launcher.logs import last_lines

KILLED = (
    "engine", "db_writer", "market_feed", "user_feed", "web", "market_maker", "celery_worker", "celery_beat", "signer",
    "redis", "postgres",
)  # fmt: skip
SERVERS_ONLY = ",".join(name for name in KILLED if name not in ("redis", "postgres"))
ACTOR, MAKER = "operator@example.org", "maker@example.org"
CALL_TIMEOUT_S = 300
HEALS_IN_S = 60
LOOK_EVERY_S = 0.1
TRADED_OUTCOMES = 100  # Before anything is broken.
THEIRS = ("EXCHANGE_", "REDIS_", "ENGINE_")
T = TypeVar("T")


class StepFailed(Exception):
    """What the runbook promises did not come true."""


class Installation:
    """One scratch exchange, reached as an operator does: by the verbs of `./exchange`."""

    def __init__(self, path: Path) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(THEIRS)}
        for name in ("DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FILE", "DJANGO_SETTINGS_MODULE"):
            environ.pop(name, None)
        self.path, self._environ = path, environ
        self._command = [
            sys.executable, "-m", "exchange_site.launcher", "--home", str(path), "--port", str(free_port()),
        ]  # fmt: skip

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *words],
            cwd=ROOT,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CALL_TIMEOUT_S,
            check=False,
        )

    def run(self, *words: str) -> str:
        """What it printed. Raises StepFailed when it does not end well."""
        done = self.call(*words)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-12:]
            raise StepFailed(f"./exchange {' '.join(words)} ended with {done.returncode}:\n" + "\n".join(said))
        return done.stdout

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """A process that stays, with those it starts in a group of its own; the caller ends that."""
        log = (self.path / "logs" / "drill.log").open("ab")
        with log:
            return subprocess.Popen(
                [*self._command, *words],
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )

    def manage(self, *words: str) -> str:
        return self.run("manage", *words)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.call("status", "--json").stdout or "{}"))

    def n(self) -> int:
        """The engine's outcome number; 0 while it cannot be asked."""
        return int((self.status().get("engine") or {}).get("n") or 0)

    def pid(self, name: str) -> int | None:
        try:
            return int((self.path / "run" / f"{name}.pid").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def tails(self, lines: int = 8) -> str:
        paths = sorted((self.path / "logs").glob("*.log"))
        return "\n".join(f"--- {path.name}\n" + "\n".join(last_lines(path, lines)) for path in paths)


def wait_until(condition: Callable[[], T | None], what: str, timeout_s: float = HEALS_IN_S) -> T:
    """The first true value. Raises StepFailed when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise StepFailed(f"Not within {timeout_s:g} s: {what}.")
        time.sleep(LOOK_EVERY_S)
    return value


class Drill:
    """The steps in their order; each returns one line about what it found."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = Installation(folder / "first"), Installation(folder / "second")
        self._store, self._key = folder / "store", folder / "backup.key"
        self._backup_n, self._backup_chain = 0, ""

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        kills = [(f"kill -9 {name}", lambda name=name: self._kill(name)) for name in KILLED]
        return [
            ("start an exchange, and let the market maker trade", self._start),
            ("back up beside the running exchange, and try the backup", self._back_up),
            *kills,
            ("deploy: hand the engine over to a new program, and back", self._deploy),
            ("stop a market maker that runs wild, and let it trade again", self._stop_market_maker),
            ("reconcile; replay the journal from its beginning and from each snapshot", self._prove),
            ("lose the engine's disk, and rebuild the engine from the database", self._lose_disk),
            ("reconcile and trade on; audit log", self._after_rebuild),
            ("restore the backup into an empty home", self._restore),
            ("start the restored exchange: reconcile, audit log", self._start_restored),
        ]

    def stop(self) -> None:
        for one in (self.first, self.second):
            if one.path.exists():
                one.call("down")

    # ------------------------------------------------------------------------------------------------------ steps

    def _start(self) -> str:
        self.first.run("up", "--detach")
        n = wait_until(lambda: _above(self.first.n(), TRADED_OUTCOMES), "something was traded")
        return f"outcome {n}"

    def _back_up(self) -> str:
        self.first.manage("backup", "new-key", str(self._key))
        said = self.first.manage("backup", "make", str(self._store), "--key", str(self._key))
        found = re.search(r"outcome (\d+), chain ([0-9a-f]{16})", said)
        if found is None or "tables of the database are equal" not in said:
            raise StepFailed(f"The backup was not proven:\n{said}")
        self._backup_n, self._backup_chain = int(found[1]), found[2]
        return f"outcome {self._backup_n}, chain {self._backup_chain}"

    def _kill(self, name: str) -> str:
        """Killed, it comes back by itself, everything is ready again, and outcomes go on."""
        old = wait_until(lambda: self.first.pid(name), f"{name} runs")
        n = self.first.n()
        os.kill(old, signal.SIGKILL)
        new = wait_until(lambda: _other(self.first.pid(name), old), f"{name} is started again")
        wait_until(lambda: self.first.status().get("ready"), f"everything is ready after {name} was killed")
        after = wait_until(lambda: _above(self.first.n(), n), f"outcomes go on after {name} was killed")
        return f"process {old} became {new}; outcome {n}, then {after}"

    def _deploy(self) -> str:
        """Step 5 of the runbook's deploy: the old leader is replaced while the new one leads. (Step 3 wants a proxy in
        front, which test_rolling_deploy.py has; step 4 is what the kills above have shown.)"""
        before = self.first.status()["engine"]
        standby = self.first.begin("manage", "run_engine", "--standby")
        try:
            wait_until(lambda: _is_warm(self.first), "the standby is warm")
            self.first.manage("engine", "stepdown", "--actor", ACTOR, "--reason", "a new version")
            wait_until(lambda: _led_after(self.first, before["term"]), "the new program leads")
            self.first.run("restart", "engine")
            wait_until(lambda: _is_warm(self.first), "the replaced engine stands by, warm")
            self.first.manage("engine", "stepdown", "--actor", ACTOR, "--reason", "back to the first place")
            after = wait_until(lambda: _led_after(self.first, before["term"] + 1), "the replaced engine leads")
        finally:
            os.killpg(standby.pid, signal.SIGTERM)  # The verb and the engine it has started.
            standby.wait(HEALS_IN_S)
        wait_until(lambda: _above(self.first.n(), int(after["n"])), "outcomes go on after the deploy")
        return f"term {before['term']}, then {after['term']}"

    def _stop_market_maker(self) -> str:
        """It does not obey (SIGSTOP), so its account is blocked and its orders are cancelled."""
        words = ("--actor", ACTOR, "--reason", "It quotes odd prices.")
        maker = wait_until(lambda: self.first.pid("market_maker"), "the market maker runs")
        wait_until(self._orders_of_maker, "the market maker has orders")
        os.kill(maker, signal.SIGSTOP)
        try:
            self.first.manage("account", MAKER, "block", *words)
            said = self.first.manage("account", MAKER, "cancel-all", *words).splitlines()[-1]
            if self._orders_of_maker():
                raise StepFailed("The market maker still has orders in the books.")
            self.first.manage("account", MAKER, "unblock", *words)
        finally:
            os.kill(maker, signal.SIGCONT)
        wait_until(self._orders_of_maker, "the market maker quotes again")
        return said

    def _orders_of_maker(self) -> int:
        found = re.search(r"^Open orders: (.*)$", self.first.manage("account", MAKER, "show"), re.MULTILINE)
        return sum(int(count) for count in re.findall(r"(\d+) in", found[1])) if found else 0

    def _prove(self) -> str:
        said = self.first.manage("reconcile", "--no-chains").splitlines()[0]
        self.first.manage("replay_engine", "--verify")
        return said

    def _behind(self) -> int | None:
        behind: int | None = ((self.first.status().get("projections") or {}).get("db_writer") or {}).get("behind")
        return behind

    def _lose_disk(self) -> str:
        """Stopped between two batches, with the market maker's orders in its books and the database level."""
        self.first.run("stop", "engine")
        wait_until(lambda: self._behind() == 0, "the database has every outcome")
        before = self._engine_state()
        if not before["orders"]:
            raise StepFailed("The books are empty, so nothing would be proven.")
        for name in ("journal", "snapshots"):
            shutil.rmtree(self.first.path / name)
        words = ("rebuild_from_db", "--yes", "--actor", "drill", "--reason", "The drill has deleted the journal.")
        if "Nothing was changed" not in self.first.manage("rebuild_from_db"):
            raise StepFailed("rebuild_from_db did something without --yes.")
        said = self.first.manage(*words).splitlines()[0]
        self.first.run("start", "engine")
        wait_until(lambda: (self.first.status().get("engine") or {}).get("status") == "open", "the engine is open")
        if self._engine_state(int(before["n"])) != before:
            raise StepFailed("The rebuilt engine does not hold the balances and orders that the lost one held.")
        return said

    def _engine_state(self, n: int | None = None) -> dict[str, Any]:
        at = () if n is None else ("--n", str(n))
        state = json.loads(self.first.manage("engine_dump", "--json", *at))
        books = {market["symbol"]: market["levels"] for market in state["markets"]}
        balances = [row for row in state["balances"] if row["available_units"] or row["locked_units"]]
        return {**{name: state[name] for name in ("n", "chain", "orders")}, "balances": balances, "books": books}

    def _after_rebuild(self) -> str:
        said = self.first.manage("reconcile", "--no-chains").splitlines()[0]
        n = self.first.n()
        after = wait_until(lambda: _above(self.first.n(), n + 10), "trading goes on")
        self.first.manage("reconcile", "--no-chains")
        self.first.manage("replay_engine", "--verify")
        self.first.manage("audit", "verify")
        return f"{said} Outcome {n}, then {after}."

    def _restore(self) -> str:
        self.first.run("down")
        self.second.run("up", "--detach", "--without", SERVERS_ONLY)
        [backup] = self._store.iterdir()
        words = ("restore", str(backup), "--key", str(self._key))
        told = self.second.manage(*words, "--yes")
        found = re.search(r"start at outcome (\d+) with chain ([0-9a-f]+)", told)
        if found is None or int(found[1]) < self._backup_n:
            raise StepFailed(f"The restored journal is shorter than the backup:\n{told}")
        state = json.loads(self.second.manage("engine_dump", "--json", "--n", str(self._backup_n)))
        if not state["chain"].startswith(self._backup_chain):
            raise StepFailed(f"Chain {state['chain'][:16]} at {self._backup_n} instead of {self._backup_chain}.")
        self.second.run("down")
        return f"the same chain {self._backup_chain} at outcome {self._backup_n}; it ends at {found[1]}"

    def _start_restored(self) -> str:
        self.second.run("up", "--detach", "--without", "market_maker,celery_beat")
        said = self.second.manage("reconcile", "--no-chains").splitlines()[0]
        self.second.manage("audit", "verify")
        self.second.run("down")
        return said


def _above(n: int, least: int) -> int:
    return n if n > least else 0


def _other(pid: int | None, old: int) -> int | None:
    return None if pid == old else pid


def _is_warm(place: Installation) -> bool:
    return '"warm": true' in place.call("manage", "engine", "status", "--json").stdout


def _led_after(place: Installation, term: int) -> dict[str, Any] | None:
    """The engine of a later term, once it leads and is open."""
    engine = place.status().get("engine") or {}
    return engine if engine.get("term", 0) > term and engine.get("status") == "open" else None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Ended from outside, it stops what it has started, as on Ctrl-C."""
    raise KeyboardInterrupt


def drill(home: Home, options: argparse.Namespace) -> int:
    """Never touches `home`. Prints every step; 0 when all of them did what the runbook says."""
    if options.words:
        raise LauncherError("drill takes no arguments.")
    folder = Path(tempfile.mkdtemp(prefix="exchange-drill-"))
    folder.chmod(0o755)  # Where PostgreSQL runs as nobody it must be able to pass here.
    rehearsal, began = Drill(folder), time.monotonic()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        steps = rehearsal.steps()
        for number, (title, step) in enumerate(steps, 1):
            print(f"{number:>2}/{len(steps)}  {title} ...", flush=True)
            start = time.monotonic()
            try:
                found = step()
            except (StepFailed, subprocess.TimeoutExpired) as error:
                print(f"       FAILED after {time.monotonic() - start:.1f} s: {error}")
                print(rehearsal.first.tails() if rehearsal.second.pid("redis") is None else rehearsal.second.tails())
                print(f"The drill FAILED at step {number} of {len(steps)}: {title}.")
                return 1
            print(f"       {time.monotonic() - start:.1f} s  {found}", flush=True)
        print(f"The drill passed: {len(steps)} steps in {time.monotonic() - began:.0f} s.")
        return 0
    finally:
        rehearsal.stop()
        shutil.rmtree(folder, ignore_errors=True)
