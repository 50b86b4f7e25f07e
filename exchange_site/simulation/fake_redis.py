"""Redis as the log uses it: hashes and streams, its own id rules, scripts run by a real Lua, and the losses of an AOF.

Only commands that the exchange sends are known; any other is an error, as a new one must be added here and to the test
that compares this with a real server. Answers have the shape of RESP2, maps are `Pairs`.
"""

import bisect
from collections.abc import Callable
from typing import Any, NamedTuple

from exchange_site.simulation.lua import CommandFailed, Lua

NODE_ENTRIES = 10  # Approximate trimming drops whole nodes; a real node holds few entries when they are large.


class Pairs(list[Any]):
    """A map: a flat list in RESP2, a map in RESP3."""


class Stream:
    """Entries in order of their ids, and the highest id ever given."""

    __slots__ = ("entries", "last")

    def __init__(self) -> None:
        self.entries: list[tuple[tuple[int, int], list[bytes]]] = []
        self.last = (0, 0)

    def copy(self) -> "Stream":
        twin = Stream()
        twin.entries = list(self.entries)
        twin.last = self.last
        return twin

    def after(self, position: tuple[int, int]) -> int:
        """The index of the first entry with a higher id."""
        return bisect.bisect_right(self.entries, position, key=lambda entry: entry[0])


Data = dict[bytes, "dict[bytes, bytes] | Stream"]


class Effect(NamedTuple):
    """Writes of one command or script, as the append-only file has them: all of them or none."""

    commands: tuple[tuple[bytes, ...], ...]


def copy_of(data: Data) -> Data:
    return {key: value.copy() for key, value in data.items()}


class RedisData:
    """The keyspace and its commands. `observe` is told of every entry a client or a script adds to a stream."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self.data: Data = {}
        self.observe: Callable[[bytes, tuple[int, int], dict[bytes, bytes]], None] = lambda key, entry_id, fields: None
        self.edit_script: Callable[[bytes], bytes] = lambda text: text
        self._wall_ms = wall_ms
        self._scripts: dict[bytes, bytes] = {}
        self._writes: list[tuple[bytes, ...]] = []
        self._lua = Lua(self._call)
        self._commands: dict[bytes, Callable[[list[bytes]], Any]] = {
            name[1:].upper().encode(): getattr(self, name)
            for name in dir(self)
            if name.startswith("_") and name[1:] in _KNOWN
        }

    def execute(self, arguments: list[bytes]) -> tuple[Any, Effect]:
        """Run one command or script: its answer (or the CommandFailed it ends with) and what it wrote."""
        self._writes = []
        try:
            answer: Any = self._call(arguments)
        except CommandFailed as error:
            answer = error
        return answer, Effect(tuple(self._writes))

    def replay(self, effect: Effect) -> None:
        """What a restarting server does with its append-only file."""
        observe, self.observe = self.observe, lambda key, entry_id, fields: None
        for command in effect.commands:
            self._call(list(command))
        self.observe = observe

    def forget_scripts(self) -> None:
        self._scripts.clear()

    def _call(self, arguments: list[bytes]) -> Any:
        command = self._commands.get(arguments[0].upper())
        if command is None:
            raise CommandFailed(f"ERR unknown command '{arguments[0].decode()}'")
        return command(arguments[1:])

    # --------------------------------------------------------------------------------------------- server and scripts

    def _ping(self, _: list[bytes]) -> bytes:
        return b"PONG"

    def _time(self, _: list[bytes]) -> list[bytes]:
        seconds, millis = divmod(self._wall_ms(), 1000)
        return [str(seconds).encode(), str(millis * 1000).encode()]

    def _role(self, _: list[bytes]) -> list[Any]:
        return [b"master", 0, []]

    def _config(self, words: list[bytes]) -> Pairs:
        known = {b"maxmemory-policy": b"noeviction", b"appendonly": b"yes"}
        return Pairs([words[1], known[words[1]]])

    def _eval(self, words: list[bytes]) -> Any:
        text = words[0]
        self._scripts[self._lua.sha(text)] = text
        return self._run(text, words[1:])

    def _evalsha(self, words: list[bytes]) -> Any:
        text = self._scripts.get(words[0].lower())
        if text is None:
            raise CommandFailed("NOSCRIPT No matching script. Please use EVAL.")
        return self._run(text, words[1:])

    def _run(self, text: bytes, words: list[bytes]) -> Any:
        keys = int(words[0])
        return self._lua.run(self.edit_script(text), words[1 : 1 + keys], words[1 + keys :])

    # ----------------------------------------------------------------------------------------------------- any key

    def _del(self, keys: list[bytes]) -> int:
        found = [key for key in keys if self.data.pop(key, None) is not None]
        if found:
            self._writes.append((b"DEL", *found))
        return len(found)

    def _exists(self, keys: list[bytes]) -> int:
        return sum(key in self.data for key in keys)

    def _expire(self, words: list[bytes]) -> int:
        return int(words[0] in self.data)  # An hour is longer than any run.

    # ------------------------------------------------------------------------------------------------------ hashes

    def _hash(self, key: bytes) -> dict[bytes, bytes]:
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            raise CommandFailed("WRONGTYPE Operation against a key holding the wrong kind of value")
        return value

    def _hget(self, words: list[bytes]) -> bytes | None:
        return self._hash(words[0]).get(words[1])

    def _hmget(self, words: list[bytes]) -> list[bytes | None]:
        value = self._hash(words[0])
        return [value.get(field) for field in words[1:]]

    def _hgetall(self, words: list[bytes]) -> Pairs:
        return Pairs(part for pair in self._hash(words[0]).items() for part in pair)

    def _hexists(self, words: list[bytes]) -> int:
        return int(words[1] in self._hash(words[0]))

    def _hset(self, words: list[bytes]) -> int:
        key, pairs = words[0], words[1:]
        if not pairs or len(pairs) % 2:
            raise CommandFailed("ERR wrong number of arguments for 'hset' command")
        value = self._hash(key)
        fresh = sum(field not in value for field in set(pairs[::2]))
        value.update(zip(pairs[::2], pairs[1::2], strict=True))
        self.data[key] = value
        self._writes.append((b"HSET", *words))
        return fresh

    def _hdel(self, words: list[bytes]) -> int:
        value = self._hash(words[0])
        gone = [field for field in words[1:] if value.pop(field, None) is not None]
        if gone:
            self._writes.append((b"HDEL", words[0], *gone))
            if not value:
                del self.data[words[0]]
        return len(gone)

    def _hincrby(self, words: list[bytes]) -> int:
        value = self._hash(words[0])
        try:
            number = int(value.get(words[1], b"0")) + int(words[2])
        except ValueError:
            raise CommandFailed("ERR hash value is not an integer") from None
        value[words[1]] = str(number).encode()
        self.data[words[0]] = value
        self._writes.append((b"HSET", words[0], words[1], value[words[1]]))
        return number

    # ----------------------------------------------------------------------------------------------------- streams

    def _stream(self, key: bytes) -> Stream | None:
        value = self.data.get(key)
        if value is not None and not isinstance(value, Stream):
            raise CommandFailed("WRONGTYPE Operation against a key holding the wrong kind of value")
        return value

    def _xadd(self, words: list[bytes]) -> bytes:
        key, rest = words[0], words[1:]
        kept: int | None = None
        if rest[0].upper() == b"MAXLEN":
            approximate = rest[1] == b"~"
            kept = int(rest[1 + approximate])
            rest = rest[2 + approximate :]
        given, fields = rest[0], rest[1:]
        stream = self._stream(key) or Stream()
        if given == b"*":
            now_ms = self._wall_ms()
            entry_id = (now_ms, 0) if now_ms > stream.last[0] else (stream.last[0], stream.last[1] + 1)
        else:
            entry_id = _id(given)
            if entry_id == (0, 0):
                raise CommandFailed("ERR The ID specified in XADD must be greater than 0-0")
            if entry_id <= stream.last:
                raise CommandFailed("ERR The ID specified in XADD is equal or smaller than the target stream top item")
        stream.entries.append((entry_id, fields))
        stream.last = entry_id
        self.data[key] = stream
        if kept is not None and len(stream.entries) - kept >= NODE_ENTRIES:
            del stream.entries[: (len(stream.entries) - kept) // NODE_ENTRIES * NODE_ENTRIES]
        text = _text(entry_id)
        self._writes.append((b"XADD", key, text, *fields))
        self.observe(key, entry_id, dict(zip(fields[::2], fields[1::2], strict=True)))
        return text

    def _xdel(self, words: list[bytes]) -> int:
        stream = self._stream(words[0])
        if stream is None:
            return 0
        gone = {_id(text) for text in words[1:]}
        before = len(stream.entries)
        stream.entries = [entry for entry in stream.entries if entry[0] not in gone]
        self._writes.append((b"XDEL", *words))
        return before - len(stream.entries)

    def _xtrim(self, words: list[bytes]) -> int:
        if words[1].upper() != b"MINID" or words[2] != b"~":
            raise CommandFailed("ERR syntax error")
        stream = self._stream(words[0])
        if stream is None:
            return 0
        below = bisect.bisect_left(stream.entries, _id(words[3]), key=lambda entry: entry[0])
        gone = below // NODE_ENTRIES * NODE_ENTRIES
        del stream.entries[:gone]
        if gone:
            self._writes.append((b"XTRIM", *words))
        return gone

    def _xlen(self, words: list[bytes]) -> int:
        stream = self._stream(words[0])
        return 0 if stream is None else len(stream.entries)

    def _xrange(self, words: list[bytes]) -> list[Any]:
        return self._range(words[0], words[1], words[2], words[3:], reverse=False)

    def _xrevrange(self, words: list[bytes]) -> list[Any]:
        return self._range(words[0], words[2], words[1], words[3:], reverse=True)

    def _range(self, key: bytes, low: bytes, high: bytes, options: list[bytes], reverse: bool) -> list[Any]:
        stream = self._stream(key)
        if stream is None:
            return []
        start = 0 if low == b"-" else stream.after(_before(low))
        end = len(stream.entries) if high == b"+" else stream.after(_upper(high))
        found = stream.entries[start:end]
        if reverse:
            found.reverse()
        if options:
            found = found[: int(options[1])]
        return [[_text(entry_id), list(fields)] for entry_id, fields in found]

    def _xread(self, words: list[bytes]) -> Pairs | None:
        """Without waiting: the connection does that."""
        names = [word.upper() for word in words]
        count = int(words[names.index(b"COUNT") + 1]) if b"COUNT" in names else None
        key, after = words[names.index(b"STREAMS") + 1 :]
        stream = self._stream(key)
        if stream is None:
            return None
        found = stream.entries[stream.after(_id(after)) :][:count]
        if not found:
            return None
        return Pairs([key, [[_text(entry_id), list(fields)] for entry_id, fields in found]])

    def _xinfo(self, words: list[bytes]) -> Pairs:
        stream = self._stream(words[1])
        if stream is None:
            raise CommandFailed("ERR no such key")
        return Pairs([b"length", len(stream.entries), b"last-generated-id", _text(stream.last)])


_SERVER = ("ping", "time", "role", "config", "eval", "evalsha", "del", "exists", "expire")
_HASHES = ("hget", "hmget", "hgetall", "hexists", "hset", "hdel", "hincrby")
_STREAMS = ("xadd", "xdel", "xtrim", "xlen", "xrange", "xrevrange", "xread", "xinfo")
_KNOWN = frozenset((*_SERVER, *_HASHES, *_STREAMS))


def _id(text: bytes) -> tuple[int, int]:
    millis, _, number = text.partition(b"-")
    try:
        return int(millis), int(number or 0)
    except ValueError:
        raise CommandFailed("ERR Invalid stream ID specified as stream command argument") from None


def _text(entry_id: tuple[int, int]) -> bytes:
    return b"%d-%d" % entry_id


def _before(low: bytes) -> tuple[int, int]:
    """The id just below everything that the lower end of a range includes."""
    if low.startswith(b"("):
        return _id(low[1:])
    millis, number = _id(low)
    return (millis, number - 1) if number else (millis - 1, 2**64 - 1)


def _upper(high: bytes) -> tuple[int, int]:
    if high.startswith(b"("):
        return _before(high[1:])
    millis, dash, number = high.partition(b"-")
    return int(millis), int(number) if dash else 2**64 - 1
