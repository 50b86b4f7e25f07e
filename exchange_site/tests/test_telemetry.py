"""Errors to Sentry and traces over OTLP: they arrive at a receiver over HTTP, and hold nothing they must not."""

import contextlib
import gzip
import http.client
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
import zlib
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings as live_settings
from django.core.exceptions import ImproperlyConfigured
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from exchange_site import asgi
from exchange_site.launcher.home import free_port
from exchange_site.telemetry import errors, scrub, traces
from exchange_site.tests import api_rig
from exchange_site.tests.api_rig import LIMIT_ORDER
from matching.client.gateway import EngineGateway

DEADLINE_S = 40
EMAIL, PASSWORD = "carol.secret@example.org", "correct-Horse-7-battery-staple"
COOKIE = "sEssionId4711abcdefghijklmnopqrst"
KEY = "mJ3kQ9vX2pL8sT5wR7yB1nC4dF6gH0jKlZxVbNmQwEr="
SECRETS = (EMAIL, "carol.secret", PASSWORD, COOKIE, KEY)


class Receiver:
    """Keeps what is posted to it."""

    def __init__(self):
        self.bodies = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                packed = self.headers.get("Content-Encoding")
                body = (
                    gzip.decompress(body)
                    if packed == "gzip"
                    else zlib.decompress(body)
                    if packed == "deflate"
                    else body
                )
                receiver.bodies.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def events(self):
        """Sentry's events, from envelopes of one item each."""
        found = []
        for path, _, body in self.bodies:
            if path.startswith("/api/"):
                lines = body.split(b"\n")
                if json.loads(lines[1])["type"] == "event":
                    found.append(json.loads(lines[2]))
        return found

    def spans(self):
        """(service, name, attributes, ids) of every span."""
        found = []
        for path, _, body in self.bodies:
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    told = {one.key: one.value.string_value for one in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        for span in scope.spans:
                            attributes = {
                                one.key: one.value.string_value or one.value.int_value for one in span.attributes
                            }
                            ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                            found.append((told["service.name"], span.name, attributes, ids, span.events))
        return found


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not in {DEADLINE_S} s: {what}")


def environment(receiver, **changes):
    return {
        **os.environ,
        "SENTRY_DSN": f"http://0123456789abcdef@127.0.0.1:{receiver.port}/7",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "TRACES_ONE_IN": "1",
        "LOG_FORMAT": "json",
        **changes,
    }


def python(code, env):
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=60,
        cwd=live_settings.BASE_DIR,
    )  # fmt: skip


@contextlib.contextmanager
def running(words, env, log: Path):
    with log.open("wb") as output:
        process = subprocess.Popen(words, env=env, stdout=output, stderr=output, cwd=live_settings.BASE_DIR)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def assert_holds_no_secret(receiver, *more):
    assert receiver.bodies
    for _, headers, body in receiver.bodies:
        for secret in (*SECRETS, *more):
            assert secret.encode() not in body, f"{secret} left the process"
            assert secret not in str(headers)


# ----------------------------------------------------------------------------------------------------- without settings


# redis-py itself imports the metrics of OpenTelemetry wherever they are installed; what traces is ours to leave alone.
OURS = "('sentry_sdk', 'opentelemetry.exporter', 'opentelemetry.sdk.trace', 'google.protobuf')"


def test_without_the_settings_no_library_is_imported():
    code = (
        "import django, sys; django.setup(); import exchange_site.asgi, exchange_site.celery;"
        f"print([name for name in sys.modules if name.startswith({OURS})])"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SENTRY_", "OTEL_"))}
    done = python(code, env)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_engine_and_other_loops_have_no_tracer_and_no_thread(receiver):
    code = (
        "import django, sys, threading; django.setup(); import matching.runtime.worker, trading.writer.loop;"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk.trace')], threading.active_count());"
        "from matching.client.gateway import EngineGateway; print(EngineGateway.send.__module__);"
        "from redis import Redis; print(Redis.execute_command.__module__)"
    )
    done = python(code, environment(receiver))
    assert done.stdout.split("\n")[:3] == ["[] 1", "matching.client.gateway", "redis.client"], done.stdout + done.stderr


def test_a_wrong_address_stops_the_start_with_clear_words(receiver):
    for changes, said in (
        ({"SENTRY_DSN": "nonsense"}, "SENTRY_DSN is not an address"),
        ({"TRACES_ONE_IN": "0"}, "TRACES_ONE_IN must be at least 1"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "nonsense"}, "must be name=value"),
    ):
        done = python("import django; django.setup(); import exchange_site.asgi", environment(receiver, **changes))
        assert done.returncode == 1
        assert said in done.stderr


# --------------------------------------------------------------------------------------------------------------- errors


def test_what_ends_a_process_arrives_with_its_name_and_without_secrets(receiver):
    code = (
        "import django; django.setup()\n"
        "import logging\n"
        f"hidden = '{PASSWORD}'\n"
        "from exchange_site.kernel import log_context\n"
        "with log_context.also(request_id='4711aabb'):\n"
        f"    logging.getLogger('x').error('no mail to %s with password={PASSWORD}', '{EMAIL}',"
        f" extra={{'fields': {{'order_id': 42, 'body': '{PASSWORD}'}}}})\n"
        f"def charge(key):\n    raise RuntimeError('cannot use {KEY} of {EMAIL}')\n"
        f"charge('{KEY}')\n"
    )
    done = python(code, environment(receiver, EXCHANGE_PROCESS="db_writer"))
    assert done.returncode == 1
    logged, crashed = wait_until(lambda: len(receiver.events()) == 2 and receiver.events(), "two events")
    assert logged["logentry"]["message"] == "no mail to [removed] with password=***"
    assert logged["tags"] == {"process": "db_writer", "request_id": "4711aabb", "order_id": "42"}
    [value] = crashed["exception"]["values"]
    assert (value["type"], value["value"]) == ("RuntimeError", "cannot use [removed] of [removed]")
    assert value["stacktrace"]["frames"][-1]["function"] == "charge"
    assert "vars" not in value["stacktrace"]["frames"][-1]
    assert not {"request", "user", "extra", "breadcrumbs", "modules", "contexts"} & (set(logged) | set(crashed))
    assert_holds_no_secret(receiver, live_settings.SECRET_KEY)


def test_a_storm_of_one_error_is_cut_off_and_hides_no_other(monkeypatch):
    def sent(count):
        events = ({"logger": f"x{i // 5}", "level": "error"} for i in range(count))
        return sum(errors._allowed(event, {}) is not None for event in events)

    monkeypatch.setattr(errors, "_sent", errors.Counter())
    monkeypatch.setattr(errors.time, "monotonic", lambda: 600.0)
    assert sum(errors._allowed({"logger": "storm"}, {}) is not None for _ in range(500)) == errors.MOST_OF_A_KIND
    assert errors._allowed({"logger": "another"}, {}) is not None
    assert sent(500) == errors.MOST_PER_MINUTE - errors.MOST_OF_A_KIND - 1
    monkeypatch.setattr(errors.time, "monotonic", lambda: 661.0)
    assert errors._allowed({"logger": "storm"}, {}) is not None


@pytest.mark.parametrize(
    "secret",
    [
        EMAIL, KEY, COOKIE, "cookie: a=b; c=d", "X-API-Key: abc", "authorization: Bearer abc.def",
        "postgresql://me:hunter2@db/x", "token=hunter2", "MQ:1vMabc:Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5",
        "deadbeef" * 8, "Key (email)=(hunter2) already exists.",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_removed(secret):
    said = scrub.text(f"before {secret} after")
    assert said.startswith("before ")
    for part in (EMAIL, KEY, COOKIE, "a=b", "abc", "hunter2", "Zm9v", "deadbeef"):
        assert part not in said


def test_what_helps_is_kept():
    text = (
        "Outcomes up to 4711 change 3 older orders of accounts_balancestep_account_id_asset_id_seq_pk, chain 0a1b2c3d"
    )
    assert scrub.text(text) == text
    assert scrub.path("/api/v1/order?clientId=7") == "/api/v1/order"
    assert scrub.path(f"/accounts/confirm-email/{COOKIE}/") == "/accounts/confirm-email/[removed]/"


# ------------------------------------------------------------------------------------------------- processes, for real


def test_a_web_process_tells_of_its_failures_and_requests(receiver, tmp_path):
    """A database without tables: pages fail for real."""
    port = free_port()
    words = [
        sys.executable,
        "-m",
        "uvicorn",
        "exchange_site.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    env = environment(receiver, EXCHANGE_PROCESS="web", OTEL_EXPORTER_OTLP_HEADERS="x-token=for-the-collector")
    headers = {
        "Cookie": f"sessionid={COOKIE}", "Authorization": f"Bearer {KEY}", "X-API-Key": KEY,
        "Content-Type": "application/x-www-form-urlencoded",
        "traceparent": "00-11111111111111111111111111111111-2222222222222222-01",
    }  # fmt: skip

    def ask(method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers["X-Request-ID"]
        except OSError:
            return None
        finally:
            connection.close()

    with running(words, env, tmp_path / "web.log"):
        wait_until(lambda: ask("GET", "/healthz"), "the web process answers")
        status, request_id = ask("GET", f"/markets?email={EMAIL}")
        body = f"login={EMAIL}&password={PASSWORD}"
        ask("POST", "/accounts/login/", body)
        assert status >= 500, (tmp_path / "web.log").read_text()
        event = wait_until(
            lambda: [one for one in receiver.events() if one["tags"].get("request_id") == request_id], "the event"
        )[0]
        spans = wait_until(
            lambda: [one for one in receiver.spans() if one[2].get("exchange.request_id") == request_id], "the span"
        )
    assert event["tags"]["process"] == "web"
    service, name, attributes, ids, _ = spans[0]
    assert (service, name) == ("exchange-web", "GET /markets")
    assert (attributes["url.path"], attributes["http.response.status_code"]) == ("/markets", status)
    assert (ids[0], ids[2]) != ("1" * 32, "2" * 16)
    assert ids[2] == ""
    inner = [one for one in receiver.spans() if one[3][2] == ids[1]]
    assert {one[1] for one in inner} == {"database"}
    assert inner[0][2] == {"db.system.name": "postgresql", "db.operation.name": "SELECT"}
    assert all(not one[4] for one in receiver.spans()), "an exception's text stands in a span"
    assert any(
        headers.get("x-token") == "for-the-collector" for path, headers, _ in receiver.bodies if path == "/v1/traces"
    )
    receiver.bodies = [(path, {}, body) for path, _, body in receiver.bodies]
    assert_holds_no_secret(receiver, live_settings.SECRET_KEY)


def test_a_celery_worker_tells_of_failed_tasks_and_belongs_to_the_trace_that_sent_them(receiver, tmp_path):
    words = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "exchange_site",
        "worker",
        "--concurrency",
        "1",
        "--loglevel",
        "INFO",
    ]
    env = environment(receiver, EXCHANGE_PROCESS="celery_worker")
    current_app.control.purge()
    sent_by = {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}
    with running(words, env, tmp_path / "worker.log"):
        wait_until(lambda: "ready." in (tmp_path / "worker.log").read_text(), "the worker is ready")
        task = "marketdata.tasks.refresh_market_statistics"
        with warnings.catch_warnings(action="ignore"):  # Celery's: this process runs its own tasks at once.
            current_app.send_task(task, headers=sent_by)
        event = wait_until(receiver.events, "the event")[0]
        span = wait_until(lambda: [one for one in receiver.spans() if one[1] == task], "the span")[0]
    assert event["tags"]["process"] == "celery_worker"
    assert event["exception"]["values"][-1]["type"] == "ProgrammingError"
    assert span[0] == "exchange-celery_worker"
    assert (span[3][0], span[3][2]) == ("ab" * 16, "cd" * 8)
    assert_holds_no_secret(receiver, live_settings.SECRET_KEY)


@pytest.fixture
def traced(receiver, settings, monkeypatch):
    """The application of this process with traces; afterwards it is as before."""
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{receiver.port}"
    settings.TRACES_ONE_IN = 1
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setattr(traces, "_tracer", None)
    monkeypatch.setattr(traces, "_around_queries", lambda tracer: None)
    for name in ("send", "send_many"):
        monkeypatch.setattr(EngineGateway, name, getattr(EngineGateway, name))
    monkeypatch.setattr(api_rig, "application", traces.around(asgi._application))
    yield receiver
    traces._tracer.span_processor.shutdown()


@pytest.mark.usefixtures("site")
async def test_the_trace_of_an_order_shows_what_it_waited_for_the_engine(alice, traced):
    placed = await alice.ask("POST", "/api/v1/order", {**LIMIT_ORDER, "clientId": 7})
    assert placed.status_code == 200
    spans = wait_until(lambda: len(traced.spans()) > 1 and traced.spans(), "two spans")
    [request] = [one for one in spans if one[1] == "POST /api/v1/order"]
    [engine] = [one for one in spans if one[1] == "engine"]
    assert (engine[3][0], engine[3][2]) == (request[3][0], request[3][1])
    assert engine[2] == {"exchange.command": "PlaceOrder"}
    assert request[2]["exchange.request_id"] == placed.headers["X-Request-ID"]
    for _, _, body in traced.bodies:
        assert alice.public_key.encode() not in body


def test_headers_of_the_exporter_are_names_with_values(settings):
    settings.OTEL_EXPORTER_OTLP_HEADERS = ["X-Token=a=b", " other = c"]
    assert traces._headers() == {"x-token": "a=b", "other": "c"}
    settings.OTEL_EXPORTER_OTLP_HEADERS = ["=c"]
    with pytest.raises(ImproperlyConfigured):
        traces._headers()
