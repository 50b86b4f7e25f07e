"""A fresh log in the Redis of the test settings, and a rig that runs engines on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from matching.tests.runtime.rig import Rig


@pytest.fixture
def log() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(settings.REDIS_LOG_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def rig(tmp_path: Path, log: redis.Redis) -> Iterator[Rig]:
    rig = Rig(tmp_path, log)
    yield rig
    rig.close()
