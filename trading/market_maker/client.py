"""A small client of the public REST API on one keep-alive connection: what any bot could write.

Three ways a request can end, never mixed: an answer; `Refused`, which is final (nothing was executed); `Away`, which
means that the exchange does not answer now and, for an order, that nobody knows what became of it. After `Away` the
caller looks at its open orders before it acts again.
"""

import http.client
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.signing.canonical import Prefixed, body_pairs, signed_strings
from accounts.signing.instructions import instruction_of
from exchange_site.kernel.clock import now_ms

WINDOW_MS = 5_000
MAX_ANSWER_BYTES = 4 * 1024 * 1024
DEFAULT_RETRY_S = 1
IDLE_S = 3  # Servers close idle connections after some seconds; an older one is replaced before it is used again.
JSON_HEADERS = {"Content-Type": "application/json"}
BATCH_LIMIT = 50  # Orders in one POST /api/v1/orders.


class Refused(Exception):
    """The exchange said no, finally. `code` is the stable code of its error table."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code


class Away(Exception):
    """No usable answer: connection broken, overload, maintenance. `retry_after_s` is what the exchange asked for."""

    def __init__(self, reason: str, retry_after_s: int = DEFAULT_RETRY_S):
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class ClientKey:
    """An Ed25519 key pair as the seed command writes it: `{"public_key": base64, "secret": base64 of the seed}`."""

    def __init__(self, public_key: str, secret: str):
        self.public_key = public_key
        self._private = Ed25519PrivateKey.from_private_bytes(b64decode(secret)[:32])

    @classmethod
    def read(cls, path: Path) -> "ClientKey":
        """Raises OSError or ValueError when the file is missing or is not a key."""
        content = json.loads(path.read_text(encoding="utf-8"))
        try:
            return cls(content["public_key"], content["secret"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is not a key file") from error

    def headers(self, method: str, path: str, groups: Sequence[Mapping[str, Any]], timestamp_ms: int) -> dict[str, str]:
        """The four headers of a signed request; a batch has one group of parameters for each order."""
        instruction = instruction_of(method, path)
        assert instruction is not None, "every route we use signs a word"
        timestamp, window = str(timestamp_ms), str(WINDOW_MS)
        prefixed = [Prefixed(instruction, body_pairs(group)) for group in groups]
        text = next(iter(signed_strings(prefixed, timestamp, window)))
        return {
            "X-API-Key": self.public_key,
            "X-Signature": b64encode(self._private.sign(text)).decode("ascii"),
            "X-Timestamp": timestamp,
            "X-Window": window,
        }


class ApiClient:
    """One account's view of the exchange. Not for use from several threads."""

    def __init__(self, base_url: str, key: ClientKey, timeout_ms: int):
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"Not an http address: {base_url}")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_ms / 1000)
        self._key = key
        self._used_at = time.monotonic()

    def close(self) -> None:
        self._connection.close()

    def set_timeout_ms(self, timeout_ms: int) -> None:
        """For the requests from here on; drops the connection."""
        self.close()
        self._connection.timeout = timeout_ms / 1000

    # ------------------------------------------------------------------------------------------------- the routes
    def markets(self) -> list[dict[str, Any]]:
        return self._send("GET", "/api/v1/markets")

    def last_price(self, symbol: str) -> str:
        """Text of the last trade's price, `"0"` when there was never one."""
        return self._send("GET", "/api/v1/ticker?" + urlencode({"symbol": symbol}))["lastPrice"]

    def capital(self) -> dict[str, dict[str, str]]:
        return self._signed("GET", "/api/v1/capital", {})

    def open_orders(self, symbol: str) -> list[dict[str, Any]]:
        return self._signed("GET", "/api/v1/orders", {"symbol": symbol})

    def place(self, order: Mapping[str, Any]) -> dict[str, Any]:
        return self._signed("POST", "/api/v1/order", order)

    def place_batch(self, orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """At most BATCH_LIMIT orders; each answer says for itself whether its order was taken."""
        headers = self._key.headers("POST", "/api/v1/orders", orders, now_ms())
        return self._send("POST", "/api/v1/orders", list(orders), headers)

    def cancel(self, symbol: str, order_id: str) -> dict[str, Any]:
        return self._signed("DELETE", "/api/v1/order", {"symbol": symbol, "orderId": order_id})

    def cancel_all(self, symbol: str) -> list[dict[str, Any]]:
        return self._signed("DELETE", "/api/v1/orders", {"symbol": symbol})

    # -------------------------------------------------------------------------------------------------- transport
    def _signed(self, method: str, path: str, params: Mapping[str, Any]) -> Any:
        headers = self._key.headers(method, path, [params], now_ms())
        if method == "GET":
            return self._send(method, f"{path}?{urlencode(params)}" if params else path, None, headers)
        return self._send(method, path, dict(params), headers)

    def _send(self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The decoded answer. Raises Refused or Away."""
        if time.monotonic() - self._used_at > IDLE_S:
            self.close()
        payload = None if body is None else json.dumps(body, separators=(",", ":")).encode("utf-8")
        try:
            self._connection.request(
                method, target, payload, {**(headers or {}), **JSON_HEADERS} if payload else headers or {}
            )
            response = self._connection.getresponse()
            content = response.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Away(f"{method} {target.partition('?')[0]}: {type(error).__name__} {error}".rstrip()) from error
        self._used_at = time.monotonic()
        return _decoded(response, content, f"{method} {target.partition('?')[0]}")


def _decoded(response: http.client.HTTPResponse, content: bytes, what: str) -> Any:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if response.status == 200 and answer is not None:
        return answer
    code = str(answer.get("code", "")) if isinstance(answer, dict) else ""
    message = str(answer.get("message", "")) if isinstance(answer, dict) else ""
    if code and 400 <= response.status < 500 and response.status != 429:
        raise Refused(response.status, code, message)
    if code == "TRADING_PAUSED":  # The market is halted, the exchange is not away.
        raise Refused(response.status, code, message)
    retry_after = response.getheader("Retry-After", "")
    raise Away(
        f"{what}: {response.status} {code}".rstrip(),
        min(int(retry_after), 30) if retry_after.isdecimal() else DEFAULT_RETRY_S,
    )
