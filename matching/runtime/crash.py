"""Dying at a chosen point, for the tests that prove nothing is lost there (`ENGINE_CRASH_AT=after_journal:3`)."""

import os
import signal

POINTS = ("before_journal", "after_journal", "before_publish", "after_publish", "mid_snapshot")


class CrashPoint:
    """Kills the process with SIGKILL when the named point is passed for the given time (the first by default)."""

    def __init__(self, setting: str) -> None:
        name, _, count = setting.partition(":")
        if name and name not in POINTS:
            raise ValueError(f"ENGINE_CRASH_AT must be one of {', '.join(POINTS)}, not {name!r}.")
        self._name = name
        self._left = int(count or 1)

    def passed(self, point: str, parent: int | None = None) -> None:
        """`parent` dies as well: a snapshot is written by a child, and the point means the whole engine."""
        if point != self._name:
            return
        self._left -= 1
        if self._left == 0:
            if parent is not None:
                os.kill(parent, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
