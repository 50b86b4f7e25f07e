"""Candle intervals: where a moment's candle starts and ends. Pure arithmetic on milliseconds since 1970, UTC.

Fixed lengths are aligned to the epoch (so `3d` is too), weeks to Monday, months to their first day.
"""

from datetime import UTC, datetime

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
DAY_MS = 24 * _HOUR
_WEEK = 7 * DAY_MS
_FIRST_MONDAY = 4 * DAY_MS  # 1970-01-05; the epoch was a Thursday.

FIXED_MS: dict[str, int] = {
    "1s": _SECOND,
    "1m": _MINUTE,
    "3m": 3 * _MINUTE,
    "5m": 5 * _MINUTE,
    "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE,
    "1h": _HOUR,
    "2h": 2 * _HOUR,
    "4h": 4 * _HOUR,
    "6h": 6 * _HOUR,
    "8h": 8 * _HOUR,
    "12h": 12 * _HOUR,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
}
WEEK = "1w"
MONTH = "1month"
INTERVALS: tuple[str, ...] = (*FIXED_MS, WEEK, MONTH)


def start_of(interval: str, at_ms: int) -> int:
    """Start of the candle that `at_ms` falls into, in ms. Raises KeyError for an unknown interval."""
    if interval == WEEK:
        return at_ms - (at_ms - _FIRST_MONDAY) % _WEEK
    if interval == MONTH:
        moment = datetime.fromtimestamp(at_ms // 1000, UTC)
        return _month_ms(moment.year, moment.month)
    return at_ms - at_ms % FIXED_MS[interval]


def end_of(interval: str, start_ms: int) -> int:
    """First moment after the candle that starts at `start_ms`. Raises KeyError for an unknown interval."""
    if interval == WEEK:
        return start_ms + _WEEK
    if interval == MONTH:
        moment = datetime.fromtimestamp(start_ms // 1000, UTC)
        return _month_ms(moment.year + moment.month // 12, moment.month % 12 + 1)
    return start_ms + FIXED_MS[interval]


def _month_ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
