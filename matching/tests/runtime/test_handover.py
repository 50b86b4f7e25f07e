"""Real engines handing over: killed leaders, asked leaders, and who may lead afterwards (F1, F30, G14)."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.core.management import CommandError, call_command

from exchange_site.kernel import redis_names
from matching.runtime import process as codes
from matching.runtime.standby import standbys
from matching.tests.runtime.processes import Engines, Ledger, wait_until
from matching.tests.runtime.test_engine_process import check_everything, keyed
from matching.transport.connection import LogConnection

AT_ONCE_S = 2


@pytest.fixture
def engines(tmp_path: Path, log: redis.Redis) -> Iterator[Engines]:
    engines = Engines(tmp_path, log)
    yield engines
    engines.close()


@pytest.fixture
def ledger(log: redis.Redis) -> Ledger:
    return Ledger(log)


@pytest.fixture
def connection(log: redis.Redis) -> Iterator[LogConnection]:
    connection = LogConnection()
    yield connection
    connection.close()


def caught_up(connection: LogConnection) -> bool:
    n = int(connection.call("HGET", redis_names.ENGINE, "n") or 0)
    return any(one.warm and one.n == n for one in standbys(connection))


@pytest.mark.alone
def test_g14_leaders_killed_under_load_are_replaced_within_five_seconds(
    engines: Engines, ledger: Ledger, connection: LogConnection
):
    leader, standby = engines.start(), engines.start(wait=False)
    commands: list = []
    pauses = []
    for kill in range(3):
        before = keyed(20 + kill, 120)
        ledger.settle(before, lambda: None)
        wait_until(lambda: caught_up(connection), "a warm standby")
        under_way = keyed(40 + kill, 60)
        ledger.ask(under_way)
        leader.kill()
        killed = time.monotonic()
        ledger.settle(under_way, lambda: None)
        after = keyed(60 + kill, 1)
        ledger.settle(after, lambda: None)
        pauses.append(time.monotonic() - killed)
        commands += [*before, *under_way, *after]
        leader, standby = standby, engines.start(wait=False)
    assert max(pauses) < 5, f"pauses in s: {pauses}"
    check_everything(engines, ledger, commands)


def check_status(engines: Engines, capsys) -> None:
    """What `engine status` says of a leader, a warm standby and a database that is a little behind."""
    call_command("engine", "status", json=True)
    status = json.loads(capsys.readouterr().out)
    assert status["status"] == "open"
    assert status["term"] == 1
    assert [(one["warm"], one["behind"], one["chain"]) for one in status["standbys"]] == [(True, 0, status["chain"])]
    engines.client.hset(redis_names.ENGINE, "db_n", status["n"] - 3)
    call_command("engine", "status")
    text = capsys.readouterr().out
    assert "3 behind" in text
    assert "snapshot   none" in text


def test_f30_a_leader_that_is_asked_hands_over_and_stands_by(
    engines: Engines, ledger: Ledger, connection: LogConnection, settings, capsys
):
    settings.SNAPSHOT_DIR = engines.directory / "snapshots"
    with pytest.raises(CommandError, match="does not take"):
        call_command("engine", "status", json=True)
    assert json.loads(capsys.readouterr().out)["status"] == "absent"
    first = engines.start()
    with pytest.raises(CommandError, match="No warm standby"):
        call_command("engine", "stepdown", actor="test", reason="upgrade")
    second = engines.start(wait=False)
    commands = keyed(1, 50)
    ledger.settle(commands, lambda: None)
    wait_until(lambda: caught_up(connection), "a warm standby")
    check_status(engines, capsys)
    call_command("engine", "stepdown", actor="test", reason="upgrade")
    assert "leads in term 2" in capsys.readouterr().out
    assert "asked by test: upgrade" in engines.log_of(first)
    assert "Engine ready: term 2" in engines.log_of(second)
    more = keyed(2, 50)
    ledger.settle(more, lambda: None)
    wait_until(lambda: caught_up(connection), "the former leader standing by")
    second.send_signal(signal.SIGKILL)
    last = keyed(3, 20)
    ledger.settle(last, lambda: None)
    assert "Engine ready: term 3" in engines.log_of(first)
    assert first.poll() is None
    check_everything(engines, ledger, [*commands, *more, *last])


def test_a_stopped_leader_leaves_the_lead_to_a_standby_at_once(
    engines: Engines, ledger: Ledger, connection: LogConnection
):
    """That one was started first, but told not to lead before another has."""
    standby = engines.start(False, "--standby")
    wait_until(lambda: "No engine leads yet" in engines.log_of(standby), "standing by")
    leader = engines.start()
    assert int(connection.call("HGET", redis_names.ENGINE, "term")) == 1
    commands = keyed(1, 50)
    ledger.settle(commands, lambda: None)
    wait_until(lambda: caught_up(connection), "a warm standby")
    leader.terminate()
    more = keyed(2, 10)
    ledger.settle(more, lambda: None)
    assert leader.wait(5) == codes.EXIT_STOPPED, engines.log_of(leader)
    wait_until(lambda: "Engine ready: term 2" in engines.log_of(standby), "the takeover", AT_ONCE_S)
    check_everything(engines, ledger, [*commands, *more])


def test_g08_who_took_over_from_a_paused_leader_is_not_mistaken_for_dead_when_that_one_dies(
    engines: Engines, ledger: Ledger, connection: LogConnection
):
    """The paused leader still holds the directory's lock; its death frees it, and means nothing any more."""
    paused, leader = engines.start(), engines.start(wait=False)
    wait_until(lambda: caught_up(connection), "a warm standby")
    paused.send_signal(signal.SIGSTOP)
    wait_until(lambda: "Engine ready" in engines.log_of(leader), "the takeover", 8)
    engines.start(wait=False)
    wait_until(lambda: caught_up(connection), "another standby")
    paused.kill()
    paused.wait()
    commands = keyed(5, 30)
    ledger.settle(commands, lambda: None)
    assert int(connection.call("HGET", redis_names.ENGINE, "term")) == 2
    leader.kill()
    more = keyed(6, 30)
    ledger.settle(more, lambda: None)
    check_everything(engines, ledger, [*commands, *more])
