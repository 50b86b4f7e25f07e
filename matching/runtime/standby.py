"""Standing by: follow the journal, say so in Redis, and notice at once that nobody leads any more."""

import json
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from exchange_site.kernel import redis_names
from matching.runtime import metrics
from matching.runtime.config import EngineConfig
from matching.runtime.follower import Follower
from matching.runtime.leadership import DirectoryLock, Lease, new_owner, read_lease
from matching.transport import scripts
from matching.transport.connection import LogConnection

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.02  # At the journal and the lock; both cost microseconds.
LEASE_EVERY_S = 0.2
ANNOUNCE_EVERY_S = 0.5
BELIEVED_MS = 2_000
YIELD_S = 3.0  # How long an engine that stepped down leaves the lead to others.


class Standby:
    """One life of standing by. The follower's state is the point of it: hand it to `take_over`."""

    def __init__(self, config: EngineConfig, lock: DirectoryLock, follower: Follower, only: bool = False) -> None:
        """With `only` it does not lead before it has seen another one lead."""
        self._config = config
        self._may_lead = not only
        self._lock = lock
        self._follower = follower
        self._name = new_owner()
        self._yield_until = 0.0
        self._seen: tuple[str, int] | None = None  # Owner and end of the lease, and since when they are the same.
        self._seen_since = 0.0

    def leave_to_others(self) -> None:
        """After stepping down: do not take the lead back before another had the time to take it."""
        self._lock.release()
        self._yield_until = time.monotonic() + YIELD_S

    def wait(self, stopping: Callable[[], bool]) -> LogConnection | None:
        """Until nobody leads: the leader's process is gone, or its lease has run out. None when stopping.

        Raises ConnectionLost, RecoveryRefused or JournalDamaged (what the leader writes is not our history).
        """
        log = LogConnection(self._config.redis_url)
        announced = False
        look_at_lease = announce = 0.0
        while not stopping():
            now = time.monotonic()
            vacant = self._dead(log)
            if not vacant and now >= look_at_lease:
                look_at_lease = now + LEASE_EVERY_S
                lease = read_lease(log)
                self._follower.settle(lease.n)
                vacant = lease.left_ms <= 0 or self._unchanged(lease, now)
                self._may_lead = self._may_lead or not vacant
            if vacant and self._may_lead and now >= self._yield_until:
                if announced:
                    self._say(log, 0)
                return log
            if not announced:
                who = "Another engine leads" if self._may_lead else "No engine leads yet"
                logger.info("%s; this one stands by, ready to take over.", who)
            metrics.refresh()
            if now >= announce:
                announce, announced = now + ANNOUNCE_EVERY_S, True
                metrics.standing_by(self._follower.n, self._follower.applier is not None)
                self._say(log, BELIEVED_MS)
            if not self._follower.step():
                time.sleep(LOOK_EVERY_S)
        if announced:
            self._say(log, 0)
        log.close()
        return None

    def _dead(self, log: LogConnection) -> bool:
        """The lock is free, and who holds the lease held it last: that process is gone. No need to wait for more."""
        if not self._may_lead or time.monotonic() < self._yield_until or not self._lock.try_take():
            return False
        if self._lock.signed_by() == read_lease(log).owner:
            return True
        self._lock.release()  # Its place is with the leader, who took over without it and will ask for it.
        return False

    def _unchanged(self, lease: Lease, now: float) -> bool:
        """Nobody has renewed the lease for all of its length, by our own clock. Redis's clock alone does not do: set
        back by an hour, it would let the lease of a dead leader run for that hour."""
        if self._seen != (lease.owner, lease.until_ms):
            self._seen, self._seen_since = (lease.owner, lease.until_ms), now
        return (now - self._seen_since) * 1000 > self._config.lease_ms

    def _say(self, log: LogConnection, believed_ms: int) -> None:
        words = json.dumps(self._follower.describe())
        log.run(scripts.ANNOUNCE, (redis_names.STANDBYS,), self._name, words, str(believed_ms))


class Standing(NamedTuple):
    """What a standby says of itself. `warm`: it has a state; `n`: the last outcome it has applied; `knows_rules`: the
    newest rules its program can follow."""

    owner: str
    warm: bool
    n: int
    chain: str
    at: list[object]
    knows_rules: int


def standbys(log: LogConnection) -> list[Standing]:
    """The engines that stand by now, by Redis's clock."""
    seconds, micros = (int(part) for part in log.call("TIME"))
    now_ms = seconds * 1000 + micros // 1000
    flat = log.call("HGETALL", redis_names.STANDBYS)
    found = []
    for owner, value in zip(flat[::2], flat[1::2], strict=True):
        until, _, words = value.decode().partition(" ")
        if int(until) >= now_ms:
            said = json.loads(words)
            found.append(
                Standing(owner.decode(), said["warm"], said["n"], said["chain"], said["at"], said["knows_rules"])
            )
    return sorted(found)
