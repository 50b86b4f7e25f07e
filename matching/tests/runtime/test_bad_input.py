"""Bytes that are no commands, and commands that break the engine: neither stops it for long (G11)."""

import pytest
from msgspec import structs

from exchange_site.kernel import redis_names
from matching import codec
from matching.core.engine import Applied, Engine
from matching.messages import Command, Done, MarketState, RefusalReason, Refused, SetMarketState
from matching.runtime.applier import Poisoned
from matching.runtime.recovery import Makers
from matching.tests.flows import STAFF, listing, random_commands
from matching.tests.runtime.rig import BRITTLE, Rig


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


class Boundless(Engine):
    """An engine that makes a number no record can carry, on a command whose key begins with `poison`."""

    def apply(self, command: Command, command_id: str, at_ms: int) -> Applied:
        applied = super().apply(command, command_id, at_ms)
        if applied.outcome is not None and (command.idempotency_key or "").startswith("poison"):
            return applied._replace(outcome=structs.replace(applied.outcome, seq=2**64))
        return applied


def test_g11_an_outcome_that_cannot_be_written_down_is_poison_too(rig: Rig):
    makers = Makers(Boundless, Boundless.load)
    worker = rig.lead(makers)
    rig.run(listing(), worker)
    rig.send([poison()])
    with pytest.raises(Poisoned):
        worker.run()
    rig.die()
    rig.lead(makers).run()
    assert rig.answers()[rig.correlation - 1][0].reply == Refused(reason=RefusalReason.INTERNAL)


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


def test_g11_a_retry_of_the_command_that_broke_the_engine_is_answered_without_another_restart(rig: Rig):
    worker = rig.lead(BRITTLE)
    rig.run(listing(), worker)
    rig.send([poison()])
    with pytest.raises(Poisoned):
        worker.run()
    rig.die()
    worker = rig.lead(BRITTLE)
    worker.run()
    for life in ("the same life", "the next, from the journal", "the next, from a snapshot"):
        rig.run([poison()], worker)
        assert rig.answers()[rig.correlation - 1][0].reply == Refused(reason=RefusalReason.INTERNAL), life
        if life.startswith("the next, from the journal"):
            worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
        after = rig.hash()
        rig.die()
        worker = rig.lead(BRITTLE)
        assert rig.hash() == after
    engine = rig.led().applier.engine
    assert isinstance(engine, Engine)
    assert engine.markets["SOL_USDC"].state is MarketState.OPEN, "retries are not counted as new breaks"
    rig.run([structs.replace(poison(), idempotency_key="another")], worker)
    assert rig.answers()[rig.correlation - 1][0].reply == Done()
