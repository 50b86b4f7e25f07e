"""Admit: the only way a command gets into the cmd stream (`docs/protocol.md`).

One script decides and appends, so that a command is never enqueued for an engine that is closed or drowning. An entry
id from here means "enqueued", never "accepted": only the engine's answer is that. Callers must not repeat an admit
whose connection broke (the entry may be in), except with an idempotency key.
"""

from enum import StrEnum

import redis

from exchange_site.kernel import redis_names
from matching.transport.script import Argument, Script

MAX_COMMANDS = 4_096  # Commands in one entry.
MAX_PAYLOAD_BYTES = 1024 * 1024
LEASE_GRACE_MS = 2_000  # A lease that ran out longer ago means that nobody is there to answer.
ORDER_SHARE_PERCENT = 80  # New orders are shed before cancels, so that whoever is in may always leave.

KEYS = (redis_names.COMMANDS, redis_names.ENGINE)


class Kind(StrEnum):
    """What an entry carries. All commands of an entry share one kind; a mix counts as `order`."""

    ORDER = "order"
    CANCEL = "cancel"
    ADMIN = "admin"


class Admission(StrEnum):
    """What the leading engine lets in: the `status` in its hash."""

    OPEN = "open"
    CANCEL_ONLY = "cancel_only"  # The database is far behind: no new orders, everything else.
    CLOSED = "closed"


class NotAdmitted(Exception):
    """Nothing was enqueued, for certain. `code` is `closed` (no engine takes commands) or `full` (too much waits, for
    the engine or for the database behind it)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


CLOSED = "closed"
FULL = "full"

# KEYS cmd, eng. ARGV count, bound of the backlog, grace in ms, payload, "1" when there is a new order in it. Returns
# the entry id, or "closed", or "full".
SCRIPT = Script("""
local e = redis.call('HMGET', KEYS[2], 'status', 'lease_until_ms', 'admitted', 'processed')
if e[1] ~= 'open' and e[1] ~= 'cancel_only' then return 'closed' end
local t = redis.call('TIME')
local now_ms = t[1] * 1000 + math.floor(t[2] / 1000)
if now_ms > tonumber(e[2] or '0') + tonumber(ARGV[3]) then return 'closed' end
if e[1] == 'cancel_only' and ARGV[5] == '1' then return 'full' end
local waiting = tonumber(e[3] or '0') - tonumber(e[4] or '0')
if waiting + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 'full' end
local id = redis.call('XADD', KEYS[1], '*', 'b', ARGV[4])
redis.call('HINCRBY', KEYS[2], 'admitted', ARGV[1])
return id
""")


def arguments(kind: Kind, count: int, max_backlog: int, payload: bytes) -> tuple[Argument, ...]:
    """ARGV of the script. `payload` is `codec.encode_entry(...)` of `count` commands. ValueError: too large."""
    if not 0 < count <= MAX_COMMANDS:
        raise ValueError(f"An entry carries 1 to {MAX_COMMANDS} commands, not {count}.")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"An entry has at most {MAX_PAYLOAD_BYTES} bytes, not {len(payload)}.")
    bound = max_backlog * ORDER_SHARE_PERCENT // 100 if kind is Kind.ORDER else max_backlog
    return (count, bound, LEASE_GRACE_MS, payload, 1 if kind is Kind.ORDER else 0)


def entry_id(raw: object) -> str:
    """The script's answer as the id of the new entry ("<ms>-<number>"). Raises NotAdmitted."""
    text = raw.decode("ascii") if isinstance(raw, bytes) else str(raw)
    if text in (CLOSED, FULL):
        raise NotAdmitted(text)
    return text


def admit(client: redis.Redis, kind: Kind, count: int, max_backlog: int, payload: bytes) -> str:
    """Enqueue one entry; returns its id. Raises NotAdmitted, or redis errors (then nobody knows whether it is in)."""
    return entry_id(SCRIPT.run(client, KEYS, arguments(kind, count, max_backlog, payload)))
