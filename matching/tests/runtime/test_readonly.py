"""Looking at the engine's state at any outcome, beside the running engine and without leaving a trace."""

import hashlib

import pytest

from matching import codec
from matching.client import dump
from matching.messages import MarketState, SetMarketState
from matching.runtime.applier import Poisoned
from matching.runtime.readonly import load_engine_readonly
from matching.runtime.recovery import RecoveryRefused
from matching.tests.flows import STAFF, random_commands
from matching.tests.published import run_core
from matching.tests.runtime.rig import BRITTLE, parts


def read(rig, up_to_n=None):
    return load_engine_readonly(rig.config.journal_dir, rig.config.snapshot_dir, up_to_n)


def test_the_last_state_is_that_of_the_running_engine(rig):
    worker = rig.lead()
    rig.run(random_commands(1, 300), worker)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in rig.config.journal_dir.iterdir())
    engine, chain = read(rig)
    assert engine.dump() == rig.led().applier.engine.dump()
    assert chain == rig.led().applier.chain
    assert before == sorted((path.name, path.stat().st_mtime_ns) for path in rig.config.journal_dir.iterdir())


@pytest.mark.parametrize("n", [0, 1, 23, 24, 150, 251])
def test_any_outcome_can_be_asked_for_even_inside_an_entry(rig, n):
    first, second = parts(2, 300, 2)
    rig.run(first, rig.lead())
    rig.die()
    rig.run(second, rig.lead())
    engine, chain = read(rig, n)
    assert engine.n == n
    assert chain == chain_after(rig.outcomes()[:n])


def chain_after(outcomes):
    chain = bytes(32)
    for outcome in outcomes:
        chain = hashlib.blake2b(chain + codec.encode(outcome), digest_size=32).digest()
    return chain


def test_it_is_the_engine_that_a_plain_replay_gives(rig):
    commands = list(random_commands(3, 200))
    rig.run(commands, rig.lead())
    outcomes = rig.outcomes()
    engine, _ = read(rig)
    replayed, _ = run_core(commands)
    assert engine.n == replayed.n == outcomes[-1].n
    assert list(engine.balance_rows()) == list(replayed.balance_rows())


def test_an_outcome_beyond_the_journal_is_refused(rig):
    rig.run(random_commands(4, 50), rig.lead())
    with pytest.raises(RecoveryRefused, match="ends at outcome"):
        read(rig, 10_000)


def test_without_a_journal_it_says_so(tmp_path):
    with pytest.raises(RecoveryRefused, match="no journal"):
        load_engine_readonly(tmp_path / "none", tmp_path / "none")


def test_poison_on_record_is_answered_as_the_engine_did(rig):
    worker = rig.lead(BRITTLE)
    rig.run(random_commands(5, 50), worker)
    rig.send([SetMarketState(market="SOL_USDC", state=MarketState.OPEN, idempotency_key="poison", **STAFF)])
    with pytest.raises(Poisoned):
        worker.run()
    rig.die()
    rig.run([], rig.lead(BRITTLE))
    engine, chain = read(rig)
    assert (engine.n, chain) == (rig.led().applier.n, rig.led().applier.chain)


def test_the_dump_is_plain_values(rig, settings):
    rig.run(random_commands(6, 300), rig.lead())
    settings.JOURNAL_DIR, settings.SNAPSHOT_DIR = rig.config.journal_dir, rig.config.snapshot_dir
    state = dump.engine_dump()
    engine = rig.led().applier.engine
    assert (state["n"], state["seq"]) == (engine.n, engine.seq)
    assert [order["order_id"] for order in state["orders"]] == sorted(engine.open_orders)
    assert {row["asset"] for row in state["balances"]} == {"SOL", "BTC", "USDC"}
    with pytest.raises(dump.DumpFailed, match="ends at outcome"):
        dump.engine_dump(10**9)
