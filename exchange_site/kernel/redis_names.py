"""Every Redis key, stream and channel name of the exchange, and the limits that go with them.

Two Redis roles (`docs/protocol.md`): *log* holds commands, events, replies and the engine's position, nothing else;
*fan* holds what may be lost: market and user feeds, caches, rate limits, the Celery broker, the Channels layer.
"""

# ------------------------------------------------------------------------------------------------------------ log
COMMANDS = "cmd"  # Stream: field b = CommandEntry.
EVENTS = "ev"  # Stream, id "<last n>-0": fields f = first n, t = term, c = chain after last n, b = [Outcome].
ENGINE = "eng"  # Hash: term, owner, lease_until_ms, status, n, seq, chain, admitted, processed, at_ms.
STANDBYS = "standby"  # Hash: owner -> "<believed until, ms> <JSON>" of every engine that stands by.
PAYLOAD_FIELD = b"b"

REPLIES_KEPT = 10_000  # Answers a web process may be behind before it loses some and reports "unknown".
LOG_KEPT_BEHIND_READERS = 100_000  # Entries of cmd and ev that stay after every reader has passed.


def replies(origin: str) -> str:
    """Stream of answers for one sending process: field b = [Answer]."""
    return f"rep:{origin}"


# ------------------------------------------------------------------------------------------------------------ fan
MARKET_FEED = "md"  # Stream from run_market_feed to every web process: field b = MarketBatch.
MARKET_FEED_KEPT = 2_000
MARKET_BOOKS = "md:books"  # Hash: market -> whole book, refreshed every second; with the md id it is true for.
USER_FEED = "ud"  # Stream from run_user_feed to every web process: field b = UserBatch.
USER_FEED_KEPT = 2_000


def feed_lease(stream: str) -> str:
    """Held by the one feed process that may write this stream of the fan."""
    return f"{stream}:lease"


def signed_once(digest: str) -> str:
    """A signed request that must not be used twice, until its window is over."""
    return f"once:{digest}"


def rate_bucket(name: str) -> str:
    """When the bucket of an account, a key or an address is full again, in µs of Redis' clock. Gone when it is full."""
    return f"rl:{name}"
