"""The signer's own memory: one line for each step, synced before the step counts. It outlives any database.

A withdrawal is signed once, because what was signed for it is looked up here first. `committed` says that the database
had it too, so it may have been sent. A torn last line is what a crash leaves; damage anywhere else stops the start.
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from zlib import crc32

from accounts.wallet.chain import Signed

FILE = "journal.jsonl"
DAY_MS = 24 * 60 * 60 * 1000


class JournalDamaged(Exception):
    """A line that is not the last is not what was written. The text says which."""


class JournalInUse(Exception):
    """Another signer runs on this folder."""


@dataclass(slots=True)
class Entry:
    """What was signed for one withdrawal, when, and what it was worth then."""

    engine_id: int
    at_ms: int
    value_cents: int
    blockchain: str
    signed: Signed
    committed: bool = False


class Journal:
    """Open while the signer runs. Raises JournalInUse, JournalDamaged, OSError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / FILE
        self._file: IO[bytes] = open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)  # noqa: SIM115
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise JournalInUse(f"Another signer has {self.path}.") from None
        self.entries: dict[int, Entry] = {}
        self._read()

    def signed(self, entry: Entry) -> None:
        """On disk when this returns."""
        assert entry.engine_id not in self.entries, "a withdrawal is signed once"
        self._append({"do": "signed", **{k: v for k, v in asdict(entry).items() if k != "committed"}})
        self.entries[entry.engine_id] = entry

    def committed(self, engine_id: int) -> None:
        if not self.entries[engine_id].committed:
            self._append({"do": "committed", "engine_id": engine_id})
            self.entries[engine_id].committed = True

    def value_since(self, at_ms: int) -> int:
        """Cents signed for since then."""
        return sum(entry.value_cents for entry in self.entries.values() if entry.at_ms > at_ms)

    def close(self) -> None:
        self._file.close()

    def _append(self, content: dict[str, object]) -> None:
        body = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        line = b"%08x %s\n" % (crc32(body), body)
        written = self._file.write(line)
        if written != len(line):
            raise OSError(f"Only {written} of {len(line)} bytes were written to {self.path}.")
        os.fsync(self._file.fileno())

    def _read(self) -> None:
        whole = 0
        lines = self._file.read().split(b"\n")
        torn = lines.pop()
        for number, line in enumerate(lines, 1):
            check, _, body = line.partition(b" ")
            if check != b"%08x" % crc32(body):
                raise JournalDamaged(f"{self.path} is damaged in line {number}.")
            self._replay(json.loads(body))
            whole += len(line) + 1
        if torn:
            self._file.truncate(whole)
        self._file.seek(whole)

    def _replay(self, content: dict[str, object]) -> None:
        what = content.pop("do")
        if what == "committed":
            self.entries[int(str(content["engine_id"]))].committed = True
            return
        signed = Signed(**content.pop("signed"))  # type: ignore[arg-type]
        entry = Entry(signed=signed, **content)  # type: ignore[arg-type]
        self.entries[entry.engine_id] = entry
