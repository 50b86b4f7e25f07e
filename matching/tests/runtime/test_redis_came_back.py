"""A Redis that was cut off, set back or wiped, under a living engine and between two lives."""

import pytest

from exchange_site.kernel import redis_names
from matching.runtime.housekeeping import StartOver
from matching.tests.flows import listing, random_commands
from matching.tests.runtime.rig import Rig, parts
from matching.transport.connection import ConnectionLost


def cut_connection(rig: Rig) -> None:
    rig.led()
    rig.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def test_a_cut_connection_is_a_new_life_with_the_same_state(rig: Rig):
    worker = rig.lead()
    pieces = parts(4, 300, 3)
    for piece in pieces:
        rig.run(piece, worker)
        cut_connection(rig)
    worker.run()
    assert rig.client.hget(redis_names.ENGINE, "status") == b"open"
    assert len(rig.outcomes()) == rig.led().applier.n
    assert sorted(rig.answers()) == list(range(1, rig.correlation))


@pytest.mark.parametrize("reached", [True, False])
def test_g05_a_publish_nobody_knows_the_end_of_happens_exactly_once(rig: Rig, monkeypatch, reached: bool):
    worker = rig.lead()
    rig.run(listing(), worker)
    publisher = worker._publisher
    real = publisher._send

    def send(*args: object) -> None:
        monkeypatch.setattr(publisher, "_send", real)
        if reached:
            real(*args)
        raise ConnectionLost("cut")

    monkeypatch.setattr(publisher, "_send", send)
    rig.run(list(random_commands(4, 30))[-30:], worker)
    assert len(rig.outcomes()) == rig.led().applier.n
    answers = rig.answers()
    assert sorted(answers) == list(range(1, rig.correlation))
    assert all(len(found) == 1 for found in answers.values())


def test_g01_a_redis_that_lost_its_last_second_gets_it_again(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    rig.client.copy(redis_names.EVENTS, "old:ev")
    rig.client.copy(redis_names.COMMANDS, "old:cmd")
    position = rig.client.hgetall(redis_names.ENGINE)
    rig.run(list(random_commands(4, 50))[-50:], worker)
    whole = rig.outcomes()
    rig.client.rename("old:ev", redis_names.EVENTS)
    rig.client.rename("old:cmd", redis_names.COMMANDS)
    rig.client.hset(redis_names.ENGINE, mapping=position)
    cut_connection(rig)
    worker.run()
    assert rig.outcomes() == whole
    newest = rig.client.xinfo_stream(redis_names.COMMANDS)["last-generated-id"].decode()
    assert newest == rig.led().applier.entry_id
    rig.run(list(random_commands(5, 20))[-20:], worker)
    assert len(rig.outcomes()) == len(whole) + 20


@pytest.mark.parametrize("with_snapshots", [False, True])
def test_g01_a_wiped_redis_is_filled_again_from_the_disk(rig: Rig, with_snapshots: bool):
    worker = rig.lead()
    rig.run(listing(), worker)
    if with_snapshots:
        worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    before = rig.run(list(random_commands(4, 200))[-200:], worker)
    whole = rig.outcomes()
    rig.die()
    rig.client.flushdb()
    worker = rig.lead()
    assert rig.hash() == before
    assert rig.outcomes() == whole
    rig.run(list(random_commands(5, 20))[-20:], worker)
    assert len(rig.outcomes()) == len(whole) + 20


def test_g01_a_wipe_under_a_living_engine_is_healed_too(rig: Rig):
    worker = rig.lead()
    rig.run(list(random_commands(4, 100)), worker)
    whole = rig.outcomes()
    rig.client.flushdb()
    worker._next_beat = 0.0
    worker.run()
    assert rig.outcomes() == whole
    assert rig.client.hget(redis_names.ENGINE, "status") == b"open"
    rig.run(list(random_commands(5, 20))[-20:], worker)


def test_an_event_stream_that_ends_before_every_snapshot_begins_anew(rig: Rig):
    rig.configure(segment_bytes=4096)
    worker = rig.lead()
    for piece in parts(4, 300, 20):
        rig.run(piece, worker)
    kept = rig.led().applier.n
    worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    worker._journal.forget_segments(rig.led().journal.position.segment)
    before = rig.run(list(random_commands(5, 30))[-30:], worker)
    whole = rig.outcomes()
    rig.die()
    rig.client.delete(redis_names.EVENTS)
    rig.client.xadd(redis_names.EVENTS, {"f": "1", "t": "1", "c": b"", "b": b""}, id="3-0")
    rig.lead()
    assert rig.hash() == before
    found = rig.client.xrange(redis_names.EVENTS)
    assert int(found[0][1][b"f"]) == kept + 1
    assert int(found[-1][0].partition(b"-")[0]) == whole[-1].n


def test_a_reader_that_misses_outcomes_gets_them_again(rig: Rig):
    worker = rig.lead()
    for piece in parts(4, 100, 5):
        rig.run(piece, worker)
    whole = rig.outcomes()
    rig.client.xtrim(redis_names.EVENTS, maxlen=1, approximate=False)
    rig.client.hset(redis_names.ENGINE, mapping={"republish_from": 1, "db_n": 0})
    worker._next_beat = 0.0
    with pytest.raises(StartOver):
        worker.run()
    rig.die()
    worker = rig.lead()
    assert rig.outcomes() == whole
    rig.client.hset(redis_names.ENGINE, "republish_from", 5)
    worker._next_beat = 0.0
    worker.run()
    assert not rig.client.hexists(redis_names.ENGINE, "republish_from")


def test_a_reader_that_misses_more_than_is_kept_does_not_stop_trading(rig: Rig):
    """A database set back behind everything that snapshots and journal still reach asks again and again."""
    rig.configure(segment_bytes=4096)
    worker = rig.lead()
    for piece in parts(4, 300, 20):
        rig.run(piece, worker)
    worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    worker._journal.forget_segments(rig.led().journal.position.segment)
    rig.client.xtrim(redis_names.EVENTS, maxlen=1, approximate=False)
    rig.client.hset(redis_names.ENGINE, mapping={"republish_from": 2, "db_n": 1})
    worker._next_beat = 0.0
    worker.run()
    assert rig.client.hget(redis_names.ENGINE, "status") == b"open"
    assert not rig.client.hexists(redis_names.ENGINE, "republish_from")
    assert rig.client.xlen(redis_names.EVENTS) == 1
