"""`manage.py engine_status`: where the engine is and what waits for it, as JSON."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange_site.kernel import redis_names
from matching.runtime.leadership import lease_left_ms
from matching.runtime.snapshots import list_snapshots
from matching.transport import streams
from matching.transport.connection import ConnectionLost, LogConnection

_NUMBERS = ("term", "n", "seq", "at_ms", "admitted", "processed", "db_n", "snapshot_n")


class Command(BaseCommand):
    help = "Print term, position, backlog and lags of the engine as JSON. Exit code 1 when no engine takes commands."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            status = engine_status(LogConnection())
        except ConnectionLost as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(status, indent=2))
        if status["status"] != "open":
            raise CommandError("The engine takes no commands.")


def engine_status(log: LogConnection) -> dict[str, Any]:
    """`status` is `open`, `closed`, or `absent` (no lease). Lags are counts of outcomes or commands."""
    flat = log.call("HGETALL", redis_names.ENGINE)
    eng = {key.decode(): value.decode() for key, value in zip(flat[::2], flat[1::2], strict=True)}
    numbers: dict[str, int | None] = {name: int(eng[name]) if name in eng else None for name in _NUMBERS}
    lease = lease_left_ms(log)
    admitted, processed = numbers["admitted"] or 0, numbers["processed"] or 0
    kept = list_snapshots(settings.SNAPSHOT_DIR) if settings.SNAPSHOT_DIR.is_dir() else []
    return {
        **numbers,
        "status": eng.get("status", "absent") if lease > 0 else "absent",
        "owner": eng.get("owner"),
        "chain": eng.get("chain"),
        "lease_left_ms": lease,
        "waiting": max(0, admitted - processed),
        "database_lag": None if numbers["db_n"] is None else (numbers["n"] or 0) - numbers["db_n"],
        "events_end": streams.event_top(log).n,
        "commands_end": streams.last_id(log, redis_names.COMMANDS),
        "snapshots": [n for n, _ in kept],
    }
