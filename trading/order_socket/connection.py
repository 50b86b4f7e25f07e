"""One connection of the order socket: frames are read, sent to the engine and answered in their order.

Reading never waits for an answer: whatever the server has read goes to the gateway before the event loop goes on, and
so to the engine as one entry. What waits for its answer, or to be written, is bounded: beyond that nothing is read, and
TCP makes the client wait. Nothing a client sends may raise here.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from django.db import Error as DatabaseError

from accounts.api.limits import CommandMeter
from exchange_site.kernel import rate_limits
from exchange_site.kernel.errors import (
    INVALID_CLIENT_REQUEST,
    INVALID_SIGNATURE,
    MAINTENANCE,
    SERVER_ERROR,
    UNAUTHORIZED,
    ApiError,
)
from exchange_site.kernel.request_limits import charge_unproved, count_address
from marketdata import live_specs
from marketdata.consumers import MAX_FRAME_BYTES, MESSAGES_BURST, MESSAGES_PER_S, Allowance
from marketdata.fanout import CLOSE_FAILED, CLOSE_GOING_AWAY, CLOSE_POLICY, CLOSE_TOO_BIG
from matching.client import gateway
from matching.messages import Answer
from trading.api import order_commands
from trading.api.order_commands import Entered, Prepare
from trading.order_socket import frames
from trading.order_socket.frames import BadFrame, Frame
from trading.order_socket.logon import LogOn, log_on
from trading.order_socket.switch import CancelSwitch
from trading.services import orders

log = logging.getLogger(__name__)

FRAMES_BEFORE_YIELD = 64  # One who sends thousands at once must not hold up the others.
MAX_IN_FLIGHT = 500  # Requests of a connection without an answer that has been written.
LOG_ON_WITHIN_S = 20
MAX_LOG_ONS = 3  # Tries; then the connection is closed.
REFUSALS_PER_S, REFUSALS_BURST = 50, 1_000  # Bad frames and frames beyond the rate limits that are still answered.
GOODBYE_S = 3.0  # A close frame that cannot be written by then never will.

METHODS: dict[str, tuple[str, Prepare]] = {  # Method -> the route whose weight and rules it has, and what to do.
    "PLACE": ("/api/v1/order", order_commands.place),
    "CANCEL": ("/api/v1/order", order_commands.cancel),
    "AMEND": ("/api/v1/order", order_commands.amend),
    "CANCEL_ALL": ("/api/v1/orders", order_commands.cancel_all),
    "BATCH": ("/api/v1/orders", order_commands.batch),
    "OCO": ("/api/v1/order/oco", order_commands.place_oco),
    "CANCEL_AFTER": ("/api/v1/cancelAfter", order_commands.cancel_after),
}
LOG_ON, LOG_OFF, PING = "LOGON", "LOGOFF", "PING"

Read = Callable[[Answer], Entered]


class _Request:
    """One request on its way to its answer: `text` when that is known, else `future` and how to `read` it."""

    __slots__ = ("future", "id_json", "read", "text")

    def __init__(
        self, id_json: str, text: str = "", future: "asyncio.Future[Answer] | None" = None, read: Read | None = None
    ) -> None:
        self.id_json = id_json
        self.text = text
        self.future = future
        self.read = read


class OrderConnection:
    """Serves one WebSocket from its handshake to its end. `ended_with` is our close code, 0 when the client left."""

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self.scope = scope
        self.logged_on: LogOn | None = None
        self.switch: CancelSwitch | None = None
        self.loop = asyncio.get_running_loop()
        self.heard_at = self.loop.time()
        self.writing_since: float | None = None
        self.ended_with: int | None = None
        self._receive = receive
        self._send = send
        self._waiting: deque[_Request] = deque()
        self._news = asyncio.Event()  # There is a request to answer, or the first one's answer.
        self._room = asyncio.Event()
        self._over: asyncio.Future[None] = self.loop.create_future()
        self._allowance = Allowance(MESSAGES_PER_S, MESSAGES_BURST)  # As long as nobody knows who it is.
        self._log_ons = 0
        self._meter: CommandMeter
        self._gateway: gateway.EngineGateway
        self._leaving = False

    # ------------------------------------------------------------------------------------------------------ lifetime

    async def serve(self) -> None:
        """Returns when the connection has ended."""
        await self._receive()  # The handshake.
        await self._send({"type": "websocket.accept"})
        idle = self.loop.call_later(LOG_ON_WITHIN_S, self._demand_log_on)
        tasks = [self.loop.create_task(work) for work in (self._read(), self._write())]
        for task in tasks:
            task.add_done_callback(self._task_ended)
        try:
            await self._over
        finally:
            idle.cancel()
            for task in tasks:
                task.cancel()
            self._abandon()
            await self._say_goodbye(tasks)

    def close(self, code: int) -> None:
        """End the connection from our side; what is not written yet never will be. 0: the client has left."""
        if self.ended_with is None:
            self.ended_with = code
        if not self._over.done():
            self._over.set_result(None)

    def _demand_log_on(self) -> None:
        if self.logged_on is None:
            self.close(CLOSE_POLICY)

    def _task_ended(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        problem = task.exception()
        if isinstance(problem, OSError | RuntimeError):
            log.debug("An order socket ended while it was written to: %s", problem)
            self.close(0)
        elif problem is not None:
            log.error("Serving an order socket failed; it is closed.", exc_info=problem)
            self.close(CLOSE_FAILED)

    def _abandon(self) -> None:
        """What was sent to the engine takes its course without us. Orders go if that was asked for.

        When it is we who stop, the switch in the engine decides alone: whoever logs on again in time keeps the orders.
        """
        for request in self._waiting:
            if request.future is not None:
                request.future.add_done_callback(_forget)
        self._waiting.clear()
        if self.switch is None:
            return
        if self._leaving or self.ended_with == CLOSE_GOING_AWAY:
            self.switch.let_go()
        else:
            self.switch.fire()

    async def _say_goodbye(self, tasks: "list[asyncio.Task[None]]") -> None:
        await asyncio.wait(tasks)
        if not self.ended_with:
            return
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self._send({"type": "websocket.close", "code": self.ended_with})
        except (OSError, RuntimeError, TimeoutError) as problem:
            log.debug("An order socket was gone before it could be closed with %d: %s", self.ended_with, problem)

    # ------------------------------------------------------------------------------------------------------- reading

    @property
    def holds_back(self) -> bool:
        """Nothing is read for now: so much is on its way already."""
        return len(self._waiting) >= MAX_IN_FLIGHT

    async def _read(self) -> None:
        read = 0
        while not self._leaving:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self.close(0)
                return
            self.heard_at = self.loop.time()
            text = message.get("text")
            if text is None:
                self._refuse(ApiError(INVALID_CLIENT_REQUEST, "A frame must be text"))
            elif len(text) > MAX_FRAME_BYTES or len(text.encode()) > MAX_FRAME_BYTES:
                self.close(CLOSE_TOO_BIG)
                return
            else:
                await self._take(text)
            read += 1
            if read % FRAMES_BEFORE_YIELD == 0:
                await asyncio.sleep(0)
            while self.holds_back:
                self._room.clear()
                await self._room.wait()
                self.heard_at = self.loop.time()

    async def _take(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except BadFrame as bad:
            self._refuse(bad.error, bad.id_json)
            return
        try:
            if self.logged_on is None:
                await self._log_on(frame)
            else:
                await self._obey(frame, self.logged_on)
        except ApiError as error:
            self._refuse(error, frame.id_json)
        except DatabaseError as problem:
            log.warning("A frame of an order socket was refused, the database does not answer: %s", problem)
            message = "The database is not reachable; nothing was executed"
            self._refuse(ApiError(MAINTENANCE, message, {"executed": False}, {"Retry-After": "1"}), frame.id_json)
        except Exception:
            log.exception("A frame of an order socket could not be handled.")
            self._refuse(ApiError(SERVER_ERROR), frame.id_json)

    async def _obey(self, frame: Frame, who: LogOn) -> None:
        if self.switch is not None:
            self.switch.renew_when_due()
        path, prepare = METHODS.get(frame.method) or ("", None)
        self._meter.count(path, frame.params)
        if prepare is None:
            self._obey_here(frame)
            return
        await self._meter.limiter.demand_store()
        prepared = prepare(who.principal, frame.params, who.key_of(frame.id), await live_specs.specs())
        if not self._gateway.alive:
            self._gateway = gateway.shared()
        self._put(_Request(frame.id_json, "", self._gateway.submit(prepared.command), prepared.read))

    def _obey_here(self, frame: Frame) -> None:
        """What needs no engine, but for the end of a session that holds a switch."""
        if frame.method == PING:
            self._put(_Request(frame.id_json, frames.result_text(frame.id_json, Entered({}))))
        elif frame.method == LOG_OFF:
            self._leaving = True
            future = None if self.switch is None else self.switch.off()
            text = frames.result_text(frame.id_json, Entered({})) if future is None else ""
            self._put(_Request(frame.id_json, text, future, _nothing_to_say))
        elif frame.method == LOG_ON:
            raise ApiError(INVALID_CLIENT_REQUEST, "This connection is logged on already")
        else:
            known = ", ".join([*METHODS, PING, LOG_OFF])
            raise ApiError(INVALID_CLIENT_REQUEST, f"method must be one of {known}")

    async def _log_on(self, frame: Frame) -> None:
        if frame.method != LOG_ON:
            raise ApiError(UNAUTHORIZED, "Log on first")
        self._log_ons += 1
        count = count_address(self.scope, 1, spare=False)
        try:
            who = await log_on(frame.params, frame.signature, self.scope)
            await rate_limits.shared().demand_store()
            if who.silent_s is not None:
                switch = CancelSwitch(who.principal.account_id, who.silent_s)
                await switch.arm()
                self.switch = switch
        except (ApiError, DatabaseError) as refusal:
            if isinstance(refusal, ApiError) and refusal.kind is INVALID_SIGNATURE:
                charge_unproved(count, forged=True)
            if self._log_ons >= MAX_LOG_ONS:
                self.loop.call_soon(self._leave)
            raise
        self.renew(who)
        self._allowance = Allowance(REFUSALS_PER_S, REFUSALS_BURST)
        value = {"accountId": str(who.principal.account_id), "session": who.name, "cancelOnDisconnect": who.silent_s}
        self._put(_Request(frame.id_json, frames.result_text(frame.id_json, Entered(value))))

    def renew(self, who: LogOn) -> None:
        """Who this is, and what that is worth, from now on."""
        self.logged_on = who
        self._meter = CommandMeter(self.scope, who.principal)
        self._gateway = gateway.shared()  # Kept, because asking for the running loop is a system call.

    def _leave(self) -> None:
        """Close when everything is answered."""
        self._leaving = True
        self._news.set()

    def _refuse(self, error: ApiError, id_json: str = frames.NO_ID) -> None:
        if not self._allowance.take():
            self.close(CLOSE_POLICY)
            return
        self._put(_Request(id_json, frames.error_text(id_json, error)))

    def _put(self, request: _Request) -> None:
        self._waiting.append(request)
        self._news.set()

    # ----------------------------------------------------------------------------------------------------- answering

    async def _write(self) -> None:
        """Answers in the order of their requests. What a slow reader does not take holds up its own requests only."""
        waiting, send = self._waiting, self._send
        while True:
            while waiting:
                request = waiting[0]
                future = request.future
                if future is not None and not future.done():
                    self._news.clear()
                    future.add_done_callback(self._answer_came)
                    await self._news.wait()
                    continue
                text = request.text if future is None else _answer(request.id_json, future, request.read)
                self.writing_since = self.loop.time()
                await send({"type": "websocket.send", "text": text})
                self.writing_since = None
                waiting.popleft()
                if len(waiting) <= MAX_IN_FLIGHT // 2:
                    self._room.set()
            if self._leaving:
                self.close(1000 if self.logged_on is not None else CLOSE_POLICY)
                return
            self._news.clear()
            await self._news.wait()

    def _answer_came(self, _future: "asyncio.Future[Answer]") -> None:
        self._news.set()


def _answer(id_json: str, future: "asyncio.Future[Answer]", read: Read | None) -> str:
    assert read is not None, "what the engine answers has a reader"
    try:
        return frames.result_text(id_json, read(future.result()))
    except (gateway.NotAdmitted, gateway.OutcomeUnknown) as problem:
        return frames.error_text(id_json, orders.as_api_error(problem))
    except ApiError as error:
        return frames.error_text(id_json, error)
    except Exception:
        log.exception("An answer of the engine could not be told.")
        return frames.error_text(id_json, ApiError(SERVER_ERROR))


def _nothing_to_say(answer: Answer) -> Entered:
    orders.deadline(answer)
    return Entered({})


def _forget(future: "asyncio.Future[Answer]") -> None:
    """Somebody has to look at its failure, or asyncio complains."""
    if not future.cancelled():
        future.exception()


__all__ = ["METHODS", "OrderConnection"]
