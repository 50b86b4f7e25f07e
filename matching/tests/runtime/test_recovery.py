"""Engines that die and come back: equal to a twin that never did, in state, numbers and answers."""

import random
import shutil

import msgspec
import pytest

from exchange_site.kernel import redis_names
from matching.messages import RefusalReason, Refused
from matching.runtime import disk, snapshots
from matching.runtime.journal import JournalDamaged, JournalFailed
from matching.runtime.recovery import RecoveryRefused
from matching.runtime.worker import Worker
from matching.tests.flows import listing, random_commands
from matching.tests.runtime.rig import Rig, parts


@pytest.mark.parametrize("seed", range(3))
def test_g09_an_engine_killed_many_times_equals_itself(rig: Rig, seed: int):
    before = None
    sent = 0
    for piece in parts(seed, 600, 6):
        worker = rig.lead()
        assert before in (None, rig.hash())
        before = rig.run(piece, worker)
        sent += len(piece)
        rig.die()
    rig.lead()
    assert rig.hash() == before
    outcomes = rig.outcomes()
    answers = rig.answers()
    assert sorted(answers) == list(range(1, sent + 1))
    assert all(len(found) == 1 for found in answers.values())
    assert len(outcomes) == sum(not found[0].replayed for found in answers.values())


def test_g01_what_was_journaled_but_not_published_is_published_and_answered(rig: Rig, monkeypatch):
    worker = rig.lead()
    rig.run(listing(), worker)
    piece = list(random_commands(1, 60))[-60:]

    def cut(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker._publisher, "publish", cut)
    rig.send(piece)
    with pytest.raises(KeyboardInterrupt):
        worker.run()
    decided = rig.hash()
    published = len(rig.outcomes())
    rig.die()
    worker = rig.lead()
    assert rig.hash() == decided
    assert len(rig.outcomes()) > published
    worker.run()
    assert sorted(rig.answers()) == list(range(1, rig.correlation))


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_g09_damaged_snapshots_cost_time_and_nothing_else(rig: Rig, damaged: int):
    worker = rig.lead()
    for piece in parts(5, 400, 3):
        rig.run(piece, worker)
        rig.led().applier.take()
        worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    undisturbed = rig.run(list(random_commands(6, 50))[-50:], worker)
    rig.die()
    kept = [path for _, path in snapshots.list_snapshots(rig.config.snapshot_dir)]
    assert len(kept) == 3
    for path in kept[:damaged]:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    rig.lead()
    assert rig.hash() == undisturbed


def test_g04_replay_from_zero_and_from_each_snapshot_agree(rig: Rig):
    worker = rig.lead()
    for piece in parts(8, 400, 4):
        rig.run(piece, worker)
        worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    undisturbed = rig.hash()
    while kept := snapshots.list_snapshots(rig.config.snapshot_dir):
        rig.die()
        rig.lead()
        assert rig.hash() == undisturbed
        kept[0][1].unlink()


def test_g09_a_torn_batch_was_never_answered_and_is_decided_again(rig: Rig, monkeypatch):
    worker = rig.lead()
    before = rig.run(listing(), worker)
    name, offset = rig.led().journal.position
    real = disk.pwrite

    def torn(handle: int, data: bytes, at: int) -> int:
        real(handle, data[: len(data) // 2], at)
        raise KeyboardInterrupt

    monkeypatch.setattr(disk, "pwrite", torn)
    rig.send(list(random_commands(2, 20))[-20:])
    with pytest.raises(KeyboardInterrupt):
        worker.run()
    monkeypatch.undo()
    rig.die()
    worker = rig.lead()
    assert rig.hash() == before
    assert (rig.config.journal_dir / name).stat().st_size == offset
    worker.run()
    assert len(rig.outcomes()) == rig.correlation - 1


def test_g10_damage_inside_the_journal_stops_the_start_and_is_named(rig: Rig):
    worker = rig.lead()
    for piece in parts(2, 200, 5):
        rig.run(piece, worker)
    name, offset = rig.led().journal.position
    rig.die()
    path = rig.config.journal_dir / name
    data = bytearray(path.read_bytes())
    data[offset // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalDamaged, match=f"{name} is damaged at byte"):
        rig.lead()
    data[offset // 2] ^= 1
    path.write_bytes(data)
    rig.lead()


def test_g10_one_flipped_byte_anywhere_never_gives_a_wrong_state(rig: Rig, tmp_path):
    rig.configure(segment_bytes=8 * 1024)
    worker = rig.lead()
    for number, piece in enumerate(parts(7, 300, 12)):
        rig.run(piece, worker)
        if number in (3, 7):
            worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    undisturbed = rig.hash()
    rig.die()
    original = rig.config
    position = rig.client.hgetall(redis_names.ENGINE)
    rng = random.Random(1)
    started = refused = 0
    for attempt in range(60):
        copy = tmp_path / f"copy{attempt}"
        shutil.copytree(original.journal_dir, copy / "journal")
        shutil.copytree(original.snapshot_dir, copy / "snapshots")
        rig.configure(journal_dir=copy / "journal", snapshot_dir=copy / "snapshots")
        path = rng.choice(sorted(path for path in copy.rglob("*") if path.suffix in (".wal", ".snap")))
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data.rstrip(b"\0")))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        rig.client.hset(redis_names.ENGINE, mapping=position)
        try:
            rig.lead()
        except (JournalDamaged, RecoveryRefused):
            refused += 1
        else:
            assert rig.hash() == undisturbed
            started += 1
            rig.die()
        shutil.rmtree(copy)
    assert started
    assert refused


def test_g10_a_journal_that_lost_its_end_is_noticed_by_what_was_published(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    rig.run(list(random_commands(2, 20))[-20:], worker)
    name, offset = rig.led().journal.position
    rig.die()
    path = rig.config.journal_dir / name
    data = bytearray(path.read_bytes())
    data[offset - 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecoveryRefused, match="has lost records"):
        rig.lead()


def test_g10_a_journal_of_another_exchange_is_refused(rig: Rig, tmp_path):
    worker = rig.lead()
    rig.run(listing(), worker)
    rig.die()
    rig.lead()
    rig.die()
    other = tmp_path / "other"
    other.mkdir()
    rig.configure(journal_dir=other)
    with pytest.raises(RecoveryRefused, match="not the journal that belongs to this Redis"):
        rig.lead()


def test_g01_when_the_journal_fails_nothing_is_answered(rig: Rig, monkeypatch):
    worker = rig.lead()
    rig.run(listing(), worker)
    answered = len(rig.answers())

    def fail(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "fdatasync", fail)
    rig.send(list(random_commands(2, 20))[-20:])
    with pytest.raises(JournalFailed):
        worker.run()
    assert len(rig.answers()) == answered


def test_a_requested_snapshot_is_written_and_reported(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    rig.client.hset(redis_names.ENGINE, "snapshot_requested", "12345")
    worker._next_beat = 0.0
    worker.run()
    assert not rig.client.hexists(redis_names.ENGINE, "snapshot_requested")
    assert int(rig.client.hget(redis_names.ENGINE, "snapshot_n")) == rig.led().applier.n
    assert snapshots.list_snapshots(rig.config.snapshot_dir)[0][0] == rig.led().applier.n


def test_a_snapshot_is_written_after_so_many_commands_also_across_a_restart(rig: Rig):
    def newest() -> int:
        return next((n for n, _ in snapshots.list_snapshots(rig.config.snapshot_dir)), 0)

    def beat(worker: Worker) -> None:
        worker._next_beat = 0.0
        worker.run()

    rig.configure(snapshot_every_commands=100, snapshot_every_s=10**6)
    worker = rig.lead()
    first, second, third, *_ = parts(4, 300, 4)  # 75 commands and a quarter of the listing each.
    assert 75 < len(first) < 100 < len(first) + len(second)
    rig.run(first, worker)
    beat(worker)
    assert newest() == 0
    rig.die()
    worker = rig.lead()  # What it has replayed counts: the next start would have to replay it as well.
    rig.run(second, worker)
    beat(worker)
    assert newest() == rig.led().applier.n
    saved = newest()
    rig.run(third, worker)
    beat(worker)
    assert newest() == saved
    # Repeated requests make no outcomes, but a replay has to go through them all the same.
    repeated = msgspec.structs.replace(next(listing()), idempotency_key="again")
    rig.run([repeated] * 100, worker)
    beat(worker)
    assert newest() == rig.led().applier.n < saved + len(third) + 5


def test_g14_a_new_leader_spares_the_next_standby_what_it_had_to_replay_itself(rig: Rig):
    """Nobody stands by until a new standby is warm, and after each death of a leader it had all that before it again:
    the newest snapshot only grew older, for each new leader counted anew."""
    rig.configure(snapshot_every_commands=10**6, snapshot_every_s=10**6)
    rig.run(parts(4, 300, 4)[0], rig.lead())
    assert snapshots.list_snapshots(rig.config.snapshot_dir) == []
    rig.die()
    rig.configure(snapshot_first_commands=50)
    worker = rig.lead()
    worker.run()  # Its first beat; no command has come yet.
    assert [n for n, _ in snapshots.list_snapshots(rig.config.snapshot_dir)] == [rig.led().applier.n]
    rig.run(parts(4, 300, 4)[1], worker)
    worker._next_beat = 0.0
    worker.run()
    assert len(snapshots.list_snapshots(rig.config.snapshot_dir)) == 1, "only the first one comes so early"


def test_streams_are_trimmed_only_behind_journal_and_database(rig: Rig):
    rig.configure(kept_behind=100)
    worker = rig.lead()
    for piece in parts(4, 1_500, 15):
        rig.run(piece, worker, per_entry=1)
        worker._next_beat = 0.0
        worker.run()
    assert rig.client.xlen(redis_names.EVENTS) > 0
    assert rig.outcomes()[0].n == 1, "without a database position nothing of ev may go"
    assert rig.client.xlen(redis_names.COMMANDS) < rig.correlation - 1
    rig.client.hset(redis_names.ENGINE, "db_n", 1_000)
    rig.run(list(random_commands(4, 300))[-300:], worker, per_entry=1)
    worker._next_beat = 0.0
    worker.run()
    first = int(rig.client.xrange(redis_names.EVENTS, count=1)[0][1][b"f"])
    assert first <= 900


def test_an_idle_engine_remembers_no_more_every_second(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    for _ in range(20):
        worker._next_beat = 0.0
        worker.run()
    assert len(worker._house._marks) <= 2


def test_a_stop_answers_what_was_admitted_writes_a_snapshot_and_frees_the_lease(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    rig.send(list(random_commands(4, 50))[-50:])
    worker.stop()
    assert sorted(rig.answers()) == list(range(1, rig.correlation))
    stopped = rig.client.hgetall(redis_names.ENGINE)
    assert stopped[b"status"] == b"closed"
    assert stopped[b"lease_until_ms"] == b"0"
    assert snapshots.list_snapshots(rig.config.snapshot_dir)[0][0] == rig.led().applier.n


def test_g02_a_lost_answer_is_given_again_to_the_same_key_after_a_restart(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    keyed = [command for command in random_commands(9, 400) if getattr(command, "idempotency_key", None)]
    assert keyed
    first = rig.correlation
    before = rig.run(keyed, worker)
    rig.die()
    worker = rig.lead()
    rig.run(keyed, worker)
    answers = rig.answers()
    for index in range(len(keyed)):
        original, again = answers[first + index][0], answers[first + len(keyed) + index][0]
        if again.replayed:
            assert (again.n, again.reply) == (original.n, original.reply)
        else:
            assert again.reply == Refused(reason=RefusalReason.IDEMPOTENCY_KEY_REUSED)
    assert before
