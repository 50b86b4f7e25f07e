"""The table of processes: what runs, in which order it starts and stops, and how one sees that it works."""

import re
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Process:
    """One long-running program. It is ready when `probe` says so, or when a line of its log matches `ready_line`."""

    name: str
    command: list[str]
    ready_line: re.Pattern[bytes] | None = None
    probe: Probe | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    on_console: re.Pattern[bytes] | None = None  # Only lines matching this reach the terminal; None shows all.
    environment: dict[str, str] = field(default_factory=dict)


# Celery's worker complains about root in four lines, and tells of the wallet's sweepers every few seconds; on a laptop
# that is nobody's concern (the log file has them).
NOT_ABOUT_ROOT = re.compile(
    rb"^(?!.*(superuser privileges|absolutely not recommended|Please specify a different user"
    rb"|User information: uid=0|_warn_or_raise_security_error|INFO celery\S* Task accounts\.wallet\.tasks))"
)
READY = re.compile(rb"\bready\b", re.IGNORECASE)
TROUBLE = re.compile(rb"error|fatal|panic|can't|failed", re.IGNORECASE)

# Stopping goes group by group: nobody may ask something that is gone already. The engine stops after everything that
# sends to it, what reads its events stops after it, and the servers go last.
STOP_ORDER: tuple[tuple[str, ...], ...] = (
    ("market_maker", "celery_beat", "celery_worker", "signer"),
    ("web",),
    ("engine",),
    ("db_writer", "market_feed", "user_feed"),
    ("redis", "postgres"),
)
SERVERS = ("redis", "postgres")
CORE = ("engine", "db_writer", "market_feed", "user_feed", "web")
AROUND = ("market_maker", "celery_worker", "celery_beat", "signer")
WITHOUT_MONEY = ("celery_worker", "signer")  # Of these, what may start while the engine gets its demo money.
NAMES = SERVERS + CORE + AROUND


def manage(*words: str) -> list[str]:
    return [sys.executable, "manage.py", *words]


def application_processes(
    web_port: int, web_probe: Probe, host: str, workers: int, signer: dict[str, str] | None = None
) -> list[Process]:
    """Everything of ours, in the order of starting. Redis and PostgreSQL come from `embedded`, where they are ours.

    `signer` is what only the signer's environment has: its keys and its database role.
    """
    web = [sys.executable, "-m", "uvicorn", "exchange_site.asgi:application", "--host", host, "--port", str(web_port)]
    web += ["--loop", "uvloop", "--http", "exchange_site.http_protocol:JsonRefusingProtocol", "--no-server-header"]
    web += ["--no-proxy-headers"]  # The application does it, for TRUSTED_PROXIES only.
    web += ["--ws", "exchange_site.socket_protocol:CuttingProtocol"]
    web += ["--ws-ping-interval", "60", "--ws-ping-timeout", "60"]
    web += ["--ws-max-size", "16384", "--ws-per-message-deflate", "false"]
    web += ["--no-access-log", "--timeout-graceful-shutdown", "3"]
    if workers > 1:
        web += ["--workers", str(workers)]
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "exchange_site"]
    # Threads, not a pool of processes: one laptop process less, and nothing is left behind when it is killed.
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "INFO"]
    worker += ["--without-gossip", "--without-mingle"]
    beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile="]
    return [
        Process("engine", manage("run_engine"), ready_line=READY, stop_timeout_s=15),
        Process("db_writer", manage("run_db_writer"), ready_line=READY),
        Process("market_feed", manage("run_market_feed"), ready_line=READY),
        Process("user_feed", manage("run_user_feed"), ready_line=READY),
        Process("web", web, probe=web_probe),
        Process("market_maker", manage("run_market_maker"), ready_line=READY),
        Process("celery_worker", worker, ready_line=READY, on_console=NOT_ABOUT_ROOT),
        Process("celery_beat", beat, ready_line=re.compile(rb"beat: Starting")),
        Process("signer", manage("run_signer"), ready_line=READY, environment=signer or {}),
    ]
