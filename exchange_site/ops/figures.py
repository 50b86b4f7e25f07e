"""Figures of the whole exchange, read when somebody scrapes the Celery worker: queues, servers, disk, business.

Each part is asked for on its own; one that cannot be asked is left out, and `exchange_figures_part_up_bool` says so.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from accounts.audit.verify import head
from accounts.models import Account
from accounts.wallet.models import Deposit, OutboxCommand, WalletAlarm, Withdrawal
from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import fan_client, log_client
from marketdata.models import MarketStatistics, StaffWish
from trading.models import Order
from trading.selectors import OPEN

log = logging.getLogger(__name__)

KEPT_S = 10  # Two Prometheus servers cost no more than one.
CELERY_QUEUE = "celery"

Part = Callable[[], Iterator[GaugeMetricFamily]]


def gauge(name: str, help_text: str, value: float | None = None, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=value, labels=None if value is not None else labels)


def servers() -> Iterator[GaugeMetricFamily]:
    """Both Redis and the length of what waits in them."""
    memory = gauge("exchange_redis_memory_bytes", "Memory a Redis uses", labels=("role",))
    limit = gauge("exchange_redis_memory_limit_bytes", "Memory a Redis may use; 0: no limit", labels=("role",))
    clients = gauge("exchange_redis_clients", "Connections of a Redis", labels=("role",))
    for role, make in (("log", log_client), ("fan", fan_client)):
        client: Any = make()
        try:
            info = client.info()
            memory.add_metric([role], info["used_memory"])
            limit.add_metric([role], info.get("maxmemory", 0))
            clients.add_metric([role], info["connected_clients"])
            if role == "log":
                length = gauge("exchange_stream_entries", "Entries a stream of the log holds", labels=("stream",))
                for stream in (redis_names.COMMANDS, redis_names.EVENTS):
                    length.add_metric([stream], client.xlen(stream))
                raw = client.hmget(redis_names.ENGINE, "admitted", "processed")
                waiting = int(raw[0] or 0) - int(raw[1] or 0)
                yield length
                yield gauge("exchange_engine_backlog_commands", "Commands admitted and not decided", max(0, waiting))
            else:
                yield gauge("exchange_queue_tasks", "Celery tasks that wait", client.llen(CELERY_QUEUE))
        finally:
            client.close()
    yield from (memory, limit, clients)


def database() -> Iterator[GaugeMetricFamily]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        yield gauge("exchange_database_size_bytes", "Size of the database on disk", cursor.fetchone()[0])
        cursor.execute("SELECT state, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY state")
        connections = gauge("exchange_database_connections", "Connections by state", labels=("state",))
        for state, count in cursor.fetchall():
            connections.add_metric([state or "none"], count)
        yield connections
        cursor.execute(
            "SELECT COALESCE(max(extract(epoch FROM now() - xact_start)), 0) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
        )
        yield gauge(
            "exchange_database_oldest_transaction_seconds", "Age of the oldest one", float(cursor.fetchone()[0])
        )
        cursor.execute("SELECT blks_hit, blks_read, deadlocks FROM pg_stat_database WHERE datname = current_database()")
        hit, read, deadlocks = cursor.fetchone()
        yield gauge("exchange_database_cache_hit_ratio", "Blocks found in memory", hit / max(1, hit + read))
        yield gauge("exchange_database_deadlocks", "Deadlocks since the statistics began", deadlocks)


def disk() -> Iterator[GaugeMetricFamily]:
    free = gauge("exchange_disk_free_bytes", "Free space where something is kept", labels=("what",))
    size = gauge("exchange_disk_size_bytes", "Size of the disk where something is kept", labels=("what",))
    for what, folder in (("home", settings.HOME_DIR), ("journal", settings.JOURNAL_DIR)):
        if Path(folder).exists():
            usage = shutil.disk_usage(folder)
            free.add_metric([what], usage.free)
            size.add_metric([what], usage.total)
    yield from (free, size)


def business() -> Iterator[GaugeMetricFamily]:
    yield gauge("exchange_accounts", "Accounts of users", Account.objects.filter(kind=Account.Kind.USER).count())
    orders = gauge("exchange_open_orders", "Open orders", labels=("market",))
    rows = Order.objects.filter(status__in=OPEN).order_by().values_list("market__symbol").annotate(Count("pk"))
    for symbol, count in rows:
        orders.add_metric([symbol], count)
    trades = gauge("exchange_trades_24h", "Trades of the last day", labels=("market",))
    for symbol, count in MarketStatistics.objects.values_list("market__symbol", "trades"):
        trades.add_metric([symbol], count)
    yield from (orders, trades)


def wallet() -> Iterator[GaugeMetricFamily]:
    withdrawals = gauge("exchange_withdrawals", "Withdrawals by state", labels=("state",))
    for state, count in Withdrawal.objects.order_by().values_list("state").annotate(Count("pk")):
        withdrawals.add_metric([state], count)
    deposits = gauge("exchange_deposits", "Deposits by state", labels=("state",))
    for state, count in Deposit.objects.order_by().values_list("state").annotate(Count("pk")):
        deposits.add_metric([state], count)
    yield from (withdrawals, deposits)
    alarms = WalletAlarm.objects.filter(resolved_at__isnull=True)
    yield gauge("exchange_wallet_alarms_open", "Alarms nobody has closed", alarms.count())
    waiting = OutboxCommand.objects.filter(state__in=[OutboxCommand.State.WAITING, OutboxCommand.State.SENT])
    yield gauge("exchange_wallet_outbox_commands", "Commands the engine is still to be told", waiting.count())


def staff() -> Iterator[GaugeMetricFamily]:
    waiting = StaffWish.objects.filter(state=StaffWish.State.PENDING).count()
    yield gauge("exchange_approvals_waiting", "Wishes that wait for a second person", waiting)
    yield gauge("exchange_audit_rows", "Rows of the audit log", head().number)


PARTS: dict[str, Part] = {
    "redis": servers,
    "database": database,
    "disk": disk,
    "business": business,
    "wallet": wallet,
    "staff": staff,
}
FAILURES = (DatabaseError, RedisError, OSError)


class SiteCollector(Collector):
    """Asks every part, at most once in ten seconds."""

    def __init__(self) -> None:
        self._kept: list[GaugeMetricFamily] = []
        self._until = 0.0

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # Nothing is asked when the collector is registered.

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if time.monotonic() >= self._until:
            self._kept = self._asked()
            self._until = time.monotonic() + KEPT_S
        yield from self._kept

    def _asked(self) -> list[GaugeMetricFamily]:
        found: list[GaugeMetricFamily] = []
        up = gauge("exchange_figures_part_up_bool", "Whether these figures could be read", labels=("part",))
        for name, part in PARTS.items():
            try:
                found += list(part())
                up.add_metric([name], 1)
            except FAILURES as error:
                log.warning("The figures of %s could not be read: %s", name, error)
                up.add_metric([name], 0)
        connection.close()  # The scrape's thread ends with its request; its connection must not stay.
        return [*found, up]
