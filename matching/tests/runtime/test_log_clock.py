"""`at_ms` against clocks that jump (F19)."""

import pytest

from matching.runtime.log_clock import LogClock

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS
START_MS = START_NS // 1_000_000


class Clocks:
    def __init__(self) -> None:
        self.wall = START_NS
        self.monotonic = 5 * SECOND_NS

    def pass_(self, nanoseconds: int, wall: int | None = None) -> None:
        self.monotonic += nanoseconds
        self.wall += nanoseconds if wall is None else wall

    def log_clock(self, last_ms: int = 0) -> LogClock:
        return LogClock(last_ms, lambda: self.wall, lambda: self.monotonic)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_it_follows_the_wall_while_that_is_sound(clocks):
    clock = clocks.log_clock()
    for _ in range(100):
        clocks.pass_(SECOND_NS)
    assert clock.now_ms() == START_MS + 100_000
    assert not clock.alarm


def test_it_starts_no_earlier_than_the_journal_ended(clocks):
    assert clocks.log_clock(START_MS + 3_600_000).now_ms() == START_MS + 3_600_000


@pytest.mark.parametrize("jump_s", [86_400, -3_600])
def test_a_jump_of_the_wall_raises_an_alarm_and_is_slewed(clocks, jump_s):
    clock = clocks.log_clock()
    clocks.pass_(SECOND_NS, SECOND_NS + jump_s * SECOND_NS)
    assert clock.now_ms() == START_MS + 1_000 + (100 if jump_s > 0 else -100)
    assert clock.alarm


def test_it_comes_back_to_a_wall_that_is_half_a_second_away(clocks):
    clock = clocks.log_clock()
    clocks.pass_(0, SECOND_NS // 2)
    clock.now_ms()
    for _ in range(10):
        clocks.pass_(SECOND_NS)
        clock.now_ms()
    assert clock.now_ms() == clocks.wall // 1_000_000


def test_it_never_goes_back(clocks):
    clock = clocks.log_clock()
    seen = [clock.now_ms()]
    for step in range(500):
        clocks.pass_(7_000_000 * (step % 3), (-1) ** step * 40 * SECOND_NS)
        seen.append(clock.now_ms())
    assert seen == sorted(seen)
