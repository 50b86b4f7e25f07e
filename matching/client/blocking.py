"""Send and wait, for callers without an event loop: management commands, Celery tasks, the admin.

Each thread keeps one connection and one reply stream of its own, made when first needed and again after any failure, so
an answer can never reach the wrong caller.
"""

import os
import threading
import time
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from exchange_site.kernel.redis_client import log_client
from exchange_site.kernel.redis_names import ENGINE, replies
from matching import codec
from matching.client.errors import UNREACHABLE, NotAdmitted, OutcomeUnknown, nothing_was_done
from matching.client.origin import kind_of, new_origin, weight_of
from matching.client.replies import answers_in
from matching.messages import Answer, Command
from matching.transport import admit

__all__ = ["NotAdmitted", "OutcomeUnknown", "engine_position", "send", "send_many"]

BLOCK_MS = 500  # Far below the socket timeout, so an idle wait never looks like a broken connection.
MAX_MANY = 1_000

_local = threading.local()


class _Channel:
    """One connection of one thread, with its reply stream and the position in it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.client: Any = log_client()
        self.origin = new_origin()
        self.last_id = b"0"
        self.next_correlation = 1

    def check(self) -> None:
        """Raises NotAdmitted when Redis is away: before the first byte of a command nothing can have been enqueued."""
        try:
            self.client.ping()
        except RedisError as error:
            raise NotAdmitted(UNREACHABLE) from error

    def admit(self, commands: list[Command]) -> int:
        """Enqueue as one entry; returns the first correlation. Raises NotAdmitted; RedisError when nobody knows."""
        kinds = {kind_of(command) for command in commands}
        kind = kinds.pop() if len(kinds) == 1 else admit.Kind.ORDER
        first = self.next_correlation
        self.next_correlation += len(commands)
        weight = sum(map(weight_of, commands))
        payload = codec.encode_entry(self.origin, first, [codec.encode(command) for command in commands], weight)
        try:
            admit.admit(self.client, kind, weight, settings.ENGINE_MAX_BACKLOG, payload)
        except admit.NotAdmitted as error:
            raise NotAdmitted(error.code) from None
        except RedisError as error:
            if nothing_was_done(error):
                raise NotAdmitted(UNREACHABLE) from error
            raise
        return first

    def wait(self, first: int, count: int, deadline: float) -> list[Answer]:
        """Answers to correlations `first` and following, in that order. Raises OutcomeUnknown at the deadline."""
        got: dict[int, Answer] = {}
        while len(got) < count:
            left_ms = int((deadline - time.monotonic()) * 1000)
            if left_ms <= 0:
                raise OutcomeUnknown(f"{count - len(got)} of {count} commands were not answered in time.")
            raw: Any = self.client.execute_command(
                "XREAD", "COUNT", 100, "BLOCK", min(left_ms, BLOCK_MS), "STREAMS", replies(self.origin), self.last_id
            )
            for entry_id, answers in answers_in(raw):
                self.last_id = entry_id
                got.update((a.correlation, a) for a in answers if first <= a.correlation < first + count)
        return [got[first + i] for i in range(count)]

    def close(self) -> None:
        self.client.close()


def _channel() -> _Channel:
    """This thread's channel; a forked child makes its own (Celery forks its workers)."""
    channel: _Channel | None = getattr(_local, "channel", None)
    if channel is None or channel.pid != os.getpid():
        channel = _local.channel = _Channel()
    return channel


def _drop(channel: _Channel) -> None:
    _local.channel = None
    channel.close()


def send_many(commands: list[Command], timeout_s: float = 10) -> list[Answer]:
    """Several commands as one entry, executed one after the other; answers in the same order. At most 1,000.

    Raises NotAdmitted (none was enqueued) or OutcomeUnknown (any of them may have been). Never sends twice.
    """
    if not 0 < len(commands) <= MAX_MANY:
        raise ValueError(f"Send 1 to {MAX_MANY} commands at once, not {len(commands)}.")
    deadline = time.monotonic() + timeout_s
    channel = _channel()
    channel.check()
    try:
        first = channel.admit(commands)
        return channel.wait(first, len(commands), deadline)
    except RedisError as error:
        _drop(channel)
        raise OutcomeUnknown("The connection broke while the commands were under way.") from error
    except OutcomeUnknown:
        _drop(channel)
        raise


def send(command: Command, timeout_s: float = 10) -> Answer:
    """Send one command and wait for the engine's answer. Raises NotAdmitted or OutcomeUnknown; never sends twice."""
    return send_many([command], timeout_s)[0]


def engine_position() -> dict[str, str]:
    """The `eng` hash as text: term, owner, status, lease_until_ms, n, seq, chain, at_ms, admitted, processed.

    Empty when no engine has ever run on this log. Raises redis errors.
    """
    client = log_client()
    try:
        raw: Any = client.hgetall(ENGINE)
        return {key.decode(): value.decode() for key, value in raw.items()}
    finally:
        client.close()
