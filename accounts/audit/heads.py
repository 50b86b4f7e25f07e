"""The head of the audit log, noted outside of the database, so that rows cut off its end are missed.

One line a note: time, number, hash. The file lies in the home; whoever wants it out of reach of this machine's
operators ships it, or the log lines that carry every hash, to another one.
"""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from accounts.audit.verify import Head, head

MAX_KEPT_BYTES = 4 * 2**20  # Some 40,000 notes; the older half is dropped then, later ones prove what they proved.


def path() -> Path:
    return Path(settings.AUDIT_HEADS_FILE)


def note_head() -> Head:
    """Write the present head down, on disk when this returns. Noting the same one again changes nothing."""
    now = head()
    known = last_noted()
    if now.number == 0 or (known is not None and known == now):
        return now
    path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="ascii") as file:
        file.write(f"{timezone.now():%Y-%m-%dT%H:%M:%SZ} {now.number} {now.hash}\n")
        file.flush()
        os.fsync(file.fileno())
    keep_bounded(path(), MAX_KEPT_BYTES)
    return now


def noted() -> Iterator[Head]:
    """Every note, oldest first. Raises ValueError for a line that is none."""
    if not path().exists():
        return
    with path().open(encoding="ascii") as file:
        for line in file:
            _, number, digest = line.split()
            yield Head(int(number), digest)


def last_noted() -> Head | None:
    last = deque(noted(), maxlen=1)
    return last[0] if last else None


def keep_bounded(notes: Path, bytes_at_most: int) -> None:
    """Forget the older half of the lines of a file that has grown too large."""
    if notes.stat().st_size <= bytes_at_most:
        return
    lines = notes.read_bytes().splitlines(keepends=True)
    partial = notes.with_suffix(".partial")
    partial.write_bytes(b"".join(lines[len(lines) // 2 :]))
    partial.replace(notes)
