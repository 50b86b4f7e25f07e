"""Who leads: one lease and one fence in Redis, one file in the journal directory.

A term is won by creating its first segment; a leader that was overtaken finds out at its next write to Redis, because
every script compares term and owner. The lock file only saves waiting: a dead engine's lock is free at once, while its
lease still runs.
"""

import fcntl
import logging
import os
import secrets
import socket
from pathlib import Path
from typing import NamedTuple

from exchange_site.kernel import redis_names
from matching.transport import scripts
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
    """What others left for the leader in `eng`."""

    database_n: int | None
    snapshot_requested: str | None
    republish_from: str | None


class Leadership:
    """Writes to `eng` in the name of one term and one owner."""

    def __init__(self, term: int, lease_ms: int) -> None:
        self.term = term
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
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

    def renew(self) -> Notes:
        answer = self._as_leader(scripts.RENEW, _ENGINE, str(self._lease_ms))
        database_n, snapshot, republish = (None if note is None else _text(note) for note in answer[1:4])
        return Notes(None if database_n is None else int(database_n), snapshot, republish)

    def anchor(self, n: int, seq: int, chain: bytes, at_ms: int) -> None:
        """Say which outcome ev ends with; the next publish must begin with n + 1."""
        self._as_leader(scripts.ANCHOR, _ENGINE, str(n), str(seq), chain.hex(), str(at_ms))

    def open(self, waiting: int) -> None:
        """Let commands in. `waiting` commands are in cmd and not decided yet."""
        self._as_leader(scripts.OPEN, _ENGINE, str(self._lease_ms), str(waiting))

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
    """A lock that ends with its process. Holding it is not leadership, only a reason not to wait for a lease."""

    def __init__(self, directory: Path) -> None:
        self._file = os.open(directory / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self.held = False

    def try_take(self) -> bool:
        """POSIX locks are not inherited by the child that writes snapshots, so they end with the leader itself."""
        if not self.held:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                return False
            self.held = True
        return True


def lease_left_ms(log: LogConnection) -> int:
    """Milliseconds the current leader's lease still runs, by Redis's clock; 0 or less when nobody leads."""
    seconds, micros = (int(part) for part in log.call("TIME"))
    until = log.call("HGET", redis_names.ENGINE, "lease_until_ms")
    return int(until or 0) - (seconds * 1000 + micros // 1000)


def _text(raw: object) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
