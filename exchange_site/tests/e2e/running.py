"""A real exchange for a test: started by `./exchange up --detach` in a folder and on a port of its own."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from exchange_site.launcher.home import ROOT, free_port
from exchange_site.launcher.logs import last_lines

# What the test run itself was started with must not lead this exchange to the test run's own servers.
NOT_INHERITED = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "SECRET_KEY_FILE")
NOT_INHERITED_PREFIXES = ("EXCHANGE_", "REDIS_", "PYTEST_")


def clean_environment(**extra: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_INHERITED and not name.startswith(NOT_INHERITED_PREFIXES)
    }
    return {**kept, **extra}


T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """The first true value of `condition`; fails the test when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.05)
    return value


class RunningExchange:
    """`url`, `home` and `demo` (email to password) of a running exchange, and the verbs of `./exchange` for it."""

    def __init__(self, home: Path, environment: dict[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = clean_environment(**(environment or {}))

    @property
    def demo(self) -> dict[str, str]:
        return dict(json.loads((self.home / "demo.json").read_text(encoding="utf-8")))

    def call(self, *words: str, timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
        """One call of `./exchange` with its output as text. Files, not pipes: a background process never holds us."""
        command = [str(ROOT / "exchange"), "--home", str(self.home), "--port", str(self.port), *words]
        return subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def up(self, *words: str) -> None:
        done = self.call("up", "--detach", *words, timeout_s=300)
        assert done.returncode == 0, done.stdout + done.stderr + self.tails()
        wait_until(lambda: self.status()["ready"], 60, f"the exchange is ready\n{self.tails()}")

    def down(self) -> None:
        self.run("down")

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.call("status", "--json").stdout))

    def run(self, *words: str) -> str:
        """A call that must succeed; returns what it printed."""
        done = self.call(*words)
        assert done.returncode == 0, done.stdout + done.stderr + self.tails()
        return done.stdout

    def manage(self, *words: str) -> str:
        return self.run("manage", *words)

    def manage_all(self, *commands: tuple[str, ...]) -> None:
        """Commands of `manage.py`, one after the other in one process: to start one takes longer than its work."""
        lines = [f"call_command(*{words!r})" for words in commands]
        self.manage("shell", "-c", "\n".join(["from django.core.management import call_command", *lines]))

    def stop(self, name: str) -> None:
        self.run("stop", name)

    def start(self, name: str) -> None:
        self.run("start", name)

    def restart(self, name: str) -> None:
        self.run("restart", name)

    def pid(self, name: str) -> int | None:
        """The process id now, or None while the process is not running."""
        try:
            return int((self.home / "run" / f"{name}.pid").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends the signal and returns the process id it went to. The launcher starts the process again by itself."""
        pid = wait_until(lambda: self.pid(name), 30, f"{name} runs")
        os.kill(pid, number)
        return pid

    def tails(self, lines: int = 15) -> str:
        """The end of every log, for the report of a failed test."""
        parts = []
        for path in sorted((self.home / "logs").glob("*.log")):
            parts.append(f"--- {path.name}\n" + "\n".join(last_lines(path, lines)))
        return "\n".join(parts)
