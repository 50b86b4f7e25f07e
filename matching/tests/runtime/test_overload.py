"""Far more orders than the engine can decide: shed at once, the accepted stay quick, cancels get through (G12, F23)."""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import log_client
from matching import codec
from matching.client.replies import answers_in
from matching.messages import CancelOrder, OrderType, PlaceOrder, RefusalReason, Refused, Side, TimeInForce
from matching.tests.flows import ACCOUNTS, MARKETS, listing
from matching.tests.runtime.processes import Engines, wait_until
from matching.transport import admit

SECONDS = float(os.environ.get("OVERLOAD_SECONDS", "5"))
FLOODS = 3
PER_ENTRY = 400
ORIGIN, CANCELS = "flood", "cancels"
SLOWEST_P99_S = 1.0
MOST_MEMORY_BYTES = 150 * 1024 * 1024


@pytest.fixture
def engines(tmp_path: Path, log: redis.Redis) -> Iterator[Engines]:
    engines = Engines(tmp_path, log)
    yield engines
    engines.close()


class Flood(threading.Thread):
    """Admits entries of orders as fast as Redis takes them, and notes when each was sent."""

    def __init__(self, number: int, sent_at: dict[int, float], until: float) -> None:
        super().__init__(daemon=True)
        self.correlations = itertools.count((number + 1) * 10**9, PER_ENTRY)
        self.sent_at, self.until = sent_at, until
        self.admitted = self.shed = 0
        self.codes: set[str] = set()

    def run(self) -> None:
        client = log_client()
        order = codec.encode(
            PlaceOrder(
                account_id=ACCOUNTS[0],
                market=MARKETS[0],
                side=Side.BID,
                order_type=OrderType.LIMIT,
                price_ticks=1,
                quantity_lots=1,
                time_in_force=TimeInForce.IOC,
            )
        )
        while time.monotonic() < self.until:
            first = next(self.correlations)
            payload = codec.encode_entry(ORIGIN, first, [order] * PER_ENTRY)
            self.sent_at[first] = time.monotonic()
            try:
                admit.admit(client, admit.Kind.ORDER, PER_ENTRY, settings.ENGINE_MAX_BACKLOG, payload)
                self.admitted += 1
            except admit.NotAdmitted as refused:
                del self.sent_at[first]
                self.codes.add(refused.code)
                self.shed += 1


class Answers(threading.Thread):
    """Reads answers and notes how long the first command of each entry waited for its own."""

    def __init__(self, origin: str, sent_at: dict[int, float]) -> None:
        super().__init__(daemon=True)
        self.origin, self.sent_at = origin, sent_at
        self.waits: list[float] = []
        self.replies: list[object] = []
        self.stop = threading.Event()

    def run(self) -> None:
        client, last = log_client(), b"0"
        while not self.stop.is_set():
            stream = {redis_names.replies(self.origin): last}
            for entry_id, answers in answers_in(client.xread(stream, block=100)):
                last, now = entry_id, time.monotonic()
                for answer in answers:
                    sent = self.sent_at.get(answer.correlation)
                    if sent is not None:
                        self.waits.append(now - sent)
                        self.replies.append(answer.reply)


def cancel_meanwhile(client: redis.Redis, sent_at: dict[int, float], until: float) -> int:
    """A cancel every 50 ms, as long as the flood lasts. Every one must be admitted."""
    count = 0
    pause = threading.Event()
    while time.monotonic() < until:
        count += 1
        command = codec.encode(CancelOrder(account_id=ACCOUNTS[1], market=MARKETS[0], client_id=count))
        sent_at[count] = time.monotonic()
        payload = codec.encode_entry(CANCELS, count, [command])
        admit.admit(client, admit.Kind.CANCEL, 1, settings.ENGINE_MAX_BACKLOG, payload)
        pause.wait(0.05)
    return count


def memory_bytes(pid: int) -> int:
    resident_pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(resident_pages) * os.sysconf("SC_PAGE_SIZE")


def p99(waits: list[float]) -> float:
    return sorted(waits)[len(waits) * 99 // 100]


@pytest.mark.alone
def test_g12_overload_is_answered_fast_and_cancels_get_through(engines: Engines, log: redis.Redis):
    pid = engines.start().pid
    listed = [codec.encode(command) for command in listing()]
    admit.admit(log, admit.Kind.ADMIN, len(listed), 10**6, codec.encode_entry("setup", 1, listed))
    wait_until(lambda: int(log.hget(redis_names.ENGINE, "n") or 0) == len(listed), "the listing")
    memory_before = memory_bytes(pid)
    sent_at: dict[int, float] = {}
    cancels_at: dict[int, float] = {}
    readers = [Answers(ORIGIN, sent_at), Answers(CANCELS, cancels_at)]
    until = time.monotonic() + SECONDS
    floods = [Flood(number, sent_at, until) for number in range(FLOODS)]
    for thread in (*readers, *floods):
        thread.start()
    cancels = cancel_meanwhile(log, cancels_at, until)
    for flood in floods:
        flood.join()
    admitted = sum(flood.admitted for flood in floods)
    wait_until(lambda: len(readers[0].waits) == admitted, "an answer to every admitted entry", 5)
    wait_until(lambda: len(readers[1].waits) == cancels, "an answer to every cancel", 5)
    for reader in readers:
        reader.stop.set()
        reader.join()
    assert sum(flood.shed for flood in floods) > 0, "the flood was no overload"
    assert set().union(*(flood.codes for flood in floods)) == {admit.FULL}
    assert readers[1].replies == [Refused(reason=RefusalReason.UNKNOWN_ORDER)] * cancels
    assert p99(readers[0].waits) < SLOWEST_P99_S, f"{admitted} entries accepted"
    assert p99(readers[1].waits) < SLOWEST_P99_S
    assert memory_bytes(pid) - memory_before < MOST_MEMORY_BYTES
