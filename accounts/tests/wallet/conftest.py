"""A wallet on a real database, a real log and the real engine core, with simulated chains outside."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from accounts.tests.wallet.rig import SOL, Rig
from accounts.wallet import deposits
from accounts.wallet.models import Deposit
from accounts.wallet.signer import Signer


@pytest.fixture
def log() -> Iterator[Any]:
    client = redis.Redis.from_url(settings.REDIS_LOG_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def rig(transactional_db: None, log: Any, tmp_path: Any, settings: Any) -> Iterator[Rig]:
    settings.SIGNER_DIR = str(tmp_path / "signer")
    cache.clear()
    rig = Rig(log)
    with rig.engine:
        yield rig
    rig.check_conservation()


@pytest.fixture
def funded(rig: Rig) -> Rig:
    """The wallet has coins on the chain."""
    rig.chain.send(deposits.chain_of("Solana").wallet_address(), "SOL", 1_000_000 * SOL, memo=deposits.TREASURY_MEMO)
    rig.chain.mine()
    rig.scan()
    assert not Deposit.objects.exists()
    return rig


@pytest.fixture
def signer(funded: Rig) -> Iterator[Signer]:
    signer = Signer()
    yield signer
    signer.journal.close()
