"""The engine as its clients see it: the real core behind the real streams, in a thread, without journal and lease.

It answers when it is told to, so a test can look at a command that is under way.
"""

import threading
from typing import Any

import redis

from exchange_site.kernel.clock import now_ms
from exchange_site.kernel.redis_names import COMMANDS, ENGINE, PAYLOAD_FIELD, replies
from matching import codec
from matching.core.engine import Engine
from matching.messages import Answer, Command, CreditAccount, FundHouse, ListAsset, ListMarket

STAFF = {"actor": "test", "reason": "test"}
SOL_USDC: list[Command] = [
    ListAsset(symbol="SOL", decimals=9, **STAFF),
    ListAsset(symbol="USDC", decimals=6, **STAFF),
    ListMarket(
        symbol="SOL_USDC",
        base="SOL",
        quote="USDC",
        base_units_per_lot=10_000_000,
        quote_units_per_tick_lot=100,
        min_quantity_lots=1,
        max_open_orders=200,
        maker_fee_ppm=800,
        taker_fee_ppm=1000,
        **STAFF,
    ),
]


class FakeEngine:
    """Use as a context manager to have it answer by itself."""

    def __init__(self, client: redis.Redis) -> None:
        self.client: Any = client
        self.engine = Engine()
        self.last_id = "0"
        self.seen: list[Command] = []
        self.silent = False  # Applies, but never answers.
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.open()

    def open(self, backlog: int = 0) -> None:
        lease = now_ms() + 600_000
        position = {"status": "open", "lease_until_ms": lease, "n": self.engine.n, "admitted": backlog, "processed": 0}
        self.client.hset(ENGINE, mapping=position)

    def close(self) -> None:
        self.client.hset(ENGINE, "status", "closed")

    def prepare(self, *account_ids: int) -> None:
        """One market, and money for these accounts."""
        commands = list(SOL_USDC)
        for asset in ("SOL", "USDC"):
            commands.append(FundHouse(asset=asset, units=10**15, reference="test", **STAFF))
            commands += [
                CreditAccount(account_id=account_id, asset=asset, units=10**13, reference="test", **STAFF)
                for account_id in account_ids
            ]
        for i, command in enumerate(commands):
            self.engine.apply(command, f"0-1/{i}", now_ms())
        self.client.hset(ENGINE, "n", self.engine.n)

    def step(self, block_ms: int = 50) -> int:
        """Take what is there; returns the number of commands."""
        streams = self.client.xread({COMMANDS: self.last_id}, count=64, block=block_ms)
        entries = [] if not streams else (streams[0][1] if isinstance(streams, list) else next(iter(streams.values())))
        done = 0
        for entry_id, fields in entries:
            self.last_id = entry_id
            done += self._answer(entry_id.decode(), codec.decode_entry(fields[PAYLOAD_FIELD]))
        return done

    def _answer(self, entry_id: str, entry: Any) -> int:
        answers = []
        for i, raw in enumerate(entry.commands):
            command = codec.decode_command(bytes(raw))
            self.seen.append(command)
            applied = self.engine.apply(command, f"{entry_id}/{i}", now_ms())
            answers.append(Answer(entry.first_correlation + i, applied.n, applied.replayed, applied.reply))
        pipe = self.client.pipeline()
        pipe.hset(ENGINE, "n", self.engine.n)
        pipe.hincrby(ENGINE, "processed", len(answers))
        if not self.silent:
            pipe.xadd(replies(entry.origin), {"b": codec.encode(answers)})
        pipe.execute()
        return len(answers)

    def __enter__(self) -> "FakeEngine":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step(block_ms=10)  # Also how late it notices its end, once in each of many hundred tests.
