"""`./exchange` from outside: start, trade, survive a kill of the launcher, stop, start again with the same data.

That each single process comes back when it is killed is what the drill shows (test_drill.py).
"""

import contextlib
import json
import os
import signal
import socket
import time
import urllib.request
from typing import Any

import pytest

from exchange_site.launcher.processes import NAMES
from exchange_site.launcher.startup import is_alive
from exchange_site.tests.e2e.running import RunningExchange, wait_until

LATER_START_LIMIT_S = 60  # The aim is 15 s on two free cores; a busy machine must not turn slowness into a failure.


@pytest.fixture(scope="module")
def own(start_exchange) -> RunningExchange:
    """An exchange of this module's own: its tests kill and restart what others rely on."""
    return start_exchange()


def get(exchange: RunningExchange, path: str) -> Any:
    with urllib.request.urlopen(exchange.url + path, timeout=10) as answer:  # noqa: S310 - our own address.
        return json.load(answer)


def newest_trade(exchange: RunningExchange) -> Any:
    """The newest trade of the market, or None while there is none or nobody answers."""
    try:
        trades = get(exchange, "/api/v1/trades?symbol=SOL_USDC&limit=1")
    except OSError:
        return None
    return trades[0] if trades else None


def test_everything_runs_and_trades(own):
    status = own.status()
    assert set(status["processes"]) == set(NAMES)
    assert {child["state"] for child in status["processes"].values()} == {"ready"}
    assert {child["restarts"] for child in status["processes"].values()} == {0}
    assert status["engine"]["status"] == "open"
    assert len(bytes.fromhex(status["engine"]["chain"])) == 32
    assert set(status["projections"]) == {"db_writer", "market_feed", "user_feed"}
    for name, child in status["processes"].items():
        assert own.pid(name) == child["pid"]
        assert (own.home / "logs" / f"{name}.log").exists()
    assert set(own.demo) == {"operator@example.org", "operator2@example.org", "alice@example.org", "bob@example.org"}
    assert wait_until(lambda: newest_trade(own), 60, "a matched trade")


def test_one_process_is_stopped_and_started(own):
    own.stop("market_maker")
    assert own.pid("market_maker") is None
    assert own.status()["processes"]["market_maker"]["state"] == "stopped"
    own.start("market_maker")
    assert own.pid("market_maker")
    unknown = own.call("stop", "engines")
    assert unknown.returncode == 2
    assert "market_maker" in unknown.stderr  # It lists the names there are.


def test_a_second_start_of_the_same_home_is_refused(own):
    done = own.call("up")
    assert done.returncode == 1
    assert "is already running" in done.stderr


def test_a_taken_port_is_said_and_another_one_works(own, tmp_path):
    other = RunningExchange(tmp_path / "home")
    other.port = own.port
    done = other.call("up", "--detach")
    assert done.returncode == 1
    assert f"Port {own.port} is already used" in done.stderr
    assert "--port" in done.stderr


def test_logs_show_one_process_or_all(own):
    assert "engine" in own.run("logs", "engine", "-n", "5")
    assert len({line.split()[1] for line in own.run("logs").splitlines() if " | " in line}) > 3


def test_a_killed_launcher_takes_its_processes_with_it_and_the_next_start_goes_on(own):
    chain_of_n = own.status()["engine"]["n"]
    pids = {name: own.pid(name) for name in NAMES}
    os.kill(own.pid("exchange"), signal.SIGKILL)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not any(is_alive(pid) for pid in pids.values()), 30, "all processes are gone")
    assert [name for name, pid in pids.items() if is_alive(pid)] == []
    assert own.status()["running"] is False
    begun = time.monotonic()
    own.up()
    started_s = time.monotonic() - begun
    assert own.status()["engine"]["n"] >= chain_of_n
    assert own.status()["engine"]["term"] > 1
    assert started_s < LATER_START_LIMIT_S


def test_down_stops_all_and_the_data_is_there_again_soon(own):
    wait_until(lambda: newest_trade(own), 60, "a matched trade")
    own.stop("market_maker")
    wait_until(lambda: own.status()["projections"]["db_writer"]["behind"] == 0, 30, "the database is level")
    before, logins = own.status()["engine"], own.demo
    trade = newest_trade(own)
    own.down()
    assert not any(own.pid(name) for name in NAMES)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", own.port)) != 0
    begun = time.monotonic()
    own.up("--without", "market_maker")
    after = own.status()["engine"]
    assert (after["n"], after["chain"]) == (before["n"], before["chain"])
    assert newest_trade(own) == trade
    assert own.demo == logins
    own.start("market_maker")
    wait_until(lambda: newest_trade(own) != trade, 60, "another matched trade")
    assert time.monotonic() - begun < LATER_START_LIMIT_S


def test_two_exchanges_side_by_side(own, start_exchange):
    other = start_exchange("--without", "market_maker,celery_worker,celery_beat,market_feed,user_feed")
    assert get(other, "/api/v1/time")
    assert get(own, "/api/v1/time")
    other.down()
    assert own.status()["ready"]


def test_reset_forgets_everything(own):
    own.down()
    own.run("reset", "--yes")
    assert not own.home.exists()
