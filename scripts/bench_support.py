"""What the benchmarks share: the machine's figures beside the measured ones, and a scratch exchange to measure."""

import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def machine() -> str:
    """One line that says what was measured on."""
    model = platform.processor() or "unknown processor"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = Path("/proc/loadavg").read_text().split()[0]
    return f"{model}, {cores} cores, load {load} before, Python {platform.python_version()}"


def percentile(sorted_values: list[float], percent: int) -> float:
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]


class Scratch:
    """A whole exchange in a temporary home."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port

    def call(self, *words: str) -> str:
        command = [sys.executable, str(ROOT / "exchange"), "--home", str(self.home), "--port", str(self.port), *words]
        # The scratch exchange has servers and secrets of its own, not those of the home this was started for.
        ours = ("DATABASE_URL", "REDIS_", "SECRET_KEY", "EXCHANGE_", "DJANGO_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"exchange {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def status(self) -> dict[str, Any]:
        return json.loads(self.call("status", "--json"))

    def cpu_seconds(self) -> dict[str, float]:
        """What each process has used of the processors so far, by the kernel's count (Linux)."""
        used = {}
        for name, process in self.status()["processes"].items():
            if process["pid"]:
                fields = Path(f"/proc/{process['pid']}/stat").read_text().rsplit(")", 1)[1].split()
                used[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return used


@contextlib.contextmanager
def scratch_exchange(*options: str) -> Iterator[Scratch]:
    """One that runs, with `options` of `up`; stopped and deleted at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="exchange-bench-") as folder:
        scratch = Scratch(Path(folder) / "home", port)
        try:
            scratch.call("up", "--detach", *options)
            yield scratch
        finally:
            scratch.call("down")


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"Gave up waiting for {what}.")
        time.sleep(0.2)
