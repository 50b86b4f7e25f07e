"""Everything that happened, in order: as a hash always (two runs of a seed must agree), as lines when asked for."""

import hashlib
import logging
from collections import deque
from collections.abc import Callable

from exchange_site.simulation.scheduler import NS_PER_MS

LAST_LINES = 60  # Kept for the report of a failure.


class Trace:
    """`write` takes the words of one line. `log_handler` brings in what the code under test logs."""

    def __init__(self, now_ns: Callable[[], int], whole: bool) -> None:
        self._now_ns = now_ns
        self._hash = hashlib.blake2b(digest_size=16)
        self.lines: deque[str] = deque(maxlen=None if whole else LAST_LINES)
        self.events = 0

    def write(self, *words: str) -> None:
        line = f"{self._now_ns() / NS_PER_MS:12.3f} ms  {' '.join(words)}"
        self._hash.update(line.encode())
        self.lines.append(line)
        self.events += 1

    def digest(self) -> str:
        return self._hash.hexdigest()


class LogLines(logging.Handler):
    """The program's own log lines belong into the trace."""

    def __init__(self, trace: Trace, who: Callable[[], str]) -> None:
        super().__init__()
        self._trace = trace
        self._who = who

    def emit(self, record: logging.LogRecord) -> None:
        self._trace.write(self._who(), record.levelname, record.getMessage())
