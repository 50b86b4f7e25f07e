"""Where candles start and end, in UTC."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_site.kernel.clock import ms_of
from marketdata.intervals import INTERVALS, end_of, start_of

MOMENTS = st.integers(0, 4_102_444_800_000)  # To the year 2100.


def ms(*parts):
    return ms_of(datetime(*parts, tzinfo=UTC))


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("1s", ms(2026, 3, 15, 13, 47, 59), ms(2026, 3, 15, 13, 48)),
        ("1m", ms(2026, 3, 15, 13, 47), ms(2026, 3, 15, 13, 48)),
        ("3m", ms(2026, 3, 15, 13, 45), ms(2026, 3, 15, 13, 48)),
        ("15m", ms(2026, 3, 15, 13, 45), ms(2026, 3, 15, 14)),
        ("6h", ms(2026, 3, 15, 12), ms(2026, 3, 15, 18)),
        ("1d", ms(2026, 3, 15), ms(2026, 3, 16)),
        ("1w", ms(2026, 3, 9), ms(2026, 3, 16)),  # A Monday.
        ("1month", ms(2026, 3, 1), ms(2026, 4, 1)),
    ],
)
def test_a_moment_and_its_candle(interval, start, end):
    assert start_of(interval, ms(2026, 3, 15, 13, 47, 59, 999_000)) == start
    assert end_of(interval, start) == end


def test_three_days_are_counted_from_the_epoch():
    assert start_of("3d", ms(1970, 1, 6)) == ms(1970, 1, 4)


def test_december_ends_with_the_year():
    assert end_of("1month", ms(2027, 12, 1)) == ms(2028, 1, 1)


@given(st.sampled_from(INTERVALS), MOMENTS)
def test_every_moment_lies_in_one_candle(interval, at_ms):
    start = start_of(interval, at_ms)
    end = end_of(interval, start)
    assert start <= at_ms < end
    assert start_of(interval, start) == start
    assert start_of(interval, end - 1) == start
    assert start_of(interval, end) == end
