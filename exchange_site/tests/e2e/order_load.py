"""Load on an exchange: accounts that send batches of orders without a pause, and remember what they were answered."""

import http.client
import threading
import time
from base64 import b64decode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange_site.tests.e2e.bots import Bot, KeyPair
from exchange_site.tests.e2e.running import RunningExchange

IN_ONE_REQUEST = 20
ORDER = {
    "symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "price": "1.00", "quantity": "1", "timeInForce": "IOC",
}  # fmt: skip


@dataclass
class Loader:
    """One account. Its orders meet nothing, so each is over at once; `accepted` has number and time of every one."""

    exchange: RunningExchange
    pair: KeyPair
    accepted: list[tuple[int, float]] = field(default_factory=list)
    refusals: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        private = Ed25519PrivateKey.from_private_bytes(b64decode(self.pair.secret))
        bot = Bot(self.exchange.url, self.pair.public, private)
        while not self._over.is_set():
            try:
                _, answers = bot.once("POST", "/api/v1/orders", [ORDER] * IN_ONE_REQUEST)
            except (OSError, http.client.HTTPException):
                continue
            at = time.monotonic()
            for one in answers if isinstance(answers, list) else [answers]:
                if "id" in one:
                    self.accepted.append((int(one["id"]), at))
                else:
                    self.refusals.add(str(one.get("code")))
