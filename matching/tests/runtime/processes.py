"""Real engine processes on a real Redis, and a client that keeps a record of every answer it got."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from exchange_site.kernel import redis_names
from matching import codec
from matching.core.engine import Engine
from matching.messages import Answer, Command
from matching.runtime.applier import Applier
from matching.runtime.journal import read_history
from matching.runtime.recovery import read_ahead
from matching.transport import admit

DEADLINE_S = 60  # Far more than an idle machine needs: only a failure waits so long.


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_S) -> Any:
    """Poll; the condition's first true value. Fails when it never comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Engines:
    """Starts `manage.py run_engine` on one set of directories; what is still alive at the end is killed."""

    def __init__(self, directory: Path, client: Any) -> None:
        self.directory = directory
        self.client = client
        self.running: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []

    def start(self, wait: bool = True, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        log = self.directory / f"engine-{len(self.logs)}.log"
        self.logs.append(log)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_engine", *words],
                env=os.environ | self._environment() | environment,
                cwd=self.directory,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        if wait:
            wait_until(lambda: "Engine ready" in log.read_text() or process.poll() is not None, "the start")
        return process

    def _environment(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "exchange_site.settings.test",
            "REDIS_LOG_URL": settings.REDIS_LOG_URL,
            "EXCHANGE_JOURNAL_DIR": str(self.directory / "journal"),
            "EXCHANGE_SNAPSHOT_DIR": str(self.directory / "snapshots"),
            "ENGINE_SEGMENT_BYTES": str(1024 * 1024),
            "ENGINE_ALLOW_VOLATILE_REDIS": "true",
        }

    def log_of(self, process: subprocess.Popen[bytes]) -> str:
        return self.logs[self.running.index(process)].read_text()

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


def replayed_chain(directory: Path) -> tuple[int, str]:
    """What the journal alone says, replayed from its beginning in this process: (n, chain)."""
    history = read_history(directory, 1_000_000)
    applier = Applier(Engine(), bytes(32))
    applier.poisoned.update(poison.command_id for poison in read_ahead(history, None))
    for _, found in history.frames_from(None):
        applier.apply_records(found.frame.records)
    return applier.n, applier.chain.hex()


class Ledger:
    """A client that asks again with the same key until it has an answer, and writes down every answer."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.origin = f"ledger-{os.getpid()}"
        self.last_id = "0"
        self.correlation = 1
        self.asked: dict[int, str] = {}  # Correlation -> key.
        self.answers: dict[str, list[Answer]] = {}

    def ask(self, commands: list[Command]) -> list[str]:
        """One entry; False-like [] when nobody admits it right now. Returns the keys asked for."""
        keys = [command.idempotency_key or "" for command in commands]
        payload = codec.encode_entry(self.origin, self.correlation, [codec.encode(command) for command in commands])
        try:
            admit.admit(self.client, admit.Kind.ADMIN, len(commands), 1_000_000, payload)
        except admit.NotAdmitted:
            return []
        self.asked |= {self.correlation + index: key for index, key in enumerate(keys)}
        self.correlation += len(commands)
        return keys

    def collect(self) -> None:
        for _, entries in self.client.xread({redis_names.replies(self.origin): self.last_id}):
            for entry_id, fields in entries:
                self.last_id = entry_id
                for answer in codec.decode_answers(fields[redis_names.PAYLOAD_FIELD]):
                    self.answers.setdefault(self.asked[answer.correlation], []).append(answer)

    def settle(self, commands: list[Command], alive: Callable[[], None]) -> None:
        """Until every command has an answer; `alive` is called often and may restart a dead engine."""
        keys = {command.idempotency_key or "" for command in commands}
        until = time.monotonic() + DEADLINE_S * 2
        asked_at = 0.0
        while missing := keys - self.answers.keys():
            assert time.monotonic() < until, f"{len(missing)} commands were never answered"
            alive()
            if time.monotonic() - asked_at > 0.5 and self.ask(commands):
                asked_at = time.monotonic()
            time.sleep(0.005)
            self.collect()
