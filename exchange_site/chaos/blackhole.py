"""A line to Redis that can go silent without anybody being told, as when a switch between two machines dies (F21)."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit, urlunsplit

PIECE_BYTES = 1 << 16


class SilentLine:
    """Passes bytes on to the Redis of `url`, until `go_silent`; `mend` breaks what hung and serves new connections."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._target = (target.hostname or "127.0.0.1", target.port or 6379)
        self._server = socket.create_server(("127.0.0.1", 0))
        login = target.netloc.rpartition("@")[0]
        port = self._server.getsockname()[1]
        self.url = urlunsplit(target._replace(netloc=f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}"))
        self._silent = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def go_silent(self) -> None:
        """Both ends stay connected, and nothing arrives any more."""
        self._silent.set()

    def mend(self) -> None:
        self._silent.clear()
        self._drop()

    def close(self) -> None:
        self._server.close()
        self._drop()

    def _drop(self) -> None:
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return  # Closed, or Redis itself is gone, which this fault does not ask for.
            self._sockets += [near, far]
            for source, to in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, to), daemon=True).start()

    def _copy(self, source: socket.socket, to: socket.socket) -> None:
        try:
            while data := source.recv(PIECE_BYTES):
                if not self._silent.is_set():
                    to.sendall(data)
        except OSError:
            return
        for each in (source, to):
            each.close()
