"""A client's copy of a book, kept by the rules of docs/websocket.md: every step of them, and nothing else."""

import zlib
from decimal import Decimal
from typing import Any

TOP = 10


class OutOfStep(Exception):
    """The copy cannot go on: begin again from a snapshot."""


class BookCopy:
    """Prices and quantities as the streams write them; `u` is the last change it has seen, None before a snapshot."""

    def __init__(self) -> None:
        self.u: int | None = None
        self.bids: dict[Decimal, tuple[str, str]] = {}
        self.asks: dict[Decimal, tuple[str, str]] = {}
        self.waiting: list[dict[str, Any]] = []
        self.checked = 0  # Checksums that agreed.

    def depth(self, frame: dict[str, Any]) -> None:
        """One frame of `depth`. Raises OutOfStep when something is missing before it."""
        if self.u is None:
            self.waiting.append(frame)
        elif frame["u"] > self.u:
            if frame["U"] > self.u + 1:
                raise OutOfStep(f"Changes {self.u + 1} to {frame['U'] - 1} are missing")
            self._apply(frame)

    def snapshot(self, answer: dict[str, Any], price_decimals: int, quantity_decimals: int) -> None:
        """The answer of GET /api/v1/depth, which trims zeros: they are put back as the streams have them."""
        self.bids, self.asks = {}, {}
        for side, levels in ((self.bids, answer["bids"]), (self.asks, answer["asks"])):
            for price, quantity in levels:
                key = Decimal(price)
                side[key] = (f"{key:.{price_decimals}f}", f"{Decimal(quantity):.{quantity_decimals}f}")
        self.u = int(answer["lastUpdateId"])
        waiting, self.waiting = self.waiting, []
        for frame in waiting:
            self.depth(frame)

    def _apply(self, frame: dict[str, Any]) -> None:
        for side, levels in ((self.bids, frame["b"]), (self.asks, frame["a"])):
            for price, quantity in levels:
                if Decimal(quantity):
                    side[Decimal(price)] = (price, quantity)
                else:
                    side.pop(Decimal(price), None)
        self.u = frame["u"]

    def checksum(self) -> int:
        best = [self.asks[price] for price in sorted(self.asks)[:TOP]]
        best += [self.bids[price] for price in sorted(self.bids, reverse=True)[:TOP]]
        text = "".join(part.replace(".", "").lstrip("0") for level in best for part in level)
        return zlib.crc32(text.encode())

    def check(self, frame: dict[str, Any]) -> None:
        """One frame of `checksum` or `heartbeat`. Raises OutOfStep when the copy is not what it says."""
        if self.u is None or frame["u"] < self.u:
            return  # Of a book from before the snapshot.
        if frame["u"] > self.u:
            raise OutOfStep(f"Changes {self.u + 1} to {frame['u']} are missing")
        if frame["c"] != self.checksum():
            raise OutOfStep(f"The checksum of change {self.u} differs")
        self.checked += 1
