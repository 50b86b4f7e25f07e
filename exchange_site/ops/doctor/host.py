"""The machine: Python, clock, disk, folders, ports."""

import os
import shutil
import socket
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from django.db import connection

from exchange_site.kernel.redis_client import log_client
from exchange_site.ops.doctor.checks import Problem, check, warning

OLDEST_PYTHON = (3, 11)
NEEDED = ("django", "redis", "psycopg", "celery", "msgspec", "cryptography", "prometheus-client", "django-hijack")
REFUSE_FREE_BYTES, WARN_FREE_BYTES = 500 * 2**20, 5 * 2**30
SLOW_SYNC_S = 0.02
SYNC_TRIES = 20
CLOCKS_APART_S = 1.0
MIN_OPEN_FILES = 4_096


@check("python")
def python() -> Iterator[Problem]:
    if sys.version_info < OLDEST_PYTHON:
        yield Problem(f"This is Python {sys.version.split()[0]}.", "Install Python 3.11 or newer.")
    if not __debug__:
        yield Problem(
            "Python runs without asserts (-O or PYTHONOPTIMIZE).",
            "Unset PYTHONOPTIMIZE and do not use -O: the engine's checks of money are asserts.",
        )


@check("packages")
def packages() -> Iterator[Problem]:
    wanted = _locked()
    for name in NEEDED:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Problem(f"The package {name} is not installed.", "Run ./exchange help, which installs the lock file.")
            continue
        if name in wanted and found not in wanted[name]:
            yield warning(
                f"{name} is {found}, the lock file says {' or '.join(sorted(wanted[name]))}.",
                "Install requirements.txt again: uv pip sync requirements.txt",
            )


def _locked() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (settings.BASE_DIR / "requirements.txt").read_text().splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            name, _, rest = line.partition("==")
            found.setdefault(name.partition("[")[0], set()).add(rest.split()[0])
    return found


@check("clock")
def clock() -> Iterator[Problem]:
    """Against the clocks of PostgreSQL and Redis, which may be other machines."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        yield from _apart("PostgreSQL", float(cursor.fetchone()[0]) - time.time())
    client = log_client()
    try:
        seconds, micros = client.time()  # type: ignore[misc]
        yield from _apart("Redis", seconds + micros / 1e6 - time.time())
    finally:
        client.close()


def _apart(who: str, difference_s: float) -> Iterator[Problem]:
    if abs(difference_s) > CLOCKS_APART_S:
        yield Problem(
            f"The clock of {who} is {difference_s:+.1f} s off this machine's.",
            "Let chrony or systemd-timesyncd set the clock on every machine.",
        )


@check("time zone")
def time_zone() -> Iterator[Problem]:
    if settings.TIME_ZONE != "UTC" or not settings.USE_TZ:
        yield Problem(
            f"TIME_ZONE is {settings.TIME_ZONE!r}, USE_TZ {settings.USE_TZ}.",
            'Set TIME_ZONE = "UTC" and USE_TZ = True.',
        )
    with connection.cursor() as cursor:
        cursor.execute("SHOW timezone")
        zone = cursor.fetchone()[0]
    if zone != "UTC":
        yield Problem(f"Sessions of PostgreSQL are in {zone}.", "Remove the setting timezone of the role or database.")


@check("folders")
def folders() -> Iterator[Problem]:
    for name in ("HOME_DIR", "JOURNAL_DIR", "SNAPSHOT_DIR"):
        folder = Path(getattr(settings, name))
        if not folder.is_dir():
            yield Problem(f"There is no folder {folder} ({name}).", "Start the exchange once, or correct the setting.")
            continue
        if not os.access(folder, os.W_OK | os.X_OK):
            yield Problem(f"{folder} ({name}) cannot be written to.", f"chown -R it to the user that runs us: {folder}")
        if folder.stat().st_mode & 0o002:
            yield Problem(f"Everybody may write to {folder} ({name}).", f"chmod o-w {folder}")
    for secret in ("secrets.json", "demo.json", "keys"):
        path = Path(settings.HOME_DIR) / secret
        if path.exists() and path.is_file() and path.stat().st_mode & 0o077:
            yield Problem(f"Others may read {path}.", f"chmod 600 {path}")


@check("disk space")
def disk_space() -> Iterator[Problem]:
    for folder in {Path(settings.HOME_DIR), Path(settings.JOURNAL_DIR)}:
        if not folder.is_dir():
            continue
        free = shutil.disk_usage(folder).free
        if free < REFUSE_FREE_BYTES:
            yield Problem(
                f"Only {free // 2**20} MB are free at {folder}.", "Free space: the engine stops on a full disk."
            )
        elif free < WARN_FREE_BYTES:
            yield warning(f"Only {free // 2**20} MB are free at {folder}.", "Free space before it runs out.")


@check("disk speed")
def disk_speed() -> Iterator[Problem]:
    """Every batch waits for one fdatasync of the journal's disk."""
    folder = Path(settings.JOURNAL_DIR)
    if not folder.is_dir():
        return
    took = sorted(_sync_times(folder))
    slow = took[int(len(took) * 0.9)]
    if slow > SLOW_SYNC_S:
        yield warning(
            f"Syncing 4 KiB to {folder} takes {slow * 1000:.1f} ms (nine of ten are faster).",
            "Put the journal on a local SSD with EXCHANGE_JOURNAL_DIR; network disks are slow here.",
        )


def _sync_times(folder: Path) -> Iterator[float]:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        for _ in range(SYNC_TRIES):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            yield time.perf_counter() - began


@check("ports")
def ports() -> Iterator[Problem]:
    if not settings.METRICS_PORT:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.METRICS_HOST, settings.METRICS_PORT))
        except OSError as error:
            yield warning(
                f"METRICS_PORT {settings.METRICS_PORT} is taken ({error.strerror}).",
                "Give each process a port of its own.",
            )


@check("limits of the system")
def system_limits() -> Iterator[Problem]:
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < MIN_OPEN_FILES:
        yield warning(
            f"A process may open {files} files, which bounds WebSockets.", "Raise it: ulimit -n 65536, or LimitNOFILE."
        )
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        yield warning("This Python has no GIL; the exchange was not measured on it.", "Use an ordinary build.")
