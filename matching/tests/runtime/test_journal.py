"""The journal alone: torn tails are normal, damage is refused by name, and nothing is ever retried."""

import errno
import os
import shutil

import msgspec
import pytest

from matching.runtime import disk
from matching.runtime.journal import (
    JournalDamaged,
    JournalFailed,
    JournalWriter,
    newest_term,
    read_history,
    segment_name,
    segments,
)
from matching.runtime.records import GENESIS_CHAIN, UNKNOWN_N, Entry, Frame, Header, Poison, Tick, encode_frame

SMALL = 4096


def entry(number: int, size: int = 20) -> Entry:
    return Entry(f"{number}-0", 1_000 + number, bytes([number % 251]) * size)


def written(directory, batches: int = 6, size: int = 20) -> JournalWriter:
    """One term of small batches. The writer stays open, as a killed process would leave it."""
    writer = JournalWriter(directory, 1, SMALL)
    writer.adopt(read_history(directory, 1))
    for number in range(batches):
        writer.append([entry(number, size), Tick(2_000 + number)], number, GENESIS_CHAIN)
    return writer


def records_of(directory, before_term: int = 1_000) -> list[object]:
    history = read_history(directory, before_term)
    frames = (found.frame for _, found in history.frames_from(None))
    return [record for frame in frames for record in frame.records if not isinstance(record, Header)]


def test_what_was_appended_comes_back_in_order(tmp_path):
    written(tmp_path)
    assert records_of(tmp_path) == [record for n in range(6) for record in (entry(n), Tick(2_000 + n))]


def test_room_is_reserved_before_it_is_needed(tmp_path):
    writer = written(tmp_path)
    assert os.stat(tmp_path / writer.position.segment).st_size == SMALL


def test_a_full_segment_is_followed_by_the_next_of_its_term(tmp_path):
    written(tmp_path, batches=100, size=200)
    assert segments(tmp_path)[:2] == [segment_name(1, 0), segment_name(1, 1)]
    assert len(segments(tmp_path)) > 3
    assert [r.entry_id for r in records_of(tmp_path) if isinstance(r, Entry)] == [f"{n}-0" for n in range(100)]


def test_a_term_is_won_by_one_engine_only(tmp_path):
    JournalWriter(tmp_path, 1, SMALL)
    with pytest.raises(FileExistsError):
        JournalWriter(tmp_path, 1, SMALL)
    assert newest_term(tmp_path) == 1


def test_g09_cut_at_every_byte_the_journal_keeps_exactly_the_whole_batches(tmp_path):
    source = tmp_path / "whole"
    source.mkdir()
    writer = written(source)
    name, size = writer.position
    ends = [found.end for _, found in read_history(source, 9).frames_from(None)]
    data = (source / name).read_bytes()
    for cut in range(size + 1):
        copy = tmp_path / "cut"
        copy.mkdir(exist_ok=True)
        (copy / name).write_bytes(data[:cut])
        history = read_history(copy, 9)
        assert history.valid[name] == max((end for end in ends if end <= cut), default=0)
        assert len(records_of(copy)) == 2 * max(0, sum(end <= cut for end in ends) - 1)


def test_g10_a_flipped_byte_is_a_torn_last_batch_or_a_refusal(tmp_path):
    source = tmp_path / "whole"
    source.mkdir()
    name, size = written(source).position
    starts = [found.start for _, found in read_history(source, 9).frames_from(None)]
    whole = records_of(source)
    data = bytearray((source / name).read_bytes())
    copy = tmp_path / "flipped"
    copy.mkdir()
    for place in range(size):
        data[place] ^= 0x5A
        (copy / name).write_bytes(data)
        data[place] ^= 0x5A
        if place >= starts[-1]:
            assert records_of(copy) == whole[:-2]
        else:
            start = max(start for start in starts if start <= place)
            with pytest.raises(JournalDamaged, match=rf"{name} is damaged at byte {start}"):
                records_of(copy)


def test_g10_damage_in_an_older_segment_is_always_refused(tmp_path):
    written(tmp_path, batches=100, size=200)
    path = tmp_path / segment_name(1, 1)
    data = bytearray(path.read_bytes())
    last = len(data.rstrip(b"\0")) - 1
    for place in (20, len(data) // 2, last):
        data[place] ^= 1
        path.write_bytes(data)
        data[place] ^= 1
        with pytest.raises(JournalDamaged, match=path.name):
            records_of(tmp_path)
    path.unlink()
    with pytest.raises(JournalDamaged, match=f"{path.name} is missing"):
        records_of(tmp_path)


def test_g08_what_an_old_leader_writes_after_the_takeover_does_not_count(tmp_path):
    old = written(tmp_path)
    counted = records_of(tmp_path)
    new = JournalWriter(tmp_path, 2, SMALL)
    new.adopt(read_history(tmp_path, 2))
    old.append([entry(99)])
    new.append([entry(50)])
    assert records_of(tmp_path) == [*counted, entry(50)]
    new.release_adopted_tails()
    old.append([entry(98)])
    assert records_of(tmp_path) == [*counted, entry(50)]


def test_a_candidate_that_died_before_its_header_changes_nothing(tmp_path):
    written(tmp_path)
    counted = records_of(tmp_path)
    JournalWriter(tmp_path, 2, SMALL)
    third = JournalWriter(tmp_path, 3, SMALL)
    third.adopt(read_history(tmp_path, 3))
    third.append([entry(7)])
    assert records_of(tmp_path) == [*counted, entry(7)]
    assert read_history(tmp_path, 9).genesis


@pytest.mark.parametrize("failure", [errno.EIO, errno.ENOSPC])
def test_g01_a_failed_sync_is_final_and_not_repeated(tmp_path, monkeypatch, failure):
    writer = written(tmp_path)
    calls = []

    def fail(handle: int) -> None:
        calls.append(handle)
        raise OSError(failure, os.strerror(failure))

    monkeypatch.setattr(disk, "fdatasync", fail)
    with pytest.raises(JournalFailed):
        writer.append([entry(7)])
    assert len(calls) == 1


def test_a_full_disk_strikes_when_room_is_reserved(tmp_path, monkeypatch):
    def fail(handle: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "reserve", fail)
    with pytest.raises(JournalFailed, match="No space left"):
        JournalWriter(tmp_path, 1, SMALL)


def test_a_segment_of_a_newer_version_is_refused(tmp_path):
    header = Header(99, 1, 1, 0, True, {})
    data = encode_frame(Frame(UNKNOWN_N, GENESIS_CHAIN, [header]), 0)
    (tmp_path / segment_name(1, 0)).write_bytes(data)
    with pytest.raises(JournalDamaged, match="newer version"):
        read_history(tmp_path, 2)


def test_a_frame_copied_to_another_place_is_no_frame(tmp_path):
    writer = written(tmp_path, batches=2)
    path = tmp_path / writer.position.segment
    data = path.read_bytes()
    second = [found for _, found in read_history(tmp_path, 9).frames_from(None)][1]
    frame = data[second.start : second.end]
    path.write_bytes(data[: writer.position.offset] + frame)
    assert len(records_of(tmp_path)) == 4


def test_poison_records_survive(tmp_path):
    writer = written(tmp_path)
    writer.append([Poison("5-0/1", 7, "BTC_USDC")])
    assert records_of(tmp_path)[-1] == Poison("5-0/1", 7, "BTC_USDC")


def test_old_segments_go_when_a_snapshot_makes_them_unnecessary(tmp_path):
    writer = written(tmp_path, batches=100, size=200)
    writer.forget_segments(segment_name(1, 2))
    assert segments(tmp_path)[0] == segment_name(1, 2)
    assert not read_history(tmp_path, 9).genesis
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=lambda *_: [segment_name(1, 3)])
    with pytest.raises(JournalDamaged, match="missing"):
        read_history(tmp_path / "copy", 9)


def test_records_are_stable_on_disk():
    assert msgspec.msgpack.encode(Entry("1-0", 5, b"x")).hex() == "94a165a3312d3005c40178"
    assert msgspec.msgpack.encode(Tick(5)).hex() == "92a17405"
