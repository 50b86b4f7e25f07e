"""`./exchange status`: processes from the supervisor, the engine's position, how far each projection lags."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exchange_site.kernel import redis_names
from exchange_site.launcher import control
from exchange_site.launcher.home import Home, LauncherError

COLUMNS = ("process", "state", "pid", "restarts", "up", "last exit")


def collect(home: Home) -> dict[str, Any]:
    """Everything as plain JSON values. A part that cannot be asked is null, with the reason under `problems`."""
    if not home.is_running():
        return {"running": False, "ready": False, "home": str(home.path), "processes": {}}
    try:
        status = control.ask(home, {"do": "status"}, timeout_s=10)
    except LauncherError as error:
        return {"running": True, "ready": False, "home": str(home.path), "processes": {}, "problems": [str(error)]}
    environment = home.environment()
    problems: list[str] = []
    status["engine"] = guarded("engine", problems, lambda: engine(environment["REDIS_LOG_URL"]))
    n = status["engine"]["n"] if status["engine"] else None
    status["projections"] = {
        "db_writer": guarded("db_writer", problems, lambda: writer(environment["DATABASE_URL"], n)),
        "market_feed": guarded(
            "market_feed", problems, lambda: feed(environment["REDIS_FAN_URL"], redis_names.MARKET_FEED, n)
        ),
        "user_feed": guarded(
            "user_feed", problems, lambda: feed(environment["REDIS_FAN_URL"], redis_names.USER_FEED, n)
        ),
    }
    status["problems"] = problems
    return status


def guarded(name: str, problems: list[str], ask: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
    """A server that is down is part of the answer, not a reason to give none."""
    try:
        return ask()
    except (redis.RedisError, psycopg.Error, msgspec.MsgspecError, ValueError) as error:
        problems.append(f"{name}: {' '.join(str(error).split()) or type(error).__name__}")
        return None


def redis_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def engine(url: str) -> dict[str, Any] | None:
    with redis_client(url) as client:
        fields: dict[bytes, bytes] = client.hgetall(redis_names.ENGINE)  # type: ignore[assignment]
    if not fields:
        return None
    text = {name.decode(): value.decode("utf-8", "replace") for name, value in fields.items()}
    numbers = {name: int(text.get(name) or 0) for name in ("term", "n", "seq", "at_ms", "admitted", "processed")}
    return {
        **numbers,
        "status": text.get("status", ""),
        "chain": text.get("chain", ""),
        "backlog": max(0, numbers["admitted"] - numbers["processed"]),
        "lease_ms_left": int(text.get("lease_until_ms") or 0) - int(time.time() * 1000),
    }


def writer(url: str, n: int | None) -> dict[str, Any] | None:
    with psycopg.connect(url, connect_timeout=2) as connection:
        row = connection.execute("SELECT n, chain FROM trading_checkpoint ORDER BY n DESC LIMIT 1").fetchone()
    return None if row is None else {**position(int(row[0]), n), "chain": bytes(row[1]).hex()}


def feed(url: str, stream: str, n: int | None) -> dict[str, Any] | None:
    """The newest batch of a feed names the outcome it reaches. A quiet market sends none."""
    with redis_client(url) as client:
        entries: list[Any] = client.xrevrange(stream, count=1)  # type: ignore[assignment]
    if not entries:
        return None
    batch = msgspec.msgpack.decode(entries[0][1][redis_names.PAYLOAD_FIELD])
    value = batch.get("n") if isinstance(batch, dict) else next((item for item in batch if isinstance(item, int)), None)
    return None if value is None else position(int(value), n)


def position(own: int, engine_n: int | None) -> dict[str, Any]:
    return {"n": own, "behind": None if engine_n is None else max(0, engine_n - own)}


# -------------------------------------------------------------------------------------------------------- for people
def table(status: dict[str, Any]) -> str:
    if not status["running"]:
        return f"The exchange in {status['home']} is not running; start it with ./exchange up."
    rows = [COLUMNS]
    for name, child in status["processes"].items():
        up = "" if child["uptime_s"] is None else duration(child["uptime_s"])
        rows.append(
            (name, child["state"], str(child["pid"] or ""), str(child["restarts"]), up, child["last_exit"] or "")
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = []
    if "url" in status:
        lines.append(f"{status['url']}   {status['phase']}, up {duration(status['uptime_s'])}, in {status['home']}")
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if position := status.get("engine"):
        lines.append(
            f"engine: {position['status']}, term {position['term']}, outcome {position['n']}, event {position['seq']}, "
            f"backlog {position['backlog']}, chain {position['chain'][:16]}"
        )
    for name, projection in status.get("projections", {}).items():
        if projection:
            lines.append(f"{name}: at outcome {projection['n']}, {projection['behind']} behind")
        else:
            lines.append(f"{name}: nothing yet")
    return "\n".join(lines + [f"problem: {problem}" for problem in status.get("problems", [])])


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
