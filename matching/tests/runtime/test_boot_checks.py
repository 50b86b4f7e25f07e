"""What an engine refuses to run on, and when a connection counts as lost."""

from typing import Any, cast

import pytest
import redis

from matching.runtime.boot_checks import NotFitToRun, check_redis
from matching.runtime.crash import CrashPoint
from matching.transport.connection import ConnectionLost, LogConnection


class Server:
    def __init__(self, role: bytes = b"master", **settings: bytes) -> None:
        self.role = role
        self.settings = {"maxmemory-policy": b"noeviction", "appendonly": b"yes"} | {
            name.replace("_", "-"): value for name, value in settings.items()
        }

    def call(self, *args: Any) -> Any:
        if args == ("ROLE",):
            return [self.role]
        return [args[2], self.settings[args[2]]]


def check(server: Server, allow_volatile: bool = False) -> None:
    check_redis(cast(LogConnection, server), allow_volatile)


def test_a_redis_that_keeps_everything_is_fine():
    check(Server())
    check(Server(appendonly=b"no"), allow_volatile=True)


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        (Server(b"slave"), "must be the primary"),
        (Server(appendonly=b"no"), "set appendonly to yes"),
        (Server(maxmemory_policy=b"allkeys-lru"), "set it to noeviction"),
    ],
)
def test_a_redis_that_may_lose_something_is_refused_with_a_sentence(server: Server, sentence: str):
    with pytest.raises(NotFitToRun, match=sentence):
        check(server)


@pytest.mark.parametrize("code", ["MISCONF disk", "OOM command not allowed", "READONLY replica", "LOADING"])
def test_a_redis_that_cannot_write_now_counts_as_lost(log: redis.Redis, code: str):
    connection = LogConnection()
    with pytest.raises(ConnectionLost):
        connection.call("EVAL", f"return redis.error_reply('{code}')", 0)
    with pytest.raises(ConnectionLost, match="closed"):
        connection.call("PING")


def test_a_refused_request_is_not_a_lost_connection(log: redis.Redis):
    connection = LogConnection()
    with pytest.raises(redis.ResponseError):
        connection.call("XADD", "cmd", "0-0", "b", "")
    assert connection.call("PING") in (b"PONG", "PONG")
    connection.close()


def test_an_unknown_crash_point_is_a_mistake():
    with pytest.raises(ValueError, match="before_journal"):
        CrashPoint("somewhere")
