"""One supervised process: started, read, restarted when it dies, stopped."""

import asyncio
import contextlib
import ctypes
import functools
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exchange_site.launcher.home import ROOT
from exchange_site.launcher.logs import LONGEST_LINE, Console, RotatingLog
from exchange_site.launcher.processes import SERVERS, Process

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
PROBE_EVERY_S = 0.05
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """States: stopped, starting, ready, waiting (to be started again after it died), stopping."""

    def __init__(
        self, process: Process, environment: dict[str, str], log: RotatingLog, console: Console, pid_file: Path
    ) -> None:
        self.process = process
        self.environment = environment
        self.log = log
        self.console = console
        self.pid_file = pid_file
        self.state = "stopped"
        self.restarts = 0
        self.deaths_in_a_row = 0  # Without having been ready in between.
        self._was_ready = False
        self.last_exit: str | None = None
        self.pid: int | None = None
        self.on_change: Callable[[], None] = lambda: None
        self._started_at = 0.0
        self._wanted = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._running: asyncio.subprocess.Process | None = None

    # ------------------------------------------------------------------------------------------------------ commands
    def start(self) -> None:
        """Begins to run it and keeps it running. Does nothing when that is so already."""
        if self._task is not None and not self._task.done():
            return
        self._wanted = True
        self._wake.clear()
        self.deaths_in_a_row = 0
        self._set_state("starting")
        self._task = asyncio.create_task(self._keep_running(), name=self.process.name)

    async def stop(self) -> None:
        """Asks it to stop, insists after its time is up, and returns when it is gone."""
        self._wanted = False
        self._wake.set()
        task, running = self._task, self._running
        if running is not None and running.returncode is None:
            self._set_state("stopping")
            self._signal(self.process.stop_signal)
            if task is not None:
                await asyncio.wait([task], timeout=self.process.stop_timeout_s)
            if running.returncode is None:
                self.say(f"{self.process.name} did not stop within {self.process.stop_timeout_s:g} s; killing it")
                self._signal(signal.SIGKILL)
        if task is not None:
            await asyncio.wait([task])
            task.result()
        self._set_state("stopped")

    def as_dict(self) -> dict[str, Any]:
        up = self.state in {"starting", "ready", "stopping"} and self.pid is not None
        return {
            "state": self.state,
            "pid": self.pid,
            "restarts": self.restarts,
            "uptime_s": round(time.monotonic() - self._started_at, 1) if up else None,
            "last_exit": self.last_exit,
        }

    def say(self, text: str) -> None:
        self.console.line("exchange", text)
        self.log.write(b"(launcher) " + text.encode())

    # --------------------------------------------------------------------------------------------------------- inside
    async def _keep_running(self) -> None:
        while self._wanted:
            self._set_state("starting")
            self.last_exit = await self._run_once()
            if not self._wanted:
                break
            if self._was_ready:  # It works, so whatever ended it came from outside; traders wait for it.
                self.deaths_in_a_row = 0
            wait = BACKOFF_S[min(self.deaths_in_a_row, len(BACKOFF_S) - 1)]
            self.deaths_in_a_row += 1
            self._set_state("waiting")
            hint = f" (see {self.log.path})" if self.deaths_in_a_row in {3, 10} else ""
            self.say(f"{self.process.name} {self.last_exit}; starting it again in {wait:g} s{hint}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)
            self.restarts += self._wanted
        self._set_state("stopped")

    async def _run_once(self) -> str:
        """Runs it to its end; returns in words how that was."""
        self._started_at = time.monotonic()
        self._was_ready = False
        # A pipe of our own: with asyncio's, wait() also waits for whatever the process left behind holding it open.
        output, its_end = os.pipe()
        reader = asyncio.StreamReader()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", 0)
        )
        try:
            running = await asyncio.create_subprocess_exec(
                *self.process.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=its_end,
                stderr=asyncio.subprocess.STDOUT,
                cwd=ROOT,
                env={**self.environment, **self.process.environment},
                start_new_session=True,  # Ctrl-C is for the supervisor only; it stops the others in order.
                user=self.process.user,
                preexec_fn=functools.partial(die_with_parent, self._last_signal()),
            )
        except OSError as error:
            pipe.close()
            return f"could not be started ({error})"
        finally:
            os.close(its_end)
        self._running, self.pid = running, running.pid
        partial = self.pid_file.with_suffix(".partial")
        partial.write_text(f"{running.pid}\n", encoding="utf-8")
        partial.replace(self.pid_file)
        if not self._wanted:  # Stopped while it was being made.
            self._signal(self.process.stop_signal)
        probing = asyncio.create_task(self._probe()) if self.process.probe else None
        reading = asyncio.create_task(self._read(reader))
        try:
            code = await running.wait()
            self._signal(signal.SIGKILL)  # Whatever it left behind in its process group.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reading, 2)
        finally:
            if probing is not None:
                probing.cancel()
            pipe.close()
            self.pid_file.unlink(missing_ok=True)
            self._running = self.pid = None
        return in_words(code)

    async def _probe(self) -> None:
        assert self.process.probe is not None
        while not await self.process.probe():
            await asyncio.sleep(PROBE_EVERY_S)
        self._is_ready()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Passes its output on line by line, whatever it contains and however long the lines are."""
        rest = b""
        while data := await reader.read(65_536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._line(line)
            if len(rest) > LONGEST_LINE:
                self._line(rest)
                rest = b""
        if rest:
            self._line(rest)

    def _line(self, line: bytes) -> None:
        line = line.rstrip(b"\r")[:LONGEST_LINE]
        self.log.write(line)
        if self.state == "starting" and self.process.ready_line and self.process.ready_line.search(line):
            self._is_ready()
        if line.strip() and (self.process.on_console is None or self.process.on_console.search(line)):
            self.console.line(self.process.name, printable(line))

    def _is_ready(self) -> None:
        if self.state == "starting":
            self._was_ready = True
            self._set_state("ready")

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.on_change()

    def _last_signal(self) -> signal.Signals:
        """How it ends with a supervisor that was killed. Redis and PostgreSQL close their files; ours survive anything,
        and one that waits politely for a neighbour that is gone would be in the way of the next start."""
        return self.process.stop_signal if self.process.name in SERVERS else signal.SIGKILL

    def _signal(self, number: signal.Signals) -> None:
        """To the process; SIGKILL to its whole group, which it leads."""
        if self.pid is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number) if number == signal.SIGKILL else os.kill(self.pid, number)


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Runs in the child between fork and exec: the kernel ends it when the supervisor ends, however that happens."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, number)


def in_words(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(line: bytes) -> str:
    """Safe to show on a terminal: a log line may repeat what a stranger sent."""
    return CONTROL_CHARACTERS.sub("?", line.decode("utf-8", "replace"))
