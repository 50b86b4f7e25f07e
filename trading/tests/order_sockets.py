"""A client of the order socket against the site in the test process, for tests."""

import base64
import json
import time
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator

from accounts.signing.canonical import Prefixed, body_pairs, signed_strings
from exchange_site.asgi import application
from exchange_site.kernel import strict_json
from exchange_site.tests.api_rig import Signer

PATH = "/ws/orders"
ORDER = {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "price": "20.15", "quantity": "0.5"}
ASK = {**ORDER, "side": "Ask"}
DEADLINE_S = 10


def signature(
    who: Signer, params: dict[str, Any] | None = None, *, instruction: str = "logon", window: str = "5000",
    age_ms: int = 0,
) -> list[str]:  # fmt: skip
    """What a log-on carries; `age_ms` and `instruction` make it a bad one."""
    stamp = str(time.time_ns() // 1_000_000 - age_ms)
    members = strict_json.loads(json.dumps(params or {}).encode())
    text = next(iter(signed_strings([Prefixed(instruction, body_pairs(members))], stamp, window)))
    return [who.public_key, base64.b64encode(who.secret.sign(text)).decode(), stamp, window]


class OrderClient:
    """One connection; `client` is the address it seems to come from."""

    def __init__(self, client: tuple[str, int] = ("127.0.0.1", 123), path: str = PATH) -> None:
        self.wire = WebsocketCommunicator(application, path)
        self.wire.scope["client"] = client
        self._next_id = 0

    async def __aenter__(self) -> "OrderClient":
        connected, _ = await self.wire.connect(timeout=DEADLINE_S)
        assert connected
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        """End the connection from the client's side and wait until the site has seen it."""
        if not self.wire.future.done():
            await self.wire.send_input({"type": "websocket.disconnect", "code": 1000})
            await ApplicationCommunicator.wait(self.wire, DEADLINE_S)

    async def say(self, frame: Any) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        await self.wire.send_input({"type": "websocket.receive", "text": text})

    async def send(self, method: str, params: Any = None, id_: Any = None, **more: Any) -> Any:
        """Returns the request's id."""
        self._next_id += 1
        id_ = self._next_id if id_ is None else id_
        await self.say({"id": id_, "method": method, "params": params, **more})
        return id_

    async def hear(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self.wire.receive_from(timeout=DEADLINE_S))
        return answer

    async def ask(self, method: str, params: Any = None, id_: Any = None, **more: Any) -> dict[str, Any]:
        """One request and its answer, when nothing else is under way."""
        id_ = await self.send(method, params, id_, **more)
        answer = await self.hear()
        assert answer["id"] == id_, answer
        return answer

    async def log_on(self, who: Signer, **params: Any) -> dict[str, Any]:
        answer = await self.ask("LOGON", params, signature=signature(who, params))
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def closed_with(self) -> int:
        message = await self.wire.receive_output(timeout=DEADLINE_S)
        while message["type"] == "websocket.send":
            message = await self.wire.receive_output(timeout=DEADLINE_S)
        assert message["type"] == "websocket.close", message
        await self.wire.wait(timeout=DEADLINE_S)
        code: int = message["code"]
        return code


def refused(answer: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    """An error in the one shape of the order socket."""
    assert set(answer) == {"id", "error"}, answer
    error: dict[str, Any] = answer["error"]
    assert (error["status"], error["code"]) == (status, code), error
    assert error["message"]
    assert error["message"] != error["code"]
    return error
