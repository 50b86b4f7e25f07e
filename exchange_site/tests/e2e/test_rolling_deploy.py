"""A deploy as the runbook tells it, while a client trades: web processes behind nginx are replaced one after the other,
then the engine's leadership is handed over to a standby. No request may fail, and every order exists exactly once.

The web processes are started as the image would start them, from the command in docker-compose.yml.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ccxt
import pytest
from ruamel.yaml import YAML

from deploy.make_certificate import make
from exchange_site.launcher.home import ROOT, Home, free_port
from exchange_site.launcher.processes import manage
from exchange_site.tests.e2e.ccxt_clients import MARKET, options, trader
from exchange_site.tests.e2e.running import RunningExchange, wait_until
from exchange_site.tests.front import Front
from exchange_site.tests.test_compose import COMPOSE_FILE

READY_WITHIN_S = 40
NGINX_ASKS_AGAIN_S = 2  # `fail_timeout` in nginx.conf, and a little.
WITHOUT = "market_maker,celery_worker,celery_beat,signer"


class Replica:
    """One web process as the image starts it, on a port of its own; nginx on this machine is its trusted proxy."""

    def __init__(self, exchange: RunningExchange, port: int) -> None:
        command = list(YAML(typ="safe").load(COMPOSE_FILE)["services"]["web"]["command"])
        command[command.index("--port") + 1] = str(port)
        command[command.index("--host") + 1] = "127.0.0.1"
        home = Home(exchange.home, exchange.environment)
        environment = home.environment() | {
            "TRUSTED_PROXIES": "127.0.0.1",
            "ALLOWED_HOSTS": "web,localhost,127.0.0.1",
            "EXCHANGE_PROCESS": "web",
        }
        environment["PATH"] = f"{Path(manage()[0]).parent}:{os.environ['PATH']}"
        self.port = port
        self._log = (exchange.home / "logs" / f"web-{port}.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._log, stderr=subprocess.STDOUT)
        wait_until(self.is_ready, READY_WITHIN_S, f"the web process on {port} is ready")

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"the web process on {self.port} ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> float:
        """Ends it as a container engine does, and waits; seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._log.close()
        return time.monotonic() - began


class Trading(threading.Thread):
    """Places an order and cancels it, again and again, without ever trying a second time."""

    def __init__(self, client: Any) -> None:
        super().__init__(daemon=True)
        self._client, self._over = client, threading.Event()
        self.ids: list[str] = []
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._over.is_set():
            try:
                order = self._client.create_order(MARKET, "limit", "buy", 0.1, 1)
                self.ids.append(order["id"])
                self._client.cancel_order(order["id"], MARKET)
                self._client.fetch_order_book(MARKET, 5)
            except Exception as error:  # noqa: BLE001 - whatever a client would have seen is the finding.
                self.failures.append(f"after {len(self.ids)} orders: {type(error).__name__}: {str(error)[:300]}")

    def end(self) -> None:
        self._over.set()
        self.join(30)

    def goes_on(self, orders: int = 10) -> None:
        have = len(self.ids)
        wait_until(lambda: len(self.ids) >= have + orders or self.failures, 30, "the client trades on")


@pytest.fixture(scope="module")
def exchange(start_exchange) -> Iterator[RunningExchange]:
    own = start_exchange("--without", WITHOUT)
    yield own
    own.down()


@pytest.fixture
def traders(exchange, tmp_path) -> Iterator[tuple[list[Trading], list[Replica]]]:
    ports = [free_port(), free_port()]
    front = Front(tmp_path, ports)
    make(tmp_path, ["localhost"])
    replicas = [Replica(exchange, port) for port in ports]
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [one.process.kill() for one in replicas])
        stack.enter_context(front.running())
        trading = []
        for number in range(2):
            pair = trader(exchange, f"rolling{number}-{ports[0]}@example.org", USDC="1000")
            client = ccxt.backpack(options(pair))
            address = f"http://127.0.0.1:{front.http_port}"
            client.urls["api"]["public"] = client.urls["api"]["private"] = address
            client.load_markets()
            trading.append(Trading(client))
        for one in trading:
            one.start()
        yield trading, replicas
        for one in trading:
            one.end()


def test_web_processes_are_replaced_one_by_one_and_no_request_fails(exchange, traders):
    trading, replicas = traders
    for one in trading:
        one.goes_on()
    for number, old in enumerate(list(replicas)):
        took_s = old.stop()
        assert old.process.returncode in {0, -signal.SIGTERM}
        assert took_s < 20, "a container engine would have killed it"
        for one in trading:
            one.goes_on()
        replicas[number] = Replica(exchange, old.port)
        known_at = time.monotonic() + NGINX_ASKS_AGAIN_S
        wait_until(lambda known_at=known_at: time.monotonic() > known_at, 30, "nginx asks the new one again")
        for one in trading:
            one.goes_on()
    finish(exchange, trading)


def test_the_engine_hands_over_to_a_standby_with_a_new_program_and_no_request_fails(exchange, traders):
    trading, _ = traders
    before = exchange.status()["engine"]
    home = Home(exchange.home, exchange.environment)
    with (exchange.home / "logs" / "engine-standby.log").open("ab") as log:
        standby = subprocess.Popen(
            manage("run_engine", "--standby"), cwd=ROOT, env=home.environment(), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until(
            lambda: '"warm": true' in exchange.call("manage", "engine", "status", "--json").stdout, 60, "it is warm"
        )
        exchange.manage("engine", "stepdown", "--actor", "operator@example.org", "--reason", "upgrade")
        after = wait_until(lambda: led_by_another(exchange, before["term"]), 30, "the standby leads")
        assert after["status"] == "open"
        for one in trading:
            one.goes_on(20)
        finish(exchange, trading)
        exchange.stop("engine")  # The old one, standing by now.
        assert exchange.status()["engine"]["term"] == after["term"]
    finally:
        exchange.start("engine")
        standby.terminate()
        standby.wait(30)


def led_by_another(exchange: RunningExchange, term: int) -> dict[str, Any] | None:
    engine = exchange.status()["engine"]
    return engine if engine and engine["term"] > term and engine["lease_ms_left"] > 0 else None


def finish(exchange: RunningExchange, trading: list[Trading]) -> None:
    for one in trading:
        one.end()
        assert one.failures == []
        assert len(one.ids) == len(set(one.ids)), "no order came twice"
    assert "equal" in exchange.manage("reconcile").lower()
