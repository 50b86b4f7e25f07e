"""The warm standby: the leader's state at every moment, whatever happens to journal, leader and Redis (G14)."""

import random

import pytest

from exchange_site.kernel import redis_names
from matching.messages import MarketState, RefusalReason, Refused, SetMarketState
from matching.runtime import recovery, snapshots
from matching.runtime.applier import Poisoned
from matching.runtime.follower import Follower
from matching.runtime.journal import JournalWriter, newest_term, read_history
from matching.runtime.records import Tick
from matching.runtime.recovery import RecoveryRefused
from matching.tests.flows import STAFF, listing, random_commands
from matching.tests.runtime.rig import BRITTLE, Rig, parts, state_hash


def catch_up(follower: Follower, rig: Rig) -> Follower:
    """Everything that is there, as the process does it: read, and hear what the leader has published."""
    while follower.step():
        pass
    follower.settle(int(rig.client.hget(redis_names.ENGINE, "n") or 0))
    return follower


def same_as_leader(follower: Follower, rig: Rig) -> bool:
    applier = follower.applier
    return applier is not None and state_hash(applier.engine, applier.chain) == rig.hash()


@pytest.fixture
def cold_starts(monkeypatch) -> list[int]:
    """Takeovers that had to load from the disk."""
    found: list[int] = []
    real = recovery.load_start

    def load_start(*args):
        found.append(1)
        return real(*args)

    monkeypatch.setattr(recovery, "load_start", load_start)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_i10_a_standby_has_the_leaders_state_at_every_moment(rig: Rig, seed: int):
    rig.configure(segment_bytes=8 * 1024)
    follower = rig.follow()
    for piece in parts(seed, 400, 12):
        rig.run(piece, rig.lead(), per_entry=random.Random(seed).randrange(1, 20))
        catch_up(follower, rig)
        assert same_as_leader(follower, rig), f"seed {seed}"
        rig.die()


def test_g14_a_takeover_goes_on_from_the_warm_state(rig: Rig, cold_starts: list[int]):
    worker = rig.lead()
    cold_starts.clear()
    follower = rig.follow()
    sent = 0
    for number, piece in enumerate(parts(2, 500, 5)):
        before = rig.run(piece, worker)
        sent += len(piece)
        catch_up(follower, rig)
        rig.die()
        worker = rig.lead(follower=follower)
        assert rig.hash() == before, f"takeover {number}"
        follower = rig.follow()
    assert not cold_starts
    assert sorted(rig.answers()) == list(range(1, sent + 1))
    assert len(rig.outcomes()) == rig.led().applier.n
    warm = rig.hash()
    rig.die()
    rig.lead()
    assert rig.hash() == warm, "a replay from the disk agrees"


def test_g01_what_the_dead_leader_journaled_and_never_published_is_published_by_the_standby(
    rig: Rig, monkeypatch, cold_starts: list[int]
):
    worker = rig.lead()
    cold_starts.clear()
    rig.run(listing(), worker)
    follower = catch_up(rig.follow(), rig)

    def cut(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker._publisher, "publish", cut)
    rig.send(list(random_commands(1, 40))[-40:])
    with pytest.raises(KeyboardInterrupt):
        worker.run()
    decided = rig.hash()
    catch_up(follower, rig)
    assert not same_as_leader(follower, rig), "nothing shows yet that the leader survived it"
    rig.die()
    rig.lead(follower=follower).run()
    assert not cold_starts
    assert sorted(rig.answers()) == list(range(1, rig.correlation))
    assert rig.outcomes()[-1].n == rig.led().applier.n
    assert decided


def test_g01_a_redis_that_lost_its_last_second_is_filled_by_the_standby(rig: Rig, cold_starts: list[int]):
    worker = rig.lead()
    cold_starts.clear()
    rig.run(listing(), worker)
    follower = catch_up(rig.follow(), rig)
    rig.client.copy(redis_names.EVENTS, "old:ev")
    position = rig.client.hgetall(redis_names.ENGINE)
    rig.run(list(random_commands(4, 60))[-60:], worker)
    whole, before = rig.outcomes(), rig.hash()
    catch_up(follower, rig)
    rig.client.rename("old:ev", redis_names.EVENTS)
    rig.client.hset(redis_names.ENGINE, mapping=position)
    rig.die()
    rig.lead(follower=follower)
    assert not cold_starts
    assert rig.outcomes() == whole
    assert rig.hash() == before


def test_g01_a_wiped_redis_sends_the_standby_to_the_disk(rig: Rig, cold_starts: list[int]):
    worker = rig.lead()
    cold_starts.clear()
    before = rig.run(list(random_commands(4, 60)), worker)
    whole = rig.outcomes()
    follower = catch_up(rig.follow(), rig)
    rig.die()
    rig.client.flushdb()
    rig.lead(follower=follower)
    assert len(cold_starts) == 1
    assert rig.outcomes() == whole
    assert rig.hash() == before


def test_a_torn_frame_waits_for_its_rest(rig: Rig):
    worker = rig.lead()
    rig.run(listing(), worker)
    follower = catch_up(rig.follow(), rig)
    name, start = rig.led().journal.position
    rig.run(list(random_commands(2, 9))[-9:], worker, per_entry=9)
    end = rig.led().journal.position.offset
    path = rig.config.journal_dir / name
    whole = path.read_bytes()
    for cut in (start + 1, start + 11, start + 13, end - 5):  # Zeros must not happen to be what was cut.
        path.write_bytes(whole[:cut] + bytes(len(whole) - cut))
        assert not follower.step()
        path.write_bytes(whole[:cut])  # A writer without reserved room.
        assert not follower.step()
    path.write_bytes(whole)
    catch_up(follower, rig)
    assert same_as_leader(follower, rig)


def test_g11_poison_is_known_before_it_is_met(rig: Rig, cold_starts: list[int], caplog):
    worker = rig.lead(BRITTLE)
    rig.run(listing(), worker)
    follower = catch_up(rig.follow(BRITTLE), rig)
    poison = SetMarketState(market="SOL_USDC", state=MarketState.OPEN, idempotency_key="poison-1", **STAFF)
    rig.send([*list(random_commands(3, 9))[-9:], poison])
    with pytest.raises(Poisoned):
        worker.run()
    rig.die()
    cold_starts.clear()
    catch_up(follower, rig)
    worker = rig.lead(BRITTLE, follower=follower)
    worker.run()
    assert not cold_starts
    assert "starts afresh" not in caplog.text
    assert rig.answers()[rig.correlation - 1][0].reply == Refused(reason=RefusalReason.INTERNAL)
    warm = rig.hash()
    rig.die()
    rig.lead(BRITTLE)
    assert rig.hash() == warm


def overtaken(rig: Rig, follower: Follower) -> tuple[JournalWriter, JournalWriter]:
    """A leader that wakes up and writes on, just when its successor has counted its bytes; the standby reads all."""
    old = rig.led().journal
    successor = JournalWriter(rig.config.journal_dir, newest_term(rig.config.journal_dir) + 1, 64 * 1024)
    history = read_history(rig.config.journal_dir, successor.term)
    applier = rig.led().applier
    old.append([Tick(applier.engine.at_ms + 5)], applier.n, applier.chain)
    old.append([Tick(applier.engine.at_ms + 6)], applier.n, applier.chain)
    while follower.step():
        pass
    assert follower.position.offset > history.valid[follower.position.segment], "it has read what will not count"
    successor.adopt(history)
    successor.append([], applier.n, applier.chain)
    return old, successor


def test_g08_bytes_of_an_overtaken_leader_are_thrown_away_with_the_state_they_made(rig: Rig, caplog):
    rig.run(list(random_commands(3, 80)), rig.lead())
    follower = catch_up(rig.follow(), rig)
    _, successor = overtaken(rig, follower)
    successor.append([], rig.led().applier.n, rig.led().applier.chain)
    assert not follower.step()
    assert follower.applier is None
    assert "thrown away" in caplog.text
    follower._load_at = 0.0
    catch_up(follower, rig)
    assert same_as_leader(follower, rig)
    successor.close(tidy=False)


def test_g08_a_takeover_does_not_use_a_state_made_of_bytes_that_do_not_count(rig: Rig, cold_starts: list[int]):
    before = rig.run(list(random_commands(3, 80)), rig.lead())
    follower = catch_up(rig.follow(), rig)
    _, successor = overtaken(rig, follower)
    successor.close(tidy=False)
    cold_starts.clear()
    rig.lead(follower=follower)
    assert len(cold_starts) == 1
    assert rig.hash() == before


def test_a_standby_that_fell_behind_a_trim_starts_from_the_snapshot(rig: Rig, caplog):
    rig.configure(segment_bytes=4096)
    worker = rig.lead()
    rig.run(listing(), worker)
    follower = catch_up(rig.follow(), rig)
    for piece in parts(4, 300, 20):
        rig.run(piece, worker)
    worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    worker._journal.forget_segments(rig.led().journal.position.segment)
    assert not follower.step()
    assert "too far behind" in caplog.text
    follower._load_at = 0.0
    catch_up(follower, rig)
    rig.run(list(random_commands(5, 30))[-30:], worker)
    catch_up(follower, rig)
    assert same_as_leader(follower, rig)


def test_a_standby_begins_with_an_older_snapshot_when_the_newest_is_damaged(rig: Rig):
    worker = rig.lead()
    for piece in parts(5, 200, 3):
        rig.run(piece, worker)
        worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    path = snapshots.list_snapshots(rig.config.snapshot_dir)[0][1]
    path.write_bytes(path.read_bytes()[:-7])
    follower = catch_up(rig.follow(), rig)
    assert same_as_leader(follower, rig)


def test_i10_a_standby_with_other_rules_ends_instead_of_leading(rig: Rig):
    """Its first outcome that differs from the leader's is noticed at the next frame."""
    worker = rig.lead()
    rig.run(listing(), worker)
    follower = catch_up(rig.follow(), rig)
    assert follower.applier is not None
    follower.applier.engine.venue.last_order_id += 1
    for piece in parts(1, 60, 4)[1:]:
        rig.run(piece, worker)
    with pytest.raises(RecoveryRefused, match="was written after outcome"):
        catch_up(follower, rig)


def test_the_memory_for_redis_is_bounded(rig: Rig, monkeypatch):
    monkeypatch.setattr("matching.runtime.follower.KEPT_BYTES", 20_000)
    worker = rig.lead()
    follower = rig.follow()
    for piece in parts(1, 400, 40):
        rig.run(piece, worker)
        catch_up(follower, rig)
    assert follower._kept_bytes <= 20_000
    assert sum(kept.size for kept in follower._kept) == follower._kept_bytes
    assert 1 < len(follower._kept) < 40
