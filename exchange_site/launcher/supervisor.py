"""Starts the processes in order, keeps them running, answers the control socket, and stops them in order."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from exchange_site.launcher import control, embedded, startup
from exchange_site.launcher.child import Child
from exchange_site.launcher.home import Home, LauncherError, port_is_free
from exchange_site.launcher.logs import Console, RotatingLog, last_lines
from exchange_site.launcher.processes import (
    AROUND,
    CORE,
    NAMES,
    SERVERS,
    STOP_ORDER,
    TROUBLE,
    WITHOUT_MONEY,
    Process,
    application_processes,
)

HOST = "127.0.0.1"
SERVER_TIMEOUT_S = 120.0  # A server may have a crash to recover from.
READY_TIMEOUT_S = 60.0
AROUND_TIMEOUT_S = 20.0  # One can trade without these.
HOPELESS_DEATHS = 3


class Supervisor:
    """Runs one installation until it is told to stop. `run()` returns the exit code."""

    def __init__(self, home: Home, web_port: int, without: Iterable[str] = (), console: Console | None = None) -> None:
        self.home = home
        self.web_port = web_port
        self.without = frozenset(without)
        self.console = console or Console()
        self.log = RotatingLog(home.logs / "exchange.log")  # What this launcher itself has to say.
        self.children: dict[str, Child] = {}
        self.url = f"http://{HOST}:{web_port}"
        self.phase = "starting"
        self.started_at = time.monotonic()
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        self._stopping_now: asyncio.Task[None] | None = None

    async def run(self) -> int:
        self.say("starting")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        server = await control.serve(self.home.control, self._answer)
        starting = asyncio.create_task(self._start_everything())
        stop_asked = asyncio.create_task(self._stop.wait())
        code = 0
        try:
            await asyncio.wait([starting, stop_asked], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stop_asked
        except LauncherError as error:
            self.say(str(error))
            code = 1
        finally:
            await self._stop_everything(starting, stop_asked)
            server.close()
            self.home.control.unlink(missing_ok=True)
            self.console.close()
            self.log.close()
        return code

    def say(self, text: str) -> None:
        for line in text.splitlines():
            self.console.line("exchange", line)
            self.log.write(line.encode())

    # ------------------------------------------------------------------------------------------------------ starting
    async def _start_everything(self) -> None:
        if self.home.known_port("web") != self.web_port:
            self.home.set_port("web", self.web_port)
        leftovers = startup.remove_leftovers(self.home)
        if leftovers:
            self.say(f"ended what an earlier run left behind: {', '.join(leftovers)}")
        await self._start_servers()
        environment = self.home.environment(self.web_port)
        setup = startup.Setup(self.home, environment, self.console)
        self._add_application(environment)
        self._start(["engine"])  # Needs only Redis, and is the slowest to be ready after a crash.
        await setup.migrate(self.home.signer_database_url())
        await setup.make_roles()
        await self._seed(setup, startup.SEED_DATABASE, "--database")
        self._start(name for name in CORE if name != "engine")
        late = await self._until_ready(CORE, READY_TIMEOUT_S)
        self._start(WITHOUT_MONEY)
        await self._seed(setup, startup.SEED_ENGINE, "--engine")
        self._start(AROUND)
        late += await self._until_ready(AROUND, AROUND_TIMEOUT_S)
        self.phase = "running"
        self._banner(late)

    async def _seed(self, setup: startup.Setup, stamp: str, option: str) -> None:
        """Without its demo data the exchange still runs; without saying so it would be a riddle."""
        try:
            await setup.seed(stamp, option)
        except LauncherError as error:
            self.say(f"{error}\nThis is tried again at the next start; going on without it.")

    async def _start_servers(self) -> None:
        """Redis and PostgreSQL of our own, side by side; given ones are only asked whether they answer."""
        wanted = self.home.embedded()
        processes = []
        if "redis" in wanted:
            port = self.home.pick_port("redis")
            service = embedded.prepare_valkey(self.home, port)
            probe = startup.redis_probe(port, self.home.secret("redis"))
            processes.append(Process("redis", service.command, probe=probe, on_console=TROUBLE))
        if "postgres" in wanted:
            port = self.home.pick_port("postgres")
            service = await asyncio.to_thread(embedded.prepare_postgres, self.home, port)
            probe = startup.postgres_probe(self.home.environment(self.web_port)["DATABASE_URL"])
            processes.append(
                Process(
                    "postgres",
                    service.command,
                    probe=probe,
                    user=service.user,
                    stop_signal=signal.SIGINT,  # Its fast shutdown: ends connections, writes everything.
                    stop_timeout_s=30,
                    on_console=TROUBLE,
                )
            )
        environment = self.home.environment(self.web_port)
        for process in processes:
            self._add(process, environment)
        self._start(process.name for process in processes)
        late = await self._until_ready([process.name for process in processes], SERVER_TIMEOUT_S)
        if late:
            log = self.children[late[0]].log.path
            lines = "\n".join("  " + line for line in last_lines(log, 10))
            raise LauncherError(f"{late[0]} does not start; the end of {log}:\n{lines}")

    def _add_application(self, environment: dict[str, str]) -> None:
        workers = int(environment.get("EXCHANGE_WEB_WORKERS", "1"))
        probe = startup.web_probe(HOST, self.web_port)
        for process in application_processes(self.web_port, probe, HOST, workers, self.home.signer_environment()):
            self._add(process, environment)

    def _add(self, process: Process, environment: dict[str, str]) -> None:
        if process.name not in SERVERS:
            own = {
                **self.home.process_environment(process.name),
                "EXCHANGE_PROCESS": process.name,
                "METRICS_PORT": str(self.home.pick_port(f"metrics_{process.name}")),
            }
            process = replace(process, environment={**own, **process.environment})
        limit = int(environment.get("EXCHANGE_LOG_MAX_BYTES", 20 * 2**20))
        log = RotatingLog(self.home.logs / f"{process.name}.log", limit)
        child = Child(process, environment, log, self.console, self.home.run / f"{process.name}.pid")
        child.on_change = self._changed.set
        self.children[process.name] = child

    def _start(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.children and name not in self.without:
                self.children[name].start()

    async def _until_ready(self, names: Iterable[str], timeout_s: float) -> list[str]:
        """Waits for these processes; returns the ones that are hopeless or late. One stopped by hand is neither."""
        deadline = time.monotonic() + timeout_s
        children = [self.children[name] for name in names if name in self.children]
        while True:
            self._changed.clear()
            open_ones = [child for child in children if child.state not in {"ready", "stopped", "stopping"}]
            hopeful = [child for child in open_ones if child.deaths_in_a_row < HOPELESS_DEATHS]
            left = deadline - time.monotonic()
            if not hopeful or left <= 0:
                return [child.process.name for child in open_ones]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def _banner(self, late: list[str]) -> None:
        lines = ["", f"  The exchange is running:  {self.url}", ""]
        if late:
            lines += [f"  Not ready yet, see {self.home.command('logs NAME')}:  {', '.join(late)}", ""]
        logins = demo_logins(self.home)
        if logins:
            lines += ["  Demo logins (play money):"]
            lines += [f"    {email:<24} {password}" for email, password in logins.items()] + [""]
        lines += [f"  Stop with Ctrl-C or {self.home.command('down')}; its data stays in {self.home.path}.", ""]
        for line in lines:
            self.console.plain(line)
        self.say(f"ready after {time.monotonic() - self.started_at:.1f} s")

    # ------------------------------------------------------------------------------------------------------ stopping
    async def _stop_everything(self, *tasks: asyncio.Task[Any]) -> None:
        self.phase = "stopping"
        self.say("stopping")
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, LauncherError):
                self.say(f"an error while starting: {result!r}")
        for group in STOP_ORDER:
            await asyncio.gather(*(self.children[name].stop() for name in group if name in self.children))
        self.say("stopped; the data is kept")

    # ------------------------------------------------------------------------------------------------------- control
    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = request.get("do")
        if verb == "status":
            return self.status()
        if verb == "shutdown":
            self._stop.set()
            return {"ok": True}
        if verb not in {"stop", "start", "restart"}:
            raise LauncherError(f"Unknown request {verb!r}.")
        child = self._child(str(request.get("name")))
        if verb in {"stop", "restart"}:
            await child.stop()
        if verb in {"start", "restart"}:
            if self.phase == "stopping":
                raise LauncherError("The exchange is stopping.")
            child.start()
            await self._until_ready([child.process.name], READY_TIMEOUT_S)
        return {"name": child.process.name, **child.as_dict()}

    def _child(self, name: str) -> Child:
        if name not in NAMES:
            raise LauncherError(f"There is no process {name}. The processes are: {', '.join(NAMES)}.")
        if name not in self.children:
            if name in SERVERS and name not in self.home.embedded():
                raise LauncherError(f"{name} is not ours to control: the environment gives its address.")
            raise LauncherError(f"{name} has not been started yet; the exchange is just starting.")
        return self.children[name]

    def status(self) -> dict[str, Any]:
        children = {name: self.children[name] for name in NAMES if name in self.children}
        wanted = [child for name, child in children.items() if name not in self.without]
        return {
            "running": True,
            "ready": self.phase == "running" and all(child.state in {"ready", "stopped"} for child in wanted),
            "phase": self.phase,
            "url": self.url,
            "home": str(self.home.path),
            "uptime_s": round(time.monotonic() - self.started_at, 1),
            "processes": {name: child.as_dict() for name, child in children.items()},
        }


def demo_logins(home: Home) -> dict[str, str]:
    """Email and password of the demo accounts, once the seed has made them."""
    try:
        return {str(k): str(v) for k, v in json.loads(home.demo.read_text(encoding="utf-8")).items()}
    except (FileNotFoundError, ValueError):
        return {}


def check_web_port(port: int) -> None:
    if not 0 < port < 65_536:
        raise LauncherError(f"{port} is not a port; choose one between 1 and 65535.")
    if not port_is_free(port, HOST):
        other = port + 1 if port < 65_535 else 8000
        raise LauncherError(
            f"Port {port} is already used by another program. Choose another one: ./exchange --port {other} up"
        )
