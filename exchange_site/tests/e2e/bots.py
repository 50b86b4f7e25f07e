"""A bot for end-to-end tests: signs requests itself, and asks again with the same key until it knows what happened."""

import http.client
import json
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.signing.canonical import Prefixed, body_pairs, signed_strings
from accounts.signing.instructions import instruction_of

WINDOW_MS = "20000"
FINAL_DEADLINE_S = 90
HELD_UP_S = 0.5  # An engine that died is not back sooner.
PAUSE_S = 0.1  # Between two tries while the engine is away.


@dataclass(frozen=True)
class KeyPair:
    public: str
    secret: str

    @classmethod
    def make(cls) -> "KeyPair":
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        return cls(b64encode(public).decode(), b64encode(private.private_bytes_raw()).decode())


@dataclass(frozen=True)
class Answer:
    """A final answer: status, decoded body, and how many requests it took."""

    status: int
    body: Any
    tries: int


class Bot:
    """One account's signed REST, one keep-alive connection. Give each thread a bot of its own."""

    def __init__(self, url: str, public: str, private: Ed25519PrivateKey) -> None:
        self._address = urlsplit(url)
        self._public = public
        self._private = private
        self._connection = self._connect()
        self._pause = threading.Event()
        self.unknown = 0  # Requests that ended without anybody knowing what became of them.
        self.held_up = 0  # Final answers that had to wait for something: asked for again, or slow.

    def _connect(self) -> http.client.HTTPConnection:
        assert self._address.hostname
        return http.client.HTTPConnection(self._address.hostname, self._address.port, timeout=15)

    def _headers(self, method: str, path: str, params: Any) -> dict[str, str]:
        groups = params if isinstance(params, list) else [params]
        instruction = instruction_of(method, path)
        assert instruction
        stamp = str(time.time_ns() // 1_000_000)
        text = next(iter(signed_strings([Prefixed(instruction, body_pairs(g)) for g in groups], stamp, WINDOW_MS)))
        return {
            "X-API-Key": self._public,
            "X-Signature": b64encode(self._private.sign(text)).decode(),
            "X-Timestamp": stamp,
            "X-Window": WINDOW_MS,
            "Content-Type": "application/json",
        }

    def once(self, method: str, path: str, params: Any, idempotency_key: str | None = None) -> tuple[int, Any]:
        """One request: status and decoded body. Raises OSError or HTTPException when there is no answer."""
        headers = self._headers(method, path, params)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        target, body = path, None
        if method == "GET":
            target = f"{path}?{urlencode(params)}" if params else path
        else:
            body = json.dumps(params).encode()
        try:
            self._connection.request(method, target, body, headers)
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def final(self, method: str, path: str, params: Any, idempotency_key: str | None = None) -> Answer:
        """Ask until the answer says for good what happened, always with the same key."""
        began = time.monotonic()
        deadline = began + FINAL_DEADLINE_S
        tries = 0
        while time.monotonic() < deadline:
            tries += 1
            try:
                status, body = self.once(method, path, params, idempotency_key)
            except (OSError, http.client.HTTPException):
                self.unknown += 1
                status, body = 0, None
            if status == 504:
                self.unknown += 1
            if is_final(status, body):
                self.held_up += tries > 1 or time.monotonic() - began > HELD_UP_S
                return Answer(status, body, tries)
            self._pause.wait(PAUSE_S)
        raise AssertionError(
            f"{method} {path} {idempotency_key}: no final answer in {tries} tries, last {status} {body}"
        )


def is_final(status: int, body: Any) -> bool:
    """Whether nothing can change any more: executed, or refused for good. In a batch every element has to be final."""
    if status == 200 and isinstance(body, list):
        return not any(each.get("code") in {"TIMEOUT", "MAINTENANCE"} for each in body)
    return status not in {0, 429, 503, 504}
