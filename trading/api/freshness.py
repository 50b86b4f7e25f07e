"""Reading your own write from the database: wait until the writer has committed what the engine has published.

At most a second; then what there is is shown, and `X-Outcome` says which outcome that reflects.
"""

import time

from redis.exceptions import RedisError

from matching.client import blocking, gateway
from trading.models import Checkpoint
from trading.writer.store import CHECKPOINT

WAIT_S = 1.0
POLL_S = 0.004


def _engine_n() -> int:
    """What has been answered by now; 0 when Redis is away, because then nothing new can have been."""
    shared = gateway.current()
    try:
        if shared is not None:
            return shared.engine_n_threadsafe()
        return int(blocking.engine_position().get("n", "0"))
    except (gateway.NotAdmitted, RedisError):
        return 0


def _database_n() -> int:
    n: int | None = Checkpoint.objects.filter(name=CHECKPOINT).values_list("n", flat=True).first()
    return n or 0


def wait_for_own_writes() -> dict[str, str]:
    """Blocks a thread, not the event loop. The headers to answer with; read the rows after calling this."""
    wanted = _engine_n()
    deadline = time.monotonic() + WAIT_S
    while (n := _database_n()) < wanted and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return {"X-Outcome": str(n)}
