"""A Lua script of either Redis: sent by its hash, and in full only when Redis does not know it yet.

Ids and other large numbers go in and out as strings: Lua would print them in e-notation.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.exceptions import NoScriptError

Argument = bytes | str | int


@dataclass(frozen=True, slots=True)
class Script:
    """One atomic step on Redis."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    def by_sha(self, keys: Sequence[str], args: Sequence[Argument]) -> tuple[Argument, ...]:
        """Arguments for `execute_command`; Redis answers NOSCRIPT (and has done nothing) when it was restarted."""
        return ("EVALSHA", self.sha, len(keys), *keys, *args)

    def in_full(self, keys: Sequence[str], args: Sequence[Argument]) -> tuple[Argument, ...]:
        return ("EVAL", self.text, len(keys), *keys, *args)

    def run(self, client: redis.Redis, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run once. Trying again after NOSCRIPT is safe because the script did not start; nothing else is repeated."""
        execute: Any = client.execute_command
        try:
            return execute(*self.by_sha(keys, args))
        except NoScriptError:
            return execute(*self.in_full(keys, args))
