"""Who leads: one lease and one fence in Redis, one file in the journal directory.

A term is won by creating its first segment; a leader that was overtaken finds out at its next write to Redis, because
every script compares term and owner. The lock file only saves waiting: a dead engine's lock is free at once, while its
lease still runs.
"""

import logging
import os
import secrets
import socket
from pathlib import Path
from typing import NamedTuple

from exchange_site.kernel import redis_names
from matching.runtime import disk
from matching.transport import admit, scripts
from matching.transport.connection import LogConnection
from matching.transport.script import Argument, Script

logger = logging.getLogger(__name__)

RENEW_EVERY_S = 1
_ENGINE = (redis_names.ENGINE,)


class Fenced(Exception):
    """Another engine leads. This one must end at once and touch nothing."""


class Forgotten(Exception):
    """Redis does not know our term any more (wiped, or an older state came back): fence again before anything else."""


class Notes(NamedTuple):
    """What others left for the leader in `eng`. `stepdown` says who wants another engine to lead, and why."""

    database_n: int | None
    snapshot_requested: str | None
    republish_from: str | None
    stepdown: str | None


def new_owner() -> str:
    """A name no other life of any engine has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class Leadership:
    """Writes to `eng` in the name of one term and one owner."""

    def __init__(self, term: int, lease_ms: int) -> None:
        self.term = term
        self.owner = new_owner()
        self.log: LogConnection | None = None
        self._lease_ms = lease_ms

    def fence(self, log: LogConnection) -> None:
        """Lock every older leader out of the log. Raises Fenced when a later term is there already."""
        self.log = log
        answer = log.run(scripts.FENCE, _ENGINE, str(self.term), self.owner, str(self._lease_ms))
        if answer[0] != b"ok":
            raise Fenced(
                f"Redis knows term {_text(answer[1])} of {_text(answer[2])}, ours is {self.term}. If no other engine "
                f"runs, this journal directory does not belong to this Redis."
            )

    def renew(self, ahead_ms: int = 0, rules_version: int = 0) -> Notes:
        """Keep the lease. `ahead_ms` tells clients how far the log's time is ahead of the wall clock."""
        answer = self._as_leader(scripts.RENEW, _ENGINE, str(self._lease_ms), str(ahead_ms), str(rules_version))
        database_n, snapshot, republish, stepdown = (None if note is None else _text(note) for note in answer[1:5])
        return Notes(None if database_n is None else int(database_n), snapshot, republish, stepdown)

    def anchor(self, n: int, seq: int, chain: bytes, at_ms: int) -> None:
        """Say which outcome ev ends with; the next publish must begin with n + 1."""
        self._as_leader(scripts.ANCHOR, _ENGINE, str(n), str(seq), chain.hex(), str(at_ms))

    def open(self, waiting: int, admission: admit.Admission = admit.Admission.OPEN) -> None:
        """Let commands in, or only cancels. `waiting` commands are in cmd and not decided yet."""
        self._as_leader(scripts.OPEN, _ENGINE, str(self._lease_ms), str(waiting), admission.value)

    def let_in(self, admission: admit.Admission) -> None:
        """Change what is let in while leading."""
        self._as_leader(scripts.ADMIT, _ENGINE, admission.value)

    def step_down(self) -> None:
        """Let no command in any more and give up the lease: a standby takes over at once."""
        self._as_leader(scripts.STEP_DOWN, _ENGINE)

    def close(self, give_up: bool) -> None:
        """Let no command in any more; with `give_up` a standby may take over without waiting for the lease."""
        self._as_leader(scripts.CLOSE, _ENGINE, "1" if give_up else "0")

    def snapshot_done(self, request: str, n: int) -> None:
        self._as_leader(scripts.SNAPSHOT_DONE, _ENGINE, request, str(n))

    def reset_events(self, request: str) -> None:
        self._as_leader(scripts.RESET_EVENTS, (redis_names.ENGINE, redis_names.EVENTS), request)

    def drop_republish(self, request: str) -> None:
        """Take a wish back that needs no more answer: ev holds what was asked for."""
        self._as_leader(scripts.DROP_REPUBLISH, _ENGINE, request)

    def check(self, answer: list[bytes]) -> list[bytes]:
        """Pass a script's answer on, or raise Fenced (a later term leads) or Forgotten (nobody like us is known)."""
        if answer[0] == b"fenced":
            known = int(answer[1] or 0)
            if known > self.term or (known == self.term and _text(answer[2]) != self.owner):
                raise Fenced(f"Term {known} of {_text(answer[2])} leads; term {self.term} ends.")
            raise Forgotten(f"Redis knows term {known} instead of {self.term}.")
        return answer

    def _as_leader(self, script: Script, keys: tuple[str, ...], *args: Argument) -> list[bytes]:
        assert self.log is not None, "fence comes first"
        return self.check(self.log.run(script, keys, str(self.term), self.owner, *args))


class DirectoryLock:
    """A lock that ends with its process. Holding it is not leadership, only a reason not to wait for a lease.

    Beside it stands who held it last. Only when that is the owner of the lease does a free lock prove that the leader
    is dead: one that took over from a paused leader may lead without the lock.
    """

    def __init__(self, directory: Path) -> None:
        self._file = disk.open_lock(directory / "lock")
        self._name = directory / "leader"
        self.held = False

    def try_take(self) -> bool:
        """POSIX locks are not inherited by the child that writes snapshots, so they end with the leader itself."""
        self.held = self.held or disk.try_lock(self._file)
        return self.held

    def release(self) -> None:
        if self.held:
            disk.unlock(self._file)
            self.held = False

    def sign(self, owner: str) -> None:
        """Say who leads while holding the lock. A hint that saves seconds, so it is not synced."""
        handle = disk.create(self._name)
        try:
            disk.pwrite(handle, owner.encode(), 0)
        finally:
            disk.close(handle)

    def signed_by(self) -> str:
        """Who led last with this lock; empty when nobody did."""
        return disk.read(self._name).decode("utf-8", "replace") if disk.exists(self._name) else ""


class Lease(NamedTuple):
    """Who leads and how far that one has published. `left_ms` is 0 or less when nobody leads, by Redis's clock."""

    owner: str
    left_ms: int
    n: int
    until_ms: int


def read_lease(log: LogConnection) -> Lease:
    seconds, micros = (int(part) for part in log.call("TIME"))
    owner, until, n = log.call("HMGET", redis_names.ENGINE, "owner", "lease_until_ms", "n")
    until_ms = int(until or 0)
    return Lease(_text(owner or b""), until_ms - (seconds * 1000 + micros // 1000), int(n or 0), until_ms)


def lease_left_ms(log: LogConnection) -> int:
    """Milliseconds the current leader's lease still runs; 0 or less when nobody leads."""
    return read_lease(log).left_ms


def _text(raw: object) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
