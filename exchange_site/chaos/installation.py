"""The exchange that is broken: Redis, PostgreSQL, two engines and the database writer, in a folder of their own.

What the launcher would do (start again what died) is done here by `tend`, so that every step of a campaign is at a
known time and in one thread.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from exchange_site.chaos.history import keep_segments
from exchange_site.chaos.program import Exit, Line, Program
from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import log_client
from exchange_site.launcher import embedded, startup
from exchange_site.launcher.home import ROOT, Home
from exchange_site.launcher.processes import manage
from matching.runtime.standby import Standing, standbys
from matching.transport.connection import ConnectionLost, LogConnection

POLL_S = 0.005
SLOW_POLL_S = 0.1  # Where nothing is measured.
KEEP_SEGMENTS_EVERY_S = 0.2
START_TIMEOUT_S = 90.0
RESTART_WAITS_S = (0.1, 0.5, 1.0, 2.0)
ENGINES = ("engine_a", "engine_b")
AWAY = (redis.RedisError, OSError, ConnectionLost)


class Stuck(Exception):
    """Something that should have happened did not, within its time. The message is a sentence."""


class Installation:
    """Its processes by name. `environment` is what all got; without `with_database` no PostgreSQL and no writer."""

    def __init__(self, home: Home, with_database: bool) -> None:
        self.home = home
        self.with_database = with_database
        self.environment = home.environment() | {"DJANGO_SETTINGS_MODULE": "exchange_site.settings.local"}
        self.programs: dict[str, Program] = {}
        self._restarts: dict[str, tuple[int, float]] = {}  # Name -> (deaths in a row, when to start again).
        self._keep_segments_at = 0.0
        self._control: redis.Redis | None = None
        self._log: LogConnection | None = None
        self._add_services()
        for name in ENGINES:
            self._add(name, manage("run_engine"))
        if with_database:
            self._add("db_writer", manage("run_db_writer"))

    # -------------------------------------------------------------------------------------------------------- folders
    @property
    def journal(self) -> Path:
        return self.home.path / "journal"

    @property
    def snapshots(self) -> Path:
        return self.home.path / "snapshots"

    @property
    def archive(self) -> Path:
        """Every journal segment there ever was, also those the engine has forgotten."""
        return self.home.path / "journal-archive"

    @property
    def append_only(self) -> Path:
        """Where Redis keeps its append-only files."""
        return self.home.redis / "appendonlydir"

    # ---------------------------------------------------------------------------------------------------------- start
    def _add_services(self) -> None:
        ports = {name: self.home.known_port(name) or self.home.pick_port(name) for name in ("redis", "postgres")}
        service = embedded.prepare_valkey(self.home, ports["redis"])
        self._add("redis", service.command)
        if self.with_database:
            service = embedded.prepare_postgres(self.home, ports["postgres"])
            self._add("postgres", service.command, service.user)

    def _add(self, name: str, command: list[str], user: str | None = None) -> None:
        self.programs[name] = Program(name, command, self.environment, self.home.logs / f"{name}.log", user)

    def replace_engines(self, command: list[str]) -> None:
        """Before `start`: both engines are another program."""
        for name in ENGINES:
            self.programs[name].command = command

    def start(self) -> None:
        self.programs["redis"].start()
        if self.with_database:
            self.programs["postgres"].start()
            self.wait(
                lambda: startup.ensure_database(self.environment["DATABASE_URL"]),
                "PostgreSQL's start",
                every_s=SLOW_POLL_S,
            )
        self.wait(self.redis_answers, "the start of Redis", every_s=SLOW_POLL_S)
        self.programs["engine_a"].start()
        if self.with_database:
            self.manage("migrate", "--no-input")
            self.run([sys.executable, "-m", "exchange_site.chaos.venue_rows"])
        self.wait(lambda: self.field("status") == "open", "the first engine's start", every_s=SLOW_POLL_S)
        self.programs["engine_b"].start()
        if self.with_database:
            self.programs["db_writer"].start()

    def stop(self) -> None:
        """In the launcher's order: nobody asks something that is gone."""
        for name in (*ENGINES, "db_writer", "postgres", "redis"):
            if name in self.programs:
                program = self.programs[name]
                program.wanted = False
                if name == "postgres":
                    program.signal(signal.SIGINT)  # Do not wait for connections that are left.
                    program.join(10)
                program.stop()

    # --------------------------------------------------------------------------------------------------------- tending
    def tend(self) -> None:
        """Start again what died and is wanted, a little later each time it dies at once."""
        now = time.monotonic()
        if now >= self._keep_segments_at:
            self._keep_segments_at = now + KEEP_SEGMENTS_EVERY_S
            keep_segments(self.journal, self.archive)
        for name, program in self.programs.items():
            if not program.wanted or program.running:
                continue
            deaths, due = self._restarts.get(name, (0, 0.0))
            if due == 0.0:
                last = program.exits[-1].at if program.exits else now
                self._restarts[name] = (deaths + 1, last + RESTART_WAITS_S[min(deaths, len(RESTART_WAITS_S) - 1)])
            elif now >= due:
                program.start()
                self._restarts[name] = (deaths, 0.0)

    def forgive(self) -> None:
        """All works: the next death of any process is its first."""
        self._restarts.clear()

    def wait(
        self, condition: Callable[[], Any], what: str, seconds: float = START_TIMEOUT_S, every_s: float = POLL_S
    ) -> Any:
        """The condition's first true value, tending meanwhile. Raises Stuck."""
        until = time.monotonic() + seconds
        while True:
            self.tend()
            if found := condition():
                return found
            if time.monotonic() > until:
                raise Stuck(f"Waited {seconds:g} s for {what}.")
            time.sleep(every_s)

    def wait_for_exit(self, program: Program, since: float, what: str, seconds: float = 30.0) -> Exit:
        """The first end of the program after `since` (monotonic s). Raises Stuck."""
        found: Exit = self.wait(lambda: next((end for end in program.exits if end.at >= since), None), what, seconds)
        return found

    # ------------------------------------------------------------------------------------------------------ questions
    def redis_answers(self) -> bool:
        return bool(self._ask(lambda client: client.ping()))

    def position(self) -> dict[str, str]:
        """The `eng` hash; empty while Redis is away."""
        raw = self._ask(lambda client: client.hgetall(redis_names.ENGINE)) or {}
        return {key.decode(): value.decode() for key, value in raw.items()}

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """On a connection that is kept: asking must not cost what the exchange needs. None while Redis is away."""
        try:
            self._control = self._control or log_client()
            return question(self._control)
        except AWAY:
            self._control = None
            return None

    def field(self, name: str) -> str:
        return self.position().get(name, "")

    def leader(self) -> Program | None:
        """The engine that holds the lease, if it runs."""
        owner = self.field("owner").split(":")
        return next(
            (self.programs[name] for name in ENGINES if len(owner) == 3 and str(self.programs[name].pid) == owner[1]),
            None,
        )

    def other(self, engine: Program) -> Program:
        return self.programs[ENGINES[engine.name == ENGINES[0]]]

    def standbys(self) -> list[Standing]:
        try:
            self._log = self._log or LogConnection()
            return standbys(self._log)
        except ConnectionLost:
            self._log = None
            return []

    def is_steady(self) -> bool:
        """Every process runs, one engine leads and is open, the other stands by with nearly the same state."""
        if not all(program.running for program in self.programs.values()):
            return False
        position = self.position()
        if position.get("status") != "open" or (leader := self.leader()) is None:
            return False
        standby = str(self.other(leader).pid)
        return any(
            one.warm and one.owner.split(":")[1] == standby and one.n + 2_000 >= int(position.get("n", 0))
            for one in self.standbys()
        )

    def wait_until_steady(self) -> None:
        """Raises Stuck."""
        self.wait(self.is_steady, "a leader with a warm standby", every_s=SLOW_POLL_S)

    def database_n(self) -> int:
        return int(self.field("db_n") or 0)

    # ------------------------------------------------------------------------------------------------------- programs
    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(manage(*words), check)

    def run(self, command: list[str], check: bool = True) -> subprocess.CompletedProcess[str]:
        """A program that ends by itself. Raises Stuck when it fails and `check` is on."""
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if check and done.returncode != 0:
            raise Stuck(f"{' '.join(command[1:])} ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def exits_since(self, moment: float) -> list[Exit]:
        found = [end for program in self.programs.values() for end in program.exits if end.at >= moment]
        return sorted(found, key=lambda end: end.at)

    def lines_since(self, moment: float) -> list[Line]:
        found = [line for program in self.programs.values() for line in list(program.lines) if line.at >= moment]
        return sorted(found, key=lambda line: line.at)


def read_json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a command printed. Raises Stuck when it is no object."""
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        raise Stuck(f"This should be JSON: {done.stdout[-500:]} {done.stderr[-500:]}") from None
