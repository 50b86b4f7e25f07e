"""At most one engine publishes, and only the next outcome (G5, G8). What `admit` lets through."""

import pytest

from exchange_site.kernel import redis_names
from matching import codec
from matching.messages import Answer, Done, Outcome
from matching.runtime.applier import Batch
from matching.runtime.leadership import Fenced, Forgotten, Leadership
from matching.runtime.publisher import Publisher, PublishRefused
from matching.tests.flows import listing, random_commands
from matching.tests.runtime.rig import Rig
from matching.transport import admit, scripts
from matching.transport.connection import LogConnection


@pytest.fixture
def connection(log):
    connection = LogConnection()
    yield connection
    connection.close()


@pytest.fixture
def leader(connection) -> Leadership:
    leadership = Leadership(5, 3_000)
    leadership.fence(connection)
    return leadership


def batch(first: int, last: int) -> Batch:
    outcomes = [codec.encode(Outcome(n, 1, 1, f"{n}-0/0", [])) for n in range(first, last + 1)]
    answers = {"web": [Answer(last, last, False, Done())]}
    return Batch(first, last, 0, bytes(32), 1, outcomes, answers, len(outcomes))


@pytest.mark.parametrize("wrong", [batch(6, 6), batch(5, 5), batch(3, 4), batch(3, 5), batch(2, 2), batch(1, 1)])
def test_g05_publish_takes_only_the_next_outcome(log, connection, leader, wrong):
    publisher = Publisher(leader, 0)
    publisher.publish(batch(1, 4), connection)
    if wrong.first_n == 5:
        publisher.publish(wrong, connection)  # The right one, and then once more.
    events, answers = log.xrange(redis_names.EVENTS), log.xlen("rep:web")
    with pytest.raises(PublishRefused):
        publisher.publish(wrong, connection)
    assert log.xrange(redis_names.EVENTS) == events
    assert log.xlen("rep:web") == answers


def test_g05_redis_itself_refuses_a_repeated_number_even_after_trimming(log, connection, leader):
    publisher = Publisher(leader, 0)
    publisher.publish(batch(1, 4), connection)
    log.xtrim(redis_names.EVENTS, maxlen=0, approximate=False)
    leader.anchor(0, 0, bytes(32), 1)
    with pytest.raises(PublishRefused, match="equal or smaller"):
        publisher.publish(batch(1, 4), connection)


def test_answers_alone_need_no_new_outcome(log, connection, leader):
    publisher = Publisher(leader, 0)
    replayed = batch(1, 0)
    replayed.answers = {"web": [Answer(1, 0, True, Done())]}
    publisher.publish(replayed, connection)
    assert log.xlen("rep:web") == 1
    assert not log.exists(redis_names.EVENTS)
    assert 0 < log.ttl("rep:web") <= scripts.REPLIES_EXPIRE_S


def test_g08_a_later_term_locks_the_earlier_one_out_of_everything(log, connection, leader):
    later = Leadership(6, 3_000)
    later.fence(connection)
    publisher = Publisher(leader, 0)
    for step in (
        lambda: publisher.publish(batch(1, 1), connection),
        leader.renew,
        lambda: leader.open(0),
        lambda: leader.close(True),
        lambda: leader.anchor(0, 0, bytes(32), 1),
        lambda: leader.reset_events("1"),
        lambda: leader.fence(connection),
    ):
        with pytest.raises(Fenced):
            step()
    later.renew()
    assert not log.exists(redis_names.EVENTS)


def test_g08_the_same_term_of_another_owner_is_locked_out_too(connection, leader):
    with pytest.raises(Fenced):
        Leadership(5, 3_000).fence(connection)


def test_a_wiped_redis_is_no_leader(log, connection, leader):
    log.flushdb()
    with pytest.raises(Forgotten):
        leader.renew()
    with pytest.raises(Forgotten):
        Publisher(leader, 0).publish(batch(1, 1), connection)


def test_g08_the_old_engine_wakes_up_and_writes_nothing(rig: Rig):
    old = rig.lead()
    rig.run(listing(), old)
    new = rig.lead()
    rig.run(list(random_commands(1, 30))[-30:], new)
    after = rig.outcomes()
    with pytest.raises(Fenced):
        old.run()
    rig.send(list(random_commands(2, 10))[-10:])
    with pytest.raises(Fenced):
        old._step(0)
    assert rig.outcomes() == after
    new.run()
    assert len(rig.outcomes()) == len(after) + 10
    finally_ = rig.hash()
    rig.die()
    rig.lead()
    assert rig.hash() == finally_


def test_g08_an_engine_without_redis_sees_its_successor_on_disk(rig: Rig):
    old = rig.lead()
    rig.run(listing(), old)
    rig.lead()
    rig.client.flushdb()
    rig.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(Fenced, match="was elected"):
        old.run()


# --------------------------------------------------------------------------------------------------------------- admit


def admitted(log, kind: admit.Kind = admit.Kind.ORDER, count: int = 1, bound: int = 10) -> str:
    return admit.admit(log, kind, count, bound, b"payload")


def test_nothing_is_admitted_before_an_engine_is_open(log, connection, leader):
    with pytest.raises(admit.NotAdmitted, match="closed"):
        admitted(log)
    leader.open(0)
    assert admitted(log).endswith("-0")


def test_nothing_is_admitted_long_after_the_lease(log, connection, leader):
    leader.open(0)
    seconds, _ = log.time()
    log.hset(redis_names.ENGINE, "lease_until_ms", (seconds - 1) * 1000)
    admitted(log)
    log.hset(redis_names.ENGINE, "lease_until_ms", (seconds - 4) * 1000)
    with pytest.raises(admit.NotAdmitted, match="closed"):
        admitted(log)


def test_g12_orders_are_shed_before_cancels(log, connection, leader):
    leader.open(0)
    admitted(log, count=8)
    with pytest.raises(admit.NotAdmitted, match="full"):
        admitted(log)
    admitted(log, admit.Kind.CANCEL, 2)
    with pytest.raises(admit.NotAdmitted, match="full"):
        admitted(log, admit.Kind.CANCEL)
    Publisher(leader, 0).publish(batch(1, 5), connection)
    admitted(log)


def test_each_leader_counts_the_backlog_anew(rig: Rig):
    rig.lead()
    rig.send(listing())
    rig.die()
    rig.lead()
    waiting = int(rig.client.hget(redis_names.ENGINE, "admitted"))
    assert waiting == rig.correlation - 1
    assert rig.client.hget(redis_names.ENGINE, "processed") == b"0"


@pytest.mark.parametrize(("count", "payload"), [(0, b""), (4_097, b""), (1, b"x" * (1024 * 1024 + 1))])
def test_an_entry_of_the_wrong_size_is_a_mistake_of_the_caller(log, count, payload):
    with pytest.raises(ValueError, match="An entry"):
        admit.admit(log, admit.Kind.ORDER, count, 10_000, payload)
