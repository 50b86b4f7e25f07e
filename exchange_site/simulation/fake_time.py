"""The clocks of the simulated machine, in the shape of the module `time`."""

from exchange_site.simulation.scheduler import NS_PER_MS, NS_PER_S, Scheduler

EPOCH_NS = 1_760_000_000 * NS_PER_S  # Any moment; all runs begin here.


class FakeTime:
    """Stands in for the module `time`. The wall clock can be moved; the monotonic one cannot."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.wall_offset_ns = 0

    def monotonic_ns(self) -> int:
        return self._scheduler.now_ns

    def monotonic(self) -> float:
        return self._scheduler.now_ns / NS_PER_S

    perf_counter = monotonic
    perf_counter_ns = monotonic_ns

    def time_ns(self) -> int:
        return EPOCH_NS + self._scheduler.now_ns + self.wall_offset_ns

    def time(self) -> float:
        return self.time_ns() / NS_PER_S

    def wall_ms(self) -> int:
        return self.time_ns() // NS_PER_MS

    def sleep(self, seconds: float) -> None:
        self._scheduler.sleep(int(seconds * NS_PER_S))
