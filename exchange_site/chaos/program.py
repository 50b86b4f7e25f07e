"""One process of the campaign: started, killed, paused, and everything it says kept with the time it was said."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, NamedTuple

from exchange_site.launcher.child import die_with_parent, in_words
from exchange_site.launcher.home import ROOT

LINES_KEPT = 50_000


class Exit(NamedTuple):
    """One end of a process, at a monotonic time."""

    name: str
    at: float
    code: int

    def __str__(self) -> str:
        return f"{self.name} {in_words(self.code)}"


class Line(NamedTuple):
    """One line a process wrote, at a monotonic time."""

    name: str
    at: float
    text: str


class Program:
    """A command that may run many times, one after the other. Start it from the main thread only: the kernel ends a
    process when the thread that made it ends."""

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], log: Path, user: str | None = None
    ) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.user = user
        self.wanted = False  # Whether it is to be started again when it ends.
        self.exits: list[Exit] = []
        self.lines: deque[Line] = deque(maxlen=LINES_KEPT)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._waiter: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self.running and self._process is not None else None

    @property
    def running(self) -> bool:
        return self._waiter is not None and self._waiter.is_alive()

    def start(self, command: list[str] | None = None, **environment: str) -> None:
        """Start it, with another command or more environment for this one life."""
        assert not self.running, f"{self.name} runs already"
        self.wanted = True
        process = subprocess.Popen(
            command or self.command,
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it only calls prctl.
            restore_signals=False,  # SIGXFSZ stays ignored: a full disk is an error to cope with, not a death.
            user=self.user,
        )
        self._process = process
        assert process.stdout is not None
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()
        self._waiter = threading.Thread(target=self._wait, args=(process,), daemon=True)
        self._waiter.start()

    def signal(self, number: signal.Signals) -> None:
        """To the process itself; nothing happens when it is gone."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> float:
        """SIGKILL; returns when it was sent, as soon as the process is gone."""
        sent = time.monotonic()
        self.signal(signal.SIGKILL)
        self.join()
        return sent

    def stop(self, timeout_s: float = 20.0) -> None:
        """SIGTERM, and SIGKILL when that does not help in time. It is not started again."""
        self.wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not self.join(timeout_s):
            self.kill()

    def join(self, timeout_s: float = 30.0) -> bool:
        """Whether it is gone by then."""
        if self._waiter is not None:
            self._waiter.join(timeout_s)
        return not self.running

    def said(self, text: str, since: float = 0.0) -> str | None:
        """The first line since then with `text` in it."""
        return next((line.text for line in list(self.lines) if line.at >= since and text in line.text), None)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        self.exits.append(Exit(self.name, time.monotonic(), code))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # Whatever it left behind, as the launcher does.

    def _read(self, output: IO[bytes]) -> None:
        with self._log.open("ab") as log:
            for raw in output:
                stamp = time.strftime("%H:%M:%S", time.gmtime()).encode()
                log.write(stamp + b" " + raw)
                log.flush()
                self.lines.append(Line(self.name, time.monotonic(), raw.decode("utf-8", "replace").rstrip()))
