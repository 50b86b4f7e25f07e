"""Log files of the processes (bounded in size) and the one readable log on the terminal.

Every line of a log file begins with the time in UTC, so that the files can be merged again by `./exchange logs`.
"""

import heapq
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

MAX_BYTES = 20 * 2**20
BACKUPS = 2
LONGEST_LINE = 16_384  # Bytes; the rest of a longer line is left out of file and terminal.
NAME_WIDTH = 13
COLOURS = {
    "exchange": "1",
    "setup": "1",
    "redis": "31",
    "postgres": "34",
    "engine": "32",
    "db_writer": "33",
    "market_feed": "36",
    "user_feed": "35",
    "web": "94",
    "celery_worker": "90",
    "celery_beat": "90",
    "signer": "95",
    "market_maker": "93",
}


class RotatingLog:
    """Appends stamped lines to a file; at `max_bytes` the file becomes NAME.log.1 and so on, the oldest is removed."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.backups = backups
        self._file: IO[bytes] | None = None
        self._size = 0

    def write(self, line: bytes) -> None:
        """One line without its line end. Lines reach the file at once, so that a crash loses none."""
        entry = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3].encode() + b"Z " + line + b"\n"
        if self._file is None:
            self._open()
        if self._size and self._size + len(entry) > self.max_bytes:
            self._rotate()
        assert self._file is not None
        self._file.write(entry)
        self._size += len(entry)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - open for the life of the process.
        self._size = self.path.stat().st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self.backups, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)
        self._open()


class Console:
    """Prints `time name | line` from a thread of its own.

    A terminal that is paused or a pipe that nobody reads must never hold up the processes behind it: lines that find
    the queue full are left out here (they are in the log files) and counted.
    """

    def __init__(self, stream: IO[str] | None = None, colour: bool | None = None, size: int = 5_000) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._colour = wants_colour(self._stream) if colour is None else colour
        self._lines: queue.Queue[str | None] = queue.Queue(size)
        self._left_out = 0
        self._thread = threading.Thread(target=self._print, name="console", daemon=True)
        self._thread.start()

    def line(self, name: str, text: str) -> None:
        self._put(format_line(datetime.now().astimezone().strftime("%H:%M:%S"), name, text, self._colour))

    def plain(self, text: str) -> None:
        self._put(text)

    def close(self) -> None:
        """Prints what is waiting, for at most a second."""
        try:
            self._lines.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(timeout=1)

    def _put(self, text: str) -> None:
        try:
            if self._left_out:
                left_out = f"({self._left_out} lines left out here; they are in the log files)"
                self._lines.put_nowait(format_line("", "exchange", left_out, self._colour))
                self._left_out = 0
            self._lines.put_nowait(text)
        except queue.Full:
            self._left_out += 1

    def _print(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._stream.write(text + "\n")
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                self._drain()
                return

    def _drain(self) -> None:
        """The terminal is gone: go on without it, the log files have everything."""
        while self._lines.get() is not None:
            pass


def wants_colour(stream: IO[str]) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def format_line(at: str, name: str, text: str, colour: bool) -> str:
    label = f"{name:<{NAME_WIDTH}}"
    if colour:
        label = f"\x1b[{COLOURS.get(name, '37')}m{label}\x1b[0m"
    return f"{at:>8} {label} | {text}"


# ------------------------------------------------------------------------------------------------------ reading back
def last_lines(path: Path, count: int) -> list[str]:
    """The end of a log file without reading all of it; [] when there is no such file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - count * 400))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    return lines[-count:]


def show(folder: Path, names: list[str], count: int, follow: bool) -> Iterator[str]:
    """The last lines of these logs merged by time, and with `follow` what comes after, for ever."""
    colour = wants_colour(sys.stdout)
    tails = [follow_file(folder / f"{name}.log", count) for name in names]
    first = [[(line, name) for line in next(tail)] for tail, name in zip(tails, names, strict=True)]
    merged = deque(heapq.merge(*first, key=lambda item: item[0][:24]), maxlen=count)
    for line, name in merged:
        yield readable(line, name, colour)
    while follow:
        fresh = [(line, name) for tail, name in zip(tails, names, strict=True) for line in next(tail)]
        for line, name in sorted(fresh, key=lambda item: item[0][:24]):
            yield readable(line, name, colour)
        if not fresh:
            time.sleep(0.2)


def follow_file(path: Path, count: int) -> Iterator[list[str]]:
    """First the last `count` lines, then at each step the whole lines written since, across rotations."""
    lines = last_lines(path, count)
    inode, position = position_of(path)
    rest = b""
    while True:
        yield lines
        now_inode, size = position_of(path)
        if now_inode != inode or size < position:
            inode, position, rest = now_inode, 0, b""
        lines = []
        if size > position:
            with open(path, "rb") as file:
                file.seek(position)
                data = rest + file.read(size - position)
            *whole, rest = data.split(b"\n")
            lines = [line.decode("utf-8", "replace") for line in whole]
            position = size


def position_of(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_ino, status.st_size


def readable(line: str, name: str, colour: bool) -> str:
    at, _, text = line.partition(" ")
    try:
        local = datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
    except ValueError:
        local, text = "", line
    return format_line(local, name, text, colour)
