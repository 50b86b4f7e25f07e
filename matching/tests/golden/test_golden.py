"""Journals and snapshots of past releases, replayed: the same outcomes to the last byte, or the build fails."""

import collections
import json
from pathlib import Path

import pytest

from matching import codec
from matching.messages import MarketState, TradeMade
from matching.runtime.applier import Applier
from matching.runtime.journal import read_history
from matching.runtime.readonly import load_engine_readonly
from matching.runtime.records import Internal, Poison, Tick
from matching.runtime.recovery import Makers, check_position, load_start, read_ahead
from matching.tests.golden import recording as recording_module
from matching.tests.golden.recording import HERE, held

RECORDINGS = sorted(path.parent for path in HERE.glob("*/golden.json"))


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.name)
def recording(request) -> Path:
    return request.param


@pytest.mark.parametrize("begin", ["the beginning", "its snapshot"])
def test_g04_a_past_release_is_replayed_to_the_same_chain_and_state(recording: Path, tmp_path: Path, begin: str):
    golden = json.loads((recording / "golden.json").read_text())
    snapshots = recording / "snapshots" if begin == "its snapshot" else tmp_path
    engine, chain = load_engine_readonly(recording / "journal", snapshots)
    assert (engine.n, engine.seq, chain.hex()) == (golden["n"], golden["seq"], golden["chain"])
    assert held(engine, golden["order_fields"]) == golden["held"]
    engine.check_invariants()


def test_the_recordings_hold_what_they_are_for(recording: Path, tmp_path: Path):
    """A recording of nothing would always agree."""
    history = read_history(recording / "journal", 1_000)
    kinds = collections.Counter(
        type(record) for _, found in history.frames_from(None) for record in found.frame.records
    )
    assert kinds[Tick] > 3
    assert kinds[Poison] == kinds[Internal] == 1
    assert len({name[:11] for name in history.valid}) == 3, "three terms"
    assert len(history.valid) > 4, "several segments"
    trades, held_back = 0, collections.Counter()
    for outcome in outcomes_of(recording, tmp_path):
        trades += sum(isinstance(event, TradeMade) for event in outcome.events)
        held_back[outcome.refusal] += 1
    assert trades > 300
    assert len(held_back) > 8, f"only these refusals: {sorted(map(str, held_back))}"
    engine, _ = load_engine_readonly(recording / "journal", recording / "snapshots")
    assert len(engine.open_orders) > 10
    assert {market.state for market in engine.markets.values()} - {MarketState.CLOSED}


def outcomes_of(recording: Path, empty: Path):
    history = read_history(recording / "journal", 1_000)
    start = load_start(empty, history, None, Makers())
    applier: Applier = start.applier
    applier.poisoned.update(poison.command_id for poison in read_ahead(history, None))
    for position, found in history.frames_from(None):
        check_position(applier, found.frame, str(position))
        applier.apply_records(found.frame.records)
        yield from (codec.decode_outcomes(codec.join_encoded([raw]))[0] for raw in applier.take().outcomes)


def test_g04_one_command_left_out_is_noticed(recording: Path, tmp_path: Path):
    """The comparison above can fail: a replay without one command ends elsewhere."""
    golden = json.loads((recording / "golden.json").read_text())
    history = read_history(recording / "journal", 1_000)
    applier = load_start(tmp_path, history, None, Makers()).applier
    applier.poisoned.update(poison.command_id for poison in read_ahead(history, None))
    for index, (_, found) in enumerate(history.frames_from(None)):
        if index != 40:
            applier.apply_records(found.frame.records)
    assert applier.chain.hex() != golden["chain"]


def test_a_recording_of_this_release_can_be_made(tmp_path: Path, monkeypatch):
    """The same seed gives the same bytes' worth of outcomes, so a recording says which release it was and no more."""
    monkeypatch.setattr(recording_module, "HERE", tmp_path)
    monkeypatch.setattr(recording_module, "COMMANDS", 300)
    made = [json.loads((recording_module.record(name, 7) / "golden.json").read_text()) for name in ("one", "two")]
    assert made[0] == made[1]
    engine, chain = load_engine_readonly(tmp_path / "one" / "journal", tmp_path / "one" / "snapshots")
    assert (engine.n, chain.hex()) == (made[0]["n"], made[0]["chain"])
    with pytest.raises(FileExistsError):
        recording_module.record("one", 7)
