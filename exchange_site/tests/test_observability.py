"""Figures, logs and health: what a process shows, and that it means what it says."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from exchange_site.kernel import log_context
from exchange_site.kernel.jsonlog import JsonFormatter, LineFormatter, redacted
from exchange_site.kernel.redis_names import ENGINE
from exchange_site.launcher.home import free_port
from exchange_site.tests import observed
from exchange_site.tests.api_rig import ask
from exchange_site.tests.distribution import program
from matching import order_log
from matching.messages import Answer, Done
from matching.runtime import metrics as engine_metrics

UNITS = {
    "total", "seconds", "bytes", "ratio", "bool", "number", "outcomes", "commands", "tasks", "entries", "open", "rows",
    "accounts", "orders", "24h", "withdrawals", "deposits", "waiting", "connections", "clients", "deadlocks",
    "payments", "bucket", "sum", "count",
}  # fmt: skip


def test_every_alert_is_complete():
    for rule in observed.alerts():
        assert set(rule) >= {"alert", "expr", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in {"page", "ticket"}
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        text = (observed.DEPLOY.parent / page).read_text()
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, f"{rule['alert']} points to {anchor}, which the runbook has not"


@pytest.mark.parametrize(
    ("kind", "file"), [("rules", observed.ALERTS), ("config", observed.ALERTS.with_name("prometheus.yml"))]
)
def test_promtool_takes_the_alerts_and_the_configuration(kind, file):
    promtool = program("promtool", "prometheus", f"deploy/prometheus/{file.name}")
    done = subprocess.run([promtool, "check", kind, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_names_end_with_their_unit():
    for name in observed.names_asked_for():
        assert name.rpartition("_")[2] in UNITS, f"{name} names no unit"


def test_a_dashboard_panel_has_a_place_of_its_own():
    places = [tuple(panel["gridPos"].values()) for panel in observed.panels()]
    assert len(places) == len(set(places)) > 20


# ------------------------------------------------------------------------------------------------------------- engine


def scrape(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise


def test_the_engines_figures_are_shown_without_a_thread_in_it(tmp_path):
    before = threading.active_count()
    port = free_port()
    with engine_metrics.shown(port, "127.0.0.1", tmp_path / "engine.prom"):
        engine_metrics.published(7, 7, 123_456, 0.001)
        engine_metrics._file._next = 0
        engine_metrics.refresh()
        page = scrape(port)
        assert threading.active_count() == before
    assert "exchange_engine_outcome_number 123456.0" in page
    assert not list(tmp_path.iterdir())


def test_figures_of_an_engine_that_hangs_are_no_answer(tmp_path):
    port = free_port()
    file = tmp_path / "engine.prom"
    with engine_metrics.shown(port, "127.0.0.1", file):
        scrape(port)
        os.utime(file, (time.time() - 60, time.time() - 60))
        with pytest.raises(urllib.error.HTTPError) as failed:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
        assert failed.value.code == 503


def test_the_child_that_shows_figures_ends_with_its_engine(tmp_path):
    program = (
        "import subprocess, sys, os\n"
        f"child = subprocess.Popen([sys.executable, {str(engine_metrics.SERVER)!r}, 'x', '127.0.0.1', "
        f"'{free_port()}', str(os.getpid())])\n"
        "print(child.pid, flush=True)\nos._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and b"metrics_server" in Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "it outlives its engine"


# ---------------------------------------------------------------------------------------------------------------- web


async def test_metrics_of_the_web_are_behind_a_token(engine, site, settings):
    assert (await ask("GET", "/metrics")).status_code == 404
    settings.METRICS_TOKEN = "shown to prometheus only"
    assert (await ask("GET", "/metrics", headers={"authorization": "Bearer wrong"})).status_code == 404
    answer = await ask("GET", "/metrics", headers={"authorization": "Bearer shown to prometheus only"})
    assert answer.status_code == 200
    assert b"exchange_web_requests_total" in answer.content


async def test_every_answer_names_its_request(engine, site):
    first, second = await ask("GET", "/healthz"), await ask("GET", "/api/v1/nothing")
    ids = {answer.headers["x-request-id"] for answer in (first, second)}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in ids)


async def test_readyz_says_what_is_missing(engine, site, log, settings):
    log.hset(ENGINE, "db_n", log.hget(ENGINE, "n") or 0)
    answer = await ask("GET", "/readyz")
    assert (answer.status_code, json.loads(answer.content)["missing"]) == (200, [])
    settings.READY_MAX_LAG_OUTCOMES = 10
    log.hset(ENGINE, mapping={"n": 1_000, "db_n": 900})
    answer = await ask("GET", "/readyz")
    assert (answer.status_code, json.loads(answer.content)["missing"]) == (503, ["db-writer"])
    log.hset(ENGINE, "lease_until_ms", 1)
    assert json.loads((await ask("GET", "/readyz")).content)["missing"] == ["engine", "db-writer"]
    assert (await ask("GET", "/healthz")).status_code == 200, "a process that lives need not be restarted"


# --------------------------------------------------------------------------------------------------------------- logs


def record(message, *arguments, fields=None, exc_info=None):
    made = logging.LogRecord("exchange.test", logging.INFO, "x.py", 1, message, arguments, exc_info)
    if fields:
        made.fields = fields
    return made


def test_a_json_line_is_one_object_with_what_it_belongs_to():
    with log_context.also(request_id="abc"):
        try:
            int("two\nlines")
        except ValueError:
            line = JsonFormatter("web").format(record("order %d", 7, fields={"order_id": 7}, exc_info=sys.exc_info()))
    assert "\n" not in line
    said = json.loads(line)
    assert (said["process"], said["message"], said["order_id"], said["request_id"]) == ("web", "order 7", 7, "abc")
    assert "ValueError" in said["exception"]


def test_a_text_line_has_the_fields_behind_it():
    with log_context.also(request_id="abc"):
        line = LineFormatter().format(record("order 7", fields={"n": 3}))
    assert line == "INFO exchange.test order 7 request_id=abc n=3"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("redis://:hunter2@host:1/0 is away", "redis://:***@host:1/0 is away"),
        ("postgresql://me:hunter2@host/db", "postgresql://me:***@host/db"),
        ("password=hunter2 x", "password=*** x"),
        ('{"token": "hunter2"}', '{"token": "***"}'),
        ("the token is short", "the token is short"),
    ],
)
def test_s28_secrets_do_not_get_into_logs(said, kept):
    assert redacted(said) == kept


def test_only_the_wanted_share_of_orders_is_logged(caplog):
    placed = [Answer(i, i, False, SimpleNamespace(order=SimpleNamespace(order_id=i))) for i in range(1, 11)]
    answers = [*placed, Answer(11, 11, False, Done())]
    with caplog.at_level(logging.INFO, "exchange.orders"):
        order_log.answered("decided", 5, "web-1", answers)
    assert [entry.fields["order_id"] for entry in caplog.records] == [5, 10]
    assert caplog.records[0].fields["command_id"] == "web-1/5"
