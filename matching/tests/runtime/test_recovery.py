"""Engines that die and come back: equal to a twin that never did, in state, numbers and answers."""

import pytest

from exchange_site.kernel import redis_names
from matching import codec
from matching.core.engine import Engine
from matching.messages import Done, MarketState, RefusalReason, Refused, SetMarketState
from matching.runtime import journal as journal_module
from matching.runtime import snapshots
from matching.runtime.applier import Poisoned
from matching.runtime.journal import JournalDamaged, JournalFailed
from matching.runtime.recovery import RecoveryRefused
from matching.runtime.worker import StartOver
from matching.tests.flows import STAFF, listing, random_commands
from matching.tests.runtime.rig import BRITTLE, Rig
from matching.transport.connection import ConnectionLost


def parts(seed: int, count: int, pieces: int) -> list[list]:
    commands = list(random_commands(seed, count))
    size = len(commands) // pieces + 1
    return [commands[first : first + size] for first in range(0, len(commands), size)]


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
    real = journal_module.os.pwrite

    def torn(handle: int, data: bytes, at: int) -> int:
        real(handle, data[: len(data) // 2], at)
        raise KeyboardInterrupt

    monkeypatch.setattr(journal_module.os, "pwrite", torn)
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

    monkeypatch.setattr(journal_module.os, "fdatasync", fail)
    rig.send(list(random_commands(2, 20))[-20:])
    with pytest.raises(JournalFailed):
        worker.run()
    assert len(rig.answers()) == answered


# ----------------------------------------------------------------------------------------------------------- bad input


def test_g11_bad_bytes_are_refused_one_by_one(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    good = codec.encode(SetMarketState(market="SOL_USDC", state=MarketState.POST_ONLY, **STAFF))
    bad = [b"\xc1", b"\x01", b"\x91\xa4nope", b"\x92\xabplace_order\xc0", b"\x91" * 60_000 + b"\x90"]
    first = rig.correlation
    for raw in bad:
        # What is no message at all cannot even be put beside another one, so each bad one comes alone.
        rig.client.xadd(redis_names.COMMANDS, {"b": codec.encode_entry("rig", rig.correlation, [raw])})
        rig.correlation += 1
    rig.send_raw([good])
    worker.run()
    replies = [rig.answers().get(first + index, [None])[0] for index in range(len(bad) + 1)]
    assert [r.reply for r in replies if r is not None][-1] == Done()
    refused = [r.reply.reason for r in replies[:-1] if r is not None]
    assert refused
    assert set(refused) == {RefusalReason.MALFORMED}
    again = rig.hash()
    rig.die()
    rig.lead()
    assert rig.hash() == again


def test_g11_an_entry_that_is_none_is_skipped_in_replay_too(rig: Rig, caplog):
    worker = rig.lead()
    rig.run(listing(), worker)
    for payload in (b"", b"\xc1garbage", b"x" * (2 * 1024 * 1024)):
        rig.client.xadd(redis_names.COMMANDS, {"b": payload})
    rig.client.xadd(redis_names.COMMANDS, {"other": b"field"})
    after = rig.run([SetMarketState(market="SOL_USDC", state=MarketState.POST_ONLY, **STAFF)], worker)
    assert caplog.text.count("is no command entry") == 4
    rig.die()
    rig.lead()
    assert rig.hash() == after


# -------------------------------------------------------------------------------------------------------------- poison


def poison(number: int = 0, market: str = "SOL_USDC") -> SetMarketState:
    return SetMarketState(market=market, state=MarketState.OPEN, idempotency_key=f"poison-{number}", **STAFF)


def test_g11_a_command_that_breaks_the_engine_is_refused_after_the_restart(rig: Rig):
    worker = rig.lead(BRITTLE)
    rig.run(listing(), worker)
    first = rig.correlation
    neighbours = list(random_commands(3, 9))[-9:]
    rig.send([*neighbours[:4], poison(), *neighbours[4:]])
    with pytest.raises(Poisoned):
        worker.run()
    assert rig.client.hget(redis_names.ENGINE, "status") == b"closed"
    rig.die()
    worker = rig.lead(BRITTLE)
    worker.run()
    answers = rig.answers()
    assert sorted(answers) == list(range(1, rig.correlation))
    assert answers[first + 4][0].reply == Refused(reason=RefusalReason.INTERNAL)
    after = rig.hash()
    rig.die()
    rig.lead(BRITTLE)
    assert rig.hash() == after
    rig.outcomes()


def test_g11_a_death_before_the_poison_was_noted_is_made_up_for_in_replay(rig: Rig, monkeypatch):
    worker = rig.lead(BRITTLE)
    rig.run(listing(), worker)

    def cut(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "_record_poison", cut)
    rig.send([poison()])
    with pytest.raises(KeyboardInterrupt):
        worker.run()
    rig.die()
    with pytest.raises(Poisoned):
        rig.lead(BRITTLE)
    rig.lead(BRITTLE)
    assert rig.answers()[rig.correlation - 1][0].reply == Refused(reason=RefusalReason.INTERNAL)


def test_g11_a_market_that_keeps_breaking_the_engine_is_closed(rig: Rig):
    worker = rig.lead(BRITTLE)
    rig.run(listing(), worker)
    for number in range(4):
        rig.send([poison(number)])
        with pytest.raises(Poisoned):
            worker.run()
        rig.die()
        worker = rig.lead(BRITTLE)
    engine = rig.led().applier.engine
    assert isinstance(engine, Engine)
    assert engine.markets["SOL_USDC"].state is MarketState.CLOSED
    assert engine.markets["BTC_USDC"].state is MarketState.OPEN
    closed = rig.hash()
    rig.die()
    rig.lead(BRITTLE)
    assert rig.hash() == closed
    rig.outcomes()


# ------------------------------------------------------------------------------------------------------ Redis came back


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


# -------------------------------------------------------------------------------------------------- once a second


def test_a_requested_snapshot_is_written_and_reported(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    rig.client.hset(redis_names.ENGINE, "snapshot_requested", "12345")
    worker._next_beat = 0.0
    worker.run()
    assert not rig.client.hexists(redis_names.ENGINE, "snapshot_requested")
    assert int(rig.client.hget(redis_names.ENGINE, "snapshot_n")) == rig.led().applier.n
    assert snapshots.list_snapshots(rig.config.snapshot_dir)[0][0] == rig.led().applier.n


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
