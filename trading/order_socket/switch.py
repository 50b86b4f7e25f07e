"""Cancel on disconnect: the engine's own dead man's switch, held open by whatever the client sends.

The switch lies in the engine, so it fires although the client, its line, this process or the machine of the web has
died. Frames of the client set it anew (not more often than is needed); when the connection ends and this process lives,
orders are cancelled at once and the switch is turned off again.
"""

import asyncio
import logging

from exchange_site.kernel.errors import ApiError
from matching.client import gateway
from matching.messages import Answer, CancelAfter, CancelAllOrders
from trading.services import orders

log = logging.getLogger(__name__)

RENEWALS = 4  # In the time after which it fires.

_held: "dict[int, list[CancelSwitch]]" = {}  # By account: of connections of this process that live.
_background: set["asyncio.Task[None]"] = set()  # The loop keeps only weak references to its tasks.


class CancelSwitch:
    """Of one account: it has only one, so connections that share an account share what happens.

    Whoever leaves does not turn it off while another connection of this process relies on it. Connections in other
    processes are not known here: for them it is off until their next frame sets it anew, and until then it is their
    own process alone that cancels when they end.
    """

    def __init__(self, account_id: int, silent_s: int) -> None:
        self.account_id = account_id
        self.silent_s = silent_s
        self._loop = asyncio.get_running_loop()
        self._set_at = 0.0

    async def arm(self) -> None:
        """Raises ApiError: nobody could be protected now."""
        orders.deadline(await orders.ask(self._command(self.silent_s)))
        self._set_at = self._loop.time()
        _held.setdefault(self.account_id, []).append(self)

    def renew_when_due(self) -> None:
        """The client lives. Call it for every frame; it goes to the engine before what that frame asks for."""
        now = self._loop.time()
        if now - self._set_at >= self.silent_s / RENEWALS:
            self._set_at = now
            gateway.shared().submit(self._command(self.silent_s)).add_done_callback(_note)

    def off(self) -> "asyncio.Future[Answer]":
        self.let_go()
        return gateway.shared().submit(self._command(_others_need(self.account_id)))

    def let_go(self) -> None:
        """This connection relies on it no longer; what the engine has stays as it is."""
        others = _held.get(self.account_id, [])
        if self in others:
            others.remove(self)
        if not others:
            _held.pop(self.account_id, None)

    def fire(self) -> None:
        """The connection has ended: cancel now. If the engine cannot be reached, its switch does it."""
        self.let_go()
        task = self._loop.create_task(self._cancel_now())
        _background.add(task)
        task.add_done_callback(_background.discard)

    async def _cancel_now(self) -> None:
        try:
            done = orders.several(await orders.ask(CancelAllOrders(account_id=self.account_id)))
            orders.deadline(await orders.ask(self._command(_others_need(self.account_id))))
        except ApiError as error:
            log.warning(
                "Orders of account %d could not be cancelled when it disconnected, its switch will do it: %s",
                self.account_id,
                error.message or error.kind.message,
            )
        else:
            log.info("Account %d disconnected: %d orders cancelled.", self.account_id, len(done.orders))

    def _command(self, seconds: int) -> CancelAfter:
        return CancelAfter(account_id=self.account_id, after_ms=seconds * 1000)


def _others_need(account_id: int) -> int:
    """Seconds to which the switch is set for those who are still there; 0 turns it off."""
    return min((switch.silent_s for switch in _held.get(account_id, [])), default=0)


def _note(future: "asyncio.Future[Answer]") -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("A dead man's switch was not renewed: %s", error)


async def settle() -> None:
    """Wait for what was begun when connections ended; for tests and shutdown."""
    while _background:
        await asyncio.wait(set(_background))
