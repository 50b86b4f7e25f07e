"""Snapshot files: written whole or not at all, damaged ones skipped, the right ones kept."""

import dataclasses
import os

import msgspec
import pytest

from matching.core.engine import Engine
from matching.runtime import snapshots
from matching.runtime.applier import Applier
from matching.runtime.crash import CrashPoint
from matching.runtime.journal import Position
from matching.runtime.snapshots import SnapshotDamaged
from matching.runtime.snapshotter import Snapshotter
from matching.tests.flows import random_commands
from matching.tests.runtime.rig import state_hash


@dataclasses.dataclass
class Grown:
    applier: Applier
    writer: Snapshotter
    directory: object


@pytest.fixture
def grown(tmp_path):
    """Seven snapshots, 100 commands apart."""
    applier = Applier(Engine(), bytes(32), "1-0")
    writer = Snapshotter(tmp_path, CrashPoint(""), False, 0)
    for index, command in enumerate(random_commands(3, 700)):
        applier.engine.apply(command, f"{index}-0/0", 1_000_000 + index)
        if index % 100 == 99:
            assert writer.write_now(applier, Position(f"t{index}", index), [])
    return Grown(applier, writer, tmp_path)


def test_a_snapshot_holds_the_whole_engine(grown):
    grown.writer.write_now(grown.applier, Position("segment", 77), [])
    header, state = snapshots.load_newest(grown.directory, None)
    engine = Engine.load(state)
    assert header.n == grown.applier.n
    assert header.position == ("segment", 77)
    assert state_hash(engine, header.chain) == state_hash(grown.applier.engine, grown.applier.chain)


def test_g02_answers_to_keys_of_the_first_snapshot_format_are_the_same(grown):
    """Then digests and replies stood there unpacked; rules version 1 knew at most one order a key."""
    engine = grown.applier.engine
    now, old = engine.dump(), engine.dump()
    old["retries"] = [list(row) for row in old["retries"]]
    batches = 0
    for row in old["retries"]:
        _, _, _, digest, _, packed, order_ids, answers = row
        reply = msgspec.msgpack.decode(packed)
        batches += reply[0] == "batch"
        row[3:] = [msgspec.msgpack.decode(digest), row[4], reply, order_ids if answers > 1 else sum(order_ids[:1])]
    assert len(now["retries"]) > 10
    assert any(row[6] for row in now["retries"]), "some of their orders are open"
    loaded = Engine.load(msgspec.msgpack.decode(msgspec.msgpack.encode(old)))
    assert loaded.dump() == now


def test_g02_a_key_from_a_snapshot_gets_its_stored_answer(grown):
    engine = grown.applier.engine
    asked = {command.idempotency_key: command for command in random_commands(3, 700) if command.idempotency_key}
    loaded = Engine.load(engine.dump())
    told = 0
    for command in asked.values():
        here, there = (one.apply(command, "1-0/0", one.at_ms) for one in (engine, loaded))
        assert here == there
        told += there.replayed
    assert told > 10
    assert loaded.dump() == engine.dump()


def test_g09_a_damaged_snapshot_is_skipped_for_the_one_before(grown):
    newest, second, third = (path for _, path in snapshots.list_snapshots(grown.directory)[:3])
    newest.write_bytes(newest.read_bytes()[:-1])
    second.write_bytes(b"")
    header, _ = snapshots.load_newest(grown.directory, None)
    assert snapshots.snapshot_path(grown.directory, header.n) == third


def test_g10_a_flipped_byte_anywhere_is_noticed(grown):
    _, path = snapshots.list_snapshots(grown.directory)[0]
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 7):
        data[place] ^= 0x10
        path.write_bytes(data)
        data[place] ^= 0x10
        with pytest.raises(SnapshotDamaged):
            snapshots.read_snapshot(path)


def test_g09_a_writer_that_was_overtaken_leaves_the_newer_file_of_the_same_outcome(grown):
    """It slept in the middle of a snapshot; meanwhile the next leader wrote one, and the segments before it went."""
    newer, older = Position("t0000000003-000000.wal", 12), Position("t0000000002-000000.wal", 2851)
    path = snapshots.snapshot_path(grown.directory, grown.applier.n)
    for position in (newer, older):
        assert grown.writer.write_now(grown.applier, position, [])
        assert snapshots.read_header(path).position == newer
    assert not list(grown.directory.glob("*.tmp"))
    further = Position("t0000000003-000000.wal", 13)
    assert grown.writer.write_now(grown.applier, further, [])
    assert snapshots.read_header(path).position == further


def test_a_damaged_file_is_replaced_by_a_snapshot_of_the_same_outcome(grown):
    path = snapshots.snapshot_path(grown.directory, grown.applier.n)
    assert grown.writer.write_now(grown.applier, Position("t1", 9), [])
    path.write_bytes(path.read_bytes()[:40])
    assert grown.writer.write_now(grown.applier, Position("t1", 9), [])
    assert snapshots.is_good(path)


def test_a_newer_state_than_wanted_is_passed_over(grown):
    header, _ = snapshots.load_newest(grown.directory, 399)
    assert header.n == 300
    assert snapshots.load_newest(grown.directory, 99) is None


def test_five_are_kept_and_always_one_the_database_has_passed(grown):
    def kept() -> list[int]:
        return [n for n, _ in snapshots.list_snapshots(grown.directory)]

    assert snapshots.forget_old(grown.directory, None) is None
    assert len(kept()) == 7
    assert snapshots.forget_old(grown.directory, 250).segment == "t199"
    assert kept()[-1] == 200
    assert snapshots.forget_old(grown.directory, 700).segment == "t299"
    assert kept() == [700, 600, 500, 400, 300]


def test_an_unfinished_file_is_no_snapshot(grown):
    (grown.directory / "snapshot-00000000000000009999.1.tmp").write_bytes(b"half")
    assert snapshots.list_snapshots(grown.directory)[0][0] == 700
    snapshots.forget_old(grown.directory, 700)
    assert not list(grown.directory.glob("*.tmp"))


def test_a_state_that_fails_its_checks_is_not_written(grown, caplog):
    engine = grown.applier.engine
    engine.balances.assets["USDC"].rows[1001].available += 1
    count = len(snapshots.list_snapshots(grown.directory))
    assert not grown.writer.write_now(grown.applier, Position("segment", 1), [])
    assert len(snapshots.list_snapshots(grown.directory)) == count
    assert "Cannot write a snapshot" in caplog.text


def test_a_forked_child_writes_while_the_parent_goes_on(grown):
    writer = Snapshotter(grown.directory, CrashPoint(""), True, 0)
    before = state_hash(grown.applier.engine, grown.applier.chain)
    finished = writer.start(grown.applier, Position("segment", 1), [])
    if not finished:
        os.waitid(os.P_PID, writer._child, os.WEXITED | os.WNOWAIT)
        assert writer.poll()
    header, state = snapshots.load_newest(grown.directory, None)
    assert writer.last_n == header.n == grown.applier.n
    assert state_hash(Engine.load(state), header.chain) == before
