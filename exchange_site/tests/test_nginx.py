"""deploy/nginx/nginx.conf, read by a real nginx and asked a few things. Skips, saying so, where there is no nginx."""

import http.client
import http.server
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from deploy.make_certificate import make
from exchange_site.launcher.home import free_port
from exchange_site.tests.front import Front


class Web(http.server.BaseHTTPRequestHandler):
    """Stands where the web processes do: answers what it was asked, and drops a connection on demand."""

    asked: list[dict[str, str]]

    def do_GET(self) -> None:
        self.server.asked.append({"path": self.path, **dict(self.headers)})
        if self.path == "/api/v1/dropped":
            return  # Without an answer: the connection ends.
        body = b"{}"
        self.send_response(200)
        if self.path.startswith("/static/"):
            self.send_header("Cache-Control", "max-age=315360000, public, immutable")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """The test's output is not the place."""


@pytest.fixture(scope="module")
def web() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def front(web, tmp_path_factory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    make(folder, ["localhost"])
    front = Front(folder, [web.server_port])
    with front.running():
        yield front


def ask(front: Front, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    context = ssl.create_default_context(cafile=str(front.folder / "fullchain.pem"))
    request = urllib.request.Request(f"https://localhost:{front.https_port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310 - our own address.
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_nginx_takes_the_configuration(tmp_path):
    make(tmp_path, ["localhost"])
    done = Front(tmp_path, [free_port()]).check()
    assert done.returncode == 0, done.stderr
    assert "test is successful" in done.stderr
    assert "[warn]" not in done.stderr


def test_a_client_cannot_choose_its_address(front, web):
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "X-Forwarded-Proto": "http"}
    assert ask(front, "/api/v1/time", **headers)[0] == 200
    seen = web.asked[-1]
    assert (seen["X-Forwarded-For"], seen["X-Real-IP"], seen["X-Forwarded-Proto"]) == (
        "127.0.0.1",
        "127.0.0.1",
        "https",
    )
    assert seen["Host"] == f"localhost:{front.https_port}"


def test_static_files_are_read_once(front, web):
    for _ in range(3):
        assert ask(front, "/static/css/site.0123.css")[0] == 200
    assert [seen["path"] for seen in web.asked].count("/static/css/site.0123.css") == 1


def test_a_broken_connection_is_an_unknown_outcome_in_the_form_of_the_api(front):
    status, headers, body = ask(front, "/api/v1/dropped")
    assert (status, json.loads(body)["code"]) == (504, "TIMEOUT")
    assert headers["Content-Type"] == "application/json"
    assert headers["Retry-After"] == "1"


def test_a_flood_is_refused_in_the_form_of_the_api(front):
    """More than the burst at once, on plain connections: TLS would be slower than the limit."""
    answers = []

    def burst(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", front.http_port, timeout=20)
        for _ in range(count):
            connection.request("GET", "/api/v1/time")
            answer = connection.getresponse()
            body = answer.read()
            answers.append((answer.status, body))
        connection.close()

    threads = [threading.Thread(target=burst, args=(500,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [body for status, body in answers if status == 429]
    assert len(answers) == 2_000
    assert {status for status, _ in answers} == {200, 429}, "a flood must be noticed, and only be refused"
    assert all(json.loads(body)["code"] == "TOO_MANY_REQUESTS" for body in refused)
