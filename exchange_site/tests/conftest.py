from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from exchange_site.kernel import rate_limits
from exchange_site.tests import api_rig
from exchange_site.tests.api_rig import Trader
from marketdata.hub import market_hub
from matching.client import gateway
from matching.tests.fake_engine import FakeEngine


@pytest.fixture
def log() -> Iterator[Any]:
    """The empty log of the test settings."""
    client = redis.Redis.from_url(settings.REDIS_LOG_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def market(transactional_db: None) -> Iterator[Any]:
    api_rig.forget_caches()
    yield api_rig.make_market()
    api_rig.forget_caches()


@pytest.fixture
def alice(market: Any) -> Trader:
    return Trader("alice@example.org", 1)


@pytest.fixture
def bob(market: Any) -> Trader:
    return Trader("bob@example.org", 2)


@pytest.fixture
def engine(alice: Trader, bob: Trader, log: Any) -> Iterator[FakeEngine]:
    """Answers by itself; both traders have 10,000,000 USDC and 10,000 SOL."""
    engine = FakeEngine(log)
    engine.prepare(alice.account.pk, bob.account.pk)
    with engine:
        yield engine


@pytest.fixture
async def site(engine: FakeEngine) -> AsyncIterator[None]:
    """Closes what the application starts on the event loop of a test."""
    yield
    await gateway.close_shared()
    await rate_limits.close_shared()
    await market_hub().stop()
