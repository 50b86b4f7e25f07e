"""`manage.py bench_engine`: commands per second through admit, journal, engine and publish, everything switched on.

Needs an empty log (a Redis database of its own) and leaves it empty again; the journal goes to a temporary directory.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import log_client
from matching import codec
from matching.messages import (
    Command as EngineCommand,
)
from matching.messages import (
    CreditAccount,
    FundHouse,
    ListAsset,
    ListMarket,
    OrderType,
    PlaceOrder,
    SelfTradePrevention,
    Side,
)
from matching.transport import admit

ACCOUNTS = 50
FIRST_ACCOUNT = 1_001
BACKLOG = 10_000_000
DEADLINE_S = 300
ORIGIN = "bench"
KEYS = (redis_names.ENGINE, redis_names.COMMANDS, redis_names.EVENTS, redis_names.replies(ORIGIN))
_STAFF = {"actor": "bench_engine", "reason": "benchmark"}


class Command(BaseCommand):
    help = "Measure the engine on an empty log. Prints commands per second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--commands", type=int, default=100_000)
        parser.add_argument("--per-entry", type=int, default=20, help="Commands sent together, as a web process does.")

    def handle(self, *args: Any, **options: Any) -> None:
        client: Any = log_client()
        if client.exists(*KEYS):
            raise CommandError("The log is in use; give REDIS_LOG_URL an empty database.")
        count, per_entry = options["commands"], options["per_entry"]
        with tempfile.TemporaryDirectory() as directory:
            engine = self._start_engine(directory)
            try:
                _wait(lambda: client.hget(redis_names.ENGINE, "status") == b"open")
                listing = list(_listing())
                _send(client, listing, len(listing))
                _wait(lambda: _position(client) == len(listing))
                began = time.perf_counter()
                _send(client, list(_orders(count)), per_entry)
                _wait(lambda: _position(client) == len(listing) + count)
                seconds = time.perf_counter() - began
            finally:
                engine.terminate()
                engine.wait()
                client.delete(*KEYS)
        self.stdout.write(
            f"{count} orders in {seconds:.2f} s: {count / seconds:.0f} commands/s ({per_entry} an entry)."
        )

    def _start_engine(self, directory: str) -> subprocess.Popen[bytes]:
        places = {
            "EXCHANGE_JOURNAL_DIR": f"{directory}/journal",
            "EXCHANGE_SNAPSHOT_DIR": f"{directory}/snapshots",
            "REDIS_LOG_URL": settings.REDIS_LOG_URL,
        }
        return subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_engine"], env=os.environ | places
        )


def _listing() -> Iterator[EngineCommand]:
    for symbol, decimals in (("BTC", 8), ("USDC", 6)):
        yield ListAsset(symbol=symbol, decimals=decimals, **_STAFF)
        yield FundHouse(asset=symbol, units=10**17, reference="bench", **_STAFF)
        for account_id in range(FIRST_ACCOUNT, FIRST_ACCOUNT + ACCOUNTS):
            yield CreditAccount(account_id=account_id, asset=symbol, units=10**14, reference="bench", **_STAFF)
    yield ListMarket(
        symbol="BTC_USDC",
        base="BTC",
        quote="USDC",
        base_units_per_lot=1_000,
        quote_units_per_tick_lot=1,
        min_quantity_lots=1,
        max_open_orders=10**6,
        maker_fee_ppm=800,
        taker_fee_ppm=1_000,
        **_STAFF,
    )


def _orders(count: int) -> Iterator[EngineCommand]:
    """Limit orders around one price, each with a key; about two of three trade. The same flow every time."""
    for index in range(count):
        mixed = index * 2_654_435_761 % 2**32
        yield PlaceOrder(
            account_id=FIRST_ACCOUNT + mixed % ACCOUNTS,
            market="BTC_USDC",
            side=Side.BID if mixed >> 16 & 1 else Side.ASK,
            order_type=OrderType.LIMIT,
            price_ticks=10_000 - 20 + (mixed >> 8) % 41,
            quantity_lots=1 + (mixed >> 20) % 100,
            self_trade_prevention=SelfTradePrevention.REJECT_MAKER,
            idempotency_key=f"bench-{index}",
        )


def _send(client: Any, commands: list[EngineCommand], per_entry: int) -> None:
    for first in range(0, len(commands), per_entry):
        raw = [codec.encode(command) for command in commands[first : first + per_entry]]
        admit.admit(client, admit.Kind.ADMIN, len(raw), BACKLOG, codec.encode_entry(ORIGIN, first, raw))


def _position(client: Any) -> int:
    return int(client.hget(redis_names.ENGINE, "n") or 0)


def _wait(condition: Any) -> None:
    until = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > until:
            raise CommandError(f"The engine was not done within {DEADLINE_S} seconds.")
        time.sleep(0.005)
