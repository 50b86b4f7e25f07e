"""A real engine core, its real event stream, and the db writer on the tests' database."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
import redis
from django.conf import settings

from accounts.models import Account, User
from marketdata.models import Asset, Market
from matching.tests.flows import ACCOUNTS, MARKETS
from matching.tests.published import PublishedEngine
from trading.models import Checkpoint
from trading.writer.loop import WriterLoop
from trading.writer.store import CHECKPOINT

DEADLINE_S = 30


@pytest.fixture
def log() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(settings.REDIS_LOG_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def venue_accounts(transactional_db: None) -> None:
    """Emptying the tables after a test takes the rows of the data migration along."""
    for account_id, kind in ((1, "house"), (2, "fees"), (3, "outside")):
        Account.objects.get_or_create(id=account_id, defaults={"kind": kind})


@pytest.fixture
def rows(venue_accounts: None) -> None:
    """Assets, markets and accounts of `matching.tests.flows`."""
    assets = {
        symbol: Asset.objects.create(symbol=symbol, name=symbol, decimals=6, blockchain="Solana")
        for symbol in ("SOL", "BTC", "USDC")
    }
    for symbol in MARKETS:
        base, quote = symbol.split("_")
        Market.objects.create(
            symbol=symbol,
            base=assets[base],
            quote=assets[quote],
            tick_size=Decimal("0.3"),
            step_size=Decimal("0.00001"),
            min_quantity=Decimal("0.00001"),
            max_open_orders=12,
        )
    for account_id in ACCOUNTS:
        user = User.objects.create_user(f"trader{account_id}@example.org")
        Account.objects.create(id=account_id, user=user)


@pytest.fixture
def published(log: redis.Redis) -> PublishedEngine:
    return PublishedEngine(log)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers here come and go by the dozen: they notice a stop at once."""
    monkeypatch.setattr("trading.writer.loop.BLOCK_MS", 20)


class Writers:
    """Runs writer loops in threads, each on connections of its own, until the database has an outcome."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def run(self, until_n: int, count: int = 1, loop: Callable[[threading.Event], WriterLoop] = WriterLoop) -> None:
        """Raises the first error of a writer, or fails at the deadline."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._run, args=(loop(stop), stop)) for _ in range(count)]
        for thread in threads:
            thread.start()
        arrived = self._wait(until_n, stop)
        stop.set()
        for thread in threads:
            thread.join(DEADLINE_S)
        if self.errors:
            raise self.errors[0]
        assert arrived, f"the writers did not reach outcome {until_n} in {DEADLINE_S} s"

    def _run(self, loop: WriterLoop, stop: threading.Event) -> None:
        try:
            loop.run()
        except BaseException as error:  # noqa: BLE001 - raised again where the test waits
            self.errors.append(error)
            stop.set()

    @staticmethod
    def _wait(until_n: int, stop: threading.Event) -> bool:
        for _ in range(DEADLINE_S * 50):
            if Checkpoint.objects.filter(name=CHECKPOINT, n__gte=until_n).exists():
                return True
            if stop.wait(0.02):
                return False
        return False


@pytest.fixture
def writers() -> Writers:
    return Writers()
