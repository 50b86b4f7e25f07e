"""What a container engine asks each process: healthy with 0, and otherwise a line that says what is wrong."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings

from exchange_site.kernel.redis_names import ENGINE, STANDBYS
from exchange_site.launcher import health


class Figures(http.server.BaseHTTPRequestHandler):
    """The page of a process's figures; an engine that hangs answers 503 there."""

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/metrics" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The test's output is not the place."""


@pytest.fixture
def figures(monkeypatch) -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Figures)
    server.status = 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("METRICS_PORT", str(server.server_port))
    yield server
    server.shutdown()


def test_a_process_that_shows_its_figures_is_healthy_and_one_that_hangs_is_not(figures, capsys):
    assert health.main("figures") == 0
    figures.status = 503
    assert health.main("figures") == 1
    assert "503" in capsys.readouterr().out


def test_without_a_port_or_a_listener_nothing_is_healthy(monkeypatch, capsys):
    monkeypatch.setenv("METRICS_PORT", "9")
    assert health.main("figures") == 1
    monkeypatch.delenv("METRICS_PORT")
    assert health.main("figures") == 1
    assert capsys.readouterr().out.count("\n") == 2


def test_without_a_name_it_is_the_process_that_is_asked(monkeypatch):
    for process, check in (
        ("engine", "engine"),
        ("engine_standby", "figures"),
        ("celery_beat", "figures"),
        ("", "figures"),
    ):
        monkeypatch.setenv("EXCHANGE_PROCESS", process)
        assert health.of_this_process() == check


HERE = f"{socket.gethostname()}:1:ab"
LEADS = {"term": 1, "n": 5, "status": "open", "lease_until_ms": 2**50, "owner": HERE}


def test_addresses_are_read_from_files_too(log, monkeypatch, tmp_path, capsys):
    (tmp_path / "url").write_text(f"{settings.REDIS_LOG_URL}\n", encoding="utf-8")
    monkeypatch.delenv("REDIS_LOG_URL")
    monkeypatch.setenv("REDIS_LOG_URL_FILE", str(tmp_path / "url"))
    assert health.main("engine") == 1
    assert "no engine has led yet" in capsys.readouterr().out
    log.hset(ENGINE, mapping=LEADS)
    assert health.main("engine") == 0
    log.hset(ENGINE, "lease_until_ms", 1)
    assert health.main("engine") == 1
    assert "lease" in capsys.readouterr().out


def test_of_two_engines_each_answers_for_itself(log, monkeypatch, capsys):
    monkeypatch.setenv("REDIS_LOG_URL", settings.REDIS_LOG_URL)
    log.hset(ENGINE, mapping=LEADS | {"owner": "another-host:1:cd"})
    assert health.main("engine") == 1
    assert "neither leads nor stands by" in capsys.readouterr().out
    log.hset(STANDBYS, HERE, f'{2**50} {{"warm": false}}')
    assert health.main("engine") == 1
    assert "no state yet" in capsys.readouterr().out
    log.hset(STANDBYS, HERE, f'{2**50} {{"warm": true}}')
    assert health.main("engine") == 0
    log.hset(ENGINE, "status", "cancel_only")  # The leader's matter, not that of who stands by.
    assert health.main("engine") == 0
    log.hset(STANDBYS, HERE, '1 {"warm": true}')  # What it said long ago.
    assert health.main("engine") == 1
