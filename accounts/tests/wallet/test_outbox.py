"""Every wish reaches the engine exactly once, whatever dies, repeats or is lost in between."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.ledger.models import WalletEntry
from accounts.tests.unguarded import unguarded
from accounts.tests.wallet.rig import SOL, Rig
from accounts.wallet import alarms, drainer, outbox
from accounts.wallet.locks import only_one
from accounts.wallet.models import OutboxCommand, WalletAlarm, Withdrawal
from matching.client import blocking
from matching.client.errors import NotAdmitted, OutcomeUnknown

State = OutboxCommand.State


def wish(rig: Rig, units: int = SOL, account=None) -> Withdrawal:
    """A withdrawal whose reservation nobody has sent yet."""
    account = account or rig.alice
    row = Withdrawal.objects.create(
        account=account, network=rig.network, units=units, fee_units=0, address="x", not_before=timezone.now()
    )
    outbox.reserve(row)
    return row


def state_of(row: Withdrawal) -> str:
    return Withdrawal.objects.get(pk=row.pk).state


def test_numbers_have_no_gap_and_refusals_use_none_up(rig):
    rows = [wish(rig, units) for units in (SOL, 10**15, 2 * SOL, 10**15, 3 * SOL)]
    assert drainer.drain() == 5
    assert [state_of(row) for row in rows] == ["reserved", "refused", "reserved", "refused", "reserved"]
    done = OutboxCommand.objects.filter(state=State.DONE).order_by("pk").values_list("number", flat=True)
    assert list(done) == [1, 2, 3]
    assert rig.engine.engine.venue.wallet_number == 3
    assert rig.held(rig.alice)[1] == 6 * SOL


def test_g20_a_lost_answer_is_asked_for_again_under_the_same_number(rig, monkeypatch):
    row = wish(rig)
    send = blocking.send

    def deaf(command, timeout_s):
        send(command, timeout_s)
        raise OutcomeUnknown("the line broke")

    monkeypatch.setattr(blocking, "send", deaf)
    drainer.drain()
    assert state_of(row) == "created"
    assert rig.held(rig.alice)[1] == SOL
    monkeypatch.setattr(blocking, "send", send)
    drainer.drain()
    assert state_of(row) == "reserved"
    assert rig.held(rig.alice)[1] == SOL
    assert [c.wallet_number for c in rig.engine.seen] == [1, 1]


def test_a_refusal_is_not_believed_while_an_earlier_copy_may_still_arrive(rig, monkeypatch):
    row = wish(rig, 10**15)
    send = blocking.send
    monkeypatch.setattr(blocking, "send", lambda *_: (_ for _ in ()).throw(OutcomeUnknown("the line broke")))
    drainer.drain()
    monkeypatch.setattr(blocking, "send", send)
    drainer.drain()
    assert OutboxCommand.objects.get().state == State.SENT
    assert state_of(row) == "created"
    OutboxCommand.objects.update(doubt_until=timezone.now())
    drainer.drain()
    assert state_of(row) == "refused"


def test_a_command_that_was_not_admitted_gives_its_number_back(rig, monkeypatch):
    row = wish(rig)
    send = blocking.send
    monkeypatch.setattr(blocking, "send", lambda *_: (_ for _ in ()).throw(NotAdmitted("closed")))
    assert drainer.drain() == 0
    command = OutboxCommand.objects.get()
    assert (command.state, command.number) == (State.WAITING, None)
    monkeypatch.setattr(blocking, "send", send)
    drainer.drain()
    assert state_of(row) == "reserved"


def test_only_one_process_drains(rig):
    wish(rig)
    with only_one(drainer.LOCK) as mine:
        assert mine
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(in_thread, drainer.drain).result() == 0
    assert drainer.drain() == 1


def in_thread(work):
    try:
        return work()
    finally:
        connection.close()


def test_f26_twenty_drainers_at_once_send_each_wish_once(rig):
    rows = [wish(rig) for _ in range(30)]
    barrier = threading.Barrier(8)

    def run():
        barrier.wait()
        for _ in range(5):
            drainer.drain()

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(in_thread, run) for _ in range(8)]:
            future.result()
    drainer.drain()
    assert {state_of(row) for row in rows} == {"reserved"}
    assert rig.held(rig.alice)[1] == 30 * SOL
    assert sorted(c.wallet_number for c in rig.engine.seen) == list(range(1, 31))


def test_the_database_allows_one_command_under_way_and_each_number_once(rig):
    first, second = (outbox.reserve(wish(rig)) for _ in range(2))
    OutboxCommand.objects.filter(pk=first.pk).update(state=State.SENT, number=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxCommand.objects.filter(pk=second.pk).update(state=State.SENT, number=2)


def test_an_effect_can_be_wished_only_once(rig):
    row = wish(rig)
    assert outbox.reserve(row).pk == outbox.reserve(row).pk
    assert OutboxCommand.objects.count() == 1


def test_f12_after_an_older_database_came_back_nothing_more_is_sent(rig):
    """The engine has gone on to 3; the database was restored to before 2, and somebody else's wish would be 2."""
    for _ in range(3):
        wish(rig)
    drainer.drain()
    later = OutboxCommand.objects.filter(number__gte=2)
    lost = list(later.values_list("withdrawal_id", flat=True))
    later.delete()
    with unguarded():
        WalletEntry.objects.filter(withdrawal_id__in=lost).delete()
    Withdrawal.objects.filter(pk__in=lost).delete()
    row = wish(rig, 7 * SOL, rig.bob)
    assert drainer.drain() == 0
    assert state_of(row) == "created"
    alarm = WalletAlarm.objects.get()
    assert (alarm.code, alarm.stops) == (alarms.NUMBER_TAKEN, True)
    assert drainer.drain() == 0
    assert rig.held(rig.bob)[1] == 0
    assert rig.held(rig.alice)[1] == 3 * SOL


def test_states_cannot_go_back_even_by_hand(rig):
    row = wish(rig)
    drainer.drain()
    with pytest.raises(IntegrityError, match="cannot go from reserved to created"), transaction.atomic():
        Withdrawal.objects.filter(pk=row.pk).update(state="created")
    with pytest.raises(IntegrityError, match="cannot go from done to sent"), transaction.atomic():
        OutboxCommand.objects.update(state="sent")


@pytest.mark.parametrize("seed", range(3))
def test_g20_any_mixture_of_lost_answers_and_refusals_ends_with_each_wish_decided_once(rig, monkeypatch, seed):
    chance, send = random.Random(seed), blocking.send

    def unreliable(command, timeout_s):
        luck = chance.random()
        if luck < 0.2:
            raise NotAdmitted("closed")
        if luck < 0.35:
            raise OutcomeUnknown("nothing arrived")
        answer = send(command, timeout_s)
        if luck < 0.5:
            raise OutcomeUnknown("the answer was lost")
        return answer

    monkeypatch.setattr(blocking, "send", unreliable)
    rows = [wish(rig, chance.choice([SOL, 2 * SOL, 10**15])) for _ in range(25)]
    for _ in range(600):
        OutboxCommand.objects.update(doubt_until=None)
        drainer.drain()
        if not OutboxCommand.objects.filter(state__in=["waiting", "sent"]).exists():
            break
    reserved = [row.units for row in rows if state_of(row) == "reserved"]
    assert {state_of(row) for row in rows} == {"reserved", "refused"}
    assert rig.held(rig.alice)[1] == sum(reserved)
    assert rig.engine.engine.venue.wallet_number == len(reserved)
