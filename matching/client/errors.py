"""What can go wrong between a caller and the engine. The two are never mixed: one is safe to repeat, the other not."""

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
)

CLOSED = "closed"
FULL = "full"
UNREACHABLE = "unreachable"


class NotAdmitted(Exception):
    """Nothing was enqueued, for certain. `reason` is `closed` (no engine takes commands), `full` (too many wait) or
    `unreachable` (no connection to Redis)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutcomeUnknown(Exception):
    """The command was sent, or maybe sent, and no answer came in time. It may still take effect, or have done so."""


# What Redis itself answers when the admit script did not run, or was stopped at its first write, which is the XADD.
# redis-py cuts the leading word off the replies it has a class for, so both classes and words are needed.
_REFUSED_UP_FRONT = (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
)
_REFUSED_UP_FRONT_WORDS = ("BUSY", "LOADING", "MISCONF", "NOAUTH", "NOPERM", "NOREPLICAS", "OOM", "READONLY")


def nothing_was_done(error: Exception) -> bool:
    """Whether Redis' error reply proves that the admit script appended nothing."""
    return isinstance(error, _REFUSED_UP_FRONT) or str(error).startswith(_REFUSED_UP_FRONT_WORDS)
