"""Time as the journal knows it: `at_ms` never goes back and never jumps while the engine runs.

At start it is the later of the journal's last time and the wall clock. From then on it follows the monotonic clock and
slews towards the wall by at most a tenth of the time passed, so that a wrong wall clock raises an alarm instead of
expiring the book.
"""

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

_NS_PER_MS = 1_000_000
ALARM_NS = 1_000_000_000
SLEW_DIVISOR = 10


class LogClock:
    """`now_ms()` is the next `at_ms`. Clocks are injected as functions that give nanoseconds."""

    def __init__(
        self,
        last_ms: int,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._seen_ns = monotonic_ns()
        self._value_ns = max(last_ms * _NS_PER_MS, wall_ns())
        self.alarm = False  # The wall clock is more than a second away.

    def now_ms(self) -> int:
        seen = self._monotonic_ns()
        passed = seen - self._seen_ns
        self._seen_ns = seen
        away = self._wall_ns() - (self._value_ns + passed)
        slew = passed // SLEW_DIVISOR
        self._value_ns += passed + max(-slew, min(slew, away))
        self._watch(away)
        return self._value_ns // _NS_PER_MS

    def ahead_ms(self) -> int:
        """How far the log's time is ahead of the wall clock; below zero when it is behind."""
        self.now_ms()
        return (self._value_ns - self._wall_ns()) // _NS_PER_MS

    def _watch(self, away_ns: int) -> None:
        alarm = abs(away_ns) > ALARM_NS
        if alarm and not self.alarm:
            logger.error("The wall clock is %d ms away from the log's time; slewing.", away_ns // _NS_PER_MS)
        elif self.alarm and not alarm:
            logger.info("The wall clock agrees with the log's time again.")
        self.alarm = alarm
