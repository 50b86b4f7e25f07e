"""Notes that other processes leave for the engine in its `eng` hash: how far the database is, and what they ask for.

A note is only written beside an existing `term`: after a wipe of Redis a lone note must not look like an engine's
state.
"""

from typing import Any

import redis

from exchange_site.kernel.redis_names import ENGINE

DB_N = "db_n"  # Last outcome committed to PostgreSQL; nothing after it may be trimmed.
REPUBLISH_FROM = "republish_from"  # First outcome a reader misses in ev.
SNAPSHOT_REQUESTED = "snapshot_requested"  # Asked for at this time (ms); the engine removes it when done.

STEP_DOWN = "stepdown"  # Who wants another engine to lead, and why.

_NOTE = """
if redis.call('HEXISTS', KEYS[1], 'term') == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""


def _note(client: redis.Redis, field: str, value: int | str) -> bool:
    written: Any = client.eval(_NOTE, 1, ENGINE, field, str(value))
    return bool(written)


def note_database_position(client: redis.Redis, n: int) -> bool:
    """Say that PostgreSQL holds everything up to outcome n. False when there is no engine to tell."""
    return _note(client, DB_N, n)


def ask_for_republish(client: redis.Redis, from_n: int) -> bool:
    """Ask the engine to publish again from outcome `from_n` on. False when there is no engine to tell."""
    return _note(client, REPUBLISH_FROM, from_n)


def ask_for_snapshot(client: redis.Redis, at_ms: int) -> bool:
    """Ask the engine for a snapshot soon. False when there is no engine to tell."""
    return _note(client, SNAPSHOT_REQUESTED, at_ms)


def ask_to_step_down(client: redis.Redis, wish: str) -> bool:
    """Ask the leading engine to let another lead; `wish` says who asks and why. False when there is no engine."""
    return _note(client, STEP_DOWN, wish)
