"""What `./exchange sim` found first, as the smallest test of each."""

import dataclasses
import errno
import time

import pytest

from exchange_site.kernel import redis_names
from matching.core.engine import Engine
from matching.runtime import disk, recovery, snapshots
from matching.runtime.applier import Applier
from matching.runtime.crash import CrashPoint
from matching.runtime.follower import Follower
from matching.runtime.journal import JournalFailed, JournalWriter, Position, read_history
from matching.runtime.leadership import DirectoryLock, Fenced, Leadership
from matching.runtime.records import Entry
from matching.runtime.recovery import Makers
from matching.runtime.snapshotter import Snapshotter
from matching.runtime.standby import Standby
from matching.tests.flows import listing, random_commands
from matching.transport import streams

SEGMENT_BYTES = 4096


def test_g01_what_a_failed_sync_dropped_is_written_again_by_the_heir(tmp_path, monkeypatch):
    """The kernel keeps such pages readable and calls them clean: a sync alone reports success and writes nothing."""
    dead = JournalWriter(tmp_path, 1, SEGMENT_BYTES)
    dead.adopt(read_history(tmp_path, 1))
    start = dead.append([Entry("1-0", 1_000, b"synced")]).offset

    def fail(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(disk, "fdatasync", fail)
        with pytest.raises(JournalFailed):
            dead.append([Entry("2-0", 1_001, b"in the page cache only")])

    steps: list[tuple[str, int, int, int]] = []
    write, sync = disk.pwrite, disk.fsync

    def noted_write(handle, data, offset):
        steps.append(("write", handle, offset, offset + len(data)))
        return write(handle, data, offset)

    def noted_sync(handle):
        steps.append(("sync", handle, 0, 0))
        sync(handle)

    monkeypatch.setattr(disk, "pwrite", noted_write)
    monkeypatch.setattr(disk, "fsync", noted_sync)
    heir = JournalWriter(tmp_path, 2, SEGMENT_BYTES)
    history = read_history(tmp_path, 2)
    end = history.end()
    heir.adopt(history)
    written = [step for step in steps if step[0] == "write" and step[2] <= start and step[3] == end.offset]
    assert written, steps
    assert ("sync", written[0][1], 0, 0) in steps[steps.index(written[0]) :]


def test_a_segment_that_cannot_be_created_is_a_journal_that_failed(tmp_path, monkeypatch):
    """Otherwise the process ends with an error nobody planned for, and without the exit code that names the disk."""

    def full(path) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "create_exclusive", full)
    with pytest.raises(JournalFailed, match="No space left"):
        JournalWriter(tmp_path, 1, SEGMENT_BYTES)


@pytest.fixture
def three_snapshots(tmp_path):
    applier = Applier(Engine(), bytes(32))
    writer = Snapshotter(tmp_path, CrashPoint(""), False, 0)
    for index, command in enumerate(listing()):
        applier.engine.apply(command, f"{index}-0/0", 1_000_000 + index)
        if index % 5 == 4 and index < 15:
            assert writer.write_now(applier, Position(f"t{index}", index), [])
    return tmp_path


def test_g09_a_rotten_snapshot_is_no_place_to_start_new_events_from(three_snapshots):
    """With an empty event stream and no note of the database, the oldest one was taken by its name alone."""
    _, (middle_n, _), (oldest_n, oldest) = snapshots.list_snapshots(three_snapshots)
    oldest.write_bytes(oldest.read_bytes()[:-1])
    trimmed = dataclasses.replace(read_history(three_snapshots, 1), genesis=False)
    assert recovery.start_for_new_events(three_snapshots, trimmed, None) == middle_n
    assert recovery.start_for_new_events(three_snapshots, trimmed, oldest_n) == middle_n
    assert not recovery.can_start(three_snapshots, trimmed, oldest_n)


def test_g14_a_redis_clock_set_back_does_not_keep_a_dead_leader_alive(rig):
    """The lease of a dead leader that never signed the lock runs for an hour more by a clock that lost an hour."""
    in_an_hour_ms = int(time.time() * 1000) + 3_600_000
    rig.client.hset(redis_names.ENGINE, mapping={"term": 1, "owner": "dead", "lease_until_ms": in_an_hour_ms, "n": 0})
    rig.configure(lease_ms=300)
    follower = Follower(rig.config.journal_dir, rig.config.snapshot_dir, Makers())
    standby = Standby(rig.config, DirectoryLock(rig.config.journal_dir), follower)
    deadline = time.monotonic() + 10
    log = standby.wait(lambda: time.monotonic() > deadline)
    assert log is not None
    log.close()


def test_a_new_directory_is_as_durable_as_what_is_in_it(tmp_path, monkeypatch):
    synced: list[object] = []
    sync = disk.sync_directory
    monkeypatch.setattr(disk, "sync_directory", lambda path: synced.append(path) or sync(path))
    disk.make_directory(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]


def test_g08_a_candidate_that_slept_through_the_work_of_a_later_leader_stands_by_again(rig, monkeypatch):
    """It finds segments gone that the later leader did not need; the disk is well, and nothing is damaged."""
    rig.configure(segment_bytes=SEGMENT_BYTES)
    first = rig.lead()
    rig.run(listing(), first)
    rig.die()
    old = disk.names(rig.config.journal_dir)
    sync = disk.fsync

    def sleep_once(handle: int) -> None:
        monkeypatch.setattr(disk, "fsync", sync)
        sync(handle)
        JournalWriter(rig.config.journal_dir, 9, SEGMENT_BYTES).close(tidy=False)
        for name in old:
            disk.remove(rig.config.journal_dir / name)

    def fence_then_sleep(leadership: Leadership, log: object) -> None:
        fence(leadership, log)
        monkeypatch.setattr(disk, "fsync", sleep_once)

    fence = Leadership.fence
    monkeypatch.setattr(Leadership, "fence", fence_then_sleep)
    with pytest.raises(FileExistsError, match="later than term 2"):
        rig.lead()


def test_g08_a_candidate_that_meets_a_snapshot_of_a_later_leader_stands_by_again(rig, monkeypatch):
    """The snapshot stands in a segment that the candidate's history does not have: it slept, and nothing is lost."""
    rig.run(listing(), rig.lead())
    rig.die()
    load = recovery.load_start

    def sleep_then_load(*args):
        monkeypatch.setattr(recovery, "load_start", load)
        later = rig.lead()
        later._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
        rig.die()
        return load(*args)

    monkeypatch.setattr(recovery, "load_start", sleep_then_load)
    with pytest.raises(FileExistsError, match="later than term 2"):
        rig.lead()
    rig.lead()


def test_g08_a_leader_that_slept_while_it_reconnected_says_that_it_was_overtaken(rig, monkeypatch):
    """Between its fence and its look at the event stream another one led. Nothing is wrong with journal or Redis, which
    is what it said, with the exit code (78) that asks for an operator."""
    worker = rig.lead()
    rig.run(listing(), worker)
    top = streams.event_top

    def sleep_then_look(log):
        monkeypatch.setattr(streams, "event_top", top)
        later = rig.lead()
        rig.run(list(random_commands(4, 30))[-30:], later)
        return top(log)

    monkeypatch.setattr(streams, "event_top", sleep_then_look)
    with pytest.raises(Fenced, match="Term 2"):
        worker._reconnect()


def test_g09_a_standby_that_read_nothing_before_its_segment_went_does_not_count_as_warm(rig):
    """It stood at byte 0 of the first segment and slept; a later segment went on from a snapshot."""
    worker = rig.lead()
    follower = rig.follow()
    assert follower._load()
    rig.run(listing(), worker)
    rig.die()
    worker = rig.lead()
    worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    worker._journal.forget_segments(rig.led().journal.position.segment)
    rig.die()
    rig.lead(follower=follower)
    assert rig.led().applier.n == len(list(listing()))
