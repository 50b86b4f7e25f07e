"""How far the audit log has been read and found whole, so that the next reading need not begin at its first row.

A file beside the noted heads, one line a reading: time, number, hash, the signature before, and a signature over all of
these with the SECRET_KEY. Who may only write to the database cannot make the next reading begin after what they changed
later; who changes the file is noticed. What was changed before the line is only found by reading everything.
"""

import fcntl
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from django.core.signing import BadSignature, Signer
from django.utils import timezone

from accounts.audit import heads
from accounts.audit.verify import Head

SALT = "accounts.audit.verified"
FIRST = "-"  # Stands where the signature before would be.
MAX_KEPT_BYTES = 2**20  # Some 5,000 readings; the older half is dropped then.


class NotOurs(Exception):
    """A line that nobody of us wrote, or not in this place."""


def path() -> Path:
    return heads.path().with_name("verified.txt")


def last() -> Head | None:
    """Where to go on; None for the very first reading. Raises NotOurs when the file was changed."""
    found = deque(_lines(), maxlen=1)
    return found[0][0] if found else None


def note(head: Head) -> None:
    """Keep that everything up to `head` is whole; on disk when this returns. Raises NotOurs."""
    if head.number == 0:
        return
    path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(path(), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # Two readings at once write one after the other.
        ended = deque(_lines(), maxlen=1)
        before = ended[0][1] if ended else FIRST
        said = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ} {head.number} {head.hash} {before}"
        file.write(f"{said} {Signer(salt=SALT).signature(said)}\n")
        file.flush()
        os.fsync(file.fileno())
        heads.keep_bounded(path(), MAX_KEPT_BYTES)


def remember(head: Head, everything: bool) -> None:
    """Note it. After everything was read, a file that cannot be believed is put aside first, for whoever asks why."""
    try:
        known = last()
    except NotOurs:
        if not everything:
            raise
        path().replace(path().with_suffix(f".aside-{timezone.now():%Y%m%dT%H%M%S}"))
        known = None
    if known != head:
        note(head)


def _lines() -> Iterator[tuple[Head, str]]:
    if not path().exists():
        return
    previous = None
    with path().open(encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, 1):
            said, _, signature = line.rstrip("\n").rpartition(" ")
            parts = said.split(" ")
            if len(parts) != 4 or not _is_ours(said, signature) or previous not in (None, parts[3]):
                raise NotOurs(f"line {number} of {path()} is not what was written there")
            previous = signature
            yield Head(int(parts[1]), parts[2]), signature


def _is_ours(said: str, signature: str) -> bool:
    """Also with a former key, as long as it is among the fallbacks."""
    signer = Signer(salt=SALT)
    try:
        return signer.unsign(f"{said}{signer.sep}{signature}") == said
    except BadSignature:
        return False
