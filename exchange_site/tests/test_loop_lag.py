"""What the log and the metric say of an event loop that was held up."""

import asyncio
import gc
import logging
import signal
import time

import pytest

from exchange_site.kernel import loop_lag
from exchange_site.kernel.metrics import samples

HELD_S = 0.3


def hold_the_loop():
    """Works without a pause, as a bug would."""
    until = time.perf_counter() + HELD_S
    while time.perf_counter() < until:
        pass


async def looked(times):
    """Until so many more looks have been counted."""
    wanted = looks() + times
    async with asyncio.timeout(10):
        while looks() < wanted:
            await asyncio.sleep(0.01)


def looks():
    return sum(sample.value for sample in samples(loop_lag.lag_seconds) if sample.name.endswith("_count"))


def late_by(seconds):
    """Looks that were later than one of the metric's bounds."""
    within = [
        sample.value
        for sample in samples(loop_lag.lag_seconds)
        if sample.name.endswith("_bucket") and sample.labels["le"] == str(seconds)
    ]
    [within] = within
    return looks() - within


@pytest.fixture
async def watch():
    watch = loop_lag.LoopWatch()
    yield watch
    watch.stop()


@pytest.mark.usefixtures("watch")
async def test_what_held_the_loop_is_named(caplog):
    caplog.set_level(logging.WARNING, logger=loop_lag.__name__)
    await looked(2)
    before = late_by(0.2)
    hold_the_loop()
    await looked(1)
    assert late_by(0.2) == before + 1
    [line] = [record for record in caplog.records if record.fields["late_ms"] > 200]
    assert "hold_the_loop (test_loop_lag.py" in line.fields["running"]
    assert line.fields["late_ms"] >= (HELD_S - loop_lag.EVERY_S) * 1000 - 1
    assert line.fields["worked_ms"] + line.fields["waited_for_processor_ms"] > 200


@pytest.mark.usefixtures("watch")
async def test_a_line_now_and_then_stands_for_all(caplog, monkeypatch):
    caplog.set_level(logging.WARNING, logger=loop_lag.__name__)
    for _ in range(3):
        await looked(1)
        hold_the_loop()
    await looked(1)
    first = len(caplog.records)
    assert first >= 1
    monkeypatch.setattr(loop_lag, "TOLD_EVERY_S", 0.0)
    hold_the_loop()
    await looked(1)
    assert len(caplog.records) >= first + 1
    assert caplog.records[first].fields["times"] >= 3, "the two that were not told, and this one"


async def test_it_leaves_nothing_behind():

    callbacks = len(gc.callbacks)
    watch = loop_lag.LoopWatch()
    await looked(1)
    watch.stop()
    assert len(gc.callbacks) == callbacks
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    seen = looks()
    await asyncio.sleep(3 * loop_lag.EVERY_S)
    assert looks() == seen
