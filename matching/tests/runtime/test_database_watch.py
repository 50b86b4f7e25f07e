"""Trading without the database is bounded: first no new orders, then nothing, and open again when it is back (4.7)."""

import pytest
import redis

from exchange_site.kernel import redis_names
from matching import codec
from matching.runtime.housekeeping import DatabaseWatch
from matching.tests.flows import listing, random_commands
from matching.tests.runtime.rig import Rig
from matching.transport import admit
from matching.transport.admit import Admission


@pytest.fixture
def watch(rig: Rig, monkeypatch) -> DatabaseWatch:
    rig.configure(unwritten_cancel_only=100, unwritten_for_s=60, unwritten_closed=200)
    return DatabaseWatch(rig.config)


@pytest.fixture
def seconds(monkeypatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr("matching.runtime.housekeeping.time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("lags", "said"),
    [
        ([0, 99, 99, 0], "open open open open"),
        ([99, 100, 101, 60, 51, 50, 99], "open cancel_only cancel_only cancel_only cancel_only open open"),
        ([199, 200, 250, 199, 100, 0], "cancel_only closed closed cancel_only cancel_only open"),
    ],
)
def test_the_bounds(watch: DatabaseWatch, lags: list[int], said: str):
    assert [watch.look(1_000, 1_000 - lag).value for lag in lags] == said.split()


def test_a_database_that_stands_still_for_long_is_noticed_though_little_waits(seconds: list[float], watch):
    assert watch.look(1_000, 990) is Admission.OPEN
    seconds[0] += 59
    assert watch.look(1_010, 990) is Admission.OPEN
    seconds[0] += 1
    assert watch.look(1_020, 990) is Admission.CANCEL_ONLY
    assert watch.look(1_020, 1_000) is Admission.OPEN


def test_an_idle_exchange_is_not_behind(seconds: list[float], watch):
    for _ in range(10):
        seconds[0] += 60
        assert watch.look(1_000, 1_000) is Admission.OPEN


def test_a_log_without_a_writer_is_not_bounded(watch):
    assert watch.look(1_000_000_000, None) is Admission.OPEN


def admitted(log: redis.Redis, kind: admit.Kind) -> str:
    try:
        admit.admit(log, kind, 1, 1_000, codec.encode_entry("test", 1, [b"\xc0"]))
    except admit.NotAdmitted as error:
        return error.code
    return "in"


def beat(rig: Rig, worker) -> None:
    worker._next_beat = 0.0
    worker.run()


def test_orders_are_refused_and_cancels_let_in_until_the_database_is_back(rig: Rig, log: redis.Redis):
    rig.configure(unwritten_cancel_only=100, unwritten_closed=200)
    worker = rig.lead()
    log.hset(redis_names.ENGINE, "db_n", 0)
    rig.run(listing(), worker)
    beat(rig, worker)
    assert (admitted(log, admit.Kind.ORDER), admitted(log, admit.Kind.CANCEL)) == ("in", "in")
    rig.run(list(random_commands(1, 110))[-110:], worker)
    beat(rig, worker)
    assert log.hget(redis_names.ENGINE, "status") == b"cancel_only"
    assert [admitted(log, kind) for kind in admit.Kind] == ["full", "in", "in"]
    rig.die()
    worker = rig.lead()
    assert log.hget(redis_names.ENGINE, "status") == b"cancel_only", "the next leader knows it from the start"
    rig.run(list(random_commands(2, 90))[-90:], worker)
    beat(rig, worker)
    assert [admitted(log, kind) for kind in admit.Kind] == ["closed"] * 3
    log.hset(redis_names.ENGINE, "db_n", rig.led().applier.n)
    beat(rig, worker)
    assert [admitted(log, kind) for kind in admit.Kind] == ["in"] * 3
