"""What must hold before an engine touches anything: asserts on, and a Redis that keeps what it is told."""

import redis

from matching.transport.connection import LogConnection


class NotFitToRun(Exception):
    """The surroundings would lose data or hide mistakes. The message says what to change."""


def check_interpreter() -> None:
    if not __debug__:
        raise NotFitToRun("Python runs without asserts (-O or PYTHONOPTIMIZE); the engine's checks of money need them.")


def check_redis(log: LogConnection, allow_volatile: bool) -> None:
    """`allow_volatile` is for tests on a Redis without persistence. Raises NotFitToRun."""
    role = log.call("ROLE")[0]
    if role != b"master":
        raise NotFitToRun(f"The Redis of the log is a {role.decode()}; it must be the primary.")
    if allow_volatile:
        return
    policy = _setting(log, "maxmemory-policy")
    if policy != "noeviction":
        raise NotFitToRun(f"The Redis of the log evicts keys (maxmemory-policy {policy}); set it to noeviction.")
    if _setting(log, "appendonly") != "yes":
        raise NotFitToRun("The Redis of the log does not persist (appendonly no); set appendonly to yes.")


def _setting(log: LogConnection, name: str) -> str:
    try:
        answer = log.call("CONFIG", "GET", name)
    except redis.ResponseError as error:
        raise NotFitToRun(f"The engine must be allowed to read Redis's setting {name}: {error}") from error
    found: bytes = answer[1]
    return found.decode("ascii")
