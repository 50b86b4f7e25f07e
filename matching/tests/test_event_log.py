"""The gap rule of readers, and the chain they can check."""

from itertools import islice

import pytest
import redis
import redis.asyncio
from django.conf import settings

from matching.client import engine_notes
from matching.client.event_log import GENESIS_CHAIN, AsyncEventReader, BrokenChain, EventGap, EventReader
from matching.tests.flows import random_commands
from matching.tests.published import PublishedEngine


@pytest.fixture
def log():
    client = redis.Redis.from_url(settings.REDIS_LOG_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def published(log):
    """37 outcomes in entries of 10: 1 to 10, 11 to 20, 21 to 30, 31 to 37."""
    engine = PublishedEngine(log)
    engine.run(islice(random_commands(1, 40), 37), per_entry=10)
    assert engine.engine.n == 37
    return engine


def test_all_of_it_is_read_in_order(published, log):
    batches = EventReader(log).read(0, block_ms=0)
    assert [(batch.first_n, batch.last_n) for batch in batches] == [(1, 10), (11, 20), (21, 30), (31, 37)]
    outcomes = [outcome for batch in batches for outcome in batch.outcomes]
    assert outcomes == published.outcomes
    assert batches[-1].chain == published.chain


def test_a_limit_on_entries_is_kept(published, log):
    assert [batch.last_n for batch in EventReader(log).read(10, block_ms=0, max_entries=2)] == [20, 30]


def test_what_is_known_already_is_skipped(published, log):
    first, *_ = EventReader(log).read(15, block_ms=0)
    assert (first.first_n, first.last_n) == (16, 20)
    assert [outcome.n for outcome in first.outcomes] == [16, 17, 18, 19, 20]


def test_at_the_end_there_is_nothing_and_no_gap(published, log):
    assert EventReader(log).read(37, block_ms=1) == []


def test_a_trimmed_stream_is_a_gap(published, log):
    log.xtrim("ev", maxlen=2, approximate=False)
    assert EventReader(log).read(20, block_ms=0)
    with pytest.raises(EventGap) as gap:
        EventReader(log).read(19, block_ms=0)
    assert (gap.value.expected_n, gap.value.found_n) == (20, 21)


def test_a_hole_in_the_middle_is_a_gap(published, log):
    log.xdel("ev", "20-0")
    with pytest.raises(EventGap) as gap:
        EventReader(log).read(0, block_ms=0)
    assert (gap.value.expected_n, gap.value.found_n) == (11, 21)


def test_a_lost_tail_is_a_gap_once_the_engine_says_more(published, log):
    log.xdel("ev", "37-0")
    assert EventReader(log).read(0, block_ms=0)[-1].last_n == 30
    with pytest.raises(EventGap) as gap:
        EventReader(log).read(30, block_ms=0)
    assert (gap.value.expected_n, gap.value.found_n) == (31, None)
    log.delete("eng")  # Nobody knows better now, so an empty answer is all there is to say.
    assert EventReader(log).read(30, block_ms=0) == []


def test_the_chain_leads_from_batch_to_batch(published, log):
    chain = GENESIS_CHAIN
    for batch in EventReader(log).read(0, block_ms=0):
        batch.check_chain(chain)
        chain = batch.chain
    middle = EventReader(log).read(13, block_ms=0)[0]
    with pytest.raises(BrokenChain):
        middle.check_chain(GENESIS_CHAIN)
    with pytest.raises(BrokenChain):
        middle._replace(chain=b"y" * 32).check_chain(chain)


async def test_the_async_reader_reads_the_same(published, log):
    client = redis.asyncio.Redis.from_url(settings.REDIS_LOG_URL)
    try:
        reader = AsyncEventReader(client)
        assert await reader.read(5, block_ms=0) == EventReader(log).read(5, block_ms=0)
        assert await reader.read(37, block_ms=1) == []
        log.delete("ev")
        with pytest.raises(EventGap):
            await reader.read(5, block_ms=1)
    finally:
        await client.aclose()


def test_notes_are_left_only_beside_an_engine(log):
    assert not engine_notes.note_database_position(log, 7)
    assert not log.exists("eng")
    log.hset("eng", "term", 1)
    assert engine_notes.note_database_position(log, 2**53 + 1)
    assert engine_notes.ask_for_republish(log, 4)
    assert log.hgetall("eng") == {b"term": b"1", b"db_n": str(2**53 + 1).encode(), b"republish_from": b"4"}


def test_gaps_explain_themselves():
    assert "outcome 5, but has outcome 9" in str(EventGap(5, 9))
    assert "nothing at all" in str(EventGap(5, None))
