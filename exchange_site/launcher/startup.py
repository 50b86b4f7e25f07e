"""What happens once before processes run: migrations and seed, each skipped when a stamp says that it is done."""

import asyncio
import hashlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from accounts.database_rights import ROLES, differences
from exchange_site.launcher.child import die_with_parent, printable
from exchange_site.launcher.home import ROLES_MADE, ROOT, Home, LauncherError
from exchange_site.launcher.logs import Console, RotatingLog
from exchange_site.launcher.processes import manage

MIGRATIONS = "migrations"
SEED_DATABASE = "seed_database_with_wallet"  # Another name when there is more to seed: older homes get it too.
SEED_ENGINE = "seed_engine_with_coins"


class Setup:
    """Runs one-shot commands of `manage.py` with their output in the log `setup`."""

    def __init__(self, home: Home, environment: dict[str, str], console: Console) -> None:
        self.home = home
        self.environment = environment
        self.console = console
        self.log = RotatingLog(home.logs / "setup.log")
        self.lines: deque[str] = deque(maxlen=12)  # The end of the output of the command that runs or ran last.

    async def migrate(self, signer_database_url: str | None = None) -> None:
        """Brings the schema up to date. The stamp counts only for this database with as many migrations applied.

        Where the server is ours, the roles of the signer and of the other processes are made anew with the schema.
        """
        wanted = migrations_digest()
        applied = await asyncio.to_thread(applied_migrations, self.environment["DATABASE_URL"])
        stamp = [wanted, applied, self.home.database_fingerprint()]
        if applied and self.home.stamp(MIGRATIONS) == stamp:
            return
        self.console.line("setup", "bringing the database up to date")
        roles = self.home.role_urls() | ({"SIGNER_DATABASE_URL": signer_database_url} if signer_database_url else {})
        await self.must("set_up_database", show=False, **roles)
        applied = await asyncio.to_thread(applied_migrations, self.environment["DATABASE_URL"])
        self.home.set_stamp(MIGRATIONS, [wanted, applied, self.home.database_fingerprint()])

    async def make_roles(self) -> None:
        """The roles of the processes, where they are missing or their rights are not those of this version."""
        urls = self.home.role_urls()
        if not urls:
            return
        if not await asyncio.to_thread(roles_fit, self.environment["DATABASE_URL"], urls):
            self.console.line("setup", "giving the processes their roles of the database")
            await self.must("app_role", show=False, **urls)
        self.home.set_stamp(ROLES_MADE, self.home.database_fingerprint())

    async def seed(self, stamp: str, option: str) -> None:
        """Demo assets, markets and accounts, once for each database."""
        if self.home.stamp(stamp) == self.home.database_fingerprint():
            return
        await self.must("seed", option, "--skip-checks")
        self.home.set_stamp(stamp, self.home.database_fingerprint())

    async def must(self, *words: str, show: bool = True, **environment: str) -> None:
        """Runs `manage.py WORDS`; raises LauncherError with the end of its output when it fails."""
        code = await self.run(manage(*words), show, environment)
        if code != 0:
            lines = "\n".join("  " + line for line in self.lines)
            raise LauncherError(f"manage.py {' '.join(words)} failed (exit code {code}):\n{lines}")

    async def run(self, command: list[str], show: bool, environment: Mapping[str, str] | None = None) -> int:
        running = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
            env={**self.environment, **(environment or {})},
            start_new_session=True,
            preexec_fn=die_with_parent,
            limit=2**20,
        )
        assert running.stdout is not None
        self.lines.clear()
        try:
            while line := await running.stdout.readline():
                self.log.write(line.rstrip())
                if line.strip():
                    self.lines.append(printable(line.rstrip()))
                    if show:
                        self.console.line("setup", self.lines[-1])
            return await running.wait()
        except asyncio.CancelledError:
            running.terminate()
            await running.wait()
            raise


def migrations_digest() -> str:
    """Changes with every migration of ours, and with every package (their migrations come with the lock file)."""
    content = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for app in ("accounts", "exchange_site", "marketdata", "matching", "trading"):
        for file in sorted((ROOT / app / "migrations").glob("*.py")):
            content.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return content.hexdigest()


def applied_migrations(url: str) -> int:
    """How many migrations this database has; 0 for an empty one."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        found = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL").fetchone()
        if not found or not found[0]:
            return 0
        row = connection.execute("SELECT count(*) FROM django_migrations").fetchone()
        return int(row[0]) if row else 0


def roles_fit(owner_url: str, role_urls: Mapping[str, str]) -> bool:
    """Whether every role is there, has exactly its rights, and takes the password we have."""
    with psycopg.connect(owner_url, connect_timeout=5) as connection, connection.cursor() as cursor:
        if any(differences(cursor, role) for role in ROLES):
            return False
    for url in role_urls.values():
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
    return True


def ensure_database(url: str, name: str = "exchange") -> bool:
    """Makes the database in our own server when it is not there; False while the server cannot be reached yet."""
    try:
        with psycopg.connect(url.rpartition("/")[0] + "/postgres", connect_timeout=3, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.OperationalError:
        return False
    return True


# --------------------------------------------------------------------------------------------------------- readiness
def postgres_probe(url: str) -> Callable[[], Any]:
    async def probe() -> bool:
        return await asyncio.to_thread(ensure_database, url)

    return probe


def redis_probe(port: int, password: str) -> Callable[[], Any]:
    async def probe() -> bool:
        """It answers while still loading its data, but not with PONG."""
        request = f"AUTH {password}\r\nPING\r\n".encode()
        answer = await exchange_bytes("127.0.0.1", port, request, b"PONG", b"-")
        return b"PONG" in answer

    return probe


def web_probe(host: str, port: int) -> Callable[[], Any]:
    async def probe() -> bool:
        request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
        answer = await exchange_bytes(host, port, request, b"\r\n")
        return answer.startswith(b"HTTP/1.1 ") and not answer.startswith(b"HTTP/1.1 5")

    return probe


async def exchange_bytes(host: str, port: int, request: bytes, *ends: bytes) -> bytes:
    """Sends, and reads until one of `ends` appears; b"" when nobody listens there or no answer comes."""
    try:
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                answer = b""
                while not any(end in answer for end in ends):
                    if not (data := await reader.read(4096)):
                        break
                    answer += data
                return answer
            finally:
                writer.close()
    except OSError:  # Refused, reset, or out of time.
        return b""


def remove_leftovers(home: Home) -> list[str]:
    """Ends processes of this home that outlived a killed supervisor; returns their names. The caller holds the lock."""
    names = []
    for file in sorted(home.run.glob("*.pid")):
        text = file.read_text(encoding="utf-8").strip()
        if text == str(os.getpid()):
            continue
        if text.isdecimal() and belongs_to(home, int(text)):
            kill_group(int(text))
            names.append(file.stem)
        file.unlink(missing_ok=True)
    return names


def belongs_to(home: Home, pid: int) -> bool:
    """Whether this is really a process of this home, and not a stranger that was given the same number since."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"EXCHANGE_HOME={home.path}".encode() in environment


def is_alive(pid: int) -> bool:
    """False also for one that has ended and only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def kill_group(pid: int, timeout_s: float = 5.0) -> None:
    """SIGKILL: everything here survives that by design, and nobody is left to ask it politely."""
    try:
        os.killpg(pid, signal.SIGKILL)
        deadline = time.monotonic() + timeout_s
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
    except ProcessLookupError:
        return
