"""A real nginx with `deploy/nginx/nginx.conf`, only its addresses and paths changed to those of a test."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exchange_site.launcher.home import ROOT, free_port
from exchange_site.tests.distribution import program

CONF = ROOT / "deploy" / "nginx" / "nginx.conf"
HTTP2_OF_ITS_OWN = (1, 25, 1)  # From here on `http2` is a directive; in the image it is newer.
START_TIMEOUT_S = 10


def _version(path: str) -> tuple[int, ...] | None:
    try:
        said = subprocess.run([path, "-v"], capture_output=True, text=True, check=True, timeout=10).stderr
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(int(part) for part in re.findall(r"nginx/(\d+)\.(\d+)\.(\d+)", said)[0])


class Front:
    """nginx on `http_port` and `https_port`, before web processes on this machine."""

    def __init__(self, folder: Path, web_ports: list[int]) -> None:
        self.program, self.folder = program("nginx", "nginx", "deploy/nginx/nginx.conf"), folder
        self.http_port, self.https_port = free_port(), free_port()
        self.conf = folder / "nginx.conf"
        self.conf.write_text(self._localised(web_ports), encoding="utf-8")

    def _localised(self, web_ports: list[int]) -> str:
        text = CONF.read_text(encoding="utf-8")
        servers = "\n".join(f"server 127.0.0.1:{port} max_fails=3 fail_timeout=1s;" for port in web_ports)
        (self.folder / "mime.types").write_text("types { text/html html; }\n", encoding="ascii")
        changes = {
            r"/etc/nginx/mime\.types": str(self.folder / "mime.types"),
            r"/etc/nginx/tls": str(self.folder),
            r"/tmp/nginx": str(self.folder / "nginx"),
            r"/dev/stderr warn": f"{self.folder / 'error.log'} warn",
            r"server web:8000 [^;]*;": servers,
            r"listen 8443 ssl": f"listen 127.0.0.1:{self.https_port} ssl",
            r"listen 8080;": f"listen 127.0.0.1:{self.http_port};",
            r"worker_processes auto": "worker_processes 1",
        }
        if (_version(self.program) or ()) < HTTP2_OF_ITS_OWN:
            changes[r"http2 on;.*"] = ""
        for pattern, replacement in changes.items():
            text, count = re.subn(pattern, replacement, text)
            assert count, f"nginx.conf has no {pattern} any more"
        return text

    def check(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t`."""
        return subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=False, timeout=20)

    def _command(self) -> list[str]:
        return [self.program, "-p", str(self.folder), "-c", str(self.conf), "-e", str(self.folder / "error.log")]

    @contextmanager
    def running(self) -> Iterator["Front"]:
        own = subprocess.Popen([*self._command(), "-g", "daemon off; master_process off;"])
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not (self.folder / "nginx.pid").exists():
                assert own.poll() is None, (self.folder / "error.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield self
        finally:
            own.terminate()
            own.wait(10)
