"""Send and await: every command gets the answer to itself, and when there is none it is said what that means."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings

from exchange_site.kernel.redis_names import COMMANDS, ENGINE
from matching.client import blocking
from matching.client.gateway import EngineGateway, NotAdmitted, OutcomeUnknown
from matching.client.line import Line
from matching.messages import (
    Answer,
    Batch,
    CancelAllOrders,
    Done,
    ListAsset,
    OrderReply,
    OrdersReply,
    OrderType,
    PlaceOrder,
    RefusalReason,
    Refused,
    Side,
)
from matching.tests.cutting_proxy import Cut, CuttingProxy
from matching.tests.fake_engine import STAFF, FakeEngine

ALICE = 11


def bid(price_ticks: int = 2000, **more: Any) -> PlaceOrder:
    return PlaceOrder(
        account_id=ALICE,
        market="SOL_USDC",
        side=Side.BID,
        order_type=OrderType.LIMIT,
        price_ticks=price_ticks,
        quantity_lots=10,
        **more,
    )


@pytest.fixture
def log() -> Iterator[Any]:
    client = redis.Redis.from_url(django_settings.REDIS_LOG_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def engine(log: Any) -> FakeEngine:
    engine = FakeEngine(log)
    engine.prepare(ALICE)
    return engine


@pytest.fixture
async def gateway(engine: FakeEngine) -> AsyncIterator[EngineGateway]:
    gateway = EngineGateway()
    yield gateway
    await gateway.close()


@pytest.fixture
async def proxy(engine: FakeEngine, settings: Any) -> AsyncIterator[CuttingProxy]:
    proxy = CuttingProxy(settings.REDIS_LOG_URL)
    await proxy.start()
    settings.REDIS_LOG_URL = proxy.url
    yield proxy
    await proxy.stop()


async def test_every_caller_gets_the_answer_to_its_own_command(engine: FakeEngine, gateway: EngineGateway) -> None:
    with engine:
        answers = await asyncio.gather(*(gateway.send(bid(1000 + i)) for i in range(150)))
    prices = [answer.reply.order.price_ticks for answer in answers if isinstance(answer.reply, OrderReply)]
    assert prices == [1000 + i for i in range(150)]
    assert gateway.waiting == 0


async def test_what_gathers_goes_as_one_entry(engine: FakeEngine, gateway: EngineGateway, log: Any) -> None:
    with engine:
        await asyncio.gather(*(gateway.send(bid(1000 + i)) for i in range(150)))
    assert log.xlen(COMMANDS) < 10


async def test_a_batch_is_executed_in_order(engine: FakeEngine, gateway: EngineGateway) -> None:
    with engine:
        answers = await gateway.send_many([bid(1000), bid(1001), CancelAllOrders(account_id=ALICE), bid(1002)])
    replies = [answer.reply for answer in answers if isinstance(answer, Answer)]
    assert isinstance(replies[2], OrdersReply)
    assert [order.price_ticks for order in replies[2].orders] == [1000, 1001]


async def test_a_refusal_is_an_answer(engine: FakeEngine, gateway: EngineGateway) -> None:
    with engine:
        answer = await gateway.send(bid(2**40))
    assert answer.reply == Refused(reason=RefusalReason.INSUFFICIENT_FUNDS)


async def test_nothing_is_enqueued_for_a_closed_engine(engine: FakeEngine, gateway: EngineGateway, log: Any) -> None:
    engine.close()
    with pytest.raises(NotAdmitted) as refusal:
        await gateway.send(bid())
    assert refusal.value.reason == "closed"
    assert log.xlen(COMMANDS) == 0


async def test_commands_wait_while_one_engine_hands_over_to_another(
    engine: FakeEngine, gateway: EngineGateway, log: Any
) -> None:
    engine.close()
    sent = [asyncio.create_task(gateway.send(bid(price))) for price in (1990, 1991)]
    async with asyncio.timeout(5):
        while gateway.closed_for_s == 0:
            await asyncio.sleep(0)
    assert not any(task.done() for task in sent)
    engine.open()
    with engine:
        answers = await asyncio.gather(*sent)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert gateway.closed_for_s == 0


async def test_an_engine_that_stays_closed_is_not_waited_for_by_everybody(
    engine: FakeEngine, gateway: EngineGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only whoever came first has waited; each after that is refused by its first admission."""
    engine.close()
    with pytest.raises(NotAdmitted):
        await gateway.send(bid())
    monkeypatch.setattr("matching.client.gateway.HANDOVER_POLL_S", 3600)
    async with asyncio.timeout(5):
        with pytest.raises(NotAdmitted):
            await gateway.send(bid())


async def test_a_full_backlog_sheds_orders_before_cancels(engine: FakeEngine, gateway: EngineGateway) -> None:
    engine.open(backlog=django_settings.ENGINE_MAX_BACKLOG - 100)
    with engine:
        order, cancel = await gateway.send_many([bid(), CancelAllOrders(account_id=ALICE)])
    assert isinstance(order, NotAdmitted)
    assert order.reason == "full"
    assert isinstance(cancel, Answer)


async def test_a_batch_weighs_as_much_as_its_steps(engine: FakeEngine, gateway: EngineGateway) -> None:
    bound = django_settings.ENGINE_MAX_BACKLOG * 80 // 100
    engine.open(backlog=bound - 2)
    steps = [bid(1990), bid(1991), bid(1992)]
    with engine:
        three = await gateway.send_many([Batch(account_id=ALICE, steps=steps)])
        two = await gateway.send_many([Batch(account_id=ALICE, steps=steps[:2])])
    assert isinstance(three[0], NotAdmitted)
    assert three[0].reason == "full"
    assert isinstance(two[0], Answer)
    assert int(engine.client.hget(ENGINE, "admitted")) == bound


async def test_g13_without_an_answer_the_outcome_is_unknown(engine: FakeEngine, gateway: EngineGateway) -> None:
    engine.silent = True
    with engine, pytest.raises(OutcomeUnknown):
        await gateway.send(bid(), timeout_s=0.2)
    assert gateway.waiting == 0


async def test_g13_a_lost_admit_answer_is_not_a_lost_order(proxy: CuttingProxy, engine: FakeEngine, log: Any) -> None:
    """The line breaks after the XADD: the order is in, its answer comes over the other line, nothing is sent twice."""
    gateway = EngineGateway()
    proxy.cut = Cut.BEFORE_ANSWER
    with engine:
        answer = await gateway.send(bid())
    await gateway.close()
    assert isinstance(answer.reply, OrderReply)
    assert (proxy.cuts, log.xlen(COMMANDS), len(engine.seen)) == (1, 1, 1)


async def test_g13_a_line_cut_during_the_admit_is_unknown(proxy: CuttingProxy, engine: FakeEngine, log: Any) -> None:
    """The line breaks before the XADD: we cannot know that, so the caller is told that we do not."""
    gateway = EngineGateway()
    proxy.cut = Cut.BEFORE_COMMAND
    with engine:
        with pytest.raises(OutcomeUnknown):
            await gateway.send(bid(1500), timeout_s=0.3)
        answer = await gateway.send(bid(1501))
    await gateway.close()
    assert isinstance(answer.reply, OrderReply)
    assert [command.price_ticks for command in engine.seen if isinstance(command, PlaceOrder)] == [1501]


async def test_g13_what_was_called_not_enqueued_is_never_sent(engine: FakeEngine, monkeypatch: Any) -> None:
    """Its caller has been told while the line was still being opened; sending it then would make that a lie."""
    reachable = asyncio.Event()
    real = Line.open

    async def open_slowly(line: Line) -> None:
        await reachable.wait()
        await real(line)

    monkeypatch.setattr(Line, "open", open_slowly)
    gateway = EngineGateway()
    late = [asyncio.ensure_future(gateway.send(command, timeout_s=0.05)) for command in (bid(1500), bid(1501))]
    patient = asyncio.ensure_future(gateway.send(bid(1502)))
    for refused in late:
        with pytest.raises(NotAdmitted):
            await refused
    reachable.set()
    with engine:
        await patient
        answer = await gateway.send(bid(1503))
    await gateway.close()
    assert isinstance(answer.reply, OrderReply)
    assert [command.price_ticks for command in engine.seen if isinstance(command, PlaceOrder)] == [1502, 1503]


async def test_answers_survive_a_broken_reply_line(proxy: CuttingProxy, engine: FakeEngine) -> None:
    gateway = EngineGateway()
    with engine:
        await gateway.send(bid(1500))
        proxy.word, proxy.cut = b"XREAD", Cut.BEFORE_COMMAND
        answers = [await gateway.send(bid(1501 + i)) for i in range(20)]
    await gateway.close()
    assert all(isinstance(answer.reply, OrderReply) for answer in answers)


async def test_an_unreachable_log_refuses_at_once(proxy: CuttingProxy, engine: FakeEngine) -> None:
    await proxy.stop()
    gateway = EngineGateway()
    with pytest.raises(NotAdmitted) as refusal:
        await gateway.send(bid())
    assert refusal.value.reason == "unreachable"
    with pytest.raises(NotAdmitted):
        await gateway.engine_n()
    await gateway.close()


async def test_the_position_covers_what_was_answered(engine: FakeEngine, gateway: EngineGateway) -> None:
    with engine:
        answer = await gateway.send(bid())
        positions = await asyncio.gather(*(gateway.engine_n() for _ in range(50)))
    assert all(n >= answer.n for n in positions)


async def test_a_key_used_again_gets_the_stored_answer(engine: FakeEngine, gateway: EngineGateway) -> None:
    """Each try has its own deadline, which is no part of what was asked."""
    with engine:
        first = await gateway.send(bid(idempotency_key="k", valid_until_ms=2**50))
        again = await gateway.send(bid(idempotency_key="k", valid_until_ms=2**50 + 1))
        other = await gateway.send(bid(1999, idempotency_key="k"))
    assert (again.n, again.replayed, again.reply) == (first.n, True, first.reply)
    assert other.reply == Refused(reason=RefusalReason.IDEMPOTENCY_KEY_REUSED)


def test_blocking_send(engine: FakeEngine) -> None:
    with engine:
        assert blocking.send(ListAsset(symbol="BTC", decimals=8, **STAFF)).reply == Done()
        answers = blocking.send_many([bid(1000), bid(1001)])
    assert [answer.reply.order.price_ticks for answer in answers if isinstance(answer.reply, OrderReply)] == [
        1000,
        1001,
    ]
    assert blocking.engine_position()["status"] == "open"


def test_blocking_send_to_a_closed_engine(engine: FakeEngine) -> None:
    engine.close()
    with pytest.raises(NotAdmitted):
        blocking.send(bid())


def test_blocking_send_without_an_answer(engine: FakeEngine) -> None:
    with pytest.raises(OutcomeUnknown):
        blocking.send(bid(), timeout_s=0.2)


async def test_it_knows_how_far_the_logs_time_is_from_the_wall_clocks(log: Any, gateway: EngineGateway) -> None:
    """A clock that was wrong when the engine started must not make every order look late."""
    log.hset(ENGINE, "ahead_ms", 3_600_000)
    async with asyncio.timeout(5):
        while gateway.ahead_ms != 3_600_000:
            await asyncio.sleep(0.01)


async def test_while_the_database_is_far_behind_only_orders_are_refused(
    log: Any, engine: FakeEngine, gateway: EngineGateway
) -> None:
    log.hset(ENGINE, "status", "cancel_only")
    with engine:
        sent = await gateway.send_many([bid(), CancelAllOrders(account_id=ALICE)])
    assert isinstance(sent[0], NotAdmitted)
    assert sent[0].reason == "full"
    assert isinstance(sent[1], Answer)
    assert (await gateway.position()).takes_commands(0)
