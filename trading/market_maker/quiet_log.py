"""Logging that cannot flood: the same kind of line at most once in a while, with the number of those left out."""

import logging
import time

EVERY_S = 30


class QuietLog:
    def __init__(self, logger: logging.Logger, every_s: int = EVERY_S):
        self._logger = logger
        self._every_s = every_s
        self._next_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, kind: str, message: str) -> None:
        """Log the message unless one of its kind was logged less than `every_s` ago."""
        now = time.monotonic()
        if now < self._next_at.get(kind, 0):
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        left_out = self._left_out.pop(kind, 0)
        self._next_at[kind] = now + self._every_s
        self._logger.warning("%s%s", message, f" ({left_out} more like this)" if left_out else "")
