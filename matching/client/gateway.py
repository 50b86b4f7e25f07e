"""Send and await, for a web process: one sender, one reply reader, one position reader on its event loop.

Natural batching: whatever gathers while an admit is under way goes as one entry with the next. There is no timer, so an
idle process adds no delay and a busy one sends large entries.

An engine that hands over to another is closed for the blink of an eye. Commands wait for that, but not for one that is
closed for longer: from then on they are refused at once.

What a caller can rely on: a command is sent at most once. `NotAdmitted` means that it certainly was not enqueued.
`OutcomeUnknown` means that it was, or may have been, and that no answer came in time.
"""

import asyncio
import logging
from collections import deque
from concurrent.futures import Future as ThreadFuture
from threading import get_ident

from django.conf import settings
from redis.exceptions import NoScriptError, ResponseError

from exchange_site.kernel.event_loop import runs_here
from exchange_site.kernel.redis_names import ENGINE, replies
from matching import codec, order_log
from matching.client import metrics
from matching.client.errors import CLOSED, FULL, UNREACHABLE, NotAdmitted, OutcomeUnknown, nothing_was_done
from matching.client.line import CONNECTION_ERRORS, Line, Position, ask_position
from matching.client.origin import new_origin
from matching.client.replies import answers_in
from matching.client.waiting import Waiting
from matching.messages import Answer, Command
from matching.transport import admit

__all__ = [
    "CLOSED", "FULL", "UNREACHABLE", "EngineGateway", "NotAdmitted", "OutcomeUnknown", "Position",
    "close_shared", "current", "shared",
]  # fmt: skip

log = logging.getLogger(__name__)

MAX_WAITING = 20_000  # Commands of this process without an answer; above it new ones are refused as `full`.
MAX_ENTRY_BYTES = admit.MAX_PAYLOAD_BYTES - 64 * 1024  # Leaves room for the envelope of an entry.
BLOCK_MS = 1_000
LOOK_AT_CLOCK_S = 1.0
READ_COUNT = 256
CANCEL_AGAIN_S = 0.1
HANDOVER_S = 1.0  # How long an engine may be closed before commands are refused.
HANDOVER_POLL_S = 0.02
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0)


class EngineGateway:
    """Use it from the event loop it was made on; `send_threadsafe` is for other threads of the process."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.thread = get_ident()
        self.origin = new_origin()
        self._queue: deque[Waiting] = deque()
        self._sent: dict[int, Waiting] = {}
        self._next_correlation = 1
        self._closed_since: float | None = None  # Since when the engine has taken nothing, by the loop's clock.
        self._last_reply_id = b"0"
        self._began = self.loop.time()  # When the command answered last was sent.
        self.ahead_ms = 0  # The log's time minus the wall clock's, as the engine says each second.
        self._closed = False
        self._wake = asyncio.Event()
        self._position_callers: list[asyncio.Future[Position]] = []
        self._position_wake = asyncio.Event()
        self._tasks = [
            self.loop.create_task(self._send_forever(), name="engine-sender"),
            self.loop.create_task(self._read_forever(), name="engine-replies"),
            self.loop.create_task(self._ask_position_forever(), name="engine-position"),
        ]

        for task in self._tasks:
            task.add_done_callback(_log_death)

    # ------------------------------------------------------------------------------------------------- for callers

    async def send(self, command: Command, *, timeout_s: float | None = None) -> Answer:
        """Send one command, await the engine's answer. Raises NotAdmitted or OutcomeUnknown."""
        return await self._enqueue(command, timeout_s)

    def submit(self, command: Command, *, timeout_s: float | None = None) -> "asyncio.Future[Answer]":
        """As `send`, without waiting. What is submitted before the loop goes on travels as one entry, in order."""
        return self._enqueue(command, timeout_s)

    async def send_many(self, commands: list[Command], *, timeout_s: float | None = None) -> list[Answer | Exception]:
        """Send commands that are executed in this order. Each gets its answer, NotAdmitted or OutcomeUnknown."""
        futures = [self._enqueue(command, timeout_s) for command in commands]
        answers: list[Answer | Exception] = []
        for outcome in await asyncio.gather(*futures, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
                raise outcome
            answers.append(outcome)
        return answers

    def send_threadsafe(self, command: Command, *, timeout_s: float | None = None) -> Answer:
        """As `send`, from a thread that is not the event loop's."""
        seconds = settings.API_REPLY_TIMEOUT_S if timeout_s is None else timeout_s
        future: ThreadFuture[Answer] = asyncio.run_coroutine_threadsafe(
            self.send(command, timeout_s=seconds), self.loop
        )
        try:
            return future.result(seconds + 2)
        except TimeoutError:
            raise OutcomeUnknown("The event loop did not answer in time.") from None

    def engine_n_threadsafe(self, timeout_s: float = 2) -> int:
        """As `engine_n`, from a thread that is not the event loop's."""
        future = asyncio.run_coroutine_threadsafe(self.engine_n(), self.loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise NotAdmitted(UNREACHABLE) from None

    async def position(self) -> Position:
        """Where the engine stands. Callers that come together share one question to Redis.

        Raises NotAdmitted("unreachable") when Redis is away.
        """
        future: asyncio.Future[Position] = self.loop.create_future()
        self._position_callers.append(future)
        self._position_wake.set()
        return await future

    async def engine_n(self) -> int:
        """The last outcome the engine has published: what everything answered so far is covered by. As `position`."""
        return (await self.position()).n

    @property
    def alive(self) -> bool:
        """False after a bug ended one of its tasks (which has been logged): make a new one."""
        sender, reader, position = self._tasks
        return not (sender.done() or reader.done() or position.done())

    @property
    def closed_for_s(self) -> float:
        """How long the engine has been found closed; 0 when it took the last command, or none was sent yet."""
        return 0.0 if self._closed_since is None else self.loop.time() - self._closed_since

    @property
    def waiting(self) -> int:
        """Commands without an answer yet."""
        return len(self._queue) + len(self._sent)

    async def close(self) -> None:
        self._closed = True
        pending = set(self._tasks)
        while pending:  # redis-py swallows a cancellation that comes while it connects, so once may not be enough.
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
        for item in self._queue:
            item.fail(NotAdmitted(CLOSED))
        for item in self._sent.values():
            item.fail(OutcomeUnknown("The gateway was closed."))
        self._queue.clear()
        self._sent.clear()

    # ------------------------------------------------------------------------------------------------------ sending

    def _enqueue(self, command: Command, timeout_s: float | None) -> "asyncio.Future[Answer]":
        future: asyncio.Future[Answer] = self.loop.create_future()
        if self.waiting >= MAX_WAITING:
            future.set_exception(NotAdmitted(FULL))
            return future
        item = Waiting(command, future, self.loop.time())
        seconds = settings.API_REPLY_TIMEOUT_S if timeout_s is None else timeout_s
        item.timer = self.loop.call_later(seconds, self._time_out, item)
        self._queue.append(item)
        self._wake.set()
        return future

    def _time_out(self, item: Waiting) -> None:
        if item.correlation:
            self._sent.pop(item.correlation, None)
            metrics.unknown.inc()
            item.fail(OutcomeUnknown("No answer in time."))
        else:
            item.fail(NotAdmitted(UNREACHABLE))  # The sender skips what is done already.

    def _take(self) -> list[Waiting]:
        """The next entry: what waits, up to the limits of an entry. Callers that have gone away are left out."""
        taken: list[Waiting] = []
        size = weight = 0
        while self._queue:
            item = self._queue[0]
            too_much = size + len(item.payload) > MAX_ENTRY_BYTES or weight + item.weight > admit.MAX_COMMANDS
            if taken and too_much:
                break
            self._queue.popleft()
            if item.future.done():
                if item.timer is not None:
                    item.timer.cancel()
                continue
            size += len(item.payload)
            weight += item.weight
            taken.append(item)
        return taken

    async def _send_forever(self) -> None:
        line = Line()
        try:
            while not self._closed:
                await self._wake.wait()
                self._wake.clear()
                while items := self._take():
                    await self._send_entry(line, items)
        finally:
            await line.close()

    async def _send_entry(self, line: Line, items: list[Waiting]) -> None:
        """Admit one entry. Every item ends up waiting for its answer, or failed."""
        try:
            await line.open()
        except CONNECTION_ERRORS as error:
            log.warning("The log is not reachable, %d commands refused: %s", len(items), error)
            await line.close()
            self._refuse(items, UNREACHABLE)
            return
        items = [item for item in items if not item.future.done()]  # Opening takes time: some may have been told no.
        if not items:
            return
        first = self._next_correlation
        self._next_correlation += len(items)
        for i, item in enumerate(items):
            item.correlation = first + i
            self._sent[item.correlation] = item
        kinds = {item.kind for item in items}
        kind = kinds.pop() if len(kinds) == 1 else admit.Kind.ORDER
        weight = sum(item.weight for item in items)
        payload = codec.encode_entry(self.origin, first, [item.payload for item in items], weight)
        arguments = admit.arguments(kind, weight, settings.ENGINE_MAX_BACKLOG, payload)
        try:
            try:
                raw = await line.call(*admit.SCRIPT.by_sha(admit.KEYS, arguments))
            except NoScriptError:  # The script did not start, so this is no repetition.
                raw = await line.call(*admit.SCRIPT.in_full(admit.KEYS, arguments))
            admit.entry_id(raw)
            self._closed_since = None
        except admit.NotAdmitted as refusal:
            if refusal.code == FULL:
                await self._send_cancels_alone(line, items)
            elif refusal.code == CLOSED and self._may_be_handing_over():
                self._put_back(items)
                await asyncio.sleep(HANDOVER_POLL_S)
            else:
                self._refuse(items, refusal.code)
        except CONNECTION_ERRORS as error:
            if nothing_was_done(error):
                log.warning("Redis refused %d commands: %s", len(items), error)
                self._refuse(items, UNREACHABLE)
            else:
                # Nobody knows whether the entry is in. An answer may still come; otherwise each times out as unknown.
                log.warning("The connection broke while %d commands were under way: %s", len(items), error)
            if not isinstance(error, ResponseError):
                await line.close()

    def _may_be_handing_over(self) -> bool:
        if self._closed_since is None:
            self._closed_since = self.loop.time()
        return self.closed_for_s < HANDOVER_S

    def _put_back(self, items: list[Waiting]) -> None:
        """What certainly was not enqueued waits again, before everything that came later."""
        for item in items:
            self._sent.pop(item.correlation, None)
            item.correlation = 0
        self._queue.extendleft(reversed(items))

    async def _send_cancels_alone(self, line: Line, items: list[Waiting]) -> None:
        """The backlog has no room for new orders; cancels have a higher bound, so they get their own entry."""
        orders = [item for item in items if item.kind is admit.Kind.ORDER]
        others = [item for item in items if item.kind is not admit.Kind.ORDER]
        if not orders or not others:
            self._refuse(items, FULL)
            return
        self._refuse(orders, FULL)
        for item in others:
            self._sent.pop(item.correlation, None)
            item.correlation = 0
        await self._send_entry(line, [item for item in others if not item.future.done()])

    def _refuse(self, items: list[Waiting], reason: str) -> None:
        metrics.refused.labels(reason).inc(len(items))
        for item in items:
            self._sent.pop(item.correlation, None)
            item.fail(NotAdmitted(reason))

    # ------------------------------------------------------------------------------------------------------ answers

    async def _read_forever(self) -> None:
        line = Line()
        failures = 0
        look_at = 0.0
        try:
            while not self._closed:
                try:
                    await line.open()
                    if self.loop.time() >= look_at:
                        look_at = self.loop.time() + LOOK_AT_CLOCK_S
                        self.ahead_ms = int(await line.call("HGET", ENGINE, "ahead_ms") or 0)
                    raw = await line.call(
                        "XREAD", "COUNT", READ_COUNT, "BLOCK", BLOCK_MS,
                        "STREAMS", replies(self.origin), self._last_reply_id,
                    )  # fmt: skip
                    failures = 0
                except CONNECTION_ERRORS as error:
                    if not failures:
                        log.warning("Lost the reply stream %s: %s", self.origin, error)
                    await line.close()
                    await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                    failures += 1
                    continue
                for entry_id, answers in answers_in(raw):
                    self._last_reply_id = entry_id
                    metrics.answers.inc(len(answers))
                    log_one_in = settings.LOG_ORDERS_ONE_IN
                    for answer in answers:
                        self._resolve(answer, log_one_in)
                    metrics.answer_seconds.observe(self.loop.time() - self._began)
        finally:
            await line.close()

    def _resolve(self, answer: Answer, log_one_in: int) -> None:
        item = self._sent.pop(answer.correlation, None)
        if item is None:
            return  # Its caller has given up already and was told that the outcome is unknown.
        if item.timer is not None:
            item.timer.cancel()
        self._began = item.began
        if log_one_in:
            order_log.answered("answered", log_one_in, self.origin, [answer], item.request_id)
        if not item.future.done():
            item.future.set_result(answer)

    # ----------------------------------------------------------------------------------------------------- position

    async def _ask_position_forever(self) -> None:
        """A question may only serve callers that came before it was asked: they want to see what is answered by now."""
        line = Line()
        try:
            while not self._closed:
                await self._position_wake.wait()
                self._position_wake.clear()
                callers, self._position_callers = self._position_callers, []
                try:
                    found = await ask_position(line)
                except CONNECTION_ERRORS as error:
                    for future in callers:
                        if not future.done():
                            future.set_exception(NotAdmitted(UNREACHABLE))
                    log.warning("The engine's position is not known: %s", error)
                    continue
                for future in callers:
                    if not future.done():
                        future.set_result(found)
        finally:
            await line.close()


def _log_death(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("The gateway's task %s died.", task.get_name(), exc_info=error)


_shared: EngineGateway | None = None


def shared() -> EngineGateway:
    """The gateway of the running event loop, made on first use. A process serves its site on one loop."""
    global _shared
    if _shared is None or not runs_here(_shared.loop, _shared.thread) or not _shared.alive:
        _shared = EngineGateway()
    return _shared


def current() -> EngineGateway | None:
    """The gateway of this process for other threads; None where no event loop serves (commands, Celery)."""
    return _shared if _shared is not None and _shared.loop.is_running() else None


async def close_shared() -> None:
    """Give up the gateway of this loop: at shutdown, and between tests."""
    global _shared
    gateway, _shared = _shared, None
    if gateway is not None:
        await gateway.close()
