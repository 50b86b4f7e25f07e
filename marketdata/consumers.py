"""The WebSocket of the exchange, its public half: subscribe and unsubscribe, success is silent.

What private streams need (who is asking?) comes from a subclass in a layer above, `trading.consumers`.
"""

import asyncio
import logging
import time
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from exchange_site.kernel.asgi_extensions import SEVERAL_TEXTS
from marketdata.fanout import CLOSE_GOING_AWAY, CLOSE_POLICY, CLOSE_TOO_BIG, Outbox
from marketdata.hub import MarketHub, market_hub
from marketdata.stream_names import (
    INVALID_SIGNATURE,
    PARSE_ERROR,
    TOO_MANY_STREAMS,
    Stream,
    StreamRefused,
    is_private,
    parse_stream,
)

log = logging.getLogger(__name__)

MAX_STREAMS = 200
MAX_FRAME_BYTES = 16 * 1024
MESSAGES_PER_S = 5
MESSAGES_BURST = 50
LIFE_S = 24 * 3600
FIRST_COMMAND_S = 60  # Not sooner: some clients connect at their start and subscribe when their user asks for it.


class Allowance:
    """A bucket of messages that fills up again with time."""

    def __init__(self, per_s: int, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = float(burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class MarketConsumer(AsyncWebsocketConsumer):
    """One socket. Nothing a client sends may raise here: it gets an error frame, or is closed for breaking a limit."""

    channel_layer_alias = "unused"  # Everything comes from the hub; a subscription for each socket would be waste.
    outbox: Outbox
    hub: MarketHub

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without the clean-up of database connections before every message: this consumer has none."""
        handler = {
            "websocket.connect": self.websocket_connect,
            "websocket.receive": self.websocket_receive,
            "websocket.disconnect": self.websocket_disconnect,
        }[message["type"]]
        await handler(message)

    async def connect(self) -> None:
        self.hub = market_hub()
        self._allowance = Allowance(MESSAGES_PER_S, MESSAGES_BURST)
        self._names: dict[str, Stream] = {}
        await self.accept()
        joined = SEVERAL_TEXTS in self.scope.get("extensions", {})
        self.outbox = Outbox(self._send_together if joined else self._send_singly, self.close)
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(FIRST_COMMAND_S, self.outbox.close, CLOSE_POLICY)
        self._old = loop.call_later(LIFE_S, self.outbox.close, CLOSE_GOING_AWAY)

    async def _send_together(self, texts: list[bytes]) -> None:
        """Straight to our server, which takes several frames at once: this runs for every update to every socket."""
        await self.base_send({"type": "websocket.send", "texts": texts})

    async def _send_singly(self, texts: list[bytes]) -> None:
        """For a server that knows ASGI only."""
        for text in texts:
            await self.base_send({"type": "websocket.send", "text": text.decode()})

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "outbox"):
            self._idle.cancel()
            self._old.cancel()
            self.outbox.abandon(code)
            self.hub.drop(self.outbox)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._idle.cancel()
        if not self._allowance.take():
            self.outbox.close(CLOSE_POLICY)
        elif text_data is None:
            self.complain(PARSE_ERROR)
        elif len(text_data) > MAX_FRAME_BYTES or len(text_data.encode()) > MAX_FRAME_BYTES:
            self.outbox.close(CLOSE_TOO_BIG)
        else:
            await self._obey(text_data)

    async def _obey(self, text: str) -> None:
        try:
            command = orjson.loads(text)
        except orjson.JSONDecodeError:
            self.complain(PARSE_ERROR)
            return
        method = command.get("method") if isinstance(command, dict) else None
        names = command.get("params") if isinstance(command, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self.complain(PARSE_ERROR)
        elif method == "SUBSCRIBE":
            await self._subscribe(names, command.get("signature"))
        elif method == "UNSUBSCRIBE":
            self._unsubscribe(names)
        else:
            self.complain(PARSE_ERROR)

    async def _subscribe(self, names: list[str], signature: Any) -> None:
        """Valid streams are subscribed whatever else is wrong; each kind of mistake is told once."""
        errors: list[tuple[int, str]] = []
        private: dict[str, Stream] = {}
        for name in dict.fromkeys(names):
            try:
                stream = parse_stream(name)
                if is_private(name):
                    private[name] = stream
                else:
                    self._subscribe_public(name, stream)
            except StreamRefused as refused:
                errors.append(refused.error)
        if private:
            try:
                await self.subscribe_private(private, signature)
            except StreamRefused as refused:
                errors.append(refused.error)
        for error in dict.fromkeys(errors):
            self.complain(error)

    def _subscribe_public(self, name: str, stream: Stream) -> None:
        if name in self._names:
            return
        self.demand_room(1)
        self._names[name] = stream
        if not stream.silent:
            self.hub.subscribe(self.outbox, stream, name)

    def _unsubscribe(self, names: list[str]) -> None:
        """What was not subscribed is passed over in silence, and so is what is no stream at all."""
        for name in names:
            if is_private(name):
                self.unsubscribe_private(name)
                continue
            stream = self._names.pop(name, None)
            if stream is not None and not stream.silent:
                self.hub.unsubscribe(self.outbox, stream, name)

    def streams_held(self) -> int:
        return len(self._names)

    def demand_room(self, streams: int) -> None:
        """Raises StreamRefused when the connection would hold too many streams."""
        if self.streams_held() + streams > MAX_STREAMS:
            raise StreamRefused(TOO_MANY_STREAMS)

    async def subscribe_private(self, streams: dict[str, Stream], signature: Any) -> None:
        """Spelled name -> stream. Raises StreamRefused unless it is proved who asks."""
        raise StreamRefused(INVALID_SIGNATURE)

    def unsubscribe_private(self, name: str) -> None:
        """For every account the connection listens for."""

    def complain(self, error: tuple[int, str]) -> None:
        code, message = error
        self.outbox.put(b'{"id":null,"error":{"code":%d,"message":"%b"}}' % (code, message.encode()))
