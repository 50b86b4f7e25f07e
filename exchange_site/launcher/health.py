"""Health checks of single processes for a container engine: `python -m exchange_site.launcher.health [NAME]`.

Without a name it is the process of EXCHANGE_PROCESS; one that has no check of its own has to show its figures. Exit
code 0 is healthy. Addresses come from the environment or from files, as for the process itself. Django is not set up,
so that a check costs little.
"""

import json
import socket
import sys
import urllib.request
from collections.abc import Callable

from exchange_site.kernel import redis_names
from exchange_site.launcher import status
from exchange_site.settings import env

MAX_BEHIND = 50_000  # Outcomes a projection may lag before one should look at it.


def engine() -> str | None:
    """None when the engine of this host leads and takes everything, or stands by with the state; else what is wrong.

    Of two engines each answers for itself: what moves pods must not take the last one that could lead.
    """
    with status.redis_client(env.text("REDIS_LOG_URL")) as client:
        owner, seconds = client.hget(redis_names.ENGINE, "owner"), client.time()[0]  # type: ignore[index]
        standing: dict[bytes, bytes] = client.hgetall(redis_names.STANDBYS)  # type: ignore[assignment]
    here = f"{socket.gethostname()}:".encode()
    for name, value in standing.items():
        believed_until_ms, _, words = value.partition(b" ")
        if name.startswith(here) and int(believed_until_ms) >= seconds * 1000:
            return None if json.loads(words)["warm"] else "it stands by and has no state yet"
    position = status.engine(env.text("REDIS_LOG_URL"))
    if position is None:
        return "no engine has led yet"
    if not bytes(owner or b"").startswith(here):  # type: ignore[arg-type]
        return "it neither leads nor stands by"
    if position["status"] != "open":
        return f"the engine's status is {position['status']!r}"
    return None if position["lease_ms_left"] > 0 else "the leader's lease has run out"


def db_writer() -> str | None:
    return lag(status.writer(env.text("DATABASE_URL"), engine_n()))


def market_feed() -> str | None:
    return lag(status.feed(env.text("REDIS_FAN_URL"), redis_names.MARKET_FEED, engine_n()))


def user_feed() -> str | None:
    return lag(status.feed(env.text("REDIS_FAN_URL"), redis_names.USER_FEED, engine_n()))


def web() -> str | None:
    with urllib.request.urlopen("http://127.0.0.1:8000/healthz", timeout=4) as answer:
        return None if answer.status == 200 else f"/healthz answers {answer.status}"


def figures() -> str | None:
    """For a process that answers nobody else. Of an engine they say 503 when it hangs."""
    port = env.integer("METRICS_PORT", 0)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=4) as answer:
        return None if answer.status == 200 else f"/metrics answers {answer.status}"


def engine_n() -> int | None:
    position = status.engine(env.text("REDIS_LOG_URL"))
    return position["n"] if position else None


def lag(projection: dict[str, int | None] | None) -> str | None:
    """A projection that has not said anything yet has had nothing to say."""
    behind = (projection or {}).get("behind") or 0
    return f"{behind} outcomes behind the engine" if behind > MAX_BEHIND else None


CHECKS: dict[str, Callable[[], str | None]] = {
    "engine": engine,
    "db_writer": db_writer,
    "market_feed": market_feed,
    "user_feed": user_feed,
    "web": web,
    "figures": figures,
}


def of_this_process() -> str:
    name = env.text("EXCHANGE_PROCESS", "")
    return name if name in CHECKS else "figures"


def main(name: str) -> int:
    try:
        trouble = CHECKS[name]()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not healthy", and why.
        trouble = f"{type(error).__name__}: {error}"
    if trouble:
        print(trouble)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else of_this_process()))
