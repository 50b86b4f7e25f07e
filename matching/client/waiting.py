"""One command of the gateway, from when it is asked for until it is answered."""

import asyncio

from exchange_site.kernel import log_context
from matching import codec
from matching.client.origin import kind_of, weight_of
from matching.messages import Answer, Command


class Waiting:
    """One command on its way. `correlation` is 0 until it has been put into an entry."""

    __slots__ = ("began", "correlation", "future", "kind", "payload", "request_id", "timer", "weight")

    def __init__(self, command: Command, future: "asyncio.Future[Answer]", began: float) -> None:
        self.kind = kind_of(command)
        self.weight = weight_of(command)
        self.payload = codec.encode(command)
        self.future = future
        self.correlation = 0
        self.began = began
        self.request_id = log_context.request_id()
        self.timer: asyncio.TimerHandle | None = None

    def fail(self, error: Exception) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if not self.future.done():
            self.future.set_exception(error)
