"""Timers of orders and accounts in the log: before every later command, the same in replay, never a trap (G19, 3.2)."""

from collections.abc import Callable

import pytest
from msgspec import structs

from exchange_site.kernel import redis_names
from matching.core import overdue
from matching.core.engine import Applied, Engine
from matching.messages import (
    CancelAfter,
    CancelOrder,
    Command,
    OrderEnded,
    OrderReply,
    OrderTerms,
    OrderType,
    PlaceOrder,
    RefusalReason,
    Refused,
    Side,
    TimeInForce,
)
from matching.runtime.applier import Poisoned
from matching.runtime.journal import read_history
from matching.runtime.log_clock import LogClock
from matching.runtime.records import Tick
from matching.runtime.recovery import Makers
from matching.runtime.worker import TIMERS_REST_MS, Worker
from matching.tests.flows import ACCOUNTS, MARKETS, listing
from matching.tests.runtime.rig import Rig


class Clock:
    """Both clocks of a worker, moved by hand."""

    def __init__(self, worker: Worker, start_ms: int) -> None:
        self.ns = self.wall_ns = start_ms * 1_000_000
        self.worker = worker
        worker._clock = LogClock(worker._applier.engine.at_ms, lambda: self.wall_ns, lambda: self.ns)

    @property
    def ms(self) -> int:
        return self.ns // 1_000_000

    def pass_ms(self, ms: int) -> None:
        self.ns += ms * 1_000_000
        self.wall_ns += ms * 1_000_000


@pytest.fixture
def led(rig: Rig) -> Callable[..., Clock]:
    """Lead with a clock by hand that goes on from the log's time."""

    def lead(makers: Makers | None = None) -> Clock:
        worker = rig.lead(makers)
        return Clock(worker, max(1_800_000_000_000, rig.led().applier.engine.at_ms))

    return lead


def bid(expires_at_ms: int | None, account_id: int = ACCOUNTS[0], price_ticks: int = 10) -> Command:
    return PlaceOrder(
        account_id=account_id,
        market=MARKETS[0],
        side=Side.BID,
        order_type=OrderType.LIMIT,
        price_ticks=price_ticks,
        quantity_lots=1,
        time_in_force=TimeInForce.GTC if expires_at_ms is None else TimeInForce.GTD,
        terms=None if expires_at_ms is None else OrderTerms(expires_at_ms=expires_at_ms),
    )


def last_reply(rig: Rig) -> object:
    return rig.answers()[rig.correlation - 1][0].reply


def ticks(rig: Rig) -> list[str]:
    return [outcome.command_id for outcome in rig.outcomes() if outcome.command_id.startswith("tick/")]


def test_g19_a_timer_fires_before_the_first_later_command(rig: Rig, led):
    clock = led()
    rig.run([*listing(), bid(clock.ms + 5_000)], clock.worker)
    order = last_reply(rig)
    assert isinstance(order, OrderReply)
    clock.pass_ms(5_001)
    rig.run([CancelOrder(account_id=ACCOUNTS[0], order_id=order.order.order_id)], clock.worker)
    assert last_reply(rig) == Refused(reason=RefusalReason.UNKNOWN_ORDER)
    [tick] = ticks(rig)
    assert tick == f"tick/{clock.ms}"
    ended = [outcome for outcome in rig.outcomes() if outcome.command_id == tick]
    assert any(isinstance(event, OrderEnded) for event in ended[0].events)
    assert sorted(rig.answers()) == list(range(1, rig.correlation)), "a tick is nobody's answer"


def test_an_idle_engine_fires_too_and_writes_nothing_otherwise(rig: Rig, led):
    clock = led()
    rig.run([*listing(), CancelAfter(account_id=ACCOUNTS[0], after_ms=2_000), bid(None)], clock.worker)
    position = rig.led().journal.position
    clock.pass_ms(1_500)
    clock.worker.run()
    assert rig.led().journal.position == position, "nothing is due, so nothing is written"
    clock.pass_ms(500)
    clock.worker.run()
    assert len(ticks(rig)) == 1
    assert not rig.led().applier.engine.open_orders


def test_i10_ticks_are_the_same_in_replay_and_on_the_standby(rig: Rig, led):
    clock = led()
    rig.run(listing(), clock.worker)
    follower = rig.follow()
    for number in range(30):
        rig.run([bid(clock.ms + 1_000 + number * 7, ACCOUNTS[number % 4])], clock.worker)
        clock.pass_ms(211)
        clock.worker.run()
    clock.pass_ms(600_000)
    rig.run([bid(None)], clock.worker)
    assert len(ticks(rig)) > 5
    while follower.step():
        pass
    follower.settle(int(rig.client.hget(redis_names.ENGINE, "n")))
    assert follower.applier is not None
    assert follower.applier.chain == rig.led().applier.chain
    before = rig.hash()
    rig.die()
    rig.lead()
    assert rig.hash() == before


def test_more_timers_than_one_tick_may_fire_all_fire_before_the_next_command(rig: Rig, led, monkeypatch):
    monkeypatch.setattr(overdue, "MAX_ENDED", 3)
    clock = led()
    rig.run([*listing(), *[bid(clock.ms + 1_000, account, 10) for account in ACCOUNTS for _ in range(5)]], clock.worker)
    assert len(rig.led().applier.engine.open_orders) == 20
    clock.pass_ms(1_000)
    rig.run([bid(None)], clock.worker)
    names = ticks(rig)
    assert len(names) == 7
    assert len(set(names)) == 7, "each tick has a name of its own"
    assert len(rig.led().applier.engine.open_orders) == 1
    outcomes = rig.outcomes()
    assert outcomes[-1].command_id.count("/") == 1
    assert not outcomes[-1].command_id.startswith("tick/")
    assert outcomes[-1].at_ms >= outcomes[-2].at_ms
    before = rig.hash()
    rig.die()
    rig.lead()
    assert rig.hash() == before


class Exacting(Engine):
    """Refuses a command that comes after something due."""

    def apply(self, command: Command, command_id: str, at_ms: int) -> Applied:
        due = self.next_timer_ms()
        assert due is None or due > at_ms, f"a timer was due at {due}, the command came at {at_ms}"
        return super().apply(command, command_id, at_ms)


def test_nothing_is_due_when_a_command_is_decided_however_the_clock_runs(rig: Rig, led, monkeypatch):
    """The clock goes on between any two looks at it, and each of many ticks takes a millisecond of its own."""
    monkeypatch.setattr(overdue, "MAX_ENDED", 2)
    clock = led(Makers(Exacting, Exacting.load))
    rig.run(listing(), clock.worker)

    def look() -> int:
        clock.ns += 1_000_000
        clock.wall_ns += 1_000_000
        return clock.ns

    clock.worker._clock = LogClock(clock.ms, lambda: clock.wall_ns, look)
    for number in range(120):
        rig.run([bid(clock.ms + 1_000 + number % 13, ACCOUNTS[number % 4])], clock.worker)
        clock.pass_ms(97)
    clock.pass_ms(2_000)
    rig.run([bid(None)], clock.worker)
    assert len(rig.led().applier.engine.open_orders) == 1
    assert len(ticks(rig)) > 20


class BrokenTimers(Engine):
    """Every timer that fires breaks the engine half way."""

    def tick(self, at_ms: int) -> Applied | None:
        applied = super().tick(at_ms)
        if applied is not None:
            raise ZeroDivisionError("a bug in a timer")
        return applied


def test_g11_a_timer_that_breaks_the_engine_does_not_keep_it_down(rig: Rig, led):
    makers = Makers(BrokenTimers, BrokenTimers.load)
    clock = led(makers)
    rig.run([*listing(), bid(clock.ms + 1_000)], clock.worker)
    clock.pass_ms(1_000)
    with pytest.raises(Poisoned):
        clock.worker.run()
    rig.die()
    clock = led(makers)
    rig.run([bid(None, ACCOUNTS[1])], clock.worker)
    assert isinstance(last_reply(rig), OrderReply), "trading goes on while timers rest"
    clock.pass_ms(TIMERS_REST_MS + 1)
    with pytest.raises(Poisoned):
        clock.worker.run()
    rig.die()
    rig.lead(makers)
    assert [outcome.refusal for outcome in rig.outcomes() if outcome.command_id.startswith("tick/")] == [
        RefusalReason.INTERNAL,
        RefusalReason.INTERNAL,
    ]


class StuckTimers(Engine):
    """A timer that is due and never fires."""

    def next_timer_ms(self) -> int | None:
        return 1


def test_a_timer_that_never_fires_does_not_stop_trading(rig: Rig, led, caplog):
    clock = led(Makers(StuckTimers, StuckTimers.load))
    rig.run([*listing(), bid(None)], clock.worker)
    assert isinstance(last_reply(rig), OrderReply)
    assert caplog.text.count("does not fire") == 1
    found = [
        record
        for _, one in read_history(rig.config.journal_dir, 9).frames_from(None)
        for record in one.frame.records
        if isinstance(record, Tick)
    ]
    assert len(found) == 1


def test_f19_a_clock_that_was_ahead_at_the_start_is_told_to_clients(rig: Rig, led):
    """The log's time never goes back; orders carry a limit in its time, so clients must know the difference."""
    clock = led()
    rig.run(listing(), clock.worker)
    clock.worker._next_beat = 0.0
    clock.worker.run()
    assert rig.client.hget(redis_names.ENGINE, "ahead_ms") == b"0"
    clock.wall_ns -= 3_600_000 * 1_000_000  # Somebody sets the clock right: the log is an hour ahead from now on.
    clock.worker._next_beat = 0.0
    clock.worker.run()
    ahead_ms = int(rig.client.hget(redis_names.ENGINE, "ahead_ms") or 0)
    assert ahead_ms == 3_600_000
    order = bid(None)
    assert isinstance(order, PlaceOrder)
    late = structs.replace(order, valid_until_ms=clock.wall_ns // 1_000_000 + 5_000)
    rig.run([late], clock.worker)
    assert last_reply(rig) == Refused(reason=RefusalReason.EXPIRED_IN_QUEUE)
    rig.run([structs.replace(late, valid_until_ms=late.valid_until_ms + ahead_ms)], clock.worker)
    assert isinstance(last_reply(rig), OrderReply)
