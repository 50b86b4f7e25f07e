"""Real engines killed with SIGKILL wherever it hurts, stopped, paused and replaced (F1, F2, G1, G2, G5, G8, G9)."""

import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from exchange_site.kernel import redis_names
from matching.client.event_log import EventReader
from matching.messages import Command, OrderReply
from matching.runtime import process as codes
from matching.runtime.crash import POINTS
from matching.runtime.snapshots import list_snapshots
from matching.tests.flows import random_commands
from matching.tests.runtime.processes import Engines, Ledger, replayed_chain, wait_until


@pytest.fixture
def engines(tmp_path: Path, log: redis.Redis) -> Iterator[Engines]:
    engines = Engines(tmp_path, log)
    yield engines
    engines.close()


@pytest.fixture
def ledger(log: redis.Redis) -> Ledger:
    return Ledger(log)


def keyed(seed: int, count: int) -> list[Command]:
    """Commands that each have a key of their own, so that a client may ask again."""
    commands = list(random_commands(seed, count))
    return [msgspec.structs.replace(one, idempotency_key=f"k{seed}-{i}") for i, one in enumerate(commands)]


def check_everything(engines: Engines, ledger: Ledger, commands: list[Command]) -> None:
    """Nothing lost, nothing doubled, no gap; Redis, journal and the client's record tell the same story."""
    reader, outcomes, chain = EventReader(engines.client), [], bytes(32)
    while batches := reader.read(outcomes[-1].n if outcomes else 0, block_ms=0):
        for batch in batches:
            batch.check_chain(chain)
            chain = batch.chain
            outcomes.extend(batch.outcomes)
    assert len(outcomes) == len(commands), "each command was decided exactly once"
    by_n = {outcome.n: outcome for outcome in outcomes}
    decided = set()
    for command in commands:
        answers = ledger.answers[command.idempotency_key or ""]
        assert len({(answer.n, msgspec.msgpack.encode(answer.reply)) for answer in answers}) == 1
        outcome = by_n[answers[0].n]
        decided.add(outcome.n)
        if isinstance(answers[0].reply, OrderReply):
            assert outcome.refusal is None
    assert len(decided) == len(commands)
    position = engines.client.hgetall(redis_names.ENGINE)
    told = (int(position[b"n"]), position[b"chain"].decode())
    assert told == (len(commands), chain.hex()) == replayed_chain(engines.directory / "journal")


@pytest.mark.parametrize("point", [point for point in POINTS if point != "mid_snapshot"])
def test_g01_killed_between_any_two_steps_nothing_is_lost_or_doubled(engines: Engines, ledger: Ledger, point: str):
    first = engines.start(ENGINE_CRASH_AT=f"{point}:4")
    commands = keyed(1, 120)
    engine = [first]

    def alive() -> None:
        if engine[0].poll() is not None:
            assert engine[0].returncode == -signal.SIGKILL, engines.log_of(engine[0])
            engine[0] = engines.start()

    for first_one in range(0, len(commands), 10):
        ledger.settle(commands[first_one : first_one + 10], alive)
    assert first.returncode == -signal.SIGKILL
    check_everything(engines, ledger, commands)


def test_g09_killed_while_writing_a_snapshot(engines: Engines, ledger: Ledger):
    first = engines.start(ENGINE_CRASH_AT="mid_snapshot")
    commands = keyed(2, 60)
    ledger.settle(commands[:40], lambda: None)
    engines.client.hset(redis_names.ENGINE, "snapshot_requested", "1")
    assert first.wait(10) == -signal.SIGKILL
    assert not list_snapshots(engines.directory / "snapshots")
    engines.start()
    ledger.settle(commands[40:], lambda: None)
    check_everything(engines, ledger, commands)


def test_g01_killed_again_and_again_under_load(engines: Engines, ledger: Ledger):
    commands = keyed(3, 900)
    engine = [engines.start()]
    kills = 0

    def alive() -> None:
        nonlocal kills
        if engine[0].poll() is None and kills < 5 and len(ledger.answers) > 150 * (kills + 1):
            kills += 1
            engine[0].kill()
            engine[0].wait()
            engine[0] = engines.start()

    for first in range(0, len(commands), 25):
        ledger.settle(commands[first : first + 25], alive)
    assert kills == 5
    check_everything(engines, ledger, commands)


def test_a_stop_leaves_a_snapshot_and_lets_nobody_in(engines: Engines, ledger: Ledger):
    engine = engines.start()
    commands = keyed(4, 50)
    ledger.settle(commands, lambda: None)
    engine.terminate()
    assert engine.wait(5) == codes.EXIT_STOPPED, engines.log_of(engine)
    assert list_snapshots(engines.directory / "snapshots")[0][0] == len(commands)
    assert ledger.ask(commands[:1]) == []
    engines.start()
    ledger.settle(keyed(5, 5), lambda: None)


def test_g08_a_paused_engine_is_replaced_and_ends_when_it_wakes(engines: Engines, ledger: Ledger):
    old = engines.start()
    ledger.settle(keyed(6, 30), lambda: None)
    new = engines.start(wait=False)
    wait_until(lambda: "stands by" in engines.log_of(new), "standing by")
    old.send_signal(signal.SIGSTOP)
    wait_until(lambda: "Engine ready" in engines.log_of(new), "the takeover", 8)
    more = keyed(7, 30)
    ledger.settle(more, lambda: None)
    old.send_signal(signal.SIGCONT)
    assert old.wait(5) == codes.EXIT_FENCED, engines.log_of(old)
    check_everything(engines, ledger, [*keyed(6, 30), *more])


def test_g09_a_dead_engine_is_replaced_at_once(engines: Engines, ledger: Ledger):
    old = engines.start()
    new = engines.start(wait=False)
    wait_until(lambda: "stands by" in engines.log_of(new), "standing by")
    old.kill()
    wait_until(lambda: "Engine ready" in engines.log_of(new), "the takeover", 2)


def test_g10_damage_is_named_and_the_engine_stays_down(engines: Engines, ledger: Ledger):
    engine = engines.start()
    for seed in (8, 9):
        ledger.settle(keyed(seed, 20), lambda: None)
    engine.kill()
    engine.wait()
    path = next((engines.directory / "journal").glob("*.wal"))
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    again = engines.start()
    assert again.wait(5) == codes.EXIT_REFUSED
    assert path.name in engines.log_of(again)
    assert "damaged at byte" in engines.log_of(again)


def test_asserts_must_be_on(engines: Engines):
    engine = engines.start(PYTHONOPTIMIZE="1")
    assert engine.wait(10) == codes.EXIT_REFUSED
    assert "asserts" in engines.log_of(engine)
