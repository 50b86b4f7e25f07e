"""Redis's scripts in a real Lua: the text that production runs, on the data of the simulation.

Values change between the two languages exactly as Redis documents it: a nil reply is false, a number is cut to an
integer, an array ends at its first nil, a table with `err` is an error.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

from lupa import lua51

_WRAP = b"""
return function(run, keys, argv)
  local redis = {}
  redis.call = function(...) return run({...}, select('#', ...)) end
  return (function(KEYS, ARGV, redis)
%s
  end)(keys, argv, redis)
end
"""


class CommandFailed(Exception):
    """An error reply of a command; the message begins with its code."""


class Lua:
    """`call` executes one Redis command given as a list of bytes."""

    def __init__(self, call: Callable[[list[bytes]], Any]) -> None:
        self._lua = lua51.LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self._call = call
        self._compiled: dict[bytes, Any] = {}
        self.sha = functools.cache(lambda text: hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())

    def run(self, text: bytes, keys: list[bytes], arguments: list[bytes]) -> Any:
        compiled = self._compiled.get(text)
        if compiled is None:
            compiled = self._compiled[text] = self._lua.execute(_WRAP % text)
        return _from_lua(compiled(self._run, self._lua.table(*keys), self._lua.table(*arguments)))

    def _run(self, words: Any, count: int) -> Any:
        arguments = [words[i] for i in range(1, count + 1)]
        return self._to_lua(self._call([_word(word) for word in arguments]))

    def _to_lua(self, value: Any) -> Any:
        if value is None:
            return False
        if isinstance(value, list):
            return self._lua.table(*[self._to_lua(one) for one in value])
        return value


def _word(value: Any) -> bytes:
    """Arguments are strings, or numbers, which Lua prints its own way; Redis refuses everything else."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return b"%.17g" % value
    raise CommandFailed("ERR Lua redis lib command arguments must be strings or integers")


def _from_lua(value: Any) -> Any:
    if value is None or value is False:
        return None
    if value is True:
        return 1
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, bytes):
        return value
    found: list[Any] = []
    index = 1
    while (one := value[index]) is not None:
        found.append(_from_lua(one))
        index += 1
    return found
