"""One installation on this machine: its folder, its secrets, its ports and the environment its processes get."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from accounts.database_rights import ROLES, role_of

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8000
REFUSE_BELOW_MB = 500
WARN_BELOW_MB = 2_000
ROLES_MADE = "database_roles"  # The stamp.
ADDRESSES = ("DATABASE_URL", "REDIS_LOG_URL", "REDIS_FAN_URL")


class LauncherError(Exception):
    """Something the user can act on. The text is one or two whole sentences, shown without a traceback."""


def with_addresses_of_files(environ: Mapping[str, str]) -> dict[str, str]:
    """The same, with what NAME_FILE points to as NAME, for the addresses of servers: the launcher has to know them too.

    Both given, both stay, and the settings refuse that. Raises LauncherError for a file that cannot be read.
    """
    filled = dict(environ)
    for name in (*ADDRESSES, *ROLES.values(), "SIGNER_DATABASE_URL"):
        path = filled.get(f"{name}_FILE")
        if not path or filled.get(name):
            continue
        try:
            filled[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise LauncherError(f"{name}_FILE is {path}, which cannot be read: {error}.") from None
        del filled[f"{name}_FILE"]
    return filled


class Home:
    """The folder of one installation. Everything it keeps lies below `path`; removing that folder removes it all."""

    def __init__(self, path: Path, environ: Mapping[str, str] | None = None) -> None:
        self.path = path.absolute()
        self.environ = with_addresses_of_files(os.environ if environ is None else environ)
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.control = self.run / "control.sock"
        self.postgres = self.path / "postgres"
        self.redis = self.path / "redis"
        self.demo = self.path / "demo.json"

    def prepare(self) -> None:
        """Makes the folders, private to this user; raises LauncherError where that is impossible."""
        try:
            for folder in (self.path, self.run, self.logs):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise LauncherError(f"The folder {self.path} cannot be made ({error.strerror}).") from None

    def check_disk(self) -> str | None:
        """A warning when space is short; raises LauncherError when there is too little to run at all."""
        refuse = int(self.environ.get("EXCHANGE_MIN_FREE_MB", REFUSE_BELOW_MB))
        free = shutil.disk_usage(self.path).free // 2**20
        if free < refuse:
            raise LauncherError(
                f"Only {free} MB are free on the disk of {self.path}; the exchange needs {refuse} MB to start. "
                "Free some space, or choose another disk with --home."
            )
        if free < WARN_BELOW_MB:
            return f"only {free} MB are free on the disk of {self.path}"
        return None

    def command(self, words: str) -> str:
        """How to call `./exchange` for this home, for messages."""
        return f"./exchange {words}" if self.path == ROOT / ".home" else f"./exchange --home {self.path} {words}"

    # ------------------------------------------------------------------------------------------------- small files
    def read_json(self, name: str) -> dict[str, object]:
        """The content of a file in this folder, or {} when it does not exist yet."""
        try:
            text = (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            return dict(json.loads(text))
        except ValueError:
            raise LauncherError(f"The file {self.path / name} is damaged; it should hold a JSON object.") from None

    def write_json(self, name: str, content: Mapping[str, object]) -> None:
        """Replaces the file in one step, readable by its owner only."""
        partial = self.path / f"{name}.partial"
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path / name)

    def secret(self, name: str) -> str:
        """A random secret of this installation, made at its first use."""
        known = self.read_json("secrets.json")
        if name not in known:
            known[name] = secrets.token_urlsafe(48)
            self.write_json("secrets.json", known)
        return str(known[name])

    def stamp(self, name: str) -> object:
        return self.read_json("stamps.json").get(name)

    def set_stamp(self, name: str, value: object) -> None:
        self.write_json("stamps.json", {**self.read_json("stamps.json"), name: value})

    # -------------------------------------------------------------------------------------------------------- lock
    def try_lock(self) -> IO[str] | None:
        """The lock of the one supervisor of this home: a file to keep open, or None when another holds it."""
        file = open(self.run / "supervisor.lock", "w", encoding="utf-8")  # noqa: SIM115 - held for the whole run.
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def is_running(self) -> bool:
        if not self.run.is_dir():
            return False
        lock = self.try_lock()
        if lock is None:
            return True
        lock.close()
        return False

    # ------------------------------------------------------------------------------------------------------- ports
    def known_port(self, name: str) -> int | None:
        port = self.read_json("ports.json").get(name)
        return port if isinstance(port, int) else None

    def set_port(self, name: str, port: int) -> None:
        self.write_json("ports.json", {**self.read_json("ports.json"), name: port})

    def pick_port(self, name: str) -> int:
        """The port this service had last time, or a free one when that is taken or there was none."""
        known = self.known_port(name)
        if known is not None and port_is_free(known):
            return known
        others = set(self.read_json("ports.json").values())
        port = free_port()
        while port in others:
            port = free_port()
        self.set_port(name, port)
        return port

    # ------------------------------------------------------------------------------------------------- environment
    def embedded(self) -> frozenset[str]:
        """Which of "redis" and "postgres" this installation runs itself because no address was given."""
        given = {name for name in ADDRESSES if self.environ.get(name)}
        names = set()
        if "DATABASE_URL" not in given:
            names.add("postgres")
        if not given >= {"REDIS_LOG_URL", "REDIS_FAN_URL"}:
            names.add("redis")
        return frozenset(names)

    def environment(self, web_port: int | None = None) -> dict[str, str]:
        """What every process of this installation gets: the caller's environment, filled up with our defaults."""
        port = web_port or self.known_port("web") or DEFAULT_PORT
        redis = f"redis://:{self.secret('redis')}@127.0.0.1:{self.known_port('redis') or 0}"
        postgres = f"postgresql://exchange:{self.secret('postgres')}@127.0.0.1:{self.known_port('postgres') or 0}"
        defaults = {
            "DJANGO_SETTINGS_MODULE": "exchange_site.settings.local",
            "SECRET_KEY": self.secret("django"),
            "EXCHANGE_DEMO": "true",
            "DATABASE_URL": f"{postgres}/exchange",
            "REDIS_LOG_URL": f"{redis}/0",
            "REDIS_FAN_URL": f"{redis}/1",
        }
        if self.environ.get("SECRET_KEY_FILE"):
            del defaults["SECRET_KEY"]
        given = {name: value for name, value in self.environ.items() if value != "" or name not in defaults}
        fixed = {"EXCHANGE_HOME": str(self.path), "EXCHANGE_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        environment = {**defaults, **given, **fixed}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment

    def role_database_url(self, role: str) -> str | None:
        """The address with a role of `accounts.database_rights`; None where the server is not ours and none is given.

        Without one, processes run with the owner's address.
        """
        if "postgres" not in self.embedded():
            given = {name: self.environ.get(setting) for name, setting in ROLES.items()}
            return given[role] if all(given.values()) else None
        port = self.known_port("postgres") or 0
        return f"postgresql://{role}:{self.secret(role)}@127.0.0.1:{port}/exchange"

    def role_urls(self) -> dict[str, str]:
        """Setting to address of every role, for the command that makes them; {} where processes run as the owner."""
        urls = {setting: self.role_database_url(role) for role, setting in ROLES.items()}
        return {setting: url for setting, url in urls.items() if url is not None}

    def has_roles(self) -> bool:
        """Whether the roles have been made; not so in a home that an older version made and runs."""
        return self.stamp(ROLES_MADE) == self.database_fingerprint()

    def process_environment(self, name: str) -> dict[str, str]:
        """What sets a process, or a command of `manage.py`, apart: its role of the database, and no other's address."""
        hidden = dict.fromkeys((*ROLES.values(), "SIGNER_DATABASE_URL"), "")
        url = self.role_database_url(role_of(name))
        return {**hidden, **({"DATABASE_URL": url} if url else {})}

    def signer_database_url(self) -> str | None:
        """The signer's own role in the embedded PostgreSQL; None where the server is not ours to make roles in."""
        if "postgres" not in self.embedded():
            return None
        port = self.known_port("postgres") or 0
        return f"postgresql://exchange_signer:{self.secret('signer')}@127.0.0.1:{port}/exchange"

    def signer_environment(self) -> dict[str, str]:
        """What the signer has and no other process: the folder of its keys, and its database role."""
        url = self.signer_database_url() or self.environ.get("SIGNER_DATABASE_URL")
        return {"SIGNER_DIR": str(self.path / "signer"), **({"DATABASE_URL": url} if url else {})}

    def database_fingerprint(self) -> str:
        """Names the database without giving away its password, so that stamps of another one do not count."""
        return hashlib.sha256(self.environ.get("DATABASE_URL", "embedded").encode()).hexdigest()[:16]


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now. Connections lingering from an earlier server do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
