"""The Redis server of the simulated machine: it dies, forgets, comes back, and its connections break."""

import os
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from exchange_site.simulation.fake_redis import Data, Effect, Pairs, RedisData, copy_of
from exchange_site.simulation.lua import CommandFailed
from exchange_site.simulation.scheduler import NS_PER_MS, NS_PER_S, Scheduler

DELIVERY_NS = 20_000  # From a write to the reader that waits for it.
IMAGES_KEPT = 6  # A replica may be so many seconds behind.


class RedisServer:
    """Data, and which of it is on disk: everything up to the last second, of the rest a first part."""

    def __init__(self, data: RedisData, scheduler: Scheduler, rng: Random) -> None:
        self.data = data
        self.up = True
        self.life = 1  # A connection made in an earlier life is broken.
        self._scheduler = scheduler
        self._rng = rng
        self._synced: Data = {}
        self._tail: list[Effect] = []
        self._images: deque[Data] = deque(maxlen=IMAGES_KEPT)
        scheduler.after(NS_PER_S, self._sync_every_second)

    def execute(self, words: list[bytes]) -> Any:
        answer, effect = self.data.execute(words)
        if effect.commands:
            self._tail.append(effect)
            for command in effect.commands:
                self._scheduler.wake(command[1], DELIVERY_NS)
        return answer

    def crash(self, how: str, away_ns: int) -> None:
        """`how` it comes back after `away_ns`: `whole`, `tail` (its last writes are gone), `stale`, `empty`."""
        if how == "empty":
            self.data.data = {}
        elif how == "stale" and self._images:
            self.data.data = copy_of(self._rng.choice(self._images))
        elif how in {"tail", "stale"}:
            self.data.data = copy_of(self._synced)
            for effect in self._tail[: self._rng.randrange(len(self._tail) + 1)]:
                self.data.replay(effect)
        self.data.forget_scripts()
        self._synced = copy_of(self.data.data)
        self._tail.clear()
        self._images.clear()
        self.up = False
        self.life += 1
        life = self.life
        self._scheduler.wake(None, 0)
        self._scheduler.after(away_ns, lambda: self._come_back(life))

    def _come_back(self, life: int) -> None:
        if life == self.life:  # Or it died once more meanwhile.
            self.up = True

    def _sync_every_second(self) -> None:
        if self._tail:
            self._images.append(self._synced)
            self._synced = copy_of(self.data.data)
            self._tail.clear()
        self._scheduler.after(NS_PER_S, self._sync_every_second)


class SimulatedConnection:
    """A connection of redis-py without its socket: what `LogConnection` and `redis.Redis` call of one."""

    server: RedisServer
    step: Callable[[str, str], str]
    scheduler: Scheduler

    def __init__(self, **options: Any) -> None:
        self.retry: Retry = options.get("retry") or Retry(NoBackoff(), 0)
        self.host, self.port, self.db = "simulated", 0, 0
        self.pid = os.getpid()  # The pool drops connections of another process.
        self._protocol = int(options.get("protocol") or 3)
        self._timeout_s: float = options.get("socket_timeout") or 3600
        self._life = 0
        self._answers: deque[tuple[str, Any]] = deque()

    # ------------------------------------------------------------------------------------------ what redis-py asks for

    def connect(self) -> None:
        if self._life:
            return
        self.step("redis.connect", "")
        if not self.server.up:
            raise redis.ConnectionError("Connection refused.")
        self._life = self.server.life

    def disconnect(self, *_: Any, **__: Any) -> None:
        self._life = 0
        self._answers.clear()

    @property
    def is_connected(self) -> bool:
        return bool(self._life)

    def can_read(self, timeout: float = 0) -> bool:
        self._check()
        return False

    def should_reconnect(self) -> bool:
        return False

    def reset_should_reconnect(self) -> None:
        return

    def get_protocol(self) -> int:
        return self._protocol

    def re_auth(self) -> None:
        return

    def send_command(self, *arguments: Any, **_: Any) -> None:
        self.connect()
        words = [_encoded(argument) for argument in arguments]
        fault = self.step("redis.send", _label(words))
        self._check()
        if fault == "cut_before":
            self._break()
        block_ms = _block_ms(words)
        answer = self.server.execute(words)
        if fault == "cut_after":
            self._life = -1
        if fault == "stall":
            self._answers.append(("stalled", answer))
        elif answer is None and block_ms:
            self._answers.append(("blocked", (words, block_ms)))
        else:
            self._answers.append(("ready", answer))

    def read_response(self, *_: Any, **__: Any) -> Any:
        self.step("redis.read", "")
        self._check()
        how, answer = self._answers.popleft()
        if how == "blocked":
            answer = self._wait_for(*answer)
        elif how == "stalled":
            self.scheduler.sleep(int(self._timeout_s * NS_PER_S))
            self.disconnect()
            raise redis.TimeoutError("Timeout reading from socket")
        if isinstance(answer, CommandFailed):
            raise _as_error(answer)
        return self._shaped(answer)

    # --------------------------------------------------------------------------------------------------------- inside

    def _wait_for(self, words: list[bytes], block_ms: int) -> Any:
        deadline_ns = self.scheduler.now_ns + block_ms * NS_PER_MS
        while (left_ns := deadline_ns - self.scheduler.now_ns) > 0:
            self.scheduler.wait(left_ns, words[-2])  # The stream's key.
            self._check()
            answer = self.server.execute(words)
            if answer is not None:
                return answer
        return None

    def _check(self) -> None:
        if self._life != self.server.life:
            self._break()

    def _break(self) -> None:
        self.disconnect()
        raise redis.ConnectionError("Connection closed by server.")

    def _shaped(self, answer: Any) -> Any:
        if isinstance(answer, Pairs):
            if self._protocol >= 3:
                return dict(zip(answer[::2], answer[1::2], strict=True))
            if len(answer) == 2 and isinstance(answer[1], list):
                return [list(answer)]  # XREAD: a list of streams.
            return list(answer)
        return answer


def _block_ms(words: list[bytes]) -> int:
    if words[0].upper() != b"XREAD":
        return 0
    options = words[: words.index(b"STREAMS")]
    return int(options[options.index(b"BLOCK") + 1]) if b"BLOCK" in options else 0


def _encoded(argument: Any) -> bytes:
    return argument if isinstance(argument, bytes) else str(argument).encode()


def _label(words: list[bytes]) -> str:
    if words[0].upper() in {b"EVAL", b"EVALSHA"}:
        return f"{words[0].decode()} {words[1][:8].decode()!r} {b' '.join(words[3:10])[:70]!r}"
    return b" ".join(words)[:80].decode("ascii", "replace")


def _as_error(failed: CommandFailed) -> redis.ResponseError:
    text = str(failed)
    code, _, rest = text.partition(" ")
    if code == "NOSCRIPT":
        return NoScriptError(rest)
    return redis.ResponseError(rest if code == "ERR" else text)
