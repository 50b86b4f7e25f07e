"""Shows a file of figures over HTTP, as a small process beside the engine. Standard library only; ends with its parent.

usage: metrics_server.py FILE HOST PORT PARENT_PID
"""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

STALE_S = 10  # A file this old is no answer: the engine hangs, and the scrape must fail.
BIND_TRIES = 40


class Figures(BaseHTTPRequestHandler):
    path_of_file: Path
    timeout = 5

    def do_GET(self) -> None:
        try:
            if time.time() - self.path_of_file.stat().st_mtime > STALE_S:
                raise FileNotFoundError("stale")
            body, status = self.path_of_file.read_bytes(), 200
        except OSError:
            body, status = b"The engine writes no figures.\n", 503
        if self.path != "/metrics":
            body, status = b"Figures are at /metrics.\n", 404
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Scrapes are no news."""


def bound(host: str, port: int) -> HTTPServer:
    """A predecessor of a killed engine may hold the port for a moment longer."""
    for attempt in range(BIND_TRIES):
        try:
            return HTTPServer((host, port), Figures)
        except OSError:
            if attempt + 1 == BIND_TRIES:
                raise
            time.sleep(0.1)
    raise AssertionError("unreachable")


def main() -> None:
    Figures.path_of_file, host, port, parent = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    server = bound(host, port)
    server.timeout = 0.5
    while os.getppid() == parent:
        server.handle_request()


if __name__ == "__main__":
    main()
