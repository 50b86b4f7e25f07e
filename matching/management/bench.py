"""What the engine's benchmarks share: an engine process of their own, a flow of orders, and waiting for it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from exchange_site.kernel import redis_names
from matching import codec
from matching.messages import (
    Command,
    CreditAccount,
    FundHouse,
    ListAsset,
    ListMarket,
    OrderType,
    PlaceOrder,
    SelfTradePrevention,
    Side,
)
from matching.runtime import snapshots
from matching.transport import admit

MARKET = "BTC_USDC"
ACCOUNTS = 50
FIRST_ACCOUNT = 1_001
MIDDLE_TICKS = 100_000
BACKLOG = 10_000_000
DEADLINE_S = 600
ORIGIN = "bench"
KEYS = (redis_names.ENGINE, redis_names.COMMANDS, redis_names.EVENTS, redis_names.replies(ORIGIN))
_STAFF = {"actor": "benchmark", "reason": "benchmark"}


class Bench:
    """One engine process on an empty log. `directory` holds its journal and snapshots."""

    def __init__(self, client: Any, directory: str) -> None:
        if client.exists(*KEYS):
            raise CommandError("The log is in use; give REDIS_LOG_URL an empty database.")
        self.client = client
        self.journal_dir = Path(directory) / "journal"
        self.snapshot_dir = Path(directory) / "snapshots"
        self.sent = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Start the engine and wait until it takes commands."""
        places = {
            "EXCHANGE_JOURNAL_DIR": str(self.journal_dir),
            "EXCHANGE_SNAPSHOT_DIR": str(self.snapshot_dir),
            "REDIS_LOG_URL": settings.REDIS_LOG_URL,
        }
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_engine"]
        self.process = subprocess.Popen(command, env=os.environ | places | environment)
        wait_for(lambda: self.client.hget(redis_names.ENGINE, "status") == b"open", "the engine")

    def kill(self) -> None:
        assert self.process is not None, "it was never started"
        self.process.kill()
        self.process.wait()
        self.client.hset(redis_names.ENGINE, "status", "closed")

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.client.delete(*KEYS)

    def cpu_seconds(self) -> float:
        """What the engine process has used of the processors so far, by the kernel's count (Linux; elsewhere 0)."""
        assert self.process is not None, "it was never started"
        stat = Path(f"/proc/{self.process.pid}/stat")
        if not stat.exists():
            return 0.0
        fields = stat.read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def send(self, commands: list[Command], per_entry: int) -> None:
        """Admit commands as a web process would; `finish` waits for them."""
        for first in range(0, len(commands), per_entry):
            raw = [codec.encode(command) for command in commands[first : first + per_entry]]
            payload = codec.encode_entry(ORIGIN, self.sent, raw)
            admit.admit(self.client, admit.Kind.ADMIN, len(raw), BACKLOG, payload)
            self.sent += len(raw)

    def finish(self) -> None:
        """Wait until everything sent has been decided and published."""
        wait_for(lambda: self.position() == self.sent, f"outcome {self.sent}")

    def newest_snapshot(self) -> int:
        """The outcome of the newest one; 0 while there is none."""
        return next((n for n, _ in snapshots.list_snapshots(self.snapshot_dir)), 0)

    def position(self) -> int:
        return int(self.client.hget(redis_names.ENGINE, "n") or 0)


def listing() -> Iterator[Command]:
    """One market and fifty rich accounts."""
    for symbol, decimals in (("BTC", 8), ("USDC", 6)):
        yield ListAsset(symbol=symbol, decimals=decimals, **_STAFF)
        yield FundHouse(asset=symbol, units=10**18, reference="bench", **_STAFF)
        for account_id in range(FIRST_ACCOUNT, FIRST_ACCOUNT + ACCOUNTS):
            yield CreditAccount(account_id=account_id, asset=symbol, units=10**16, reference="bench", **_STAFF)
    yield ListMarket(
        symbol=MARKET,
        base="BTC",
        quote="USDC",
        base_units_per_lot=1_000,
        quote_units_per_tick_lot=1,
        min_quantity_lots=1,
        max_open_orders=10**7,
        maker_fee_ppm=800,
        taker_fee_ppm=1_000,
        **_STAFF,
    )


def trading(count: int, with_keys: bool = True) -> Iterator[Command]:
    """Limit orders around one price; about two of three trade. The same flow every time."""
    for index in range(count):
        mixed = index * 2_654_435_761 % 2**32
        yield PlaceOrder(
            account_id=FIRST_ACCOUNT + mixed % ACCOUNTS,
            market=MARKET,
            side=Side.BID if mixed >> 16 & 1 else Side.ASK,
            order_type=OrderType.LIMIT,
            price_ticks=MIDDLE_TICKS - 20 + (mixed >> 8) % 41,
            quantity_lots=1 + (mixed >> 20) % 100,
            self_trade_prevention=SelfTradePrevention.REJECT_MAKER,
            idempotency_key=f"bench-{index}" if with_keys else None,
        )


def resting(count: int) -> Iterator[Command]:
    """Orders far from the price, on 20,000 levels a side, that stay in the book."""
    for index in range(count):
        is_bid = index % 2 == 0
        away = 100 + index * 7_919 % 20_000
        yield PlaceOrder(
            account_id=FIRST_ACCOUNT + index % ACCOUNTS,
            market=MARKET,
            side=Side.BID if is_bid else Side.ASK,
            order_type=OrderType.LIMIT,
            price_ticks=MIDDLE_TICKS - away if is_bid else MIDDLE_TICKS + away,
            quantity_lots=1 + index % 100,
        )


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > until:
            raise CommandError(f"Waited {DEADLINE_S} seconds for {what}.")
        time.sleep(0.002)
